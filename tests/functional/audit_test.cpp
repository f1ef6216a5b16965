// The audit trail: complete, chained, and impossible to change unseen.
#include <doctest/doctest.h>

#include <future>

#include "audit/audit.hpp"
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
    for (auto const* column : {"actor", "action", "target", "address", "request_id"}) {
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
           "UPDATE audit_logs SET action = 'tenant.deleted', hash = audit_hash(id, \"timestamp\", "
           "admin_id, actor, 'tenant.deleted', target, address, request_id, before, after, "
           "previous_hash) WHERE id = 3");
    CHECK(verify(app).first_broken_id == 4);
  }
  SUBCASE("the first row was removed") {
    tamper(app, "DELETE FROM audit_logs WHERE id = 1");
    CHECK(verify(app).first_broken_id == 2);
  }
}
