// Old rows go, in small pieces, whatever happens on the way; and a server with nothing to do grows
// by nothing.
#include <doctest/doctest.h>

#include "platform/jobs/pruning.hpp"
#include "platform/log/log.hpp"
#include "support/app.hpp"

using support::App;
using support::eventually;
using namespace std::chrono_literals;
using Rows = std::vector<std::string>;
using std::chrono::days;

namespace {

/// A table of the test's own with a rule: rows go after a day. What every statement removed stands
/// in `removals`.
struct World {
  support::Database database;
  realtime::Hub hub;
  std::optional<retention::Rule> rule{
      std::in_place,
      retention::Terms{
          .table = "old_things", .column = "at", .keep = days{1}, .why = "for this test"}};

  World() {
    logging::configure(logging::Format::text, logging::Level::error);
    run("CREATE TABLE old_things (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "at timestamptz NOT NULL);"
        "CREATE INDEX ON old_things (at);"
        "CREATE TABLE removals (id bigint GENERATED ALWAYS AS IDENTITY, count bigint, "
        "of_transaction xid8 DEFAULT pg_current_xact_id());"
        "CREATE FUNCTION note_removal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO removals (count) SELECT count(*) FROM gone HAVING count(*) > 0; "
        "RETURN NULL; END $$;"
        "CREATE TRIGGER note_removal AFTER DELETE ON old_things REFERENCING OLD TABLE AS gone "
        "FOR EACH STATEMENT EXECUTE FUNCTION note_removal()");
  }
  void run(std::string const& sql) const { (void)support::rows(database, sql); }
  std::string value(std::string const& sql) const { return support::value(database, sql); }
  std::string left() const { return value("SELECT count(*) FROM old_things"); }
  void fill(int count, std::string const& age = "2 days") const {
    run("INSERT INTO old_things (at) SELECT now() - interval '" + age +
        "' FROM generate_series(1, " + std::to_string(count) + ")");
  }
  std::unique_ptr<jobs::Engine> engine(retention::Periods periods = {},
                                       jobs::PruneBounds bounds = {},
                                       std::string const& node = "one") {
    auto made = std::make_unique<jobs::Engine>(database.url(), node, hub);
    jobs::add_pruning(*made, std::move(periods), bounds);
    return made;
  }
  std::string outcome() const {
    return value("SELECT last_outcome || ': ' || coalesce(last_note, '') FROM job_schedules");
  }
};
}  // namespace

TEST_CASE("what is old goes, what is young stays, and the job says what it did") {
  World world;
  world.fill(3);
  world.fill(2, "23 hours");
  world.engine()->run_round();
  CHECK(world.left() == "2");
  CHECK(world.outcome() == "worked: removed: old_things 3");
  CHECK(world.value("SELECT state || ' ' || note FROM jobs") == "done removed: old_things 3");
  // Nothing to do: no row.
  world.engine()->run_round();
  CHECK(world.outcome() == "idle: ");
  CHECK(world.value("SELECT count(*) FROM jobs") == "1");
}

TEST_CASE("a hundred thousand old rows go in small transactions") {
  World world;
  world.fill(100'000);
  world.engine()->run_round();
  CHECK(world.left() == "0");
  CHECK(world.value("SELECT max(count) FROM removals") == "1000");
  CHECK(world.value("SELECT count(DISTINCT of_transaction) FROM removals") == "100");
}

TEST_CASE("a round whose time is over leaves the rest for the next one") {
  World world;
  world.fill(25);
  auto const engine = world.engine({}, {.rows = 10, .time = 0s});
  engine->run_round();
  CHECK(world.left() == "15");
  engine->run_round();
  engine->run_round();
  CHECK(world.left() == "0");
}

TEST_CASE("a period of zero, or one that is too short, removes nothing and is told") {
  World world;
  world.fill(3);
  auto asked = 0s;
  SUBCASE("zero") {}
  SUBCASE("negative") { asked = -days{400}; }
  SUBCASE("shorter than the rule allows") { asked = 59min; }
  auto const engine = world.engine([&](db::Tx&, retention::Rule const& rule) {
    return rule.name == "old_things" ? std::optional{asked} : std::nullopt;
  });
  world.run(
      "INSERT INTO waitlist (email, locale, created_at) VALUES ('a@b.example', 'en', now() - "
      "interval '1 year')");
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (attempt == 0) engine->run_round();
    world.run("UPDATE jobs SET run_at = now() WHERE state = 'waiting'");
    engine->run_ready();
  }
  CHECK(world.left() == "3");
  // The other tables are not kept waiting.
  CHECK(world.value("SELECT count(*) FROM waitlist") == "0");
  CHECK(world.value("SELECT state FROM jobs") == "dead");
  CHECK(world.outcome().starts_with("failed: old_things cannot be kept for"));
}

