// Payments that failed: what staff see of them, and trying them again without charging twice.
#include <doctest/doctest.h>

#include <thread>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

constexpr auto failures = "/api/billing/payment-failures";

void decline(App const& app, std::string const& method, std::string const& code) {
  http_client::Form form;
  if (!code.empty()) form.add("decline_code", code);
  REQUIRE(
      app.stripe("POST", "/v1/test_helpers/payment_methods/" + method + "/decline", form).status ==
      200);
}
std::string attach(App const& app, std::string const& card) {
  auto const reply =
      app.at_stripe("/v1/payment_methods/pm_card_" + card + "/attach",
                    {{"customer", app.value("SELECT stripe_customer_id FROM customers")}});
  REQUIRE(reply.status == 200);
  return reply["id"];
}
std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}

/// A tenant whose second period could not be charged.
struct Failing {
  std::string method, stripe_invoice, invoice;
};
Failing fail_to_pay(App& app, std::string const& code = "insufficient_funds",
                    std::string const& after_retries = "past_due") {
  app.sign_up_and_pay(acme());
  Failing out;
  out.method = attach(app, "visa");
  auto const path = "/v1/subscriptions/" + subscription(app);
  REQUIRE(app.at_stripe(path, {{"default_payment_method", out.method},
                               {"metadata[sandbox_after_retries]", after_retries}})
              .status == 200);
  app.settle();
  decline(app, out.method, code);
  auto const billed =
      app.at_stripe(path, {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}});
  REQUIRE_MESSAGE(billed["status"] == "past_due", billed.body);
  out.stripe_invoice = billed["latest_invoice"];
  app.settle();
  out.invoice = "inv_" + app.value("SELECT id FROM billing_invoices WHERE stripe_invoice_id = '" +
                                   out.stripe_invoice + "'");
  return out;
}

Reply retry(App& app, std::string const& invoice, Headers headers = {}) {
  return app.as(Role::finance)
      .post("/api/billing/retry-payment", {{"invoice_id", invoice}}, std::move(headers));
}
/// The answers to requests of this path are lost after the work is done, or before it.
void lose(App const& app, std::string const& path, char const* when, char const* count = "50",
          char const* skip = "0") {
  REQUIRE(app.at_stripe("/v1/test_helpers/faults", {{"count", count},
                                                    {"skip", skip},
                                                    {"status", "500"},
                                                    {"path_prefix", path},
                                                    {"when", when}})
              .status == 200);
}
void find_again(App const& app) {
  REQUIRE(app.stripe("DELETE", "/v1/test_helpers/faults").status == 200);
}
std::string charged(App const& app, Failing const& failing) {
  http_client::Form query;
  query.add("limit", 100);
  auto const charges = app.stripe("GET", "/v1/charges", query);
  int count = 0;
  for (auto const& charge : charges.json.at("data").as_array())
    count += Reply::text(charge, "payment_method") == failing.method &&
             Reply::text(charge, "status") == "succeeded";
  return std::to_string(count);
}
Rows tries(App const& app) {
  return app.rows(
      "SELECT asked_by || ' ' || coalesce(outcome, 'being_checked') FROM billing_retries ORDER BY "
      "id");
}
}  // namespace

