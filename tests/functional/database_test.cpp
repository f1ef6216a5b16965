// What may be relied on when PostgreSQL is slow, restarted or busy: nobody waits for ever, nothing
// is done twice, and what only waits for a lock is not taken for a server that hangs.
#include <doctest/doctest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "platform/db/db.hpp"
#include "platform/db/pulse.hpp"
#include "platform/db/session_lock.hpp"
#include "platform/log/log.hpp"
#include "support/client.hpp"
#include "support/database.hpp"

using support::Database;
using support::eventually;
using namespace std::chrono_literals;

namespace {
db::Query const insert{"database_test.insert", "INSERT INTO notes (text) VALUES ($1)"};
db::Query const own_backend{"database_test.backend", "SELECT pg_backend_pid()"};
db::Query const sleep_long{"database_test.sleep", "SELECT pg_sleep(600)::text"};

struct World {
  Database database;
  World() {
    logging::configure(logging::Format::text, logging::Level::error);
    (void)support::rows(database, "CREATE TABLE notes (text text)");
  }
  std::string count() { return support::value(database, "SELECT count(*) FROM notes"); }
  void cut(std::int64_t backend) {
    (void)support::rows(database, "SELECT pg_terminate_backend(" + std::to_string(backend) + ")");
    CHECK(eventually([&] {
      return support::value(database, "SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                                          std::to_string(backend)) == "0";
    }));
  }
};
}  // namespace

TEST_CASE("work whose connection is cut before its commit is done once more, and counts once") {
  World world;
  db::Connection connection{world.database.url()};
  int tries = 0;
  db::transact(connection, [&](db::Tx& tx) {
    auto const backend = tx.one<std::int64_t>(own_backend);
    tx.exec(insert, "a");
    if (++tries == 1) world.cut(backend);
    tx.exec(insert, "b");
  });
  CHECK(tries == 2);
  CHECK(world.count() == "2");
}

TEST_CASE("what a lost session had locked is not passed over") {
  World world;
  db::Connection connection{world.database.url()};
  connection.holds(1);
  int tries = 0;
  CHECK_THROWS_AS(db::transact(connection,
                               [&](db::Tx& tx) {
                                 ++tries;
                                 world.cut(tx.one<std::int64_t>(own_backend));
                                 tx.exec(insert, "a");
                               }),
                  db::Unavailable);
  CHECK(tries == 1);
}

TEST_CASE("a lock that was taken by a statement that failed all the same is free") {
  World world;
  // As a statement does that is cut short between the lock and its end.
  for (auto const* const function : {"pg_advisory_lock", "pg_try_advisory_lock"})
    (void)support::rows(world.database,
                        std::string{"CREATE FUNCTION public."} + function +
                            "(bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM "
                            "pg_catalog." +
                            function + "($1); RAISE query_canceled; END $$");
  db::Connection unlucky{world.database.url()};
  db::Connection next{world.database.url()};
  using Wait = db::SessionLock::Wait;
  for (auto const wait : {Wait::turn, Wait::never}) {
    unlucky.execute("SET search_path = public, pg_catalog");
    CHECK_THROWS(db::SessionLock{unlucky, "a name", wait});
    CHECK(eventually([&] { return db::SessionLock{next, "a name", Wait::never}.is_held(); }));
  }
}

TEST_CASE("a statement that PostgreSQL refuses by hanging up is refused, not a lost server") {
  World world;
  auto const name = world.database.name() + "_invalid";
  db::Connection connection{world.database.url()};
  connection.execute("CREATE DATABASE " + name);
  connection.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = '" + name + "'");
  CHECK_THROWS_AS(connection.execute("ALTER DATABASE " + name + " IS_TEMPLATE false"), db::Failure);
  connection.execute("DROP DATABASE " + name);
}

TEST_CASE("what PostgreSQL has no room for now may come again") {
  World world;
  db::Connection connection{world.database.url()};
  for (auto const* state : {"53100", "53200", "53300", "55P03"})
    CHECK_THROWS_AS(connection.execute(std::string{"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE "
                                                   "= '"} +
                                       state + "'; END $$"),
                    db::Unavailable);
  CHECK_THROWS_AS(connection.execute("DO $$ BEGIN RAISE EXCEPTION 'too many notifications in the "
                                     "NOTIFY queue' USING ERRCODE = '54000'; END $$"),
                  db::Busy);
  CHECK_THROWS_AS(
      connection.execute("DO $$ BEGIN RAISE EXCEPTION 'too long' USING ERRCODE = '54000'; END $$"),
      db::Failure);
}

TEST_CASE("a statement ends with the time for its work, here and in PostgreSQL") {
  World world;
  db::Connection connection{world.database.url(), "database test", db::Patience::long_work()};
  auto const sleeping = [&] {
    return support::value(world.database,
                          "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                          "'database test' AND state = 'active'");
  };
  auto asleep = std::async(std::launch::async, [&] {
    db::Tx tx{connection};
    tx.exec(sleep_long);
  });
  CHECK(eventually([&] { return sleeping() == "1"; }));
  connection.end_by(std::chrono::steady_clock::now());
  CHECK_THROWS_AS(asleep.get(), db::Unavailable);
  CHECK(eventually([&] { return sleeping() == "0"; }));
  connection.never_end();
  db::Tx tx{connection, db::Mode::autocommit};
  CHECK(tx.one<std::int64_t>(own_backend) > 0);
}

TEST_CASE("who waits for a lock longer than a hang would be believed is not thrown out") {
  World world;
  db::Connection holder{world.database.url()};
  db::Connection waiting{
      world.database.url(), "database test", {.lock = 60s, .statement = 60s, .silence = 50ms}};
  std::future<void> insertion;
  {
    db::Tx lock{holder};
    lock.connection().execute("BEGIN; LOCK TABLE notes IN ACCESS EXCLUSIVE MODE");
    insertion = std::async(std::launch::async, [&] {
      db::transact(waiting, [](db::Tx& tx) { tx.exec(insert, "patient"); });
    });
    // It asks several times whether PostgreSQL is there at all, and is told yes.
    CHECK(insertion.wait_for(500ms) == std::future_status::timeout);
    lock.connection().execute("COMMIT");
  }
  insertion.get();
  CHECK(world.count() == "1");
}

TEST_CASE("of several hosts one that says nothing does not hide the others") {
  World world;
  // Listens and never answers, like a machine whose disk is gone.
  int const port = support::free_port();
  auto const silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(silent, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(silent, 10) == 0);
  auto url = world.database.url();
  auto const host = url.find("host='") + 6;
  auto const end = url.find('\'', host);
  auto const directory = url.substr(host, end - host);
  url.replace(host, end - host, "127.0.0.1," + directory);
  url.replace(url.find("port=5432"), 9, "port=" + std::to_string(port) + ",5432");

  db::Connection connection{url, "database test", {.lock = 1s, .statement = 5s, .silence = 10ms}};
  CHECK_THROWS_AS(connection.raw(), db::Unavailable);
  CHECK(eventually([&] {
    try {
      return connection.raw() != nullptr;
    } catch (db::Unavailable const&) {
      return false;
    }
  }));
  ::close(silent);
}

TEST_CASE("a log-in that is slow is not taken for a server that is lost") {
  Database database;
  db::Connection living{database.url()}, holder{database.url()};
  living.execute("SELECT 1");
  holder.execute("BEGIN; LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE");
  auto const pulse = db::Pulse::of(database.url());
  std::atomic<bool> is_over = false;
  std::thread others{[&] {
    while (!is_over) living.execute("SELECT 1");
  }};
  std::string reason;
  CHECK_FALSE(pulse->connect("slow", "", std::chrono::milliseconds{500}, reason));
  is_over = true;
  others.join();
  CHECK_FALSE(pulse->is_lost());
  holder.execute("ROLLBACK");
  CHECK(pulse->connect("slow", "", std::chrono::seconds{20}, reason));
}
