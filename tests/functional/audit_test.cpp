// The audit trail: complete, chained, and impossible to change unseen.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "audit/anchors.hpp"
#include "audit/changes.hpp"
#include "platform/db/migrations.hpp"
#include "platform/files/files.hpp"
#include "platform/process/run.hpp"
#include "support/app.hpp"

using support::acme;
using support::App;
using support::Role;

namespace {
audit::Verification verify(App const& app) {
  db::Connection connection{app.database.url()};
  return audit::verify(connection);
}

boost::json::object tenant(std::string const& subdomain) {
  auto form = acme({{"subdomain", subdomain}});
  form.erase("interval");
  form.erase("currency");
  return form;
}

/// As somebody who has the database's superuser and switches the protection off.
void tamper(App const& app, std::string const& sql) {
  app.run("ALTER TABLE audit_logs DISABLE TRIGGER audit_logs_append_only; " + sql +
          "; ALTER TABLE audit_logs ENABLE TRIGGER audit_logs_append_only");
}
}  // namespace

TEST_CASE("every change has a row that says who, what, where and how it was before") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const reply = owner.post("/api/tenants", tenant("acme"), {"X-Request-Id: my-request-1"});
  REQUIRE(reply.status == 201);
  CHECK(
      app.rows("SELECT admin_id, actor, action, target, address, request_id FROM audit_logs "
               "ORDER BY id DESC LIMIT 1") ==
      std::vector<std::string>{"1|owner@example.com|tenant.created|ten_1|127.0.0.1|my-request-1"});
  CHECK(app.value("SELECT after->>'subdomain' FROM audit_logs WHERE action = 'tenant.created'") ==
        "acme");
  // What was refused changed nothing, and nothing is said.
  auto const rows = app.value("SELECT count(*) FROM audit_logs");
  owner.post("/api/tenants", tenant("acme"));
  owner.post("/api/tenants", tenant("www"));
  CHECK(app.value("SELECT count(*) FROM audit_logs") == rows);
  // Secrets never go in.
  CHECK(
      app.value("SELECT count(*) FROM audit_logs WHERE audit_logs::text LIKE '%battery staple%'") ==
      "0");
}

TEST_CASE("rows hang together, whoever writes them at the same moment") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  std::vector<std::future<int>> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.push_back(std::async(std::launch::async, [&owner, writer] {
      int good = 0;
      for (int i = 0; i < 5; ++i)
        good += owner
                    .post("/api/tenants",
                          tenant("t" + std::to_string(writer) + "x" + std::to_string(i)))
                    .status == 201;
      return good;
    }));
  int good = 0;
  for (auto& writer : writers) good += writer.get();
  CHECK(good == 20);
  auto const found = verify(app);
  CHECK(found.rows == 21);
  CHECK_FALSE(found.first_broken_id.has_value());
  CHECK(app.value("SELECT count(DISTINCT previous_hash) FROM audit_logs") == "21");
}

TEST_CASE("the database refuses to change or remove rows") {
  auto app = App::fresh();
  app.as(Role::owner);
  for (auto const* sql :
       {"UPDATE audit_logs SET actor = 'nobody'", "DELETE FROM audit_logs", "TRUNCATE audit_logs"})
    CHECK_THROWS_WITH_AS(app.run(sql), doctest::Contains("append-only"), db::Failure);
  CHECK(app.value("SELECT count(*) FROM audit_logs") == "1");
}

TEST_CASE("verifying names the first row that was tampered with") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const* name : {"one", "two", "three", "four"})
    REQUIRE(owner.post("/api/tenants", tenant(name)).status == 201);
  REQUIRE_FALSE(verify(app).first_broken_id.has_value());

  SUBCASE("a word was changed") {
    for (auto const* column :
         {"actor", "actor_role", "action", "target", "reason", "address", "request_id"}) {
      tamper(app, std::string{"UPDATE audit_logs SET "} + column + " = 'x' WHERE id = 3");
      CHECK(verify(app).first_broken_id == 3);
    }
  }
  SUBCASE("a time was changed") {
    tamper(
        app,
        R"(UPDATE audit_logs SET "timestamp" = "timestamp" + interval '1 microsecond' WHERE id = 3)");
    CHECK(verify(app).first_broken_id == 3);
  }
  SUBCASE("what it was about was changed") {
    tamper(app, R"(UPDATE audit_logs SET after = after || '{"plan":"starter"}' WHERE id = 3)");
    CHECK(verify(app).first_broken_id == 3);
  }
  SUBCASE("a row was removed") {
    tamper(app, "DELETE FROM audit_logs WHERE id = 3");
    CHECK(verify(app).first_broken_id == 4);
  }
  SUBCASE("a row was put in with a good hash of its own") {
    tamper(app,
           "UPDATE audit_logs SET action = 'tenant.deleted' WHERE id = 3; "
           "UPDATE audit_logs SET hash = audit_row_hash(audit_logs) WHERE id = 3");
    CHECK(verify(app).first_broken_id == 4);
  }
  SUBCASE("the first row was removed") {
    tamper(app, "DELETE FROM audit_logs WHERE id = 1");
    CHECK(verify(app).first_broken_id == 2);
  }
}