TEST_CASE("what could not be collected is listed, with why and what to do") {
  auto app = App::fresh({.sandbox = true});
  auto const failing = fail_to_pay(app);
  auto const finance = app.as(Role::finance);
  auto page = finance.get(failures);
  REQUIRE(page.json.at("data").as_array().size() == 1);
  CHECK(page["data.0.id"] == failing.invoice);
  CHECK(page["data.0.stripe_invoice_id"] == failing.stripe_invoice);
  CHECK(page["data.0.company"] == "Acme Ltd");
  CHECK(page["data.0.subdomain"] == "acme");
  CHECK(page["data.0.amount"] == "4900");
  CHECK(page["data.0.currency"] == "eur");
  CHECK(page["data.0.attempts"] == "1");
  CHECK(page["data.0.decline_code"] == "insufficient_funds");
  CHECK(page["data.0.advice"] == "wait");
  CHECK(page["data.0.status"] == "open");
  CHECK(page["data.0.next_attempt_at"] != "null");
  CHECK(page["data.0.is_being_checked"] == "false");

  SUBCASE("by code, customer, currency and a search") {
    auto const found = [&](std::string const& query) {
      return finance.get(failures + ("?" + query)).json.at("data").as_array().size();
    };
    CHECK(found("decline_code=insufficient_funds&advice=wait&currency=eur&status=open") == 1);
    CHECK(found("decline_code=lost_card") == 0);
    CHECK(found("decline_code=other") == 0);
    CHECK(found("customer_id=cus_1") == 1);
    CHECK(found("customer_id=cus_2") == 0);
    CHECK(found("q=acm") == 1);
    CHECK(found("q=" + failing.stripe_invoice) == 1);
    CHECK(found("q=nobody") == 0);
    CHECK(finance.get(failures + std::string{"?decline_code=nonsense"}).status == 422);
    auto const facets = finance.get(failures + std::string{"/facets"});
    std::int64_t counted = 0;
    for (auto const& facet : facets.json.at("data").as_array())
      if (Reply::text(facet, "filter") == "decline_code" &&
          Reply::text(facet, "value") == "insufficient_funds")
        counted += std::stoll(Reply::text(facet, "count"));
    CHECK(counted == 1);
  }
  SUBCASE("a refusal for good has no next attempt, whatever Stripe plans") {
    app.run("UPDATE billing_invoices SET decline_code = 'stolen_card'");
    page = finance.get(failures);
    CHECK(page["data.0.advice"] == "other_method");
    CHECK(page["data.0.next_attempt_at"] == "null");
  }
  SUBCASE("what passes by itself waits as long as somebody tries again") {
    app.run("UPDATE billing_invoices SET decline_code = 'processing_error'");
    CHECK(finance.get(failures)["data.0.advice"] == "wait");
    app.run("UPDATE billing_invoices SET next_payment_attempt = NULL");
    CHECK(finance.get(failures)["data.0.advice"] == "try_again");
  }
  SUBCASE("what was given up stays for thirty days") {
    REQUIRE(
        app.at_stripe("/v1/invoices/" + failing.stripe_invoice + "/mark_uncollectible").status ==
        200);
    app.settle();
    CHECK(finance.get(failures)["data.0.status"] == "uncollectible");
    app.run("UPDATE billing_invoices SET uncollectible_at = now() - interval '31 days'");
    CHECK(finance.get(failures).json.at("data").as_array().empty());
  }
  SUBCASE("what is paid is gone") {
    REQUIRE(app.at_stripe("/v1/invoices/" + failing.stripe_invoice + "/pay",
                          {{"payment_method", "pm_card_visa"}})
                .status == 200);
    app.settle();
    CHECK(finance.get(failures).json.at("data").as_array().empty());
  }
}

