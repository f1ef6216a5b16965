// The money of a plan change, and what becomes of it when the tenant ends.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;
using Fields = std::vector<std::pair<std::string, std::string>>;

Reply post(App const& app, std::string const& path, Fields const& fields = {}) {
  http_client::Form form;
  for (auto const& [name, value] : fields) form.add(name, value);
  return app.stripe("POST", path, form);
}
std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}
Reply at_stripe(App const& app) {
  return app.stripe("GET", "/v1/subscriptions/" + subscription(app));
}
void live(App& app, boost::json::object const& changes = {}) {
  app.sign_up_and_pay(acme(changes));
  app.settle();
  REQUIRE(app.value("SELECT state FROM tenants WHERE id = 1") == "live");
}

/// Somebody at Stripe's dashboard sells another price; what it costs waits for the next invoice.
void move_at_stripe(App& app, std::string const& amount) {
  auto const present = at_stripe(app);
  REQUIRE(post(app, "/v1/subscriptions/" + subscription(app),
               {{"items[0][id]", present["items.data.0.id"]},
                {"items[0][price_data][currency]", "eur"},
                {"items[0][price_data][product]", present["items.data.0.price.product"]},
                {"items[0][price_data][recurring][interval]", "month"},
                {"items[0][price_data][unit_amount]", amount},
                {"proration_behavior", "create_prorations"}})
              .status == 200);
  app.settle();
}
Reply pending(App const& app) {
  http_client::Form query;
  query.add("customer", app.value("SELECT stripe_customer_id FROM customers"))
      .add("pending", "true");
  return app.stripe("GET", "/v1/invoiceitems", query);
}
std::size_t count_pending(App const& app) { return pending(app).json.at("data").as_array().size(); }

/// Thirty days pass at Stripe: the period is over, and so is the time of all that was sold in it.
void end_period(App& app) {
  auto const present = at_stripe(app);
  auto const from = present["items.data.0.current_period_start"];
  auto const until = present["items.data.0.current_period_end"];
  auto const invoice = present["latest_invoice"];
  auto const number = [](std::string const& text) { return "'\\m" + text + "\\M'"; };
  app.run(
      "WITH t AS (SELECT extract(epoch FROM now())::bigint - 1 AS over), moved AS (SELECT id, "
      "over, "
      "regexp_replace(regexp_replace(data::text, " +
      number(from) + ", (over - 2592000)::text, 'g'), " + number(until) +
      ", over::text, 'g')::jsonb AS data FROM stripe_sandbox.objects, t WHERE type IN "
      "('subscription', 'invoice', 'invoiceitem')) UPDATE stripe_sandbox.objects o SET "
      "due = CASE WHEN type = 'subscription' THEN over ELSE due END, data = CASE WHEN type = "
      "'subscription' THEN jsonb_set(jsonb_set(moved.data, '{billing_cycle_anchor}', "
      "to_jsonb(over)), '{_due}', to_jsonb(over)) ELSE moved.data END::json FROM moved WHERE "
      "moved.id = o.id");
  REQUIRE(eventually([&] {
    auto const now = at_stripe(app);
    return now["latest_invoice"] != invoice || now["status"] == "canceled";
  }));
}
void collect_newest(App& app) {
  auto const invoice = at_stripe(app)["latest_invoice"];
  auto const finalized = post(app, "/v1/invoices/" + invoice + "/finalize");
  REQUIRE(finalized.status == 200);
  if (finalized["status"] != "paid")
    REQUIRE(post(app, "/v1/invoices/" + invoice + "/pay").status == 200);
  app.settle();
}