TEST_CASE("rows from before the trail said role and reason still fit") {
  auto app = App::fresh();
  app.run(R"(INSERT INTO audit_logs OVERRIDING SYSTEM VALUE
             SELECT 0, now(), NULL, 'old', 'tenant.created', 'ten_1', '', '', NULL, NULL, 'genesis',
                    audit_hash(0, now(), NULL, 'old', 'tenant.created', 'ten_1', '', '', NULL, NULL,
                               'genesis'))");
  REQUIRE(app.value("SELECT hash_version FROM audit_logs") == "1");
  app.as(Role::owner);
  CHECK(verify(app).rows == 2);
  CHECK_FALSE(verify(app).first_broken_id.has_value());
  tamper(app, "UPDATE audit_logs SET actor = 'somebody' WHERE id = 0");
  CHECK(verify(app).first_broken_id == 0);
}

namespace {
struct Anchored {
  App& app;
  std::filesystem::path file = audit::anchor_file(app.settings.data_dir);
  vault::Vault vault{app.key()};

  void anchor() {
    db::Connection connection{app.database.url()};
    REQUIRE(audit::add_anchor(connection, vault, file).has_value());
  }
  audit::Report check() {
    db::Connection connection{app.database.url()};
    return audit::check(connection, &vault, file);
  }
};

void tamper_with_anchors(App const& app, std::string const& sql) {
  app.run("ALTER TABLE audit_anchors DISABLE TRIGGER audit_anchors_append_only; " + sql +
          "; ALTER TABLE audit_anchors ENABLE TRIGGER audit_anchors_append_only");
}
}  // namespace

TEST_CASE("anchors show what a chain that fits in itself hides") {
  using audit::Finding;
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  Anchored trail{app};
  for (auto const* name : {"one", "two"})
    REQUIRE(owner.post("/api/tenants", tenant(name)).status == 201);
  trail.anchor();
  REQUIRE(owner.post("/api/tenants", tenant("three")).status == 201);
  trail.anchor();
  REQUIRE(trail.check().finding == Finding::whole);
  REQUIRE(trail.check().anchors == 2);
  auto const first = app.value("SELECT at FROM audit_anchors ORDER BY id LIMIT 1");

  SUBCASE("the end was cut off") {
    tamper(app, "DELETE FROM audit_logs WHERE id > 3");
    CHECK_FALSE(verify(app).first_broken_id.has_value());
    auto const report = trail.check();
    CHECK(report.finding == Finding::anchor_does_not_fit);
    CHECK(report.anchor_at > clock_source::parse(first));
  }
  SUBCASE("the end was written anew") {
    tamper(app, "DELETE FROM audit_logs WHERE id > 2");
    for (int i = 0; i < 3; ++i)
      app.run("SELECT audit_append(NULL, 'a', NULL, NULL, 'b', 'c', NULL, '', '', NULL, NULL)");
    CHECK_FALSE(verify(app).first_broken_id.has_value());
    auto const report = trail.check();
    CHECK(report.finding == Finding::anchor_does_not_fit);
    CHECK(report.anchor_at == clock_source::parse(first));
  }
  SUBCASE("everything was removed, from the table of anchors as well") {
    tamper(app, "DELETE FROM audit_logs");
    tamper_with_anchors(app, "DELETE FROM audit_anchors");
    CHECK(trail.check().finding == Finding::anchor_does_not_fit);
  }
  SUBCASE("an anchor was moved to a chain that was written anew") {
    tamper(app, "DELETE FROM audit_logs WHERE id > 3");
    tamper_with_anchors(
        app,
        "UPDATE audit_anchors SET last_id = 3, last_hash = (SELECT hash FROM audit_logs "
        "WHERE id = 3) WHERE last_id = 4");
    CHECK(trail.check().finding == Finding::anchor_is_forged);
  }
  SUBCASE("an anchor was removed from the table") {
    tamper_with_anchors(app, "DELETE FROM audit_anchors WHERE id = 1");
    auto const report = trail.check();
    CHECK(report.finding == Finding::anchor_is_missing);
    CHECK(report.anchor_at == clock_source::parse(first));
  }
  SUBCASE("a line of the file was changed") {
    auto text = *files::read(trail.file);
    auto const at = text.find("\"rows\":3");
    REQUIRE(at != std::string::npos);
    text.replace(at, 8, "\"rows\":2");
    files::write_atomically(trail.file, text, 0600);
    CHECK(trail.check().finding == Finding::anchor_is_forged);
  }
  SUBCASE("a row was changed: the row is named, not the anchor") {
    tamper(app, "UPDATE audit_logs SET actor = 'x' WHERE id = 2");
    auto const report = trail.check();
    CHECK(report.finding == Finding::row_does_not_fit);
    CHECK(report.first_broken_id == 2);
  }
}

