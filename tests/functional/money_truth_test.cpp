// What is told about money is what Stripe knows, in whatever order it was learnt.
#include <doctest/doctest.h>

#include "billing/comparison.hpp"
#include "billing/events.hpp"
#include "platform/db/session_lock.hpp"
#include "support/app.hpp"
#include "tenants/jobs.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

void settle(App& app) {
  app.deliver_news();
  app.work();
}

std::string customer(App const& app) {
  return app.value("SELECT stripe_customer_id FROM customers ORDER BY id LIMIT 1");
}

std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}

std::string failed(App const& app) {
  return app.value(
      "SELECT coalesce(sum(amount), 0) FROM rollup_deltas WHERE metric = 'failed_payments'");
}

Reply post(App const& app, std::string const& path,
           std::vector<std::pair<std::string, std::string>> const& fields) {
  http_client::Form form;
  for (auto const& [name, value] : fields) form.add(name, value);
  auto reply = app.stripe("POST", path, form);
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  return reply;
}

std::string revenue(App const& app) {
  return app.value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'revenue'");
}
/// What the page of invoices says of this month, and the dashboard.
std::string collected(App& app) {
  return app.as(Role::finance).get("/api/billing/summary")["collected.0.amount"] + " " +
         app.as(Role::auditor).get("/api/dashboard/metrics")["revenue.0.amount"];
}

std::string state_of(App const& app, std::string const& event) {
  return app.value("SELECT state FROM stripe_events WHERE id = '" + event + "'");
}
}  // namespace

TEST_CASE("a bank debit that is under way is no failed payment; one that came back is") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.pay_by_debit(signup["checkout_url"]);
  settle(app);
  CHECK(app.rows("SELECT status, attempt_count, counted_failed FROM billing_invoices") ==
        Rows{"open|1|0"});
  CHECK(failed(app) == "0");

  app.finish_debit(app.value("SELECT stripe_session_id FROM signups"), "failed");
  settle(app);
  CHECK(app.rows("SELECT status, counted_failed FROM billing_invoices") == Rows{"open|4900"});
  CHECK(failed(app) == "1");
}

TEST_CASE("a dispute lowers what was collected when it is lost, and only while it is") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  settle(app);
  auto const charge = app.stripe("GET", "/v1/charges?customer=" + customer(app))["data.0.id"];
  post(app, "/v1/test_helpers/charges/" + charge + "/dispute", {{"amount", "1000"}});
  auto const dispute = app.stripe("GET", "/v1/disputes")["data.0.id"];
  settle(app);
  CHECK(collected(app) == "4900 4900");

  post(app, "/v1/disputes/" + dispute + "/close", {});
  SUBCASE("on the date of the loss") {
    settle(app);
    CHECK(collected(app) == "3900 3900");
    CHECK(app.value("SELECT lost_at FROM billing_disputes") ==
          app.value("SELECT at FROM book_entries WHERE kind = 'dispute_lost' AND book = 'cash'"));
  }
  SUBCASE("which may be another day than today") {
    app.run(
        "UPDATE stripe_sandbox.objects SET data = jsonb_set(data::jsonb, '{created}', "
        "to_jsonb((data->>'created')::bigint - 40 * 86400))::json WHERE type = 'event' AND "
        "data->>'type' IN ('charge.dispute.updated', 'charge.dispute.closed')");
    settle(app);
    CHECK(collected(app) == "4900 4900");
    CHECK(app.value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'revenue' AND day = "
                    "(now() AT TIME ZONE 'UTC')::date - 40") == "-1000");
  }
  CHECK(revenue(app) == "3900");
  // Told again, it is not lost again.
  auto const replayed = [&] {
    db::Connection connection{app.database.url()};
    for (auto const& event :
         app.rows("SELECT id FROM stripe_events WHERE type = 'charge.dispute.closed'"))
      db::transact(connection, [&](db::Tx& tx) { return billing::replay(tx, event); });
    settle(app);
    return revenue(app);
  };
  CHECK(replayed() == "3900");
  // A bank may decide otherwise.
  app.run(
      "UPDATE stripe_sandbox.objects SET data = jsonb_set(data::jsonb, '{status}', '\"won\"')"
      "::json WHERE type = 'dispute'");
  CHECK(replayed() == "4900");
  CHECK(app.rows("SELECT counted, lost_at FROM billing_disputes") == Rows{"0|"});
  CHECK(app.value("SELECT coalesce(sum(amount), 0) FROM rollup_deltas WHERE metric = 'revenue' "
                  "AND day < (now() AT TIME ZONE 'UTC')::date") == "0");
}

