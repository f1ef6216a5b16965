// Whose money counts for a sign-up, and where it goes when the tenant cannot be had.
#include <doctest/doctest.h>

#include "platform/files/files.hpp"
#include "support/app.hpp"
#include "support/source.hpp"
#include "tenants/jobs.hpp"

using support::acme;
using support::App;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
/// A payment page that somebody else has opened on the same account.
Reply strange_page(App const& app, char const* mode, std::string const& reference, int amount) {
  http_client::Form form;
  form.add("mode", mode)
      .add("client_reference_id", reference)
      .add("success_url", "https://shop.example/thanks")
      .add("line_items[0][quantity]", 1)
      .add("line_items[0][price_data][currency]", "eur")
      .add("line_items[0][price_data][unit_amount]", amount)
      .add("line_items[0][price_data][product_data][name]", "A sticker");
  if (std::string_view{mode} == "subscription")
    form.add("line_items[0][price_data][recurring][interval]", "month");
  auto const reply = app.stripe("POST", "/v1/checkout/sessions", form);
  REQUIRE(reply.status == 200);
  return reply;
}

std::string times_queued(App const& app) {
  return app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'");
}

void pay_strangely(App const& app, Reply const& page) {
  CHECK(support::Page::open(page["url"])
            .submit({{"method", "card"},
                     {"card_number", "4242 4242 4242 4242"},
                     {"card_expiry", "12 / 34"},
                     {"card_cvc", "123"},
                     {"email", "mallory@example.com"},
                     {"cardholder_name", "Mallory"},
                     {"pay", "1"}})
            .reply.status == 303);
  (void)app;
}

std::string session_of(App const& app) {
  return app.value("SELECT stripe_session_id FROM signups WHERE id = 1");
}

/// The bank debit that Ada chose has come back.
Reply failed_debit(App& app) {
  auto const signup = app.sign_up(acme());
  CHECK(app.pay_by_debit(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  app.finish_debit(session_of(app), "failed");
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "failed");
  return signup;
}

std::string first_invoice(App const& app) {
  return app.value("SELECT stripe_invoice_id FROM billing_invoices ORDER BY id LIMIT 1");
}

int active_subscriptions(App const& app) {
  http_client::Form query;
  query.add("status", "active");
  return int(app.stripe("GET", "/v1/subscriptions", query).json.at("data").as_array().size());
}

support::Page pay_invoice(App const& app, std::string const& url) {
  (void)app;
  return support::Page::open(url).submit({{"card_number", "4242 4242 4242 4242"},
                                          {"card_expiry", "12 / 34"},
                                          {"card_cvc", "123"},
                                          {"cardholder_name", "Ada Smith"},
                                          {"pay", "1"}});
}

/// What the worker does when it has given up.
void roll_back(App& app) {
  app.run(
      "UPDATE tenants SET state = 'rolled_back' WHERE id = 1; "
      "DELETE FROM jobs WHERE kind = 'tenants.reconcile'");
  app.enqueue(tenants::RolledBack{1});
  app.work();
  app.deliver_news();
  app.work();
}

Reply stop(App& app) {
  return app.as(Role::owner)
      .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme", "", {});
}

std::string told(App const& app, std::string const& what) {
  return app.value(
      "SELECT count(*) FROM mails WHERE recipient = 'ada@acme.example' AND template "
      "IN ('provisioning_given_up', 'paid_after_name_was_gone', "
      "'paid_after_place_was_gone') AND body LIKE '%" +
      what + "%'");
}
}  // namespace

TEST_CASE("a payment that we did not ask for builds nothing, whatever reference it carries") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up(acme());
  auto const own = app.stripe("GET", "/v1/checkout/sessions/" + session_of(app));
  std::string const reference = own["client_reference_id"];
  SUBCASE("one payment of 0.50 with the sign-up's number") {
    pay_strangely(app, strange_page(app, "payment", "sgn_1", 50));
  }
  SUBCASE("one payment of the right amount with the very reference") {
    pay_strangely(app, strange_page(app, "payment", reference, 4900));
  }
  SUBCASE("a subscription of the right amount with the very reference") {
    pay_strangely(app, strange_page(app, "subscription", reference, 4900));
  }
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "open");
  CHECK(app.value("SELECT state FROM tenants") == "awaiting_payment");
  CHECK(times_queued(app) == "0");
  CHECK(app.value("SELECT count(*) FROM customers WHERE stripe_customer_id IS NOT NULL") == "1");
}