TEST_CASE("a payment that is tried again is charged at Stripe, and lifts the hold") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const failing = fail_to_pay(app, "insufficient_funds", "unpaid");
  CHECK(app.as(Role::auditor)
            .post("/api/billing/retry-payment", {{"invoice_id", failing.invoice}})
            .status == 403);
  CHECK(retry(app, "inv_999").status == 404);
  CHECK(retry(app, "nonsense").wrong_fields() == "/invoice_id");

  auto reply = retry(app, failing.invoice);
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  CHECK(reply["outcome"] == "declined");
  CHECK(reply["decline_code"] == "insufficient_funds");
  CHECK(reply["advice"] == "wait");
  // A second one of its own is not the answer to the first one again.
  decline(app, failing.method, "lost_card");
  CHECK(retry(app, failing.invoice)["decline_code"] == "lost_card");

  REQUIRE(app.at_stripe("/v1/test_helpers/invoices/" + failing.stripe_invoice + "/exhaust_retries")
              .status == 200);
  app.settle();
  REQUIRE(app.value("SELECT status FROM subscriptions") == "unpaid");
  REQUIRE(app.rows("SELECT reason FROM tenant_holds") == Rows{"billing"});
  app.run("INSERT INTO tenant_holds (tenant_id, reason, placed_by) VALUES (1, 'abuse', 'test')");
  decline(app, failing.method, "");
  reply = retry(app, failing.invoice, {"Idempotency-Key: once-and-no-more"});
  CHECK(reply["outcome"] == "paid");
  CHECK(reply.json.at("advice").is_null());
  // Our rows know it with the answer, whether events come or not.
  CHECK(app.value("SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" +
                  failing.stripe_invoice + "'") == "paid");
  CHECK(app.rows("SELECT reason FROM tenant_holds") == Rows{"abuse"});
  CHECK(app.as(Role::finance).get(failures).json.at("data").as_array().empty());
  CHECK(charged(app, failing) == "1");

  auto const again = retry(app, failing.invoice, {"Idempotency-Key: once-and-no-more"});
  CHECK(again["outcome"] == "paid");
  CHECK(again.header("idempotency-replayed") == "true");
  CHECK(retry(app, failing.invoice)["outcome"] == "already_paid");
  CHECK(tries(app) == Rows{"finance@example.com declined", "finance@example.com declined",
                           "finance@example.com paid"});
  CHECK(
      app.value("SELECT count(*) FROM audit_logs WHERE action = 'payment.retried' AND target = '" +
                failing.invoice + "'") == "4");
  // Nobody waits for the answers any more.
  app.hurry("billing.check_retry");
  app.settle();
  CHECK(charged(app, failing) == "1");
}

TEST_CASE("an answer that is lost is found out, and nobody is charged twice") {
  auto app = App::fresh({.sandbox = true});
  auto const failing = fail_to_pay(app);
  decline(app, failing.method, "");
  auto const pay = "/v1/invoices/" + failing.stripe_invoice + "/pay";

  SUBCASE("after the charge") {
    lose(app, pay, "after", "1");
    lose(app, pay, "before");  // nor does asking for the answer again help
    CHECK(retry(app, failing.invoice)["outcome"] == "being_checked");
    CHECK(charged(app, failing) == "1");
  }
  SUBCASE("at once: Stripe says again what it has done") {
    lose(app, pay, "after", "1");
    CHECK(retry(app, failing.invoice)["outcome"] == "paid");
    CHECK(charged(app, failing) == "1");
    return;
  }
  SUBCASE("before it came to Stripe") {
    lose(app, pay, "before");
    CHECK(retry(app, failing.invoice)["outcome"] == "being_checked");
    CHECK(charged(app, failing) == "0");
  }
  SUBCASE("when nobody may look after the charge") {
    lose(app, "/v1/invoices/" + failing.stripe_invoice, "before", "50", "2");
    CHECK(retry(app, failing.invoice)["outcome"] == "being_checked");
    CHECK(charged(app, failing) == "1");
  }
  CHECK(tries(app) == Rows{"finance@example.com being_checked"});
  CHECK(app.as(Role::finance).get(failures)["data.0.is_being_checked"] == "true");
  // Whoever asks now begins nothing new.
  CHECK(retry(app, failing.invoice)["outcome"] == "being_checked");
  find_again(app);
  app.hurry("billing.check_retry");
  app.work();
  CHECK(tries(app) == Rows{"finance@example.com paid"});
  CHECK(charged(app, failing) == "1");
  CHECK(app.value("SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" +
                  failing.stripe_invoice + "'") == "paid");
  app.settle();
  CHECK(charged(app, failing) == "1");
}