TEST_CASE("a dispute that was lost before its invoice was known counts with the invoice") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const charge = app.stripe("GET", "/v1/charges?customer=" + customer(app))["data.0.id"];
  post(app, "/v1/test_helpers/charges/" + charge + "/dispute", {{"amount", "1000"}});
  post(app, "/v1/disputes/" + app.stripe("GET", "/v1/disputes")["data.0.id"] + "/close", {});
  settle(app);
  REQUIRE(revenue(app) == "3900");
  // As it was when a payment intent had not been attached to its invoice yet.
  app.run(
      "UPDATE stripe_objects SET belongs_to = NULL WHERE kind IN ('charge', 'dispute'); "
      "UPDATE billing_attempts SET stripe_invoice_id = NULL; "
      "UPDATE billing_disputes SET stripe_invoice_id = NULL, counted = 0; "
      "INSERT INTO rollup_deltas (metric, currency, day, amount) VALUES ('revenue', 'eur', now(), "
      "1000)");
  REQUIRE(revenue(app) == "4900");
  db::Connection connection{app.database.url()};
  auto const event = app.value("SELECT id FROM stripe_events WHERE type = 'invoice.paid'");
  db::transact(connection, [&](db::Tx& tx) { return billing::replay(tx, event); });
  app.work();
  CHECK(revenue(app) == "3900");
  CHECK(app.value("SELECT counted FROM billing_disputes") == "1000");
}

TEST_CASE("the default payment method is the one that Stripe would charge") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto defaults = [&] {
    settle(app);
    return app.rows("SELECT stripe_pm_id FROM payment_methods WHERE \"default\"");
  };
  auto const first = defaults();
  REQUIRE(first.size() == 1);
  auto const second = post(app, "/v1/payment_methods/pm_card_mastercard/attach",
                           {{"customer", customer(app)}})["id"];
  CHECK(defaults() == first);
  auto const of_customer = "/v1/customers/" + customer(app);
  auto const of_subscription = "/v1/subscriptions/" + subscription(app);
  // The subscription's own method comes first.
  post(app, of_customer, {{"invoice_settings[default_payment_method]", second}});
  CHECK(defaults() == first);
  post(app, of_subscription, {{"default_payment_method", ""}});
  CHECK(defaults() == Rows{second});
  post(app, of_customer, {{"invoice_settings[default_payment_method]", first.front()}});
  CHECK(defaults() == first);
  post(app, of_subscription, {{"default_payment_method", second}});
  CHECK(defaults() == Rows{second});
  post(app, "/v1/payment_methods/" + second + "/detach", {});
  CHECK(defaults() == first);
  post(app, of_customer, {{"invoice_settings[default_payment_method]", ""}});
  CHECK(defaults() == Rows{});
}

TEST_CASE("an event of another mode or account is kept, told to staff and not applied") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const id = subscription(app);
  auto const ended = app.stripe("DELETE", "/v1/subscriptions/" + id);
  REQUIRE(ended.status == 200);
  int number = 0;
  auto tell = [&](std::string const& more) {
    auto const event = "evt_" + std::to_string(++number);
    auto const body = R"({"id":")" + event + R"(","type":"customer.subscription.deleted",)" + more +
                      R"("created":1795000000,"data":{"object":)" + ended.body + "}}";
    CHECK(app.deliver({event, "", body}).status == 200);
    app.work();
    return state_of(app, event);
  };
  CHECK(tell(R"("livemode":true,)") == "foreign");
  CHECK(tell(R"("livemode":false,"account":"acct_of_somebody",)") == "foreign");
  CHECK(app.value("SELECT status FROM subscriptions") == "active");
  auto const metrics = app.as(Role::auditor).get("/api/dashboard/metrics");
  CHECK(metrics["attention.0.kind"] == "events_foreign");
  CHECK(metrics["attention.0.count"] == "2");

  CHECK(tell(R"("livemode":false,"account":"acct_sandbox",)") == "applied");
  CHECK(app.value("SELECT status FROM subscriptions") == "canceled");
  // With a live key it is the other way round.
  app.settings.stripe_secret_key = "sk_live_x";
  CHECK(tell(R"("livemode":false,)") == "foreign");
}

