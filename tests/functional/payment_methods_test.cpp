// What staff do about customers' payment methods: which is charged, and taking one away.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

constexpr auto methods = "/api/billing/payment-methods";

std::string customer(App const& app, char const* id = "1") {
  return app.value(std::string{"SELECT stripe_customer_id FROM customers WHERE id = "} + id);
}
std::string attach(App& app, std::string const& card = "visa", char const* owner = "1") {
  auto const reply = app.at_stripe("/v1/payment_methods/pm_card_" + card + "/attach",
                                   {{"customer", customer(app, owner)}});
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  app.settle();
  return reply["id"];
}
std::string ours(App const& app, std::string const& method) {
  return "method_" +
         app.value("SELECT id FROM payment_methods WHERE stripe_pm_id = '" + method + "'");
}
/// What the first customer is charged with; empty: nothing.
std::string charged(App const& app) {
  return app.value(
      "SELECT coalesce((SELECT stripe_pm_id FROM payment_methods WHERE \"default\" "
      "AND customer_id = 1), '')");
}
Reply make_default(App& app, std::string const& id, Headers headers = {}) {
  return app.as(Role::finance).post(methods + ("/" + id + "/default"), nullptr, std::move(headers));
}
Reply remove(App& app, std::string const& id, std::string const& query = "") {
  return app.as(Role::finance).send("DELETE", methods + ("/" + id + query), "", {});
}
void lose(App const& app, std::string const& path, char const* when, char const* count = "50") {
  REQUIRE(
      app.at_stripe("/v1/test_helpers/faults",
                    {{"count", count}, {"status", "500"}, {"path_prefix", path}, {"when", when}})
          .status == 200);
}
void find_again(App const& app) {
  REQUIRE(app.stripe("DELETE", "/v1/test_helpers/faults").status == 200);
}
Rows orders(App const& app) {
  return app.rows(
      "SELECT wish || ' ' || coalesce(outcome, 'being_checked') FROM billing_method_orders ORDER "
      "BY id");
}
bool is_attached(App const& app, std::string const& method) {
  return !app.stripe("GET", "/v1/payment_methods/" + method).json.at("customer").is_null();
}
}  // namespace

TEST_CASE("payment methods are listed with what is charged and what expires") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const first = charged(app), second = attach(app, "mastercard");
  REQUIRE(!first.empty());
  app.run("UPDATE payment_methods SET expires = '2020-01-01' WHERE stripe_pm_id = '" + second +
          "'");
  auto const auditor = app.as(Role::auditor);
  auto const page = auditor.get(methods);
  REQUIRE_MESSAGE(page.status == 200, page.body);
  REQUIRE(page.json.at("data").as_array().size() == 2);
  CHECK(page["data.0.stripe_pm_id"] == second);
  CHECK(page["data.0.company"] == "Acme Ltd");
  CHECK(page["data.0.brand"] == "mastercard");
  CHECK(page["data.0.type"] == "card");
  CHECK(page["data.0.expiry"] == "expired");
  CHECK(page["data.0.expiry_month"] == "1");
  CHECK(page["data.0.expiry_year"] == "2020");
  CHECK(page["data.0.is_default"] == "false");
  CHECK(page["data.0.charged_subscriptions"] == "0");
  CHECK(page["data.1.stripe_pm_id"] == first);
  CHECK(page["data.1.last4"] == "4242");
  CHECK(page["data.1.expiry"] == "valid");
  CHECK(page["data.1.is_default"] == "true");
  CHECK(page["data.1.charged_subscriptions"] == "1");
  app.run(
      "UPDATE payment_methods SET expires = date_trunc('month', now() AT TIME ZONE 'UTC') "
      "WHERE stripe_pm_id = '" +
      second + "'");
  CHECK(auditor.get(methods)["data.0.expiry"] == "soon");
  auto const found = [&](std::string const& query) {
    return auditor.get(methods + ("?" + query)).json.at("data").as_array().size();
  };
  CHECK(found("expiry=soon") == 1);
  CHECK(found("expiry=valid") == 1);
  CHECK(found("expiry=expired") == 0);
  CHECK(found("use=charged&type=card&customer_id=cus_1") == 1);
  CHECK(found("q=acme") == 2);
  CHECK(found("q=4242") == 1);
  CHECK(found("q=" + second) == 1);
  CHECK(found("sort=expires") == 2);
  CHECK(app.as(Role::support).get(methods).status == 403);
}