TEST_CASE("a period that somebody has chosen counts, however long") {
  World world;
  world.fill(3, "10 years");
  retention::Seconds asked = days{30};
  SUBCASE("a month") {}
  SUBCASE("longer than there are times") { asked = retention::Seconds::max(); }
  world.fill(2, "2 days");
  world
      .engine([&](db::Tx&, retention::Rule const& rule) {
        return rule.name == "old_things" ? std::optional{asked} : std::nullopt;
      })
      ->run_round();
  CHECK(world.left() == (asked == days{30} ? "2" : "5"));
}

TEST_CASE("a row that another one names stays as long as that one does") {
  World world;
  world.fill(5);
  world.run(
      "CREATE TABLE namers (thing_id bigint REFERENCES old_things); INSERT INTO namers "
      "SELECT min(id) FROM old_things");
  SUBCASE("the rule knows of it") {
    world.rule.emplace(retention::Terms{.table = "old_things",
                                        .column = "at",
                                        .keep = days{1},
                                        .unless_named_by = {"namers.thing_id"},
                                        .why = "for this test"});
    world.engine()->run_round();
    CHECK(world.left() == "1");
    world.run("DELETE FROM namers");
    world.engine()->run_round();
    CHECK(world.left() == "0");
  }
  SUBCASE("nobody told the rule") {
    world.run(
        "INSERT INTO waitlist (email, locale, created_at) VALUES ('a@b.example', 'en', "
        "now() - interval '1 year')");
    auto const engine = world.engine();
    engine->run_round();
    CHECK(world.left() == "5");
    CHECK(world.value("SELECT count(*) FROM waitlist") == "0");
    CHECK(world.value("SELECT last_error LIKE '%old_things%namers%' FROM jobs") == "t");
  }
}

TEST_CASE("a row that somebody works on is not waited for") {
  World world;
  world.fill(5);
  db::Connection busy{world.database.url()};
  busy.execute("BEGIN; SELECT * FROM old_things WHERE id = 1 FOR UPDATE");
  world.engine()->run_round();
  CHECK(world.left() == "1");
  busy.execute("ROLLBACK");
  world.engine()->run_round();
  CHECK(world.left() == "0");
}

TEST_CASE("a worker that dies in the middle has lost nothing, and another goes on") {
  World world;
  world.fill(50);
  // With the third batch somebody else has its job.
  world.run(
      "CREATE FUNCTION take_over() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "IF (SELECT count(*) FROM removals) = 3 THEN UPDATE jobs SET state = 'waiting', "
      "lease_until = NULL, fence = fence + 1; END IF; RETURN NULL; END $$;"
      "CREATE TRIGGER take_over AFTER INSERT ON removals FOR EACH ROW EXECUTE FUNCTION "
      "take_over()");
  auto const first = world.engine({}, {.rows = 10});
  first->run_round();  // goes on with the job itself, as whoever takes it over would
  CHECK(world.left() == "0");
  CHECK(world.value("SELECT count(*) || ' ' || max(attempt) FROM jobs") == "1 2");
  CHECK(world.value("SELECT string_agg(count::text, ' ' ORDER BY id) FROM removals") ==
        "10 10 10 10 10");
  CHECK(world.outcome() == "worked: removed: old_things 20");
}

TEST_CASE("that nothing is pruned any more is told, and not before") {
  auto app = App::fresh();
  auto const owner = app.as(support::Role::owner);
  auto const finding = [&]() -> std::string {
    for (auto const& result : app.application().readiness().try_all())
      if (result.name == "pruning") return result.code.value_or("");
    return "no check";
  };
  CHECK(finding() == "");
  app.application().engine().run_round();
  CHECK(finding() == "");
  SUBCASE("a round fails, for less than a day") {
    app.run("UPDATE job_schedules SET last_outcome = 'failed'");
    CHECK(finding() == "");
  }
  app.run("UPDATE job_schedules SET last_succeeded_at = now() - interval '25 hours'");
  SUBCASE("everybody was away") { CHECK(finding() == ""); }
  SUBCASE("every round fails") {
    app.run("UPDATE job_schedules SET last_outcome = 'failed'");
    CHECK(finding() == "pruning_stands");
    // Within a minute of the node's own look it stands on the dashboard, too.
    app.run(
        "INSERT INTO readiness (node, name, setting, building, failed, since, checked_at) "
        "VALUES ('n', 'pruning', 'database_url', false, true, now(), now())");
    CHECK(owner.get("/api/dashboard/metrics").body.find("check_pruning") != std::string::npos);
  }
  SUBCASE("no round is begun") {
    app.run("UPDATE job_schedules SET next_run_at = now() - interval '11 minutes'");
    CHECK(finding() == "pruning_stands");
  }
}