TEST_CASE("a payment that Stripe says nothing about for long is given up, and may be tried anew") {
  auto app = App::fresh({.sandbox = true});
  auto const failing = fail_to_pay(app);
  decline(app, failing.method, "");
  lose(app, "/v1/invoices/" + failing.stripe_invoice + "/pay", "before");
  CHECK(retry(app, failing.invoice)["outcome"] == "being_checked");
  for (int attempt = 0; attempt < 10; ++attempt) {
    app.hurry("billing.check_retry");
    app.work();
  }
  CHECK(tries(app) == Rows{"finance@example.com unknown"});
  find_again(app);
  CHECK(retry(app, failing.invoice)["outcome"] == "paid");
  CHECK(charged(app, failing) == "1");
}

TEST_CASE("two who try at once charge once") {
  auto app = App::fresh({.sandbox = true});
  auto const failing = fail_to_pay(app);
  decline(app, failing.method, "");
  auto const finance = app.as(Role::finance), owner = app.as(Role::owner);
  Rows outcomes(2);
  {
    std::vector<std::jthread> both;
    for (int i = 0; i < 2; ++i)
      both.emplace_back([&, i] {
        outcomes[std::size_t(i)] =
            (i == 0 ? finance : owner)
                .post("/api/billing/retry-payment", {{"invoice_id", failing.invoice}})["outcome"];
      });
  }
  CHECK(std::ranges::count(outcomes, "paid") == 1);
  CHECK(std::ranges::all_of(outcomes, [](auto const& outcome) {
    return outcome == "paid" || outcome == "being_checked" || outcome == "already_paid";
  }));
  CHECK(charged(app, failing) == "1");
}

TEST_CASE("what Stripe or somebody else has done meanwhile is an answer") {
  auto app = App::fresh({.sandbox = true});
  auto const failing = fail_to_pay(app);
  auto const path = "/v1/invoices/" + failing.stripe_invoice;
  SUBCASE("Stripe has tried again, and it is paid") {
    decline(app, failing.method, "");
    REQUIRE(app.at_stripe("/v1/test_helpers" + path.substr(3) + "/exhaust_retries").status == 200);
    CHECK(retry(app, failing.invoice)["outcome"] == "already_paid");
    CHECK(charged(app, failing) == "1");
  }
  SUBCASE("it was made void") {
    REQUIRE(app.at_stripe(path + "/void").status == 200);
    CHECK(retry(app, failing.invoice)["outcome"] == "void");
    CHECK(retry(app, failing.invoice)["outcome"] == "void");
    CHECK(tries(app) == Rows{"finance@example.com void"});
  }
  SUBCASE("the customer has to confirm it") {
    auto const card = attach(app, "authenticationRequired");
    REQUIRE(
        app.at_stripe("/v1/subscriptions/" + subscription(app), {{"default_payment_method", card}})
            .status == 200);
    auto const reply = retry(app, failing.invoice);
    CHECK(reply["outcome"] == "needs_customer");
    CHECK(reply["advice"] == "confirm");
  }
  SUBCASE("there is nothing to charge") {
    http_client::Form query;
    query.add("customer", app.value("SELECT stripe_customer_id FROM customers"));
    auto const methods = app.stripe("GET", "/v1/payment_methods", query);
    for (auto const& method : methods.json.at("data").as_array())
      REQUIRE(
          app.at_stripe("/v1/payment_methods/" + Reply::text(method, "id") + "/detach").status ==
          200);
    CHECK(retry(app, failing.invoice)["outcome"] == "no_method");
  }
}