TEST_CASE("the method that is chosen is charged by the customer and each subscription") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const first = charged(app), second = attach(app, "mastercard");
  CHECK(app.as(Role::auditor)
            .post(methods + ("/" + ours(app, second) + "/default"), nullptr)
            .status == 403);
  CHECK(make_default(app, "method_999")["code"] == "payment_method_not_found");

  auto const done = make_default(app, ours(app, second), {"Idempotency-Key: once-and-no-more"});
  REQUIRE_MESSAGE(done.status == 200, done.body);
  CHECK(done["outcome"] == "done");
  // Our rows know it with the answer.
  CHECK(charged(app) == second);
  CHECK(app.stripe("GET", "/v1/customers/" + customer(app))["invoice_settings.default_payment_"
                                                            "method"] == second);
  auto const subscription = app.value("SELECT stripe_subscription_id FROM subscriptions");
  auto const own = app.stripe("GET", "/v1/subscriptions/" + subscription)["default_payment_method"];
  CHECK((own == second || own == "null"));
  CHECK(app.as(Role::finance).get(methods)["data.0.charged_subscriptions"] == "1");
  auto const again = make_default(app, ours(app, second), {"Idempotency-Key: once-and-no-more"});
  CHECK(again.header("idempotency-replayed") == "true");
  CHECK(orders(app) == Rows{"charge done"});
  CHECK(app.rows("SELECT actor, target FROM audit_logs WHERE action = 'payment_method.chosen'") ==
        Rows{"finance@example.com|" + ours(app, second)});

  SUBCASE("and back") {
    CHECK(make_default(app, ours(app, first))["outcome"] == "done");
    CHECK(charged(app) == first);
    app.hurry("billing.check_method_order");
    app.settle();
    CHECK(charged(app) == first);
  }
  SUBCASE("it was removed at Stripe meanwhile") {
    auto const id = ours(app, first);
    REQUIRE(app.at_stripe("/v1/payment_methods/" + first + "/detach").status == 200);
    CHECK(make_default(app, id)["outcome"] == "gone");
    CHECK(make_default(app, id)["code"] == "payment_method_not_found");
    CHECK(charged(app) == second);
  }
  SUBCASE("another customer's methods stay theirs") {
    app.sign_up_and_pay(acme({{"email", "bob@example.com"}, {"subdomain", "bobs"}}));
    auto const theirs =
        app.value("SELECT stripe_pm_id FROM payment_methods WHERE customer_id = 2 AND \"default\"");
    CHECK(make_default(app, ours(app, theirs))["outcome"] == "done");
    CHECK(app.value("SELECT stripe_pm_id FROM payment_methods WHERE customer_id = 1 AND "
                    "\"default\"") == second);
  }
}

TEST_CASE("what could not be collected is tried with the method that is chosen, once") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const failing = attach(app), other = attach(app, "mastercard");
  auto const path =
      "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM subscriptions");
  REQUIRE(app.at_stripe(path, {{"default_payment_method", failing}}).status == 200);
  REQUIRE(app.at_stripe("/v1/test_helpers/payment_methods/" + failing + "/decline",
                        {{"decline_code", "insufficient_funds"}})
              .status == 200);
  auto const billed =
      app.at_stripe(path, {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}});
  REQUIRE(billed["status"] == "past_due");
  app.settle();
  auto const status = "SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" +
                      billed["latest_invoice"] + "'";
  REQUIRE(app.value(status) == "open");
  SUBCASE("so much asks again who one is") {
    app.run(
        "INSERT INTO settings_groups (name, version, content) VALUES ('payments', 1, "
        "'{\"confirm_from\":49}')");
    (void)app.as(Role::finance);
    app.run("UPDATE sessions SET confirmed_at = now() - interval '1 hour'");
    CHECK(make_default(app, ours(app, other))["code"] == "step_up_required");
    CHECK(orders(app).empty());
  }
  SUBCASE("and is paid") {
    CHECK(make_default(app, ours(app, other))["outcome"] == "done");
    CHECK(app.stripe("GET", path)["default_payment_method"] == other);
    app.settle();
    CHECK(app.value(status) == "paid");
    // By Stripe itself when its subscription got the card, or by us: once.
    CHECK(app.value("SELECT count(*) FROM billing_attempts WHERE outcome = 'succeeded' AND "
                    "stripe_pm_id = '" +
                    other + "'") == "1");
    CHECK(app.value("SELECT asked_by || ' ' || stripe_pm_id FROM billing_retries") ==
          "billing " + other);
  }
}

