// What Stripe may expect of POST /webhook/stripe, and what nobody else may.
#include <doctest/doctest.h>

#include <future>
#include <random>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::stripe_signature;
using Rows = std::vector<std::string>;

namespace {
constexpr auto secret = "whsec_functional_tests";
std::int64_t now() { return clock_source::unix_seconds(clock_source::now()); }

/// An event about something that Stripe does not know: stored, then ignored.
std::string event(std::string const& id, std::string const& type = "invoice.paid") {
  return R"({"id":")" + id + R"(","object":"event","type":")" + type +
         R"(","created":1795000000,"data":{"object":{"id":"in_unknown"}}})";
}

support::Reply post(App const& app, std::string const& body, support::Headers headers) {
  return app.visitor().send("POST", "/webhook/stripe", body, std::move(headers));
}
}  // namespace

TEST_CASE("a webhook that is not from Stripe is refused and leaves nothing behind") {
  auto app = App::fresh();
  auto const body = event("evt_1");
  auto const good = stripe_signature(secret, body, now());
  std::vector<std::string> const forged{
      stripe_signature("whsec_other", body, now()),
      stripe_signature("", body, now()),
      stripe_signature(secret, body + " ", now()),
      stripe_signature(secret, body, now() - 301),
      stripe_signature(secret, body, now() + 310),
      "Stripe-Signature: t=" + std::to_string(now()),
      "Stripe-Signature: v1=" + good.substr(good.find("v1=") + 3),
      "Stripe-Signature: t=abc,v1=" + good.substr(good.find("v1=") + 3),
      "Stripe-Signature: t=" + std::to_string(now()) + ",v0=" + good.substr(good.find("v1=") + 3),
      "Stripe-Signature: nonsense",
      "X-Nothing: 1",
  };
  for (auto const& header : forged) {
    CAPTURE(header);
    auto const reply = post(app, body, {header});
    CHECK(reply.status == 400);
    CHECK(reply["code"] == "invalid_signature");
  }
  CHECK(app.value("SELECT count(*) FROM stripe_events") == "0");
  CHECK(app.value("SELECT count(*) FROM jobs") == "0");
}

TEST_CASE("a signed event is stored once, with one job") {
  auto app = App::fresh();
  auto const body = event("evt_1");
  auto const first = post(app, body, {stripe_signature(secret, body, now())});
  CHECK(first.status == 200);
  CHECK(first["received"] == "true");
  CHECK(app.rows("SELECT id, type, object_id, state, payload FROM stripe_events") ==
        Rows{"evt_1|invoice.paid|in_unknown|received|" + body});
  CHECK(app.jobs("billing.apply_stripe_event") == Rows{"waiting"});

  CHECK(post(app, body, {stripe_signature(secret, body, now())}).status == 200);
  CHECK(app.value("SELECT count(*) FROM stripe_events") == "1");
  CHECK(app.jobs("billing.apply_stripe_event") == Rows{"waiting"});
}

TEST_CASE("both secrets are good while one is rolled") {
  auto app = App::fresh(
      {.settings = [](auto& settings) { settings.stripe_webhook_secret = "whsec_new,whsec_old"; }});
  for (auto const* key : {"whsec_new", "whsec_old"}) {
    auto const body = event(std::string{"evt_"} + key);
    CHECK(post(app, body, {stripe_signature(key, body, now())}).status == 200);
  }
  auto const body = event("evt_whole");
  CHECK(post(app, body, {stripe_signature("whsec_new,whsec_old", body, now())}).status == 400);
  CHECK(app.value("SELECT count(*) FROM stripe_events") == "2");
}

TEST_CASE("a signed body that is no event is refused") {
  auto app = App::fresh();
  for (std::string const body :
       {"", "nonsense", "[]", "{}", "{\"id\":\"evt_1\"}", "\"evt_1\"",
        "{\"id\":1,\"type\":\"invoice.paid\"}", "{\"id\":\"\\u0000\",\"type\":\"a\"}"}) {
    CAPTURE(body);
    auto const status = post(app, body, {stripe_signature(secret, body, now())}).status;
    CHECK(status == 400);
  }
  std::string const long_id = event("evt_" + std::string(300, 'x'));
  CHECK(post(app, long_id, {stripe_signature(secret, long_id, now())}).status == 400);
  std::string const huge = event("evt_huge") + std::string(1024 * 1024, ' ');
  CHECK(post(app, huge, {stripe_signature(secret, huge, now())}).status == 413);
  CHECK(app.value("SELECT count(*) FROM stripe_events") == "0");
}

TEST_CASE("events that mean nothing to us are kept and ignored") {
  auto app = App::fresh({.sandbox = true});
  for (auto const& body :
       {event("evt_1", "radar.early_fraud_warning.created"), event("evt_2", "invoice.paid"),
        event("evt_3", "customer.subscription.updated"),
        std::string{R"({"id":"evt_4","type":"ping"})"}})
    CHECK(post(app, body, {stripe_signature(secret, body, now())}).status == 200);
  app.work();
  CHECK(app.rows("SELECT DISTINCT state FROM stripe_events") == Rows{"ignored"});
  CHECK(app.jobs("billing.apply_stripe_event") == Rows{"done", "done", "done", "done"});
}