TEST_CASE("large payments ask again who one is, and small ones do not") {
  auto app = App::fresh({.sandbox = true});
  auto const failing = fail_to_pay(app);
  (void)app.as(Role::finance);
  app.run("UPDATE sessions SET confirmed_at = now() - interval '1 hour'");
  auto const set = [&](int units) {
    app.run(
        "INSERT INTO settings_groups (name, version, content) VALUES ('payments', 1, "
        "'{\"confirm_from\":" +
        std::to_string(units) + "}') ON CONFLICT (name) DO UPDATE SET content = excluded.content");
  };
  set(49);
  auto const reply = retry(app, failing.invoice);
  CHECK(reply.status == 403);
  CHECK(reply["code"] == "step_up_required");
  CHECK(tries(app).empty());
  set(50);
  CHECK(retry(app, failing.invoice)["outcome"] == "declined");
  // Yen have no cents: 4900 of them are more than 50.
  app.run("UPDATE billing_invoices SET currency = 'jpy'");
  CHECK(retry(app, failing.invoice)["code"] == "step_up_required");
}

TEST_CASE("a card that becomes the default pays what is open, once for each invoice and card") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const failing = fail_to_pay(app, "lost_card", "unpaid");
  // A second one, of the customer alone.
  auto const customer = app.value("SELECT stripe_customer_id FROM customers");
  REQUIRE(app.at_stripe("/v1/invoiceitems",
                        {{"customer", customer}, {"currency", "eur"}, {"amount", "1900"}})
              .status == 200);
  auto const other = app.at_stripe("/v1/invoices", {{"customer", customer},
                                                    {"default_payment_method", failing.method},
                                                    {"auto_advance", "true"},
                                                    {"pending_invoice_items_behavior", "include"}});
  REQUIRE(app.at_stripe("/v1/invoices/" + other["id"] + "/finalize").status == 200);
  app.settle();
  REQUIRE(app.value("SELECT count(*) FROM billing_invoices WHERE counted_failed > 0") == "2");
  CHECK(tries(app).empty());

  auto const use = [&](std::string const& card) {
    REQUIRE(
        app.at_stripe("/v1/subscriptions/" + subscription(app), {{"default_payment_method", card}})
            .status == 200);
    app.settle();
  };
  auto const declined = attach(app, "chargeCustomerFail");
  use(declined);
  // Stripe has tried the subscription's by itself; the other one is tried by us.
  CHECK(tries(app) == Rows{"billing declined"});
  CHECK(app.value("SELECT count(DISTINCT stripe_invoice_id) FROM billing_attempts WHERE "
                  "stripe_pm_id = '" +
                  declined + "' AND outcome = 'failed'") == "2");
  // Set back and forth, it is not tried again.
  use(failing.method);
  use(declined);
  CHECK(tries(app).size() == 1);

  auto const good = attach(app, "mastercard");
  use(good);
  CHECK(app.rows("SELECT status FROM billing_invoices WHERE status <> 'paid'").empty());
  CHECK(tries(app) == Rows{"billing declined", "billing paid"});
  CHECK(app.rows("SELECT count(*), count(DISTINCT stripe_invoice_id) FROM billing_attempts WHERE "
                 "stripe_pm_id = '" +
                 good + "' AND outcome = 'succeeded'") == Rows{"2|2"});
  CHECK(app.rows("SELECT kind FROM jobs WHERE state = 'dead'").empty());
}

TEST_CASE("a card that comes after the end of a subscription pays nothing of it by itself") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const failing = fail_to_pay(app, "lost_card");
  auto const path = "/v1/subscriptions/" + subscription(app);
  REQUIRE(app.stripe("DELETE", path).status == 200);
  app.settle();
  auto const good = attach(app, "mastercard");
  REQUIRE(app.at_stripe("/v1/customers/" + app.value("SELECT stripe_customer_id FROM customers"),
                        {{"invoice_settings[default_payment_method]", good}})
              .status == 200);
  app.settle();
  CHECK(app.value("SELECT count(*) FROM payment_methods WHERE \"default\" AND stripe_pm_id = '" +
                  good + "'") == "1");
  CHECK(tries(app).empty());
  CHECK(app.value("SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" +
                  failing.stripe_invoice + "'") == "open");
}