TEST_CASE("what strangers can see of a sign-up does not let them guess another one") {
  auto app = App::fresh({.sandbox = true});
  auto const path = App::status_path(app.sign_up(acme()));
  auto const reference =
      app.stripe("GET", "/v1/checkout/sessions/" + session_of(app))["client_reference_id"];
  CHECK(reference.starts_with("sgn_1_"));
  CHECK(reference.size() >= 30);
  CHECK(path.find(reference.substr(6)) == std::string::npos);
}

TEST_CASE("a page of ours counts over what it asked for, and over nothing else") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  SUBCASE("another amount") { app.run("UPDATE signup_pages SET amount = 9900"); }
  SUBCASE("another currency") { app.run("UPDATE signup_pages SET currency = 'usd'"); }
  app.run("UPDATE signups SET amount = 9900");
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(times_queued(app) == "0");
}

TEST_CASE("a subscription that runs builds its tenant, though nothing is heard of the page") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  for (auto const& event : app.events())
    if (event.type.starts_with("customer.subscription.")) app.deliver(event);
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(times_queued(app) == "1");
  app.deliver_news();
  app.work();
  CHECK(times_queued(app) == "1");
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().empty());
}

TEST_CASE("a bank debit that is under way builds nothing, though its subscription is active") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  CHECK(app.pay_by_debit(signup["checkout_url"]).reply.status == 303);
  for (auto const& event : app.events())
    if (event.type.starts_with("customer.subscription.")) app.deliver(event);
  app.work();
  CHECK(active_subscriptions(app) == 1);
  CHECK(times_queued(app) == "0");
}

TEST_CASE("a debit that came back may be paid by any way: then the tenant is built") {
  auto app = App::fresh({.sandbox = true});
  (void)failed_debit(app);
  SUBCASE("on the invoice's own page") {
    CHECK(pay_invoice(app, app.value("SELECT hosted_invoice_url FROM billing_invoices"))
              .reply.status == 303);
  }
  SUBCASE("in cash, as staff say at Stripe") {
    http_client::Form form;
    form.add("paid_out_of_band", "true");
    CHECK(app.stripe("POST", "/v1/invoices/" + first_invoice(app) + "/pay", form).status == 200);
  }
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(times_queued(app) == "1");
}

TEST_CASE("a debit that came back gives the name back after the usual lease") {
  auto app = App::fresh({.sandbox = true});
  (void)failed_debit(app);
  CHECK(app.value("SELECT lease_until < now() + interval '31 minutes' FROM signups") == "t");
  CHECK(app.value("SELECT run_at < now() + interval '31 minutes' FROM jobs WHERE kind = "
                  "'signup.expire_lease' AND state = 'waiting'") == "t");
  app.run("UPDATE signups SET lease_until = now() - interval '1 minute'");
  app.hurry("signup.expire_lease");
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  // Nothing is left at Stripe that could still be charged for it.
  CHECK(active_subscriptions(app) == 0);
  CHECK(app.stripe("GET", "/v1/invoices/" + first_invoice(app))["status"] == "void");
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'payment_needed'") == "0");
}

TEST_CASE("a page that is opened anew ends the old one, its subscription and its open invoice") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = failed_debit(app);
  auto const invoice = first_invoice(app);
  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(again.status == 201);
  CHECK(active_subscriptions(app) == 0);
  CHECK(app.stripe("GET", "/v1/invoices/" + invoice)["status"] == "void");
  CHECK(app.pay(again["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(active_subscriptions(app) == 1);
  CHECK(times_queued(app) == "1");
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
  CHECK(app.value("SELECT coalesce(sum(amount_paid), 0) FROM billing_invoices") == "4900");
}

TEST_CASE(
    "a debit that is tried again is waited for: nobody is charged on a second page beside it") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = failed_debit(app);
  auto const path = App::status_path(signup);
  // By its bank, or by hand at Stripe.
  CHECK(app.stripe("POST", "/v1/invoices/" + first_invoice(app) + "/pay").status == 200);
  CHECK(app.stripe("POST", "/v1/invoices/" + first_invoice(app) + "/void").status == 400);
  app.deliver_news();
  app.work();
  auto const payment = [&] { return app.value("SELECT payment FROM signups"); };
  auto const keeps_waiting = [&] {
    CHECK(payment() == "processing");
    CHECK(app.value("SELECT lease_until > now() + interval '20 days' FROM signups") == "t");
    CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'signup.expire_lease' AND state = "
                    "'waiting'") == "1");
    CHECK(app.visitor().post(path + "/refresh", nullptr)["state"] == "payment_processing");
    CHECK(payment() == "processing");
  };
  SUBCASE("the visitor asks for another page") {
    auto const again = app.visitor().post(path + "/checkout", nullptr);
    CHECK(again.status == 409);
    CHECK(again["code"] == "signup_over");
    keeps_waiting();
    app.finish_debit(session_of(app), "succeeded");
  }
  SUBCASE("the lease of the name ends, and the debit comes back once more") {
    app.run("UPDATE signups SET lease_until = now() - interval '1 minute'");
    app.hurry("signup.expire_lease");
    app.work();
    CHECK(app.value("SELECT state FROM tenants") == "awaiting_payment");
    keeps_waiting();
    app.finish_debit(session_of(app), "failed");
    CHECK(app.visitor().post(path + "/refresh", nullptr)["state"] == "payment_failed");
    auto const again = app.visitor().post(path + "/checkout", nullptr);
    CHECK(again.status == 201);
    CHECK(app.pay(again["checkout_url"]).reply.status == 303);
  }
  app.deliver_news();
  app.work();
  CHECK(payment() == "paid");
  CHECK(times_queued(app) == "1");
  CHECK(active_subscriptions(app) == 1);
  CHECK(app.value("SELECT coalesce(sum(amount_paid), 0) FROM billing_invoices") == "4900");
}