TEST_CASE("the command names what does not fit, and fails") {
  auto const* binary = std::getenv("ONBOARDING_BINARY");
  if (!binary) {
    MESSAGE("ONBOARDING_BINARY is not set");
    return;
  }
  auto app = App::fresh();
  app.as(Role::owner);
  Anchored trail{app};
  trail.anchor();
  auto const command = [&] {
    return process::run({.executable = binary,
                         .arguments = {"audit", "verify"},
                         .environment = {{"ONBOARDING_DATABASE_URL", app.database.url()},
                                         {"ONBOARDING_DATA_DIR", app.settings.data_dir}}},
                        std::chrono::seconds{60});
  };
  auto const good = command();
  CHECK_MESSAGE(good.ending.success(), good.output);
  CHECK(good.output.find("is whole: 1 rows, 1 anchors") != std::string::npos);
  tamper(app, "UPDATE audit_logs SET target = 'x'");
  auto const bad = command();
  CHECK(bad.ending.code == 1);
  CHECK(bad.output.find("row 1 does not fit") != std::string::npos);
  tamper(app, "DELETE FROM audit_logs");
  CHECK(command().output.find("cut off or written anew") != std::string::npos);
}

TEST_CASE("the application's own role may read and append, nothing else") {
  auto const has_role = [](std::string const& rights, bool owned_apart) {
    CAPTURE(rights);
    support::Database cluster;  // its superuser makes the role
    auto const name = owned_apart ? std::string{"plain_app"} : std::string{"poor_app"};
    db::Connection admin{cluster.url()};
    admin.execute("CREATE ROLE " + name + " LOGIN PASSWORD 'app' " + rights);
    admin.execute("CREATE DATABASE " + name + "_db OWNER " + name);
    auto url = cluster.url();
    auto const replace = [&](std::string const& key, std::string const& value) {
      auto const at = url.find(key + "='") + key.size() + 2;
      url.replace(at, url.find('\'', at) - at, value);
    };
    replace("dbname", name + "_db");
    replace("user", name);
    replace("password", "app");
    {
      db::Connection connection{url};
      db::migrate(connection);
      auto const text = [&](std::string const& sql) {
        return std::string{PQgetvalue(connection.execute(sql).get(), 0, 0)};
      };
      // A function that fits better than PostgreSQL's own is not called with the owner's rights.
      connection.execute(
          "CREATE FUNCTION nextval(text) RETURNS bigint LANGUAGE sql AS 'SELECT 77::bigint'");
      {
        db::Tx tx{connection, db::Mode::autocommit};
        audit::write_by_system(tx, "system", "tenant.created", "ten_1");
      }
      CHECK(text("SELECT id FROM audit_logs") == "1");
      CHECK_FALSE(audit::verify(connection).first_broken_id.has_value());
      for (auto const* sql : {"UPDATE audit_logs SET actor = 'x'", "DELETE FROM audit_logs",
                              "TRUNCATE audit_logs", "DELETE FROM audit_anchors"}) {
        CAPTURE(std::string{sql});
        CHECK_THROWS_AS(connection.execute(sql), db::Failure);
      }
      // Where it may make roles, what protects the rows is not its own to switch off.
      for (auto const* sql :
           {"ALTER TABLE audit_logs DISABLE TRIGGER audit_logs_append_only",
            "DROP TRIGGER audit_logs_append_only ON audit_logs", "DROP TABLE audit_logs CASCADE",
            "INSERT INTO audit_logs OVERRIDING SYSTEM VALUE SELECT * FROM audit_logs WHERE false",
            "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'"}) {
        if (!owned_apart) break;
        CAPTURE(std::string{sql});
        CHECK_THROWS_WITH_AS(connection.execute(sql), doctest::Contains("audit_"), db::Failure);
      }
      // Later migrations still have a place.
      connection.execute("CREATE TABLE of_a_later_migration (id bigint)");
      CHECK(text("SELECT tableowner FROM pg_tables WHERE tablename = 'audit_logs'") ==
            (owned_apart ? "onboarding_audit" : name));
    }
    admin.execute("DROP DATABASE " + name + "_db");
    admin.execute("DROP ROLE " + name);
  };
  has_role("CREATEDB CREATEROLE", true);
  has_role("CREATEDB", false);
}

