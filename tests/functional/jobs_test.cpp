// What may be relied on when work is put off: it happens, one at a time where that matters, and a
// worker that lost its job changes nothing.
#include <doctest/doctest.h>

#include "platform/jobs/jobs.hpp"
#include "platform/log/log.hpp"
#include "support/client.hpp"
#include "support/database.hpp"

using support::Database;
using support::eventually;
using namespace std::chrono_literals;
using Rows = std::vector<std::string>;

namespace {

struct Note {
  static constexpr std::string_view kind = "test.note";
  std::string text;
  static constexpr auto fields() { return ::fields(field("text", &Note::text)); }
};

db::Query const write_note{"jobs_test.write", "INSERT INTO notes (text) VALUES ($1)"};

/// A database with a table that jobs write into, and an engine whose job the test defines.
struct World {
  Database database;
  realtime::Hub hub;
  std::function<void(jobs::Context&, Note const&)> run;
  std::vector<std::string> buried;

  World() {
    logging::configure(logging::Format::text, logging::Level::error);
    (void)support::rows(database, "CREATE TABLE notes (text text)");
  }
  std::unique_ptr<jobs::Engine> engine(std::string const& node = "one", int threads = 4,
                                       jobs::Seconds timeout = jobs::Seconds{60}) {
    auto made = std::make_unique<jobs::Engine>(database.url(), node, hub, threads);
    made->add(jobs::Worker<Note>{
        .timeout = timeout,
        .serialise = [](Note const& note) { return "note:" + note.text.substr(0, 1); },
        .run = [this](jobs::Context& job, Note const& note) { run(job, note); },
        .dead =
            [this](db::Tx& tx, Note const& note, std::string const& error) {
              buried.push_back(note.text + ": " + error);
              tx.exec(write_note, "buried " + note.text);
            }});
    return made;
  }
  std::optional<std::int64_t> put(std::string const& text, jobs::Options options = {}) {
    db::Connection connection{database.url()};
    return db::transact(connection,
                        [&](db::Tx& tx) { return jobs::enqueue(tx, Note{text}, options); });
  }
  void hurry() {
    (void)support::rows(database, "UPDATE jobs SET run_at = now() WHERE state = 'waiting'");
  }
  Rows jobs() { return support::rows(database, "SELECT state, attempt FROM jobs ORDER BY id"); }
  Rows notes() { return support::rows(database, "SELECT text FROM notes ORDER BY text"); }
};

}  // namespace

TEST_CASE("a job runs with its change, or not at all") {
  World world;
  world.run = [](jobs::Context& job, Note const& note) {
    job.transact([&](db::Tx& tx) {
      tx.exec(write_note, note.text);
      if (note.text == "bad") throw std::runtime_error{"broken"};
      job.finish(tx);
    });
  };
  auto const engine = world.engine();
  world.put("good");
  world.put("bad");
  CHECK(engine->run_ready() == 2);
  CHECK(world.notes() == Rows{"good"});
  CHECK(world.jobs() == Rows{"done|1", "waiting|1"});

  // A transaction that is rolled back takes its job with it.
  db::Connection connection{world.database.url()};
  {
    db::Tx tx{connection};
    jobs::enqueue(tx, Note{"never"});
  }
  CHECK(world.jobs().size() == 2);
}

