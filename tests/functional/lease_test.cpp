// What happens to a name that nobody has paid for in time.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::acme;
using support::App;

namespace {
/// The lease has run out, and the job that ends it is ready.
void let_lease_run_out(App& app) {
  app.run("UPDATE signups SET lease_until = now() - interval '1 minute'");
  app.hurry("signup.expire_lease");
}
std::string session_of(App const& app) {
  return app.value("SELECT stripe_session_id FROM signups WHERE id = 1");
}
}  // namespace

TEST_CASE("the end of a lease frees the name and closes the payment page") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  let_lease_run_out(app);
  app.work();

  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  CHECK(app.value("SELECT payment FROM signups") == "expired");
  CHECK(app.stripe("GET", "/v1/checkout/sessions/" + session_of(app))["status"] == "expired");
  CHECK(app.visitor().get("/api/subdomains/acme")["available"] == "true");
  CHECK(app.visitor().get(App::status_path(signup))["state"] == "expired");
  CHECK(app.pay(signup["checkout_url"]).reply.status != 303);
  CHECK(app.visitor().post(App::status_path(signup) + "/checkout", nullptr)["code"] ==
        "signup_over");
  // Nothing of this is a refund or a failure to build.
  CHECK(app.jobs("tenants.rolled_back").empty());
  CHECK(app.visitor().post("/api/checkout", acme({{"email", "bob@bob.example"}})).status == 201);
}

TEST_CASE("a lease that is not over yet is left alone") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up(acme());
  app.hurry("signup.expire_lease");
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "awaiting_payment");
  CHECK(app.rows("SELECT state, attempt, run_at > now() + interval '20 min' FROM jobs "
                 "WHERE kind = 'signup.expire_lease'") == std::vector<std::string>{"waiting|0|t"});
}

TEST_CASE("a payment that was made before the lease ended counts, though no webhook came") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  let_lease_run_out(app);
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "1");
}

TEST_CASE("while Stripe is away the end of a lease waits: the customer may be paying") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up(acme());
  let_lease_run_out(app);
  app.break_stripe(500, 2);
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "awaiting_payment");
  CHECK(app.value("SELECT attempt FROM jobs WHERE kind = 'signup.expire_lease'") == "1");
  app.run("DELETE FROM jobs WHERE kind <> 'signup.expire_lease'");
  app.stripe("DELETE", "/v1/test_helpers/faults");
  app.hurry();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
}

TEST_CASE("a name whose sign-up never reached Stripe is freed, too") {
  auto app = App::fresh();
  CHECK(app.visitor().post("/api/checkout", acme()).status == 502);
  let_lease_run_out(app);
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  CHECK(app.visitor().get("/api/subdomains/acme")["available"] == "true");
}

TEST_CASE("money that comes for a name given up already") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  // As when the watch had released it: the row is rolled back while Stripe holds the payment.
  app.run("UPDATE tenants SET state = 'rolled_back'; DELETE FROM jobs");

  SUBCASE("gets its name back when that is free") {
    app.deliver_news();
    app.work();
    CHECK(app.value("SELECT payment FROM signups") == "paid");
    CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'from_state' = 'rolled_back' "
                    "AND data->>'to_state' = 'queued'") == "1");
  }
  SUBCASE("is given back when somebody else has the name now") {
    app.sign_up(acme({{"email", "bob@bob.example"}}));
    app.deliver_news();
    app.work();
    CHECK(app.value("SELECT state FROM tenants WHERE id = 1") == "rolled_back");
    CHECK(app.value("SELECT payment FROM signups WHERE id = 1") == "refunded");
    auto const refunds = app.stripe("GET", "/v1/refunds");
    CHECK(refunds.json.at("data").as_array().size() == 1);
    CHECK(refunds["data.0.amount"] == "4900");
    CHECK(app.stripe("GET", "/v1/subscriptions")["data.0.status"] != "active");
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'paid_after_name_was_gone' AND "
                    "recipient = 'ada@acme.example'") == "1");
    app.deliver_news();
    app.work();
    CHECK(app.value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'revenue'") == "0");
    CHECK(app.mrr() == "0");
    CHECK(app.visitor().get(App::status_path(signup))["refunded"] == "true");
  }
}
