// When building fails: retried, then undone completely, and the customer is told and refunded.
#include <doctest/doctest.h>

#include "support/app.hpp"
#include "tenants/jobs.hpp"

using support::acme;
using support::App;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
/// Signed up and paid; the building is what the test lets run.
support::Reply paid(App& app) {
  auto reply = app.sign_up(acme());
  app.pay(reply["checkout_url"]);
  return reply;
}

void check_nothing_is_left(App& app) {
  auto const name = app.database.name() + "_tenant_1";
  CHECK(
      app.value("SELECT count(*) FROM tenant_resources WHERE tenant_id = 1 AND state <> 'gone'") ==
      "0");
  CHECK(app.value("SELECT count(*) FROM pg_roles WHERE rolname = '" + name + "'") == "0");
  CHECK(app.value("SELECT count(*) FROM pg_database WHERE datname = '" + name + "'") == "0");
  CHECK_FALSE(std::filesystem::exists(app.directory.path() / "tenants/1"));
  CHECK_FALSE(app.supervisor().status("tenant-1").has_value());
  CHECK_FALSE(app.front_door().routes().contains("acme.localhost"));
  CHECK(app.tenant("acme").get("/").status == 404);
}

void check_money_is_back(App& app) {
  app.deliver_news();
  app.work();
  auto const refunds = app.stripe("GET", "/v1/refunds");
  CHECK(refunds.json.at("data").as_array().size() == 1);
  CHECK(refunds["data.0.amount"] == "4900");
  CHECK(app.value("SELECT payment FROM signups") == "refunded");
  CHECK(app.value("SELECT status FROM subscriptions") == "canceled");
  CHECK(app.mrr() == "0");
  CHECK(app.value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'revenue'") == "0");
  CHECK(app.rows("SELECT recipient, body LIKE '%49.00%' AND body LIKE '%ten_1%' FROM mails WHERE "
                 "template = 'provisioning_given_up'") == Rows{"ada@acme.example|t"});
  // However often it is asked again.
  app.enqueue(tenants::RolledBack{1});
  app.work();
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().size() == 1);
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'provisioning_given_up'") == "1");
}
}  // namespace

TEST_CASE("a step that fails is told, and tried again by itself until it works") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const signup = paid(app);
  std::string step, code;
  std::function<void()> repair;

  SUBCASE("the place: something else stands where the directory belongs") {
    step = "container", code = "directory_failed";
    files::make_directory(app.directory.path() / "tenants", 0711);
    files::write_atomically(app.directory.path() / "tenants/1", "in the way", 0600);
    repair = [&] { std::filesystem::remove(app.directory.path() / "tenants/1"); };
  }
  SUBCASE("the application: its configuration cannot be written") {
    step = "application", code = "directory_failed";
    files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
    repair = [&] { std::filesystem::remove_all(app.directory.path() / "tenants/1/app.json"); };
  }
  SUBCASE("the address: the front door is away") {
    step = "health_check", code = "address_silent";
    app.front_door().stop();
    repair = [&] { app.front_door().start(); };
  }

  app.deliver_news();
  app.work();
  CHECK(app.rows("SELECT state, failure_code, attempt, retry_at > now() FROM tenants") ==
        Rows{"provision_failed|" + code + "|1|t"});
  CHECK(app.rows("SELECT name, error_code FROM provisioning_steps WHERE state = 'failed'") ==
        Rows{step + "|" + code});
  auto const seen = app.visitor().get(App::status_path(signup));
  CHECK(seen["state"] == "provision_failed");
  CHECK(seen["failure.code"] == code);
  CHECK(seen["failure.attempt"] == "1");
  CHECK(seen["failure.max_attempts"] == "5");
  CHECK(seen["failure.retry_at"] != "null");
  // The customer learns that it failed, not where our files lie.
  CHECK(seen.body.find(app.directory.path().string()) == std::string::npos);

  repair();
  app.hurry();
  app.work();
  CHECK(app.rows("SELECT state, attempt, failure_code IS NULL FROM tenants") == Rows{"live|0|t"});
  CHECK(app.value("SELECT attempts FROM provisioning_steps WHERE name = '" + step + "'") == "2");
  CHECK(app.tenant("acme").get("/healthz").status == 200);
  CHECK(app.value("SELECT count(*) FROM tenant_resources WHERE state = 'present'") == "6");
}