TEST_CASE("who pays twice all the same gets the second payment back, and is told") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  // As if the first page could not be ended in time.
  app.run("UPDATE signup_pages SET ended_at = now(); UPDATE signups SET payment = 'expired'");
  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(again["checkout_url"] != signup["checkout_url"]);
  CHECK(app.pay(again["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  app.deliver_news();
  app.work();
  CHECK(times_queued(app) == "1");
  CHECK(active_subscriptions(app) == 1);
  auto const refunds = app.stripe("GET", "/v1/refunds");
  CHECK(refunds.json.at("data").as_array().size() == 1);
  CHECK(refunds["data.0.amount"] == "4900");
  CHECK(app.rows("SELECT template, recipient FROM mails WHERE template IN ('paid_twice', "
                 "'provisioning_given_up')") == Rows{"paid_twice|ada@acme.example"});
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
}

TEST_CASE("of a sign-up of long ago it is found out which subscription paid") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.run("UPDATE signup_pages SET ended_at = now(); UPDATE signups SET payment = 'expired'");
  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(app.pay(again["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  auto const paid = app.value("SELECT paid_subscription_id FROM signups");
  app.run("UPDATE signups SET paid_subscription_id = NULL");
  app.run(
      *files::read(support::source_directory() / "migrations/0049_which_subscription_paid.sql"));
  CHECK(app.value("SELECT paid_subscription_id FROM signups") == paid);
  // So that another payment for it is known to be one too many.
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(active_subscriptions(app) == 1);
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().size() == 1);
}

TEST_CASE("a roll-back gives back exactly what paid, and tells it once") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const customer = app.value("SELECT stripe_customer_id FROM customers");
  std::int64_t refunded = 0, balance = 0;
  std::string words;

  SUBCASE("a card") {
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    refunded = 4900, words = "49.00 is on its way back";
  }
  SUBCASE("credit at Stripe") {
    http_client::Form credit;
    credit.add("balance", -6000);
    CHECK(app.stripe("POST", "/v1/customers/" + customer, credit).status == 200);
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    balance = -6000, words = "49.00 of your credit is yours again";
  }
  SUBCASE("a part by credit, the rest by card") {
    http_client::Form credit;
    credit.add("balance", -1000);
    CHECK(app.stripe("POST", "/v1/customers/" + customer, credit).status == 200);
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    refunded = 3900, balance = -1000, words = "39.00 is on its way back";
  }
  SUBCASE("several payments") {
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    auto const subscription = app.stripe("GET", "/v1/subscriptions")["data.0.id"];
    http_client::Form item, invoice;
    item.add("customer", customer).add("subscription", subscription).add("currency", "eur");
    item.add("amount", 1000);
    REQUIRE(app.stripe("POST", "/v1/invoiceitems", item).status == 200);
    invoice.add("customer", customer).add("subscription", subscription);
    auto const made = app.stripe("POST", "/v1/invoices", invoice);
    REQUIRE(app.stripe("POST", "/v1/invoices/" + made["id"] + "/pay").status == 200);
    refunded = 5900, words = "59.00 is on its way back";
  }
  SUBCASE("a part of it was refunded by hand before") {
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    http_client::Form part;
    part.add("charge", app.stripe("GET", "/v1/charges")["data.0.id"]).add("amount", 900);
    REQUIRE(app.stripe("POST", "/v1/refunds", part).status == 200);
    refunded = 4900, words = "49.00 is on its way back";
  }
  app.deliver_news();
  app.work();
  REQUIRE(app.value("SELECT payment FROM signups") == "paid");
  roll_back(app);
  app.enqueue(tenants::RolledBack{1});  // however often it is asked again
  app.work();

  std::int64_t sum = 0;
  auto const refunds = app.stripe("GET", "/v1/refunds");
  for (auto const& refund : refunds.json.at("data").as_array())
    sum += refund.at("amount").as_int64();
  CHECK(sum == refunded);
  CHECK(app.stripe("GET", "/v1/customers/" + customer)["balance"] == std::to_string(balance));
  CHECK(active_subscriptions(app) == 0);
  CHECK(told(app, "") == "1");
  CHECK(told(app, words) == "1");
  CHECK(app.value("SELECT payment FROM signups") == "refunded");
  CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'tenants.rolled_back' AND state <> "
                  "'done'") == "0");
}

