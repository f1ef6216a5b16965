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
                 "FROM tenants") ==
        std::vector<std::string>{"acme|awaiting_payment|team|t"});
  CHECK(app.rows("SELECT payment, currency, amount, lease_until > now() FROM signups") ==
        std::vector<std::string>{"open|eur|4900|t"});
  CHECK(app.rows("SELECT actor, action, target = 'sgn_1', address FROM audit_logs") ==
        std::vector<std::string>{"visitor|signup.started|t|127.0.0.1"});
  CHECK(app.jobs("signup.expire_lease") == std::vector<std::string>{"waiting"});

  auto const customer = app.stripe("GET", "/v1/customers/" +
                                              app.value("SELECT stripe_customer_id FROM customers"));
  CHECK(customer["email"] == "ada@acme.example");
  CHECK(customer["name"] == "Acme Ltd");

  auto const seen = app.visitor().get(App::status_path(reply));
  CHECK(seen.status == 200);
  CHECK(seen["state"] == "awaiting_payment");
  CHECK(seen["checkout_url"] == reply["checkout_url"]);
  CHECK(seen["tenant_url"] ==
        "http://acme.localhost:" + std::to_string(app.settings.tenant_port));
}
