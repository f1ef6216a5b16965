// What a visitor may expect of signing up, until the money has arrived.
#include <doctest/doctest.h>

#include <future>

#include "support/app.hpp"

using support::acme;
using support::App;

TEST_CASE("a sign-up keeps the name and opens a payment page") {
  // Each test has a program of its own: database, data directory, sandbox.
  auto app = App::fresh({.sandbox = true});

  auto const reply = app.visitor().post("/api/checkout", acme());

  CHECK(reply.status == 201);
  CHECK(reply["checkout_url"].starts_with(app.sandbox().url() + "/c/pay/cs_"));
  CHECK(reply["status_url"].starts_with(app.url() + "/setup/"));
  CHECK(app.rows("SELECT subdomain, state, plan_id, state_deadline > now() + interval '30 min' "
                 "FROM tenants") == std::vector<std::string>{"acme|awaiting_payment|team|t"});
  CHECK(app.rows("SELECT payment, currency, amount, lease_until > now() FROM signups") ==
        std::vector<std::string>{"open|eur|4900|t"});
  CHECK(app.rows("SELECT actor, action, target = 'sgn_1', address FROM audit_logs") ==
        std::vector<std::string>{"visitor|signup.started|t|127.0.0.1"});
  CHECK(app.jobs("signup.expire_lease") == std::vector<std::string>{"waiting"});

  auto const customer =
      app.stripe("GET", "/v1/customers/" + app.value("SELECT stripe_customer_id FROM customers"));
  CHECK(customer["email"] == "ada@acme.example");
  CHECK(customer["name"] == "Acme Ltd");

  auto const seen = app.visitor().get(App::status_path(reply));
  CHECK(seen.status == 200);
  CHECK(seen["state"] == "awaiting_payment");
  CHECK(seen["checkout_url"] == reply["checkout_url"]);
  CHECK(seen["tenant_url"] == "http://acme.localhost:" + std::to_string(app.settings.tenant_port));
}

TEST_CASE("a payment starts the building once, whoever hears of it first") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const paid = app.pay(signup["checkout_url"]);
  CHECK(paid.reply.status == 303);
  CHECK(paid.reply.header("location").starts_with(signup["status_url"] + "?session_id=cs_"));

  SUBCASE("the webhooks") {
    app.deliver_news();
    app.work();
  }
  SUBCASE("the page that the visitor returns to, and no webhook at all") {
    auto const seen = app.visitor().post(App::status_path(signup) + "/refresh", nullptr);
    CHECK(seen.status == 200);
    CHECK(seen["state"] == "queued");
    CHECK(seen["started_at"] != "null");
  }
  SUBCASE("both, and the page several times") {
    app.visitor().post(App::status_path(signup) + "/refresh", nullptr);
    app.deliver_news();
    app.visitor().post(App::status_path(signup) + "/refresh", nullptr);
    app.visitor().post(App::status_path(signup) + "/refresh", nullptr);
    app.work();
  }

  CHECK(app.rows("SELECT payment, paid_at IS NOT NULL FROM signups") ==
        std::vector<std::string>{"paid|t"});
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "1");
  CHECK(app.jobs("tenants.reconcile").size() >= 1);
  CHECK(app.rows("SELECT status, currency, mrr, tenant_id FROM subscriptions") ==
        std::vector<std::string>{"active|eur|4900|1"});
  CHECK(app.movements() == std::vector<std::string>{"new 4900"});
  app.work();
  CHECK(app.rows("SELECT template, recipient FROM mails WHERE template = 'payment_received'") ==
        std::vector<std::string>{"payment_received|ada@acme.example"});
  CHECK(app.value("SELECT body FROM mails WHERE template = 'payment_received'")
            .find(signup["status_url"]) != std::string::npos);
}

TEST_CASE("a declined card changes nothing, and another card may follow") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const declined = app.pay(signup["checkout_url"], "4000 0000 0000 0002");
  CHECK(declined.reply.status == 402);
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "open");
  CHECK(app.value("SELECT count(*) FROM subscriptions WHERE status = 'active'") == "0");
  CHECK(app.visitor().get(App::status_path(signup))["state"] == "awaiting_payment");

  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.mrr() == "4900");
}

TEST_CASE("whoever comes back without paying can pay on the same page") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const refreshed = app.visitor().post(App::status_path(signup) + "/refresh", nullptr);
  CHECK(refreshed["state"] == "awaiting_payment");
  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(again.status == 201);
  CHECK(again["checkout_url"] == signup["checkout_url"]);
  CHECK(app.pay(again["checkout_url"]).reply.status == 303);
}

TEST_CASE("a page that expired at Stripe is replaced by a new one for the same name") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const session = app.value("SELECT stripe_session_id FROM signups");
  app.stripe("POST", "/v1/checkout/sessions/" + session + "/expire");
  app.deliver_news();
  app.work();
  CHECK(app.visitor().get(App::status_path(signup))["state"] == "expired");

  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(again.status == 201);
  CHECK(again["checkout_url"] != signup["checkout_url"]);
  app.pay(again["checkout_url"]);
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.value("SELECT count(*) FROM subscriptions") == "1");

  auto const over = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(over.status == 409);
  CHECK(over["code"] == "signup_over");
}

TEST_CASE("a delayed payment keeps the name until the bank has decided") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const session = app.value("SELECT stripe_session_id FROM signups");
  CHECK(app.pay_by_debit(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(app.visitor().get(App::status_path(signup))["state"] == "payment_processing");
  CHECK(app.value("SELECT lease_until > now() + interval '20 days' FROM signups") == "t");
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "0");
  // The end of the first lease finds a longer one.
  app.hurry("signup.expire_lease");
  app.work();
  CHECK(app.visitor().get("/api/subdomains/acme")["status"] == "taken");

  SUBCASE("it agrees: the tenant is built") {
    app.finish_debit(session, "succeeded");
    app.deliver_news();
    app.work();
    CHECK(app.value("SELECT payment FROM signups") == "paid");
    CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "1");
  }
  SUBCASE("it refuses: the customer is told and may pay another way") {
    app.finish_debit(session, "failed");
    app.deliver_news();
    app.work();
    CHECK(app.visitor().get(App::status_path(signup))["state"] == "payment_failed");
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'payment_failed'") == "1");
    CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "0");

    auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
    CHECK(again.status == 201);
    CHECK(again["checkout_url"] != signup["checkout_url"]);
    app.pay(again["checkout_url"]);
    app.deliver_news();
    app.work();
    CHECK(app.value("SELECT payment FROM signups") == "paid");
  }
}

TEST_CASE("nobody learns of a sign-up without its token") {
  auto app = App::fresh({.sandbox = true});
  auto const path = App::status_path(app.sign_up(acme()));
  auto const dot = path.find('.');
  auto forged = path;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  for (auto const& guess :
       {forged, "/api/signups/2" + path.substr(dot), "/api/signups/1." + std::string(24, 'A')}) {
    CHECK(app.visitor().get(guess).status == 404);
    CHECK(app.visitor().post(guess + "/refresh", nullptr).status == 404);
    CHECK(app.visitor().post(guess + "/checkout", nullptr).status == 404);
  }
  CHECK(app.visitor().get("/api/signups/1").status == 422);
}