TEST_CASE("what nobody foresaw is told and tried again soon, what needs a person later") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  (void)paid(app);
  std::string code;
  bool soon = true;
  std::function<void()> repair;
  auto break_ledger = [&](std::string const& sqlstate) {
    app.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'not now' USING ERRCODE = '" +
        sqlstate +
        "'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON tenant_resources FOR EACH ROW WHEN "
        "(NEW.kind = 'role') EXECUTE FUNCTION refuse()");
    repair = [&] { app.run("DROP TRIGGER refuse ON tenant_resources"); };
  };

  SUBCASE("an exception of any kind: the front door's map cannot be written") {
    code = "unexpected";
    auto const map = app.directory.path() / "front_door/hosts.map";
    std::filesystem::remove(map);
    files::make_directory(map / "in the way", 0755);
    repair = [map] { std::filesystem::remove_all(map); };
  }
  SUBCASE("a refusal by the database") {
    code = "database_refused";
    break_ledger("22000");
  }
  SUBCASE("a permission that only a person can give") {
    code = "database_permission_missing";
    soon = false;
    break_ledger("42501");
  }

  app.deliver_news();
  app.work();
  CHECK(app.rows("SELECT state, failure_code, attempt, retry_at > now() FROM tenants") ==
        Rows{"provision_failed|" + code + "|1|t"});
  CHECK(app.value("SELECT retry_at < now() + interval '1 minute' FROM tenants") ==
        (soon ? "t" : "f"));
  CHECK(app.value("SELECT count(*) FROM provisioning_steps WHERE state = 'running'") == "0");
  CHECK(app.as(Role::owner).get("/api/tenants/ten_1")["failure.code"] == code);

  repair();
  app.hurry();
  app.work();
  CHECK(app.rows("SELECT state, attempt, failure_code IS NULL FROM tenants") == Rows{"live|0|t"});
  CHECK(app.tenant("acme").get("/healthz").status == 200);
  CHECK(app.value("SELECT count(*) FROM tenant_resources WHERE state = 'present'") == "6");
}

TEST_CASE("after five attempts everything is undone and the money goes back once") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const signup = paid(app);
  files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
  app.deliver_news();
  app.work();
  for (int attempt = 2; attempt <= 5; ++attempt) {
    CHECK(app.value("SELECT state FROM tenants") == "provision_failed");
    app.hurry();
    app.work();
  }
  CHECK(app.rows("SELECT state, attempt, failure_code FROM tenants") ==
        Rows{"rolled_back|5|directory_failed"});
  CHECK(
      app.value("SELECT string_agg(state::text, ' ' ORDER BY position) FROM provisioning_steps") ==
      "done undone undone undone failed queued queued");
  check_nothing_is_left(app);
  check_money_is_back(app);
  auto const seen = app.visitor().get(App::status_path(signup));
  CHECK(seen["state"] == "rolled_back");
  CHECK(seen["refunded"] == "true");
  CHECK(app.visitor().get("/api/subdomains/acme")["available"] == "true");
}

TEST_CASE("what cannot succeed is undone at once, the running application included") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  (void)paid(app);
  // The ledger says that the address leads to another tenant.
  app.run(
      "INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, "
      "storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, blueprint) SELECT "
      "customer_id, 'other', plan_id, 'awaiting_payment', 1, 1, 1, 1, provisioner, blueprint "
      "FROM tenants; "
      "INSERT INTO tenant_resources (tenant_id, kind, name, state) VALUES (2, 'route', "
      "'acme.localhost', 'present')");
  app.deliver_news();
  app.work();
  CHECK(app.rows("SELECT state, failure_code FROM tenants WHERE id = 1") ==
        Rows{"rolled_back|route_taken"});
  check_nothing_is_left(app);
  check_money_is_back(app);
}

TEST_CASE("Stripe is away when the money should go back: it goes back later, once") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  (void)paid(app);
  files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
  app.deliver_news();
  app.work();
  app.run("UPDATE tenants SET attempt = 4");
  app.break_stripe(500, 1, "/v1/subscriptions");
  app.hurry("tenants.reconcile");
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.rows("SELECT state, attempt FROM jobs WHERE kind = 'tenants.rolled_back'") ==
        Rows{"waiting|1"});
  // The second try cancels; then the refund's answer gets lost.
  http_client::Form fault;
  fault.add("count", 1).add("status", 500).add("path_prefix", "/v1/refunds").add("when", "after");
  CHECK(app.stripe("POST", "/v1/test_helpers/faults", fault).status == 200);
  app.hurry("tenants.rolled_back");
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  app.hurry("tenants.rolled_back");
  app.work();
  check_money_is_back(app);
}

TEST_CASE("staff try a failed tenant again") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  (void)paid(app);
  files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
  app.deliver_news();
  app.work();
  REQUIRE(app.value("SELECT state FROM tenants") == "provision_failed");
  CHECK(app.as(Role::owner).get("/api/tenants/ten_1")["failure.code"] == "directory_failed");
  CHECK(app.as(Role::owner).get("/api/dashboard/metrics").body.find("provision_failed") !=
        std::string::npos);

  std::filesystem::remove_all(app.directory.path() / "tenants/1/app.json");
  auto const reply = app.as(Role::support).post("/api/tenants/ten_1/retry", nullptr);
  CHECK(reply.status == 200);
  CHECK(reply["state"] == "queued");
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "live");
  CHECK(app.rows("SELECT actor, action, target FROM audit_logs WHERE action = 'tenant.retried'") ==
        Rows{"support@example.com|tenant.retried|ten_1"});
  auto const again = app.as(Role::support).post("/api/tenants/ten_1/retry", nullptr);
  CHECK(again.status == 409);
  CHECK(again["code"] == "state_conflict");
  CHECK(again["state"] == "live");
}