TEST_CASE("an answer of Stripe's that is lost is found out, and the later wish counts") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const first = charged(app), second = attach(app, "mastercard");
  lose(app, "/v1/customers/", "before");
  CHECK(make_default(app, ours(app, second))["outcome"] == "being_checked");
  CHECK(app.as(Role::finance).get(methods)["data.0.is_being_changed"] == "true");
  CHECK(charged(app) == first);
  find_again(app);
  SUBCASE("by itself") {
    app.hurry("billing.check_method_order");
    app.work();
    CHECK(orders(app) == Rows{"charge done"});
    CHECK(charged(app) == second);
  }
  SUBCASE("unless somebody has wished otherwise meanwhile") {
    CHECK(make_default(app, ours(app, first))["outcome"] == "done");
    app.hurry("billing.check_method_order");
    app.settle();
    CHECK(orders(app) == Rows{"charge overtaken", "charge done"});
    CHECK(charged(app) == first);
  }
  SUBCASE("or has removed it") {
    CHECK(remove(app, ours(app, second))["outcome"] == "done");
    app.hurry("billing.check_method_order");
    app.settle();
    CHECK(orders(app) == Rows{"charge overtaken", "removal done"});
    CHECK(charged(app) == first);
  }
}

TEST_CASE("a method that nothing is charged with is removed, the one that is only when told so") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const first = charged(app), second = attach(app, "mastercard");
  auto const id = ours(app, second);
  CHECK(app.as(Role::auditor).send("DELETE", methods + ("/" + id), "", {}).status == 403);
  SUBCASE("one that is spare, twice") {
    CHECK(remove(app, id)["outcome"] == "done");
    CHECK(!is_attached(app, second));
    CHECK(remove(app, id)["code"] == "payment_method_not_found");
    app.settle();
    CHECK(app.value("SELECT count(*) FROM payment_methods") == "1");
    CHECK(charged(app) == first);
    CHECK(app.rows("SELECT target FROM audit_logs WHERE action = 'payment_method.removed' AND "
                   "after IS NOT NULL") == Rows{id});
  }
  SUBCASE("one that somebody has removed at Stripe") {
    REQUIRE(app.at_stripe("/v1/payment_methods/" + second + "/detach").status == 200);
    CHECK(remove(app, id)["outcome"] == "gone");
    CHECK(app.value("SELECT count(*) FROM payment_methods") == "1");
  }
  SUBCASE("an answer that is lost") {
    lose(app, "/v1/payment_methods/", "after", "1");
    lose(app, "/v1/payment_methods/", "before");
    CHECK(remove(app, id)["outcome"] == "being_checked");
    find_again(app);
    app.hurry("billing.check_method_order");
    app.work();
    CHECK(!is_attached(app, second));
    CHECK(app.value("SELECT count(*) FROM payment_methods") == "1");
    auto const ended = orders(app);
    CHECK((ended == Rows{"removal done"} || ended == Rows{"removal gone"}));
  }
  SUBCASE("the one that is charged") {
    auto const refused = remove(app, ours(app, first));
    CHECK(refused.status == 409);
    CHECK(refused["code"] == "payment_method_is_charged");
    CHECK(refused["subscriptions"] == "1");
    CHECK(is_attached(app, first));
    CHECK(orders(app).empty());
    auto const told = remove(app, ours(app, first), "?even_if_charged=true");
    REQUIRE_MESSAGE(told.status == 200, told.body);
    CHECK(told["outcome"] == "done");
    CHECK(!is_attached(app, first));
    CHECK(charged(app).empty());
  }
  SUBCASE("the one that a subscription has of its own") {
    auto const path =
        "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM subscriptions");
    REQUIRE(app.at_stripe(path, {{"default_payment_method", second}}).status == 200);
    app.settle();
    CHECK(remove(app, id)["code"] == "payment_method_is_charged");
    CHECK(remove(app, ours(app, first))["outcome"] == "done");
  }
}

TEST_CASE("a copy of an installation and methods of the demo are left alone") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const second = attach(app, "mastercard");
  app.run("UPDATE customers SET stripe_customer_id = NULL");
  CHECK(make_default(app, ours(app, second))["code"] == "payment_method_not_at_stripe");
  CHECK(remove(app, ours(app, second))["code"] == "payment_method_not_at_stripe");
  CHECK(app.as(Role::finance).get(methods)["data.0.is_at_stripe"] == "false");
}

TEST_CASE("staff send a customer the link to their page, to give another card") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const finance = app.as(Role::finance);
  CHECK(finance.post("/api/customers/cus_999/portal-link", nullptr)["code"] ==
        "customer_not_found");
  CHECK(app.as(Role::auditor).post("/api/customers/cus_1/portal-link", nullptr).status == 403);
  auto const sent = finance.post("/api/customers/cus_1/portal-link", nullptr);
  REQUIRE_MESSAGE(sent.status == 200, sent.body);
  app.work();
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'portal_link'") == "1");
  CHECK(app.value("SELECT count(*) FROM portal_links WHERE customer_id = 1") == "1");
}
