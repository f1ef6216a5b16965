// What a tenant's program does in PostgreSQL with its own role, where it shares locks, queues and
// connections with everybody.
#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "platform/db/url.hpp"
#include "platform/files/files.hpp"
#include "support/app.hpp"

using support::acme;
using support::App;
using support::eventually;
using Rows = std::vector<std::string>;

namespace {
/// Acme, live, and what it does with the password that lies in its own directory.
struct Scene {
  Scene() : app{App::fresh({.sandbox = true, .front_door = true})} {
    app.sign_up_and_pay(acme());
    app.application().start_checks();
  }
  [[nodiscard]] std::string url() const {
    auto const text = files::read(app.directory.path() / "tenants/1/app.json").value();
    return std::string{boost::json::parse(text).at("database_url").as_string()};
  }
  [[nodiscard]] bool has_session(int backend) const {
    return app.value("SELECT count(*) FROM pg_stat_activity WHERE pid = " +
                     std::to_string(backend)) == "1";
  }
  App app;
};

constexpr auto every_lock =
    "DO $$ BEGIN BEGIN FOR i IN 1..2000000 LOOP PERFORM pg_advisory_lock(i); END LOOP; "
    "EXCEPTION WHEN OTHERS THEN NULL; END; PERFORM pg_sleep(600); END $$";

/// While locks are gone, looking may fail as well.
bool in_the_end(std::function<bool()> const& condition, int seconds = 30) {
  return eventually(
      [&] {
        try {
          return condition();
        } catch (std::exception const&) {
          return false;
        }
      },
      seconds);
}

support::Reply sign_up(App const& app, std::string const& name) {
  return app.visitor().post("/api/checkout",
                            acme({{"subdomain", name}, {"email", name + "@example.com"}}));
}
}  // namespace

TEST_CASE("a tenant that takes every lock there is loses its session, and nobody is shut out") {
  Scene scene;
  auto& app = scene.app;
  db::Connection tenant{scene.url(), "the tenant", db::Patience::long_work()};
  auto const backend = PQbackendPID(tenant.raw());
  CHECK_THROWS_AS(tenant.execute(every_lock), db::Unavailable);
  CHECK(in_the_end([&] { return !scene.has_session(backend); }));
  CHECK(in_the_end([&] { return sign_up(app, "globex").status == 201; }));
  CHECK(in_the_end([&] {
    return app.rows(
               "SELECT count(*) > 0 FROM activity WHERE kind = 'sessions_ended' AND "
               "tenant_id = 1") == Rows{"t"};
  }));
  CHECK(app.rows("SELECT severity FROM security_events WHERE kind = 'tenant_overuse'") ==
        Rows{"high"});
}

TEST_CASE("a tenant that does it again and again is stopped") {
  Scene scene;
  auto& app = scene.app;
  CHECK(in_the_end(
      [&] {
        try {
          db::Connection tenant{scene.url(), "the tenant", db::Patience::long_work()};
          tenant.execute(
              "SELECT pg_advisory_lock(i) FROM generate_series(1, 20000) i; "
              "SELECT pg_sleep(600)");
        } catch (db::Unavailable const&) {
        }
        return app.rows("SELECT reason FROM tenant_holds") == Rows{"abuse"};
      },
      120));
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "suspended");
}

TEST_CASE("a tenant that lets the queue of notices grow loses the session that holds it up") {
  Scene scene;
  auto& app = scene.app;
  db::Connection listener{scene.url(), "the tenant"}, speaker{scene.url(), "the tenant"};
  listener.execute("LISTEN x");
  listener.execute("BEGIN; SELECT 1");
  auto const backend = PQbackendPID(listener.raw());
  for (int i = 0; i < 40 && scene.has_session(backend); ++i)
    speaker.execute(
        "SELECT pg_notify('x', i || repeat('x', 7900)) FROM generate_series(1, 1000) i");
  CHECK(in_the_end([&] { return !scene.has_session(backend); }));
  CHECK(in_the_end(
      [&] { return std::stod(app.value("SELECT pg_notification_queue_usage()")) < 0.005; }));
  CHECK(sign_up(app, "globex").status == 201);
}

TEST_CASE("a tenant's session that does nothing in a transaction ends by itself") {
  Scene scene;
  db::Connection tenant{scene.url(), "the tenant"};
  auto const setting = [&](std::string const& name) {
    return scene.app.value(
        "SELECT split_part(entry, '=', 2) FROM pg_db_role_setting s JOIN pg_roles r "
        "ON r.oid = setrole, unnest(setconfig) AS entry WHERE rolname = '" +
        scene.app.database.name() + "_tenant_1' AND entry LIKE '" + name + "=%'");
  };
  CHECK(setting("idle_in_transaction_session_timeout") == "5min");
  CHECK(setting("statement_timeout") == "1h");
}