TEST_CASE("Stripe's word about a subscription is asked for and written in one turn") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const id = app.value("SELECT stripe_subscription_id FROM subscriptions");
  SUBCASE("by the nightly comparison") { app.enqueue(billing::Compare{}); }
  SUBCASE("by a change of the plan") {
    app.run("UPDATE tenants SET plan_id = 'business'");
    app.enqueue(tenants::PlanChanged{1});
  }
  SUBCASE("by the end of a tenant") {
    CHECK(app.as(Role::admin)
              .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme", "", {})
              .status == 200);
  }
  std::thread working;
  {
    // An event of this subscription is being worked off.
    db::Connection connection{app.database.url()};
    db::SessionLock const turn{connection, "stripe:" + id};
    working = std::thread{[&] { app.work(); }};
    CHECK(eventually([&] {
      return app.value(
                 "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") ==
             "1";
    }));
    // What is newer than anything that was asked for before the turn.
    http_client::Form form;
    form.add("metadata[tenant_id]", "ten_1")
        .add("trial_end", clock_source::unix_seconds(clock_source::now()) + 86'400)
        .add("proration_behavior", "none");
    CHECK(app.stripe("POST", "/v1/subscriptions/" + id, form).status == 200);
  }
  working.join();
  CHECK(app.value("SELECT status FROM subscriptions") == "trialing");
}

TEST_CASE("a draft that was deleted disappears") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  post(app, "/v1/invoiceitems",
       {{"customer", customer(app)}, {"currency", "eur"}, {"amount", "500"}});
  auto const draft =
      post(app, "/v1/invoices",
           {{"customer", customer(app)}, {"pending_invoice_items_behavior", "include"}})["id"];
  settle(app);
  REQUIRE(app.value("SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" + draft +
                    "'") == "draft");
  REQUIRE(app.stripe("DELETE", "/v1/invoices/" + draft).status == 200);
  settle(app);
  CHECK(app.value("SELECT count(*) FROM billing_invoices") == "1");
  CHECK(app.value("SELECT state FROM stripe_events WHERE type = 'invoice.deleted'") == "applied");
}

TEST_CASE("an invoice that came before its subscription finds it later") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"]);
  for (auto const& event : app.events())
    if (event.type.starts_with("invoice.")) app.deliver(event);
  app.work();
  REQUIRE(app.rows("SELECT status, subscription_id IS NULL FROM billing_invoices") ==
          Rows{"paid|t"});
  settle(app);
  CHECK(app.value("SELECT subscription_id FROM billing_invoices") ==
        app.value("SELECT id FROM subscriptions"));
}

TEST_CASE("events that came before their customer was linked find it later") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"]);
  auto const events = app.events();
  auto const stripe_customer = app.value("SELECT stripe_customer_id FROM customers");
  app.run("UPDATE customers SET stripe_customer_id = NULL");
  for (auto const& event : events)
    if (!event.type.starts_with("checkout.")) app.deliver(event);
  app.work();
  CHECK(app.value("SELECT count(*) FROM billing_invoices") == "0");
  CHECK(app.value("SELECT count(*) FROM stripe_events WHERE state = 'unlinked'") != "0");
  // The sign-up, cut off between Stripe's answer and its own row, goes on.
  db::Connection connection{app.database.url()};
  db::transact(connection, [&](db::Tx& tx) {
    customers::link_to_stripe(tx, customers::CustomerId{1}, stripe_customer);
  });
  settle(app);
  CHECK(app.value("SELECT count(*) FROM stripe_events WHERE state = 'unlinked'") == "0");
  CHECK(app.rows("SELECT status, subscription_id IS NOT NULL FROM billing_invoices") ==
        Rows{"paid|t"});
  CHECK(app.value("SELECT count(*) FROM payment_methods WHERE \"default\"") == "1");
  CHECK(app.mrr() == "4900");
}

TEST_CASE("decimal prices are recurring revenue, metered ones are not") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const product = post(app, "/v1/products", {{"name", "Messages"}})["id"];
  auto price = [&](std::vector<std::pair<std::string, std::string>> fields) {
    fields.insert(fields.end(),
                  {{"currency", "eur"}, {"product", product}, {"recurring[interval]", "month"}});
    return post(app, "/v1/prices", fields)["id"];
  };
  auto const decimal = price({{"unit_amount_decimal", "0.25"}});
  auto const metered = price({{"unit_amount", "100"},
                              {"recurring[usage_type]", "metered"},
                              {"recurring[meter]", "mtr_messages"}});
  post(app, "/v1/subscriptions",
       {{"customer", customer(app)},
        {"items[0][price]", decimal},
        {"items[0][quantity]", "1001"},
        {"items[1][price]", metered},
        {"collection_method", "send_invoice"},
        {"days_until_due", "30"}});
  settle(app);
  CHECK(app.rows("SELECT mrr FROM subscriptions ORDER BY id") == Rows{"4900", "250"});
  CHECK(app.value("SELECT amount FROM billing_invoices ORDER BY id DESC LIMIT 1") == "250");
  CHECK(app.mrr() == "5150");
}