namespace {
struct Door {
  std::string name, code;
  std::int64_t width;
  std::optional<std::string> note;
  static constexpr auto fields() {
    return ::fields(field("name", &Door::name), field("code", &Door::code, {.secret = true}),
                    field("width", &Door::width), field("note", &Door::note));
  }
};
}  // namespace

TEST_CASE("before and after hold what changed, and never a secret") {
  Door const old{"front", "1234", 90, {}};
  auto next = old;
  CHECK(audit::changes(old, next).before.text == "null");
  next.width = 100;
  next.code = "5678";
  auto const found = audit::changes(old, next);
  CHECK(found.before.text == R"({"code":"********","width":90})");
  CHECK(found.after.text == R"({"code":"********","width":100})");
  next = old;
  next.note = "squeaks";
  CHECK(audit::changes(old, next).before.text == R"({"note":null})");
  CHECK(audit::described(old).text ==
        R"({"name":"front","code":"********","width":90,"note":null})");
}

TEST_CASE("of a change the trail holds what differs") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  app.as(Role::support);
  auto const person = owner.get("/api/settings/team/usr_2");
  REQUIRE_MESSAGE(person.status == 200, person.body);
  auto const changed =
      owner.send("PATCH", "/api/settings/team/usr_2", R"({"role":"finance"})",
                 {"Content-Type: application/json", "If-Match: " + person.header("etag")});
  REQUIRE_MESSAGE(changed.status == 200, changed.body);
  CHECK(app.rows("SELECT actor_role, before, after FROM audit_logs ORDER BY id DESC LIMIT 1") ==
        std::vector<std::string>{R"(owner|{"role": "support", "version": 1}|{"role": "finance", )"
                                 R"("version": 2})"});
}

TEST_CASE("the trail is read with filters, page by page") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  for (auto const* name : {"one", "two", "three"})
    REQUIRE(owner.post("/api/tenants", tenant(name)).status == 201);
  app.as(Role::support);
  auto const auditor = app.as(Role::auditor);

  auto const first = auditor.get("/api/audit?action=tenant.created&limit=2");
  REQUIRE(first.status == 200);
  CHECK(first["data.0.target"] == "ten_3");
  CHECK(first["data.0.actor"] == "owner@example.com");
  CHECK(first["data.0.role"] == "owner");
  CHECK(first["data.0.after.subdomain"] == "three");
  CHECK(first["has_more"] == "true");
  auto const second =
      auditor.get("/api/audit?action=tenant.created&limit=2&cursor=" + first["next_cursor"]);
  CHECK(second["data.0.target"] == "ten_1");
  CHECK(second["data.1.target"].empty());
  CHECK(second["has_more"] == "false");

  auto const count = [&](std::string const& query) {
    auto const reply = auditor.get("/api/audit?limit=100&" + query);
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    return reply.json.at("data").as_array().size();
  };
  CHECK(count("action=tenant.") == 3);
  CHECK(count("action=tenant") == 0);
  CHECK(count("target=ten_2") == 1);
  CHECK(count("actor=owner@example.com") == 4);  // the log-in, too
  CHECK(count("q=THREE") == 1);
  CHECK(count("q=100%25") == 0);
  CHECK(count("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z") == 0);
  CHECK(count("from=2020-01-01T00:00:00Z&action=tenant.") == 3);
  CHECK(auditor.get("/api/audit?cursor=nonsense").status == 422);
  CHECK(auditor.get("/api/audit?form=2020-01-01T00:00:00Z").wrong_fields() == "?form");
  // Who may not read it is told what is missing.
  CHECK(app.as(Role::support).get("/api/audit").status == 403);
  CHECK(app.visitor().get("/api/audit").status == 401);
}