Reply remove(App& app, std::string const& more) {
  auto reply = app.as(Role::admin)
                   .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme" + more, "", {});
  app.settle();
  return reply;
}
std::int64_t given_back(App const& app) {
  return std::stoll(
      app.value("SELECT coalesce(sum(amount), 0) FROM billing_refunds WHERE status = 'succeeded'"));
}
std::int64_t charged(App const& app) {
  std::int64_t sum = 0;
  auto const charges = app.stripe("GET", "/v1/charges");
  for (auto const& charge : charges.json.at("data").as_array())
    if (Reply::text(charge, "status") == "succeeded")
      sum += std::stoll(Reply::text(charge, "amount"));
  return sum;
}
void choose(App& app, std::string const& plan) {
  auto const admin = app.as(Role::admin);
  auto const version = admin.get("/api/tenants/ten_1").header("etag");
  auto const amount = app.value(
      "SELECT unit_amount FROM plan_prices WHERE plan_id = '" + plan +
      "' AND currency = 'eur' AND interval::text = (SELECT p.interval FROM subscription_items "
      "AS i JOIN stripe_prices AS p ON p.id = i.price_id ORDER BY i.stripe_item_id LIMIT 1)");
  REQUIRE(admin
              .send("PATCH", "/api/tenants/ten_1",
                    boost::json::serialize(
                        boost::json::object{{"plan", plan}, {"amount", std::stoll(amount)}}),
                    {"Content-Type: application/json", "If-Match: " + version})
              .status == 200);
  app.settle();
}
/// From 49 to 149, to within seconds.
bool names_the_difference(std::string const& text) {
  return text.find("€100.00") != std::string::npos || text.find("€99.9") != std::string::npos;
}
/// Of 14900 for a month, a few seconds are used up.
bool is_nearly(std::int64_t amount, std::int64_t whole) {
  return amount > whole - 20 && amount <= whole;
}
}  // namespace

TEST_CASE("what goes back is of the time that remains, however much else its invoice asked for") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  move_at_stripe(app, "14900");
  end_period(app);
  collect_newest(app);
  REQUIRE(charged(app) > 4900 + 24800);
  CHECK(remove(app, "&ends=now&refund=unused").status == 200);
  CHECK(is_nearly(given_back(app), 14900));
  CHECK(app.value("SELECT given_back FROM billing_endings") ==
        app.value("SELECT sum(amount) FROM billing_refunds"));
}

TEST_CASE("what was sold once is not given back with the time") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  auto const now = std::time(nullptr);
  REQUIRE(post(app, "/v1/invoiceitems",
               {{"customer", app.value("SELECT stripe_customer_id FROM customers")},
                {"amount", "5000"},
                {"currency", "eur"},
                {"description", "Setting up"},
                {"subscription", subscription(app)},
                {"period[start]", std::to_string(now)},
                {"period[end]", std::to_string(now + 90 * 86'400)}})
              .status == 200);
  end_period(app);
  collect_newest(app);
  REQUIRE(charged(app) == 4900 + 9900);
  remove(app, "&ends=now&refund=unused");
  CHECK(is_nearly(given_back(app), 4900));
}

TEST_CASE("not more goes back than was paid and is not back already") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  auto const charge = app.stripe("GET", "/v1/charges")["data.0.id"];
  REQUIRE(post(app, "/v1/refunds", {{"charge", charge}, {"amount", "4000"}}).status == 200);
  app.settle();
  remove(app, "&ends=now&refund=unused");
  CHECK(given_back(app) == 4900);
  CHECK(app.value("SELECT given_back FROM billing_endings") == "900");
}

TEST_CASE("what a plan change has left to be charged is dropped when the tenant ends") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  move_at_stripe(app, "14900");
  REQUIRE(count_pending(app) == 2);
  SUBCASE("with its period") {
    remove(app, "");
    CHECK(count_pending(app) == 0);
    end_period(app);
    app.settle();
    CHECK(at_stripe(app)["status"] == "canceled");
  }
  SUBCASE("now, with the rest given back: that of what was paid") {
    remove(app, "&ends=now&refund=unused");
    CHECK(is_nearly(given_back(app), 4900));
  }
  SUBCASE("though Stripe failed in between") {
    http_client::Form fault;
    fault.add("count", 1).add("status", 500).add("path_prefix", "/v1/invoiceitems/ii_");
    fault.add("when", "after");
    REQUIRE(app.stripe("POST", "/v1/test_helpers/faults", fault).status == 200);
    remove(app, "&ends=now");
    app.hurry("tenants.end_billing");
    app.settle();
  }
  CHECK(count_pending(app) == 0);
  CHECK(charged(app) == 4900);
  auto const note =
      app.rows("SELECT data->>'amount' FROM activity WHERE kind = 'prorations_dropped'");
  REQUIRE(note.size() == 1);
  CHECK(is_nearly(std::stoll(note[0]), 10000));
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'billing.prorations_dropped' "
                  "AND target = 'ten_1'") == "1");
}