TEST_CASE("a roll-back over which nothing was charged says so") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up(acme());
  app.run("UPDATE signups SET payment = 'paid'");
  roll_back(app);
  CHECK(told(app, "") == "1");
  CHECK(told(app, "Nothing was charged") == "1");
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().empty());
}

TEST_CASE("a bank debit under way cannot be stopped: it is given back when it has arrived") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  CHECK(app.pay_by_debit(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  roll_back(app);
  CHECK(told(app, "debit") == "1");
  CHECK(told(app, "on its way back") == "0");
  CHECK(active_subscriptions(app) == 0);
  app.finish_debit(session_of(app), "succeeded");
  SUBCASE("Stripe tells of it") {
    app.deliver_news();
    app.work();
  }
  SUBCASE("we look by ourselves") {
    app.hurry("tenants.rolled_back");
    app.work();
  }
  app.deliver_news();
  app.work();
  app.hurry("tenants.rolled_back");
  app.work();
  CHECK(times_queued(app) == "0");
  auto const refunds = app.stripe("GET", "/v1/refunds");
  CHECK(refunds.json.at("data").as_array().size() == 1);
  CHECK(refunds["data.0.amount"] == "4900");
  CHECK(told(app, "") == "1");
  CHECK(app.value("SELECT payment FROM signups") == "refunded");
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
}

TEST_CASE("who pays when the name or the place is gone reads why") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.run("UPDATE tenants SET state = 'rolled_back'; DELETE FROM jobs");
  std::string words, refusal;
  SUBCASE("the name") {
    app.sign_up(acme({{"email", "bob@bob.example"}}));
    words = "somebody else had taken the name", refusal = "subdomain_taken";
  }
  SUBCASE("the place") {
    app.settings.tenant_capacity = 1;
    app.sign_up(acme({{"email", "bob@bob.example"}, {"subdomain", "bobs"}}));
    words = "all places had been taken", refusal = "capacity_exhausted";
  }
  app.deliver_news();
  app.work();
  CHECK(told(app, "") == "1");
  CHECK(told(app, words) == "1");
  CHECK(told(app, "49.00 is on its way back") == "1");
  CHECK(told(app, "several times") == "0");
  // Nobody was told meanwhile that it was being built.
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'payment_received'") == "0");
  auto const seen = app.visitor().get(App::status_path(signup));
  CHECK(seen["state"] == "rolled_back");
  CHECK(seen["refusal"] == refusal);
  CHECK(seen["refunded"] == "true");
}

TEST_CASE(
    "staff stop it before it is ready: nobody can pay any more, and what was paid goes back") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const signup = app.sign_up(acme());
  SUBCASE("not paid") {
    CHECK(stop(app).status == 200);
    app.work();
    CHECK(told(app, "") == "0");
    CHECK(app.pay(signup["checkout_url"]).reply.status != 303);
  }
  SUBCASE("paid, and nobody has heard of it") {
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    CHECK(stop(app).status == 200);
    app.work();
  }
  SUBCASE("being built") {
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    app.deliver_news();
    files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
    app.work();
    CHECK(app.value("SELECT state FROM tenants") == "provision_failed");
    CHECK(stop(app).status == 200);
    app.work();
  }
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  CHECK(active_subscriptions(app) == 0);
  bool const was_paid = app.value("SELECT payment FROM signups") == "refunded";
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().size() == (was_paid ? 1 : 0));
  CHECK(
      app.value("SELECT count(*) FROM mails WHERE template = 'stopped_before_ready' AND body LIKE "
                "'%49.00 is on its way back%'") == (was_paid ? "1" : "0"));
  CHECK(told(app, "") == "0");
  if (was_paid) CHECK(app.visitor().get(App::status_path(signup))["refusal"] == "stopped");
}