TEST_CASE("an export says its filters, holds no formula, and is itself in the trail") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  app.run(
      "SELECT audit_append(NULL, '=HYPERLINK(\"x\")', NULL, NULL, 'note.made', '+1', 'say \"hi\"', "
      "'', '', NULL, '{\"a\":1}')");
  auto const csv = owner.get("/api/audit/export?format=csv&action=note.made");
  REQUIRE(csv.status == 200);
  CHECK(csv.header("content-type").starts_with("text/csv"));
  CHECK(csv.header("content-disposition").starts_with("attachment; filename=\"audit-"));
  auto const end = csv.body.find("\r\n");
  CHECK(csv.body.substr(0, end).find("filters: action=note.made, times in UTC") !=
        std::string::npos);
  CHECK(csv.body.find("\"'=HYPERLINK(\"\"x\"\")\"") != std::string::npos);
  CHECK(csv.body.find("\"'+1\"") != std::string::npos);
  CHECK(csv.body.find("\"say \"\"hi\"\"\"") != std::string::npos);
  CHECK(app.rows("SELECT actor, action, after->>'format', after->>'filters', after->>'rows' FROM "
                 "audit_logs ORDER BY id DESC LIMIT 1") ==
        std::vector<std::string>{"owner@example.com|audit.exported|csv|action=note.made|1"});

  auto const json = owner.get("/api/audit/export?format=json");
  REQUIRE(json.status == 200);
  CHECK(json["filters"] == "none");
  CHECK(json["rows"] == "3");
  CHECK(json["data.0.action"] == "audit.exported");
  CHECK(owner.get("/api/audit/export?format=xlsx").wrong_fields() == "?format");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'audit.exported'") == "2");
}

TEST_CASE("the last check of the trail is told with its age") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  CHECK(owner.get("/api/audit/verification").json.at("last").is_null());
  app.run("SELECT enqueue_job('security.check_audit', '{}', NULL, NULL, 1)");
  app.work();
  auto const good = owner.get("/api/audit/verification");
  CHECK(good["last.finding"] == "whole");
  CHECK(good["last.rows"] == "1");
  CHECK(good["newer_rows"] == "0");
  CHECK(std::stoll(good["age_seconds"]) < 60);
  CHECK(app.value("SELECT count(*) FROM security_events") == "0");
  auto const later = app.as(Role::admin);  // logs in
  CHECK(owner.get("/api/audit/verification")["last.rows"] == "1");
  CHECK(owner.get("/api/audit/verification")["newer_rows"] == "1");

  tamper(app, "UPDATE audit_logs SET actor = 'x' WHERE id = 1");
  app.run("SELECT enqueue_job('security.check_audit', '{}', NULL, NULL, 1)");
  app.work();
  auto const bad = owner.get("/api/audit/verification");
  CHECK(bad["last.finding"] == "row_does_not_fit");
  CHECK(bad["last.first_broken_id"] == "1");
  CHECK(app.rows("SELECT kind, severity FROM security_events") ==
        std::vector<std::string>{"audit_trail_changed|critical"});
}

TEST_CASE("the rows of a log-in and of its session name the person, not a visitor") {
  auto app = App::fresh();
  app.add_staff(Role::owner);
  auto const reply = app.visitor().post(
      "/api/admin/login", {{"email", "owner@example.com"}, {"password", App::password}});
  std::string cookies;
  for (auto const& [name, value] : reply.headers)
    if (name == "set-cookie") cookies += value.substr(0, value.find(';')) + "; ";
  CHECK(app.visitor().post("/api/admin/refresh", nullptr, {"Cookie: " + cookies}).status == 200);
  CHECK(
      app.rows("SELECT action, actor, admin_id, actor_role, target FROM audit_logs ORDER BY id") ==
      std::vector<std::string>{"session.started|owner@example.com|1|owner|usr_1",
                               "session.refreshed|owner@example.com|1|owner|usr_1"});
}
