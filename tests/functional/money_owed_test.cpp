// Money that should have gone back and did not: staff see it, and have it tried again.
#include <doctest/doctest.h>

#include "billing/events.hpp"
#include "support/app.hpp"
#include "tenants/jobs.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

Reply remove(App& app) {
  auto reply =
      app.as(Role::admin)
          .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme&ends=now&refund=unused",
                "", {});
  app.settle();
  return reply;
}
/// "kind tenant_id can_retry" of what is open.
Rows findings(App& app) {
  Rows out;
  auto const page = app.as(Role::finance).get("/api/billing/findings");
  for (auto const& row : page.json.at("data").as_array())
    out.push_back(Reply::text(row, "kind") + " " + Reply::text(row, "tenant_id") + " " +
                  Reply::text(row, "can_retry"));
  return out;
}
std::string attention(App& app) {
  auto const metrics = app.as(Role::auditor).get("/api/dashboard/metrics");
  for (auto const& item : metrics.json.at("attention").as_array())
    if (Reply::text(item, "kind") == "money_owed")
      return Reply::text(item, "severity") + " " + Reply::text(item, "count") + " " +
             Reply::text(item, "href");
  return "";
}
Reply act(App& app, std::string const& verb, boost::json::value const& body = nullptr) {
  auto const page = app.as(Role::finance).get("/api/billing/findings");
  auto reply =
      app.as(Role::finance).post("/api/billing/findings/" + page["data.0.id"] + "/" + verb, body);
  app.settle();
  return reply;
}
std::string given_back(App const& app) {
  return app.value(
      "SELECT coalesce(sum(amount), 0) FROM billing_refunds WHERE status = 'succeeded'");
}
}  // namespace

TEST_CASE("a refund that Stripe refuses is shown and tried again") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  app.break_stripe(400, 1, "/v1/refunds");
  remove(app);
  REQUIRE(app.jobs("tenants.end_billing") == Rows{"dead"});
  CHECK(given_back(app) == "0");
  CHECK(findings(app) == Rows{"money_owed ten_1 true"});
  auto const told = app.as(Role::finance).get("/api/billing/findings");
  CHECK(told["data.0.message.code"] == "gave_up");
  CHECK(!told["data.0.message.parameters.answer"].empty());
  CHECK(attention(app) == "high 1 /admin/billing/findings?kind=money_owed");
  CHECK(app.as(Role::auditor).post("/api/billing/findings/bfn_1/retry", nullptr).status == 403);

  SUBCASE("until it has gone back") {
    SUBCASE("at once") {}
    SUBCASE("the second time") {
      app.break_stripe(400, 1, "/v1/refunds");
      CHECK(act(app, "retry").status == 204);
      CHECK(findings(app) == Rows{"money_owed ten_1 true"});
    }
    CHECK(act(app, "retry").status == 204);
    CHECK(std::stoi(given_back(app)) > 4890);
    CHECK(app.value("SELECT count(*) FROM billing_refunds") == "1");
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'tenant_ends'") == "1");
    CHECK(app.value("SELECT max(actor) FROM audit_logs WHERE action = 'money.tried_again'") ==
          "finance@example.com");
  }
  SUBCASE("or until somebody has settled it in another way") {
    CHECK(act(app, "resolve", boost::json::object{}).wrong_fields() == "/note");
    CHECK(act(app, "resolve", boost::json::object{{"note", "By bank transfer"}}).status == 204);
    CHECK(given_back(app) == "0");
    CHECK(app.rows("SELECT actor, reason FROM audit_logs WHERE action = 'money.settled'") ==
          Rows{"finance@example.com|By bank transfer"});
  }
  CHECK(findings(app).empty());
  CHECK(attention(app).empty());
}

TEST_CASE("a refund that comes back from the bank is owed, and made once more") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  remove(app);
  auto const refund = app.value("SELECT stripe_refund_id FROM billing_refunds");
  REQUIRE(app.stripe("POST", "/v1/test_helpers/refunds/" + refund + "/fail").status == 200);
  SUBCASE("as it is told today") { app.settle(); }
  SUBCASE("as older endpoints are told") {
    for (auto const& event : app.events())
      if (event.type == "charge.refund.updated") app.deliver(event);
    app.work();
  }
  CHECK(given_back(app) == "0");
  CHECK(findings(app) == Rows{"money_owed ten_1 true"});
  CHECK(attention(app) == "high 1 /admin/billing/findings?kind=money_owed");

  CHECK(act(app, "retry").status == 204);
  CHECK(std::stoi(given_back(app)) > 4890);
  CHECK(findings(app).empty());
  // What is told again is not owed again.
  db::Connection connection{app.database.url()};
  for (auto const& event : app.rows("SELECT id FROM stripe_events WHERE type LIKE '%refund%'"))
    db::transact(connection, [&](db::Tx& tx) { return billing::replay(tx, event); });
  app.settle();
  CHECK(findings(app).empty());
  CHECK(app.value("SELECT count(*) FROM billing_refunds") == "2");
}

TEST_CASE("a refund by somebody at Stripe that fails is owed to whom its payment was from") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  app.settle();
  auto const fail = [&](std::string const& charge) {
    http_client::Form form, why;
    form.add("charge", charge).add("amount", "500");
    auto const refund = app.stripe("POST", "/v1/refunds", form)["id"];
    app.settle();
    why.add("failure_reason", "declined");
    REQUIRE(app.stripe("POST", "/v1/test_helpers/refunds/" + refund + "/fail", why).status == 200);
    app.settle();
  };
  auto const charge = app.value("SELECT stripe_charge_id FROM billing_attempts");
  SUBCASE("by its invoice") {
    fail(charge);
    CHECK(findings(app) == Rows{"money_owed ten_1 true"});
  }
  SUBCASE("by its customer, where the payment is for no tenant") {
    app.run("UPDATE subscriptions SET tenant_id = NULL");
    fail(charge);
    CHECK(findings(app) == Rows{"money_owed null true"});
    CHECK(app.as(Role::finance).get("/api/billing/findings?q=acme")["data.0.kind"] == "money_owed");
  }
  auto const told = app.as(Role::finance).get("/api/billing/findings");
  CHECK(told["data.0.company"] == "Acme Ltd");
  CHECK(told["data.0.message.code"] == "refund_failed");
  CHECK(told["data.0.message.parameters.refusal"] == "declined");
  CHECK(told["data.0.message.parameters.amount"] == "500");
}

TEST_CASE("what a roll-back cannot give back is owed, and goes back when it is tried again") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  app.run(
      "UPDATE tenants SET state = 'rolled_back' WHERE id = 1; "
      "DELETE FROM jobs WHERE kind = 'tenants.reconcile'");
  app.break_stripe(400, 10, "/v1/refunds");
  app.enqueue(tenants::RolledBack{1});
  for (int attempt = 0; attempt < 10; ++attempt) {
    app.hurry("tenants.rolled_back");
    app.work();
  }
  REQUIRE(app.jobs("tenants.rolled_back") == Rows{"dead"});
  CHECK(findings(app) == Rows{"money_owed ten_1 true"});
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(act(app, "retry").status == 204);
  CHECK(given_back(app) == "4900");
  CHECK(app.value("SELECT payment FROM signups") == "refunded");
  CHECK(findings(app).empty());
}