TEST_CASE("two nodes prune once") {
  World world;
  world.fill(2'500);
  auto const one = world.engine({}, {}, "one"), two = world.engine({}, {}, "two");
  one->start();
  two->start();
  CHECK(eventually(
      [&] { return world.value("SELECT count(last_ended_at) FROM job_schedules") == "1"; }));
  one->stop();
  two->stop();
  CHECK(world.left() == "0");
  CHECK(world.value("SELECT count(*) || ' ' || max(note) FROM jobs") ==
        "1 removed: old_things 2500");
  CHECK(world.value("SELECT string_agg(count::text, ' ' ORDER BY id) FROM removals") ==
        "1000 1000 500");
}

TEST_CASE("what a capability keeps is what its rules say") {
  auto app = App::fresh();
  auto const owner = app.as(support::Role::owner);
  app.run(
      "UPDATE sessions SET expires_at = now() - interval '2 years', created_at = now() - "
      "interval '3 years'");
  app.run(
      "INSERT INTO sessions (id, staff_id, created_at, expires_at, address, user_agent) SELECT "
      "'older', staff_id, created_at - interval '1 day', expires_at, '', '' FROM sessions");
  app.run("INSERT INTO refresh_tokens (hash, session_id) VALUES ('of the older', 'older')");
  app.run(
      "INSERT INTO jobs (kind, payload, state, finished_at) SELECT 'x', '{}', state::job_state, "
      "now() - days * interval '1 day' FROM (VALUES ('done', 13), ('done', 15), ('dead', 15), "
      "('dead', 181)) AS ended (state, days)");
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, state, created_at) SELECT "
      "'t', 'en', 'r', 's', 'b', state::mail_state, now() - interval '1 year' FROM "
      "(VALUES ('queued'), ('sent')) AS mail (state)");
  app.run(
      "INSERT INTO stripe_events (id, type, object_id, created, payload, state, received_at) "
      "SELECT state, 't', 'o', now(), '{}', state::stripe_event_state, now() - interval '5 "
      "years' FROM (VALUES ('applied'), ('ignored'), ('foreign')) AS event (state)");
  auto const trail = app.value("SELECT count(*) FROM audit_logs");
  app.enqueue(jobs::Prune{});
  app.work();
  // The last session of each person tells when they were here.
  CHECK(app.value("SELECT count(*) FROM sessions WHERE id = 'older'") == "0");
  CHECK(app.value("SELECT count(*) FROM sessions") == "1");
  CHECK(app.rows("SELECT state FROM jobs WHERE kind = 'x' ORDER BY state") == Rows{"done", "dead"});
  CHECK(app.rows("SELECT state FROM mails WHERE template = 't'") == Rows{"queued"});
  // The books are built from them again.
  CHECK(app.rows("SELECT id FROM stripe_events ORDER BY id") == Rows{"applied", "ignored"});
  CHECK(app.value("SELECT count(*) FROM audit_logs") == trail);
}

namespace {
/// How many rows every table has; lines of the log go by days and are another matter.
Rows sizes(App const& app) {
  Rows out;
  for (auto const& table :
       app.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                "'public'::regnamespace AND NOT relispartition ORDER BY 1"))
    out.push_back(table + " " + app.value("SELECT count(*) FROM " + table));
  return out;
}

std::int64_t total(Rows const& sizes) {
  std::int64_t sum = 0;
  for (auto const& size : sizes) sum += std::stoll(size.substr(size.find(' ')));
  return sum;
}
}  // namespace

TEST_CASE("a server that has nothing to do grows by no row") {
  auto app = App::fresh({.sandbox = true});
  (void)app.as(support::Role::owner);
  auto& engine = app.application().engine();
  // What is new has its first round: keys, anchors, reports.
  for (int i = 0; i < 2; ++i) {
    engine.run_round();
    app.hurry();
    app.work();
  }
  auto const before = sizes(app);
  constexpr int rounds = 20;
  int runs = 0;
  for (int i = 0; i < rounds; ++i) runs += engine.run_round();
  auto const schedules = std::stoi(app.value("SELECT count(*) FROM job_schedules"));
  CHECK(schedules > 10);
  CHECK(runs >= rounds * (schedules - 1));
  auto const after = sizes(app);
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) CHECK(after[i] == before[i]);
  auto const runs_a_year =
      std::stoll(app.value("SELECT sum(365 * 24 * 3600 / every_seconds) FROM job_schedules"));
  auto const rows_a_year = (total(after) - total(before)) * runs_a_year / runs;
  MESSAGE(runs_a_year << " runs a year add " << rows_a_year << " rows");
  CHECK(rows_a_year == 0);
  // Staff see that they ran, and nothing else.
  CHECK(app.rows("SELECT name, last_outcome, last_note FROM job_schedules WHERE last_outcome IS "
                 "DISTINCT FROM 'idle' OR last_ended_at < now() - interval '1 minute'") == Rows{});
}