TEST_CASE(
    "a job that fails comes again after a growing pause, and is dead after its last attempt") {
  World world;
  world.run = [](jobs::Context&, Note const&) { throw std::runtime_error{"no luck"}; };
  auto const engine = world.engine();
  world.put("x", {.max_attempts = 3});
  CHECK(engine->run_ready() == 1);
  CHECK(support::rows(world.database,
                      "SELECT state, attempt, last_error, run_at > now() FROM jobs") ==
        Rows{"waiting|1|no luck|t"});
  CHECK(engine->run_ready() == 0);  // not before its time
  world.hurry();
  engine->run_ready();
  CHECK(world.buried.empty());
  world.hurry();
  engine->run_ready();
  CHECK(world.jobs() == Rows{"dead|3"});
  CHECK(world.buried == Rows{"x: no luck"});
  CHECK(world.notes() == Rows{"buried x"});
  world.hurry();
  CHECK(engine->run_ready() == 0);

  for (int attempt = 1; attempt <= 12; ++attempt) {
    auto const most = std::min<std::int64_t>(2000LL << std::min(attempt - 1, 8), 300'000);
    for (int i = 0; i < 20; ++i) {
      CHECK(jobs::backoff(attempt).count() <= most);
      CHECK(jobs::backoff(attempt).count() >= most / 2);
    }
  }
}

TEST_CASE("what cannot succeed is dead at once, what is not due yet costs no attempt") {
  World world;
  world.run = [](jobs::Context&, Note const& note) {
    if (note.text == "hopeless") throw jobs::Permanent{"never"};
    throw jobs::Snooze{1h};
  };
  auto const engine = world.engine();
  world.put("hopeless");
  world.put("later", {.max_attempts = 1});
  engine->run_ready();
  world.hurry();
  engine->run_ready();
  CHECK(world.jobs() == Rows{"dead|1", "waiting|0"});
  CHECK(support::value(world.database,
                       "SELECT run_at > now() + interval '50 min' FROM jobs WHERE "
                       "state = 'waiting'") == "t");
}

TEST_CASE("jobs with the same key run one at a time, others beside them") {
  World world;
  std::mutex mutex;
  std::map<char, int> at_once;
  std::map<char, int> most;
  std::atomic<int> together = 0, most_together = 0;
  world.run = [&](jobs::Context&, Note const& note) {
    {
      std::scoped_lock lock{mutex};
      most[note.text[0]] = std::max(most[note.text[0]], ++at_once[note.text[0]]);
      most_together = std::max(most_together.load(), ++together);
    }
    // Those of the other key come while this one runs.
    (void)eventually([&] { return most_together >= 2; }, 5);
    std::scoped_lock lock{mutex};
    --at_once[note.text[0]];
    --together;
  };
  for (auto const* text : {"a1", "a2", "a3", "b1", "b2", "b3"}) world.put(text);
  auto const engine = world.engine(), second = world.engine("two");
  engine->start();
  second->start();
  CHECK(eventually([&] {
    return support::value(world.database, "SELECT count(*) FROM jobs WHERE state <> 'done'") == "0";
  }));
  engine->stop();
  second->stop();
  CHECK(most['a'] == 1);
  CHECK(most['b'] == 1);
  CHECK(most_together == 2);
  CHECK(support::value(world.database, "SELECT max(attempt) FROM jobs") == "1");
}

TEST_CASE("a worker that lost its job to another changes nothing any more") {
  World world;
  bool lost = false;
  world.run = [&](jobs::Context& job, Note const& note) {
    job.transact([&](db::Tx& tx) { tx.exec(write_note, note.text + " begun"); });
    // It hung so long that its lease ran out; another one has the job now.
    (void)support::rows(world.database, "UPDATE jobs SET fence = fence + 1, worker = 'other'");
    try {
      job.transact([&](db::Tx& tx) { tx.exec(write_note, note.text + " too late"); });
    } catch (jobs::LeaseLost const&) {
      lost = true;
      throw;
    }
  };
  world.put("x");
  world.engine()->run_ready();
  CHECK(lost);
  CHECK(world.notes() == Rows{"x begun"});
  CHECK(support::rows(world.database, "SELECT state, worker FROM jobs") == Rows{"running|other"});
}

TEST_CASE("a job that is put off for ever keeps nobody busy") {
  World world;
  world.run = [](jobs::Context&, Note const&) {};
  std::atomic<int> complaints = 0;
  logging::configure(logging::Format::text, logging::Level::warning);
  logging::on_line([&](logging::Line const&) { ++complaints; });
  auto put_quietly = [&](std::string const& text, std::string const& run_at) {
    (void)support::rows(world.database,
                        "INSERT INTO jobs (kind, payload, run_at) VALUES "
                        "('test.note', '{\"text\":\"" +
                            text + "\"}', " + run_at + ")");
  };
  put_quietly("never", "'infinity'");
  auto const engine = world.engine();
  engine->start();
  CHECK(eventually([&] { return engine->looks() > 1; }));
  put_quietly("later", "now() + interval '1 second'");
  CHECK(eventually([&] { return world.jobs() == Rows{"waiting|0", "done|1"}; }));
  engine->stop();
  logging::on_line({});
  CHECK(complaints == 0);
  // Once for each thread that gets idle, once per poll: a busy loop would have made thousands.
  CHECK(engine->looks() < 100);
}

TEST_CASE("a claim costs the same however many jobs were done") {
  World world;
  (void)support::rows(world.database,
                      "INSERT INTO jobs (kind, payload, state, finished_at) "
                      "SELECT 'test.note', '{}', 'done', now() FROM generate_series(1, 20000)");
  (void)support::rows(world.database,
                      "INSERT INTO jobs (kind, payload) "
                      "SELECT 'test.note', '{}' FROM generate_series(1, 5000)");
  (void)support::rows(world.database, "ANALYZE jobs");
  CHECK(support::rows_touched(world.database, "jobs.claim", "'one', '{test.note}', 4") == 4);
  CHECK(support::rows_touched(world.database, "jobs.next_due", "'{test.note}', 2000") == 1);
}

TEST_CASE("a job joins one that waits, but never one that runs") {
  World world;
  jobs::Options const same{.dedupe_key = "same"};
  CHECK(world.put("first", same).has_value());
  CHECK_FALSE(world.put("second", same).has_value());
  CHECK(world.put("third", {.dedupe_key = "other"}).has_value());
  CHECK(world.put("fourth").has_value());
  CHECK(world.put("fifth").has_value());
  CHECK(world.jobs().size() == 4);
  // The one that waits runs no later than the one that joined it.
  (void)support::rows(world.database, "UPDATE jobs SET run_at = now() + interval '1 hour'");
  world.put("now", same);
  CHECK(support::value(world.database,
                       "SELECT run_at <= now() FROM jobs WHERE dedupe_key = 'same'") == "t");

  bool joined = true;
  world.run = [&](jobs::Context&, Note const& note) {
    if (note.text == "first") joined = !world.put("change made meanwhile", same).has_value();
  };
  world.engine()->run_ready();
  CHECK_FALSE(joined);
  CHECK(support::value(world.database,
                       "SELECT count(*) FROM jobs WHERE payload->>'text' = 'change "
                       "made meanwhile' AND state = 'done'") == "1");
}

namespace {
struct Tick {
  static constexpr std::string_view kind = "test.tick";
  static constexpr auto fields() { return ::fields(); }
};
}  // namespace

TEST_CASE("a schedule runs once, however many nodes there are") {
  World world;
  std::atomic<int> ticks = 0;
  std::vector<std::unique_ptr<jobs::Engine>> nodes;
  for (auto const* name : {"one", "two", "three"}) {
    auto& node = nodes.emplace_back(world.engine(name));
    node->add(jobs::Worker<Tick>{.run = [&](jobs::Context&, Tick const&) { ++ticks; }});
    node->schedule<Tick>(jobs::Seconds{3600});
  }
  for (auto& node : nodes) node->start();
  CHECK(eventually([&] { return ticks == 1; }));
  for (auto& node : nodes) node->stop();
  CHECK(ticks == 1);
  // It had nothing to tell, so its schedule alone tells that it ran.
  CHECK(support::value(world.database, "SELECT count(*) FROM jobs") == "0");
  CHECK(support::rows(world.database,
                      "SELECT next_run_at > now(), last_outcome, last_note IS NULL, "
                      "last_succeeded_at = last_ended_at, last_worker IN ('one', 'two', 'three') "
                      "FROM job_schedules") == Rows{"t|idle|t|t|t"});
}

namespace {
struct Scheduled {
  World world;
  std::function<void(jobs::Context&)> tick;
  std::unique_ptr<jobs::Engine> engine(std::string const& name = "one") {
    auto made = world.engine(name);
    made->add(jobs::Worker<Tick>{.run = [this](jobs::Context& job, Tick const&) { tick(job); }});
    made->schedule<Tick>(jobs::Seconds{3600});
    return made;
  }
  Rows schedule() {
    return support::rows(world.database,
                         "SELECT last_outcome, last_note, last_succeeded_at IS NOT NULL FROM "
                         "job_schedules");
  }
};
}  // namespace

TEST_CASE("a schedule's job leaves a row when it has something to tell") {
  Scheduled scene;
  auto const engine = scene.engine();
  scene.tick = [](jobs::Context& job) { job.note("three mails"); };
  SUBCASE("at its end") {}
  SUBCASE("with its last change") {
    scene.tick = [](jobs::Context& job) {
      job.note("three mails");
      job.transact([&](db::Tx& tx) { job.finish(tx); });
    };
  }
  CHECK(engine->run_round() == 1);
  CHECK(scene.schedule() == Rows{"worked|three mails|t"});
  CHECK(support::rows(scene.world.database, "SELECT state, note FROM jobs") ==
        Rows{"done|three mails"});
  scene.tick = [](jobs::Context& job) { job.transact([&](db::Tx& tx) { job.finish(tx); }); };
  CHECK(engine->run_round() == 1);
  CHECK(scene.schedule() == Rows{"idle||t"});
  CHECK(scene.world.jobs() == Rows{"done|1"});
}

TEST_CASE("a schedule that fails is seen, once") {
  Scheduled scene;
  auto const engine = scene.engine();
  scene.tick = [](jobs::Context&) { throw jobs::Permanent{"the disk is full"}; };
  for (int i = 0; i < 3; ++i) engine->run_round();
  CHECK(scene.schedule() == Rows{"failed|the disk is full|f"});
  CHECK(support::rows(scene.world.database, "SELECT state, last_error FROM jobs") ==
        Rows{"dead|the disk is full"});
  // The failure stays to be looked at when it is over.
  scene.tick = [](jobs::Context&) {};
  engine->run_round();
  CHECK(scene.schedule() == Rows{"idle||t"});
  CHECK(scene.world.jobs() == Rows{"dead|1"});
}

TEST_CASE("a schedule has one job at a time, whatever became of the one before") {
  Scheduled scene;
  auto const one = scene.engine("one"), two = scene.engine("two");
  int runs = 0;
  SUBCASE("it is to be tried again") {
    scene.tick = [&](jobs::Context&) {
      if (++runs == 1) throw std::runtime_error{"not now"};
    };
    CHECK(one->run_round() == 1);
    CHECK(two->run_round() == 0);
    CHECK(scene.world.jobs() == Rows{"waiting|1"});
    scene.world.hurry();
    CHECK(two->run_ready() == 1);
  }
  SUBCASE("its worker was killed") {
    scene.tick = [&](jobs::Context& job) {
      if (++runs > 1) return;
      // What a kill leaves behind.
      (void)support::rows(scene.world.database,
                          "UPDATE jobs SET fence = fence + 1, lease_until = now() - interval '1 "
                          "second', worker = 'killed'");
      job.transact([](db::Tx&) {});
    };
    CHECK(one->run_round() == 1);
    CHECK(two->run_round() == 0);
    CHECK(scene.world.jobs() == Rows{"running|1"});
    CHECK(scene.schedule() == Rows{"||f"});
    two->start();
    CHECK(eventually([&] { return runs == 2; }));
    two->stop();
  }
  SUBCASE("it was put off") {
    scene.tick = [&](jobs::Context&) {
      if (++runs == 1) throw jobs::Snooze{1h};
    };
    CHECK(one->run_round() == 1);
    CHECK(two->run_round() == 0);
    scene.world.hurry();
    CHECK(two->run_ready() == 1);
  }
  CHECK(runs == 2);
  CHECK(scene.world.jobs() == Rows{});
  CHECK(scene.schedule() == Rows{"idle||t"});
  CHECK(one->run_round() == 1);
}

TEST_CASE("jobs of a killed worker are taken up again") {
  World world;
  std::atomic<int> runs = 0;
  world.run = [&](jobs::Context&, Note const&) { ++runs; };
  world.put("own");
  world.put("others");
  world.put("alive");
  // What a kill -9 leaves behind: ours, another node's whose lease is over, one that lives.
  (void)support::rows(
      world.database,
      "UPDATE jobs SET state = 'running', attempt = 1, fence = 7, "
      "worker = CASE WHEN payload->>'text' = 'own' THEN 'one' ELSE 'elsewhere' END, "
      "lease_until = now() + CASE WHEN payload->>'text' = 'others' THEN interval '-1 second' ELSE "
      "interval '1 hour' END");
  auto const engine = world.engine("one");
  engine->start();
  CHECK(eventually([&] { return runs == 2; }));
  CHECK(eventually([&] { return world.jobs() == Rows{"done|2", "done|2", "running|1"}; }));
  engine->stop();
  CHECK(support::value(world.database, "SELECT min(fence) FROM jobs WHERE state = 'done'") == "8");
}

TEST_CASE(
    "a job that kills its process comes again later and later, and dies of its last attempt") {
  World world;
  std::atomic<int> runs = 0;
  world.run = [&](jobs::Context&, Note const&) { ++runs; };
  world.put("often", {.max_attempts = 10});
  world.put("last", {.max_attempts = 3});
  // What the dead processes have left: the lease is over, nobody wrote an end.
  (void)support::rows(
      world.database,
      "UPDATE jobs SET state = 'running', attempt = 3, fence = 3, worker = 'elsewhere', "
      "lease_until = now() - interval '1 second'");
  auto const engine = world.engine("one");
  engine->start();
  CHECK(eventually([&] { return world.jobs() == Rows{"waiting|3", "dead|3"}; }));
  engine->stop();
  CHECK(runs == 0);
  CHECK(support::value(world.database,
                       "SELECT run_at > now() + interval '1 second' FROM jobs WHERE attempt < "
                       "max_attempts") == "t");
  CHECK(world.buried == Rows{"last: its worker stopped answering at every attempt"});
  CHECK(world.notes() == Rows{"buried last"});
}

TEST_CASE("a lease is kept alive by whoever holds it now, not by whoever held it once") {
  World world;
  std::atomic<bool> stolen = false, may_go = false;
  world.run = [&](jobs::Context& job, Note const&) {
    // Another node took it over, under the same name, as a copy of this machine would.
    (void)support::rows(
        world.database,
        "UPDATE jobs SET fence = fence + 1, lease_until = now() + interval '7 seconds'");
    stolen = true;
    CHECK(eventually([&] { return may_go.load(); }));
    job.transact([](db::Tx& tx) { tx.exec(write_note, "too late"); });
  };
  world.put("x");
  auto const engine = world.engine();
  engine->start();
  REQUIRE(eventually([&] { return stolen.load(); }));
  auto const lease = [&] { return support::value(world.database, "SELECT lease_until FROM jobs"); };
  auto const before = lease();
  // Several heartbeats later the lease is still the other's own.
  auto const looks = engine->looks();
  CHECK(eventually([&] { return engine->looks() >= looks + 2; }));
  CHECK(lease() == before);
  may_go = true;
  engine->stop();
  CHECK(world.notes().empty());
  CHECK(support::value(world.database, "SELECT state FROM jobs") == "running");
}

TEST_CASE("a job that is long in a transaction of its own holds up no other") {
  World world;
  std::atomic<bool> may_end = false;
  world.run = [&](jobs::Context& job, Note const& note) {
    job.transact([&](db::Tx& tx) {
      while (note.text == "long" && !may_end) std::this_thread::sleep_for(10ms);
      tx.exec(write_note, note.text);
      job.finish(tx);
    });
  };
  auto const engine = world.engine();
  engine->start();
  world.put("long");
  // Its lease would have been made longer by now, if its row were free.
  CHECK(eventually([&] {
    return support::rows(world.database,
                         "SELECT 1 FROM jobs WHERE state = 'running' AND "
                         "lease_until < now() + interval '5 seconds'")
               .size() == 1;
  }));
  world.put("short");
  CHECK(eventually([&] { return world.notes() == Rows{"short"}; }));
  may_end = true;
  CHECK(eventually([&] { return world.notes() == Rows{"long", "short"}; }));
  engine->stop();
}

TEST_CASE("a dead node's jobs are taken over by a living one, first of all at once") {
  World world;
  std::atomic<int> runs = 0;
  world.run = [&](jobs::Context&, Note const&) { ++runs; };
  world.put("x");
  // Claimed a moment ago by a node that then died: nothing but its lease tells.
  db::Connection dead{world.database.url()};
  dead.execute(
      "UPDATE jobs SET state = 'running', attempt = 1, fence = 1, worker = 'dead', "
      "lease_until = now() + interval '10 seconds'");
  auto const engine = world.engine("living");
  engine->start();
  CHECK(eventually([&] { return runs == 1; }, 60));
  engine->stop();
  MESSAGE(support::value(world.database, "SELECT finished_at - created_at FROM jobs"));
  CHECK(world.jobs() == Rows{"done|2"});
}

TEST_CASE("a job that takes longer than it may fails, and those behind it go on") {
  World world;
  std::atomic<int> quick = 0, cut = 0;
  std::atomic<bool> may_go = false;
  world.run = [&](jobs::Context& job, Note const& note) {
    if (note.text == "statement") {
      try {
        job.connection.execute("SELECT pg_sleep(600)");
      } catch (db::Unavailable const&) {
        ++cut;
        throw;
      }
    }
    // Nothing can interrupt this one.
    if (note.text == "hang" || note.text == "Hang")
      CHECK(eventually([&] { return may_go.load(); }, 120));
    if (note.text == "quick") ++quick;
  };
  world.put("statement");
  world.put("hang");
  auto const engine = world.engine("one", 2, jobs::Seconds{1});
  engine->start();
  CHECK(eventually([&] { return cut >= 1; }));
  CHECK(eventually([&] {
    return support::value(
               world.database,
               "SELECT count(*) FROM jobs WHERE last_error LIKE '%time for this work%'") == "1";
  }));
  // Two threads hang, the one after the other: there is always one left for the others.
  world.put("Hang");
  world.put("quick");
  CHECK(eventually([&] { return quick == 1; }, 60));
  CHECK(eventually([&] { return engine->threads() == 4; }));
  may_go = true;
  // Whose place was given away is not kept until the stop.
  CHECK(eventually([&] { return engine->threads() == 2; }));
  CHECK(engine->stop());
}

TEST_CASE("a stop ends in bounded time and hands over what does not end") {
  World world;
  std::atomic<bool> begun = false, may_go = false, ended = false;
  world.run = [&](jobs::Context& job, Note const&) {
    if (!begun.exchange(true)) {
      CHECK(eventually([&] { return may_go.load(); }, 120));
      try {
        job.transact([](db::Tx& tx) { tx.exec(write_note, "by the one that was stopped"); });
      } catch (jobs::LeaseLost const&) {
        ended = true;
        throw;
      }
    } else {
      job.transact([](db::Tx& tx) { tx.exec(write_note, "by its successor"); });
    }
  };
  world.put("x");
  auto const engine = world.engine("one");
  engine->start();
  REQUIRE(eventually([&] { return begun.load(); }));
  CHECK_FALSE(engine->stop(10ms));
  CHECK(world.jobs() == Rows{"waiting|0"});
  may_go = true;
  CHECK(eventually([&] { return ended.load(); }));
  // The stopped one's session, which keeps others with its key out, ends a moment later.
  auto const successor = world.engine("two");
  CHECK(eventually([&] {
    successor->run_ready();
    return world.jobs() == Rows{"done|1"};
  }));
  CHECK(world.notes() == Rows{"by its successor"});
}

TEST_CASE("a statement under way ends with the program") {
  World world;
  std::atomic<bool> begun = false;
  world.run = [&](jobs::Context& job, Note const&) {
    begun = true;
    job.connection.execute("SELECT pg_sleep(600)");
  };
  world.put("x");
  auto const engine = world.engine();
  engine->start();
  REQUIRE(eventually([&] { return begun.load(); }));
  CHECK(engine->stop(10ms));
  CHECK(support::value(world.database, "SELECT state FROM jobs") == "waiting");
}

TEST_CASE("a node whose threads all hang says that it stands still, a busy one does not") {
  World world;
  std::atomic<bool> may_go = false;
  std::atomic<int> hanging = 0;
  world.run = [&](jobs::Context&, Note const&) {
    ++hanging;
    CHECK(eventually([&] { return may_go.load(); }, 120));
  };
  auto const engine = world.engine("one", 2);
  engine->start();
  world.put("a");
  world.put("b");
  REQUIRE(eventually([&] { return hanging == 2; }));
  auto const before = engine->stands_still_for();
  CHECK(eventually([&] { return engine->stands_still_for() > before + jobs::Seconds{1}; }));
  may_go = true;
  CHECK(eventually([&] { return engine->stands_still_for() < jobs::Seconds{1}; }));
  engine->stop();
}
