// Who holds the token of an unpaid sign-up may change all of it; who does not, nothing.
#include <doctest/doctest.h>

#include "support/app.hpp"
#include "support/second_node.hpp"

using support::acme;
using support::App;
using support::Reply;
using Rows = std::vector<std::string>;

namespace {
Reply change(App const& app, Reply const& signup, boost::json::object const& form) {
  return app.visitor().send("PATCH", App::status_path(signup), boost::json::serialize(form),
                            {"Content-Type: application/json"});
}

int open_pages(App const& app) {
  http_client::Form query;
  query.add("status", "open");
  return int(app.stripe("GET", "/v1/checkout/sessions", query).json.at("data").as_array().size());
}

}  // namespace

TEST_CASE("the form sent again with another interval is one sign-up with one open page") {
  auto app = App::fresh({.sandbox = true});
  auto const first = app.sign_up(acme());
  auto const second = app.visitor().post("/api/checkout", acme({{"interval", "year"}}));
  CHECK(second.status == 201);
  CHECK(second["signup_id"] == first["signup_id"]);
  CHECK(second["status_url"] == first["status_url"]);
  CHECK(second["checkout_url"] != first["checkout_url"]);
  CHECK(open_pages(app) == 1);
  CHECK(app.rows("SELECT interval, amount, payment FROM signups") == Rows{"year|49000|open"});
  CHECK(app.pay(first["checkout_url"]).reply.status != 303);
  CHECK(app.pay(second["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.value("SELECT mrr FROM subscriptions") == "4083");
}

TEST_CASE("all of an unpaid sign-up can be changed with its token") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto form = acme({{"company", "Acme & Sons"},
                    {"name", "Grace Hopper"},
                    {"email", "grace@acme.example"},
                    {"country", "PT"},
                    {"locale", "es"},
                    {"subdomain", "acme-sons"},
                    {"plan", "business"},
                    {"interval", "year"},
                    {"currency", "usd"}});
  auto const changed = change(app, signup, form);
  CHECK(changed.status == 200);
  CHECK(changed["status_url"] == signup["status_url"]);
  CHECK(open_pages(app) == 1);
  CHECK(app.rows("SELECT plan_id, interval, currency, amount FROM signups") ==
        Rows{"business|year|usd|164000"});
  CHECK(app.rows("SELECT company, name, email, country, locale FROM customers") ==
        Rows{"Acme & Sons|Grace Hopper|grace@acme.example|PT|es"});
  CHECK(app.rows("SELECT t.subdomain, t.plan_id, t.max_users = p.max_users FROM tenants t JOIN "
                 "plans p ON p.id = 'business'") == Rows{"acme-sons|business|t"});
  CHECK(app.visitor().get("/api/subdomains/acme")["available"] == "true");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'signup.changed'") == "1");

  // The set-up page says the same.
  auto const seen = app.visitor().get(App::status_path(signup));
  CHECK(seen["subdomain"] == "acme-sons");
  CHECK(seen["amount"] == "164000");
  CHECK(seen["contact.email"] == "grace@acme.example");
  CHECK(seen["checkout_url"] == changed["checkout_url"]);
  auto const customer =
      app.stripe("GET", "/v1/customers/" + app.value("SELECT stripe_customer_id FROM customers"));
  CHECK(customer["email"] == "grace@acme.example");
  CHECK(customer["name"] == "Acme & Sons");

  CHECK(app.pay(changed["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.value("SELECT recipient FROM mails WHERE template = 'payment_received'") ==
        "grace@acme.example");
  CHECK_FALSE(app.visitor().get(App::status_path(signup)).body.find("grace@") != std::string::npos);
}

TEST_CASE("the same order again keeps its page") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const again = change(app, signup, acme());
  CHECK(again.status == 200);
  CHECK(again["checkout_url"] == signup["checkout_url"]);
  CHECK(app.stripe("GET", "/v1/checkout/sessions").json.at("data").as_array().size() == 1);
}

TEST_CASE("what cannot be had changes nothing") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.sign_up(acme({{"subdomain", "bobs"}, {"email", "bob@bob.example"}}));
  auto const taken = change(app, signup, acme({{"subdomain", "bobs"}}));
  CHECK(taken.status == 409);
  CHECK(taken["code"] == "subdomain_taken");
  CHECK(taken.json.at("suggestions").as_array().size() == 3);
  CHECK(change(app, signup, acme({{"plan", "enterprise"}})).wrong_fields() == "/plan");
  CHECK(change(app, signup, acme({{"email", "nobody"}})).wrong_fields() == "/email");
  CHECK(app.rows("SELECT subdomain FROM tenants ORDER BY id") == Rows{"acme", "bobs"});
  // It can still be paid.
  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(again.status == 201);
  CHECK(app.pay(again["checkout_url"]).reply.status == 303);
}

TEST_CASE("what is paid, or on its way, is not changed") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  SUBCASE("paid, and nobody has heard of it") {
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  }
  SUBCASE("a debit under way") {
    CHECK(app.pay_by_debit(signup["checkout_url"]).reply.status == 303);
  }
  auto const refused = change(app, signup, acme({{"interval", "year"}}));
  CHECK(refused.status == 409);
  CHECK(refused["code"] == "signup_over");
  CHECK(refused["status_url"] == signup["status_url"]);
  CHECK(app.value("SELECT interval FROM signups") == "month");
}

TEST_CASE("while Stripe is away nothing is changed, and later it goes on") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.break_stripe(500, 3);
  CHECK(change(app, signup, acme({{"interval", "year"}})).status == 502);
  CHECK(app.value("SELECT interval FROM signups") == "month");
  CHECK(change(app, signup, acme({{"interval", "year"}})).status == 200);
  CHECK(open_pages(app) == 1);
}

TEST_CASE("an unpaid name is not held for ever by changing it again and again") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.run("UPDATE signups SET created_at = now() - interval '3 hours 50 minutes'");
  CHECK(change(app, signup, acme({{"interval", "year"}})).status == 200);
  app.run(
      "UPDATE signups SET created_at = now() - interval '10 hours', "
      "lease_until = now() + interval '1 minute'");
  CHECK(change(app, signup, acme()).status == 200);
  CHECK(app.value("SELECT lease_until < now() + interval '2 minutes' FROM signups") == "t");
}

TEST_CASE("the same form from another address is another visitor") {
  auto app = App::fresh({.sandbox = true});
  support::SecondNode const node{app,
                                 [](http::ServerSettings& server) { server.behind_proxy = true; }};
  auto send_from = [&](std::string const& address) {
    return support::Caller{node.url(), {"X-Forwarded-For: " + address}}.post("/api/checkout",
                                                                             acme());
  };
  auto const first = send_from("198.51.100.7");
  REQUIRE(first.status == 201);
  auto const token = first["status_url"].substr(first["status_url"].rfind('/') + 1);
  for (auto const* address : {"203.0.113.9", "198.51.100.8"}) {
    auto const other = send_from(address);
    CHECK(other.status == 409);
    CHECK(other["code"] == "subdomain_taken");
    CHECK(other.body.find(token) == std::string::npos);
  }
  CHECK(send_from("198.51.100.7")["status_url"] == first["status_url"]);
}