TEST_CASE("what was dropped stays dropped when the end is taken back, and its owner reads so") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  move_at_stripe(app, "14900");
  remove(app, "");
  REQUIRE(count_pending(app) == 0);
  CHECK(app.as(Role::admin).post("/api/tenants/ten_1/restore", boost::json::object{}).status ==
        200);
  app.settle();
  CHECK(at_stripe(app)["cancel_at_period_end"] == "false");
  CHECK(at_stripe(app)["items.data.0.price.unit_amount"] == "14900");
  CHECK(charged(app) == 4900);
  CHECK(
      names_the_difference(app.value("SELECT body FROM mails WHERE template = 'tenant_goes_on'")));
}

TEST_CASE("a credit of a plan change is not lost by the end") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app, {{"plan", "business"}});
  choose(app, "team");
  REQUIRE(count_pending(app) == 2);
  SUBCASE("with its period: it stays the customer's at Stripe") {
    remove(app, "");
    end_period(app);
    app.settle();
    auto const customer = app.value("SELECT stripe_customer_id FROM customers");
    CHECK(is_nearly(-std::stoll(app.stripe("GET", "/v1/customers/" + customer)["balance"]), 10000));
  }
  SUBCASE("now: it is given back with the rest") {
    remove(app, "&ends=now&refund=unused");
    CHECK(is_nearly(given_back(app), 14900));
    CHECK(count_pending(app) == 0);
  }
  CHECK(charged(app) == 14900);
}

TEST_CASE("a dearer plan is paid for at once, a cheaper one is credited on the next invoice") {
  for (bool const yearly : {false, true}) {
    CAPTURE(yearly);
    std::int64_t const team = yearly ? 49000 : 4900, business = yearly ? 149000 : 14900;
    auto app = App::fresh({.sandbox = true, .front_door = true});
    live(app, {{"interval", yearly ? "year" : "month"}});
    auto const up = app.as(Role::admin).get("/api/tenants/ten_1/plan-change?plan=business");
    CHECK(is_nearly(std::stoll(up["due_now"]), business - team));
    CHECK(std::stoll(up["next_amount"]) == business);
    choose(app, "business");
    CHECK(is_nearly(charged(app) - team, business - team));
    CHECK(count_pending(app) == 0);
    CHECK(app.rows("SELECT status, amount_paid > 0 FROM billing_invoices ORDER BY id DESC LIMIT "
                   "1") == Rows{"paid|t"});

    auto const paid = charged(app);
    auto const down =
        app.as(Role::admin).get("/api/tenants/ten_1/plan-change?plan=team&moment=now");
    CHECK(down["due_now"] == "0");
    CHECK(is_nearly(std::stoll(down["credit"]), business));
    choose(app, "team");
    CHECK(charged(app) == paid);
    CHECK(count_pending(app) == 2);
  }
}

TEST_CASE("the rest of a plan that was paid for at once goes back whole") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  choose(app, "business");
  remove(app, "&ends=now&refund=unused");
  CHECK(is_nearly(given_back(app), 14900));
  CHECK(app.value("SELECT given_back FROM billing_endings") ==
        app.value("SELECT sum(amount) FROM billing_refunds"));
}

TEST_CASE("a declined card does not undo the plan: the subscription is past due") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  auto const customer = app.value("SELECT stripe_customer_id FROM customers");
  auto const card =
      post(app, "/v1/payment_methods/pm_card_chargeCustomerFail/attach", {{"customer", customer}});
  REQUIRE(
      post(app, "/v1/subscriptions/" + subscription(app), {{"default_payment_method", card["id"]}})
          .status == 200);
  choose(app, "business");
  CHECK(app.jobs("tenants.plan_changed") == Rows{"done"});
  CHECK(app.value("SELECT plan_id FROM tenants") == "business");
  CHECK(app.rows("SELECT status, mrr FROM subscriptions") == Rows{"past_due|14900"});
  CHECK(charged(app) == 4900);
  CHECK(
      app.value("SELECT count(*) FROM billing_invoices WHERE status = 'open' AND amount > 9900") ==
      "1");
}

TEST_CASE("a plan that has got another name within a day can be sold all the same") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  REQUIRE(app.as(Role::admin).get("/api/tenants/ten_1/plan-change?plan=business").status == 200);
  app.run("UPDATE plans SET name = 'Business XL' WHERE id = 'business'");
  CHECK(app.as(Role::admin).get("/api/tenants/ten_1/plan-change?plan=business").status == 200);
}