TEST_CASE("who was rolled back asks for a place like everybody") {
  auto app = App::fresh(
      {.sandbox = true, .settings = [](auto& settings) { settings.tenant_capacity = 1; }});
  app.sign_up(acme());
  roll_back(app);
  app.sign_up(acme({{"email", "bob@bob.example"}, {"subdomain", "bobs"}}));
  auto const retried = app.as(Role::support).post("/api/tenants/ten_1/retry", nullptr);
  CHECK(retried.status == 409);
  CHECK(retried["code"] == "capacity_exhausted");
  CHECK(app.value("SELECT state FROM tenants WHERE id = 1") == "rolled_back");
}

TEST_CASE("what was paid for and rolled back is not built again: its money goes back") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const signup = app.sign_up(acme());
  std::string detail = "has gone back";
  SUBCASE("a debit is under way") {
    CHECK(app.pay_by_debit(signup["checkout_url"]).reply.status == 303);
    app.deliver_news();
    app.work();
    CHECK(stop(app).status == 200);
    detail = "goes back";
  }
  SUBCASE("paid, and stopped while it was built") {
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    app.deliver_news();
    files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
    app.work();
    CHECK(stop(app).status == 200);
    app.work();
    app.deliver_news();
    app.work();
    REQUIRE(app.value("SELECT payment FROM signups") == "refunded");
    std::filesystem::remove_all(app.directory.path() / "tenants/1/app.json");
  }
  REQUIRE(app.value("SELECT state FROM tenants") == "rolled_back");
  auto const retried = app.as(Role::support).post("/api/tenants/ten_1/retry", nullptr);
  CHECK(retried.status == 409);
  CHECK(retried["code"] == "order_over");
  CHECK(retried["detail"].find(detail) != std::string::npos);
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  CHECK(active_subscriptions(app) == 0);
  // Its customer, or staff, begin anew.
  CHECK(app.sign_up(acme()).status == 201);
}

TEST_CASE("a payment that the roll-back itself finds builds, or goes back: never both") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.run("UPDATE tenants SET state = 'rolled_back'; DELETE FROM jobs");
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  SUBCASE("the name is free: it builds") {
    app.enqueue(tenants::RolledBack{1});
    app.work();
    app.deliver_news();
    app.work();
    CHECK(times_queued(app) == "1");
    CHECK(app.value("SELECT payment FROM signups") == "paid");
    CHECK(active_subscriptions(app) == 1);
    CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().empty());
  }
  SUBCASE("it has begun to go back: it goes back") {
    app.run("UPDATE signups SET return_begun_at = now()");
    app.deliver_news();
    app.work();
    CHECK(times_queued(app) == "0");
    CHECK(app.value("SELECT payment FROM signups") == "refunded");
    CHECK(active_subscriptions(app) == 0);
    CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().size() == 1);
  }
}

TEST_CASE("who pays by debit and closes the page has the way back in the mailbox, once") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme({{"locale", "es"}}));
  CHECK(app.pay_by_debit(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  for (int again = 0; again < 2; ++again) {
    (void)app.visitor().get(App::status_path(signup));
    app.deliver_news();
    app.work();
  }
  CHECK(app.rows("SELECT recipient, subject LIKE 'Esperamos a tu banco para crear acme.%', "
                 "position('" +
                 signup["status_url"] +
                 "' IN body) > 0 FROM mails WHERE template = 'waiting_for_bank'") ==
        Rows{"ada@acme.example|t|t"});
}

TEST_CASE("after an older database was restored people can sign up under numbers used before") {
  auto app = App::fresh({.sandbox = true});
  auto const lost = app.sign_up(acme());
  boost::json::object changes;
  SUBCASE("somebody else") {
    changes = {{"email", "bob@bob.example"}, {"company", "Bob Ltd"}, {"subdomain", "bobs"}};
  }
  SUBCASE("the same person, who had paid already") {
    CHECK(app.pay(lost["checkout_url"]).reply.status == 303);
  }
  app.run(
      "SET session_replication_role = replica; "
      "TRUNCATE customers RESTART IDENTITY CASCADE");
  auto const again = app.visitor().post("/api/checkout", acme(changes));
  REQUIRE(again.status == 201);
  CHECK(again["signup_id"] == lost["signup_id"]);
  CHECK(again["checkout_url"] != lost["checkout_url"]);
  CHECK(app.pay(again["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
}
