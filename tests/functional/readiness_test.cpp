// What lies outside is tried; what fails closes the sign-up where no tenant could be built, and
// opens it again by itself. After a start the doors are open before the tenants run.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <regex>
#include <set>

#include "platform/db/url.hpp"
#include "platform/files/files.hpp"
#include "support/app.hpp"
#include "support/source.hpp"

using support::acme;
using support::App;
using support::eventually;
using support::Reply;
using support::Role;

namespace {
Reply of_check(App const& app, std::string_view name) {
  Reply found;
  auto const reply = app.visitor().get("/readyz");
  for (auto const& check : reply.json.at("outside").as_array())
    if (Reply::text(check, "name") == name) found.json = check;
  return found;
}

/// A role of its own that owns what the first role owns, but may create nothing.
void use_role_without_rights(config::Settings& settings) {
  db::Connection admin{settings.database_url};
  auto const database = std::string{PQdb(admin.raw())};
  auto const owner = std::string{PQuser(admin.raw())};
  admin.execute(
      "DO $$ BEGIN CREATE ROLE tied LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  admin.execute("ALTER ROLE tied NOCREATEROLE NOCREATEDB PASSWORD 'tied'");
  admin.execute("GRANT " + owner + " TO tied");
  admin.execute("GRANT CONNECT, TEMPORARY ON DATABASE " + database + " TO tied");
  settings.database_url = db::with_role(settings.database_url, database, "tied", "tied");
}
}  // namespace

TEST_CASE("a role that may create no tenants' databases closes the sign-up, until it may") {
  auto app = App::fresh({.sandbox = true, .front_door = true, .settings = use_role_without_rights});
  app.application().start_checks();
  REQUIRE(eventually([&] { return of_check(app, "database_rights")["status"] == "failed"; }));
  auto const rights = of_check(app, "database_rights");
  CHECK(rights["setting"] == "database_url");
  CHECK(rights["advice"].find("ALTER ROLE \"tied\" CREATEROLE CREATEDB") != std::string::npos);
  CHECK(rights["code"] == "database_rights_missing");
  CHECK(rights["parameters.role"] == "");  // names of roles are for the staff
  CHECK(app.visitor().get("/readyz")["status"] == "degraded");
  REQUIRE(eventually([&] {
    return app.as(Role::auditor).get("/api/dashboard/metrics")["attention.0.kind"] ==
           "check_database_rights";
  }));
  auto const metrics = app.as(Role::auditor).get("/api/dashboard/metrics");
  CHECK(metrics["attention.0.code"] == "database_rights_missing");
  CHECK(metrics["attention.0.parameters.role"] == "tied");
  REQUIRE(eventually([&] { return app.visitor().get("/api/plans")["availability"] == "paused"; }));
  auto const refused = app.visitor().post("/api/checkout", acme());
  CHECK(refused.status == 503);
  CHECK(refused["code"] == "building_paused");
  CHECK(app.value("SELECT count(*) FROM signups") == "0");

  // A word about something else closes nothing.
  CHECK(of_check(app, "stripe_webhook")["building"] == "false");

  db::Connection admin{app.database.url()};
  admin.execute("ALTER ROLE tied CREATEROLE CREATEDB");
  REQUIRE(eventually([&] { return app.visitor().get("/api/plans")["availability"] == "open"; }));
  CHECK(app.visitor().post("/api/checkout", acme()).status == 201);
}

TEST_CASE("pages have words for whatever a check may find, in both languages") {
  std::regex const code{R"re(\.code = "(\w+)",\s*\.(?:parameters|detail) = )re"};
  std::regex const name{R"re(\{\.name = "(\w+)",\s*\.setting = )re"};
  std::set<std::string> wanted;
  auto const source = support::source_directory();
  auto const text_of = [](std::filesystem::path const& path) {
    return files::read(path).value_or("");
  };
  for (auto const& entry : std::filesystem::recursive_directory_iterator{source / "src"}) {
    if (entry.path().extension() != ".cpp") continue;
    auto const text = text_of(entry.path());
    for (std::sregex_iterator it{text.begin(), text.end(), code}, end; it != end; ++it)
      wanted.insert("check_found." + it->str(1));
    for (std::sregex_iterator it{text.begin(), text.end(), name}, end; it != end; ++it) {
      wanted.insert("check_advice." + it->str(1));
      wanted.insert("attention.check_" + it->str(1));
    }
  }
  CHECK(wanted.size() > 40);
  for (auto const* language : {"en", "es"}) {
    auto const words =
        boost::json::parse(text_of(source / "web/locales" / (std::string{language} + ".json")));
    for (auto const& key : wanted) {
      CAPTURE(language);
      CAPTURE(key);
      CHECK(words.as_object().contains(key));
    }
  }
}

TEST_CASE("tenants' sessions that could not be ended are told, with what helps") {
  auto app = App::fresh({.sandbox = true, .front_door = true, .settings = use_role_without_rights});
  db::Connection admin{app.database.url()};
  auto const role = app.database.name() + "_tenant_9";
  auto const told = [&] {
    for (auto const& result : app.application().readiness().try_all())
      if (result.name == "tenant_sessions") return result.advice.value_or("ok");
    return std::string{"no such check"};
  };
  CHECK(told() == "ok");
  admin.execute("CREATE ROLE " + role);
  CHECK(told() == "As a superuser: GRANT pg_signal_backend, pg_read_all_stats TO \"tied\"");
  admin.execute("GRANT " + role + " TO tied");
  CHECK(told() == "ok");
  admin.execute("DROP ROLE " + role);
}

TEST_CASE("another node's failure closes the sign-up here only while no node can build") {
  auto app = App::fresh({.sandbox = true});
  auto const report = [&](std::string const& node, bool failed) {
    app.run(
        "INSERT INTO readiness (node, name, setting, building, failed, since, checked_at) "
        "VALUES ('" +
        node + "', 'incus', 'incus_url', true, " + (failed ? "true" : "false") +
        ", now(), now()) ON CONFLICT (node, name) DO UPDATE SET failed = excluded.failed");
  };
  auto const availability = [&] { return app.visitor().get("/api/plans")["availability"]; };
  CHECK(availability() == "open");
  report("one", true);
  CHECK(availability() == "paused");
  report("two", false);
  CHECK(availability() == "open");
  report("two", true);
  CHECK(availability() == "paused");
  // A node that was taken away says nothing any more.
  app.run("UPDATE readiness SET checked_at = now() - interval '10 minutes'");
  CHECK(availability() == "open");
}

TEST_CASE("a probe that hangs delays no other's row, and is told itself") {
  support::Database database;
  std::atomic<bool> may_go = false;
  readiness::Watch watch;
  watch.add({.name = "hangs",
             .setting = "smtp_url",
             .advice = "Wait",
             .probe = [&] { CHECK(eventually([&] { return may_go.load(); }, 120)); },
             .limit = std::chrono::milliseconds{1500}});
  watch.add({.name = "incus",
             .setting = "incus_url",
             .advice = "Start it",
             .building = true,
             .probe = [] { throw std::runtime_error{"nobody answers"}; }});
  watch.start(database.url(), "one");
  auto const failed = [&](std::string const& name) {
    return support::rows(database,
                         "SELECT failed, detail FROM readiness WHERE name = '" + name + "'");
  };
  using Rows = std::vector<std::string>;
  CHECK(eventually([&] { return failed("incus") == Rows{"t|nobody answers"}; }));
  CHECK(eventually(
      [&] { return failed("hangs") == Rows{"t|it did not come to an end within 1 s"}; }));
  CHECK(!may_go);
  may_go = true;
  CHECK(eventually([&] { return failed("hangs") == Rows{"f|"}; }));
}

TEST_CASE("what a request learns of PostgreSQL is told at once to whoever asks for readiness") {
  auto app = App::fresh({.sandbox = true});
  REQUIRE(app.visitor().get("/readyz").status == 200);
  app.run(
      "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
      "'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$");
  app.run(
      "CREATE TRIGGER is_full BEFORE INSERT OR UPDATE ON signups FOR EACH ROW EXECUTE FUNCTION "
      "is_full()");
  auto const refused = app.visitor().post("/api/checkout", acme());
  CHECK(refused.status == 503);
  CHECK(refused["code"] == "disk_full");
  auto const told = app.visitor().get("/readyz");
  CHECK(told.status == 503);
  CHECK(told["database.status"] == "failed");
  CHECK(told["database.detail"] == "PostgreSQL has no room: its disk is full");
  app.run("DROP TRIGGER is_full ON signups");
  CHECK(app.visitor().post("/api/checkout", acme()).status == 201);
  CHECK(eventually([&] { return app.visitor().get("/readyz").status == 200; }, 60));
}

TEST_CASE("that new connections are refused is told while the old ones still answer") {
  auto app = App::fresh({.sandbox = true});
  app.application().start_checks();
  REQUIRE(eventually([&] { return of_check(app, "database")["status"] == "ok"; }));
  db::Connection admin{db::with_database(app.database.url(), "postgres")};
  auto const allow = [&](std::string const& whether) {
    admin.execute("ALTER DATABASE " + app.database.name() + " ALLOW_CONNECTIONS " + whether);
  };
  allow("false");
  CHECK(eventually([&] { return of_check(app, "database")["status"] == "failed"; }));
  allow("true");
  CHECK(eventually([&] { return of_check(app, "database")["status"] == "ok"; }));
}

TEST_CASE("the doors are open while the tenants are being started") {
  auto app = App::fresh({.sandbox = true, .front_door = true, .wait_for_tenants = false});
  (void)app.sign_up_and_pay(acme());
  REQUIRE(app.tenant("acme").get("/").status == 200);
  db::Connection somebody{app.database.url()};
  somebody.execute("BEGIN; LOCK TABLE tenant_resources IN ACCESS EXCLUSIVE MODE");
  app.restart();
  CHECK(app.visitor().get("/healthz").status == 200);
  auto const meanwhile = app.tenant("acme").get("/");
  CHECK(meanwhile.status == 503);
  CHECK(meanwhile.body.find("starting") != std::string::npos);
  somebody.execute("COMMIT");
  CHECK(eventually([&] { return app.tenant("acme").get("/").status == 200; }));
}