TEST_CASE("the same event fifty times at once is one row, one job, one tenant") {
  auto app = App::fresh({.sandbox = true, .jobs = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"]);
  auto const events = app.events();
  auto const& completed = events.back();
  REQUIRE(completed.type == "checkout.session.completed");

  std::vector<std::future<int>> sent;
  for (int sender = 0; sender < 10; ++sender)
    sent.push_back(std::async(std::launch::async, [&] {
      int good = 0;
      for (int i = 0; i < 5; ++i) good += app.deliver(completed).status == 200;
      return good;
    }));
  int good = 0;
  for (auto& sender : sent) good += sender.get();
  CHECK(good == 50);
  // The sweep of every minute may bring the events that were not sent here: only this one is
  // counted.
  auto const event = "'" + completed.id + "'";
  CHECK(support::eventually([&] {
    return app.rows("SELECT state FROM stripe_events WHERE id = " + event) == Rows{"applied"};
  }));
  CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'billing.apply_stripe_event' AND "
                  "payload ->> 'event_id' = " +
                  event) == "1");
  CHECK(app.value("SELECT count(*) FROM tenants") == "1");
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "1");
  CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'tenants.reconcile'") == "1");
  CHECK(app.value("SELECT count(*) FROM subscriptions") == "1");
}

namespace {
/// What must not depend on the order in which events arrive.
Rows outcome(App const& app) {
  Rows out = app.rows(
      "SELECT t.subdomain, t.state, s.payment FROM tenants t JOIN signups s ON "
      "s.tenant_id = t.id ORDER BY t.id");
  for (auto const* sql :
       {"SELECT customer_id, tenant_id, status, currency, mrr FROM subscriptions ORDER BY 1",
        "SELECT customer_id, amount, amount_paid, currency, status, subscription_id IS NOT NULL "
        "FROM billing_invoices ORDER BY 1",
        "SELECT customer_id, type, brand, last4, \"default\" FROM payment_methods ORDER BY 1",
        "SELECT subscription_id, policy, at, currency, sum(delta) FROM mrr_steps GROUP BY 1, 2, 3, "
        "4 "
        "HAVING sum(delta) <> 0 ORDER BY 1, 2, 3",
        "SELECT customer_id, policy, day, kind, mrr_before, mrr_after FROM mrr_movements WHERE "
        "upper_inf(believed) ORDER BY 1, 2, 3",
        "SELECT metric, currency, sum(amount) FROM rollup_deltas WHERE metric IN ('mrr', "
        "'revenue', "
        "'failed_payments', 'failed_amount', 'signups_paid') GROUP BY 1, 2 HAVING sum(amount) <> 0 "
        "ORDER BY 1",
        "SELECT kind, count(*) FROM activity WHERE kind <> 'state_changed' GROUP BY 1",
        "SELECT template, count(*) FROM mails GROUP BY 1 ORDER BY 1"})
    for (auto& row : app.rows(sql)) out.push_back(std::move(row));
  return out;
}
}  // namespace

TEST_CASE("events in any order, and twice, give the same rows") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"], "4000 0000 0000 0002");  // declined first
  app.pay(signup["checkout_url"]);
  auto events = app.events();
  REQUIRE(events.size() > 15);

  std::mt19937 generator{20261123};
  Rows expected;
  for (int round = 0; round < 6; ++round) {
    // Back to the moment before the payment was known.
    app.run(
        "SET session_replication_role = replica; TRUNCATE subscription_snapshots, discount_terms, "
        "mrr_steps, ledger_runs, stripe_events, subscriptions, billing_invoices, payment_methods, "
        "mrr_movements, rollup_deltas, rollups, rollup_months, rollup_totals, mails, mail_keys, "
        "jobs, "
        "activity CASCADE; UPDATE tenants SET state = 'awaiting_payment', queued_at = NULL; "
        "UPDATE signups SET payment = 'open', paid_at = NULL");
    if (round) std::shuffle(events.begin(), events.end(), generator);
    for (std::size_t i = 0; i < events.size(); ++i) {
      CHECK(app.deliver(events[i]).status == 200);
      if (round % 2) app.work();  // each alone, or all together at the end
      if (i % 5 == 0) CHECK(app.deliver(events[i]).status == 200);
    }
    app.work();
    CHECK(
        app.value("SELECT count(*) FROM stripe_events WHERE state NOT IN ('applied', 'ignored')") ==
        "0");
    CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'billing.apply_stripe_event' AND state "
                    "<> 'done'") == "0");
    CHECK(app.mrr() == app.value("SELECT sum(mrr) FROM subscriptions"));
    CHECK(app.value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'mrr'") ==
          app.value("SELECT sum(mrr) FROM subscriptions"));
    CHECK(app.value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'revenue'") ==
          app.value("SELECT sum(amount_paid) FROM billing_invoices"));
    if (round == 0) expected = outcome(app);
    CHECK(outcome(app) == expected);
  }
  CHECK(expected.front() == "acme|queued|paid");
}
