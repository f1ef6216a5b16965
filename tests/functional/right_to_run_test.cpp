// Who pays runs: the right to run is the tenant's, decided over all its subscriptions.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

/// Ada's tenant, paid and live (as far as the rows say).
void live(App& app) {
  app.sign_up_and_pay(acme());
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
}

std::string subscription(App const& app, int number = 1) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id OFFSET " +
                   std::to_string(number - 1) + " LIMIT 1");
}

/// One more subscription of this customer at Stripe that names the tenant.
std::string subscribe(App& app, std::string const& customer, std::string const& tenant = "ten_1") {
  http_client::Form product;
  product.add("name", "Team");
  http_client::Form form;
  form.add("customer", customer)
      .add("items[0][price_data][currency]", "eur")
      .add("items[0][price_data][product]", app.stripe("POST", "/v1/products", product)["id"])
      .add("items[0][price_data][recurring][interval]", "month")
      .add("items[0][price_data][unit_amount]", 4900)
      .add("collection_method", "send_invoice")
      .add("days_until_due", 30)
      .add("metadata[tenant_id]", tenant);
  auto const made = app.stripe("POST", "/v1/subscriptions", form);
  REQUIRE_MESSAGE(made.status == 200, made.body);
  app.deliver_news();
  app.work();
  return made["id"];
}

std::string customer(App const& app) {
  return app.value("SELECT stripe_customer_id FROM customers ORDER BY id LIMIT 1");
}

void annotate(App& app, std::string const& id) {
  http_client::Form form;
  form.add("metadata[note]", "moved to another plan");
  REQUIRE(app.stripe("POST", "/v1/subscriptions/" + id, form).status == 200);
}

void cancel(App& app, std::string const& id) {
  REQUIRE(app.stripe("DELETE", "/v1/subscriptions/" + id).status == 200);
}

void settle(App& app) {
  app.deliver_news();
  app.work();
}

std::string holds(App const& app) { return app.value("SELECT count(*) FROM tenant_holds"); }
std::string state(App const& app) { return app.value("SELECT state FROM tenants WHERE id = 1"); }
}  // namespace

TEST_CASE("a tenant with a paid subscription runs, whatever happens to its other ones") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  auto const older = subscription(app);
  auto const newer = subscribe(app, customer(app));
  CHECK(app.value("SELECT count(*) FROM subscriptions WHERE tenant_id = 1") == "2");

  cancel(app, older);
  settle(app);
  CHECK(state(app) == "live");
  annotate(app, older);
  settle(app);
  CHECK(state(app) == "live");
  CHECK(holds(app) == "0");
  CHECK(app.value("SELECT count(*) FROM mails WHERE template LIKE 'payment_needed%'") == "0");
  CHECK(app.as(Role::auditor).get("/api/tenants")["data.0.subscription_status"] == "active");

  SUBCASE("an old event that comes again changes nothing") {
    auto const before = app.value("SELECT count(*) FROM activity");
    for (auto const& event : app.rows("SELECT id FROM stripe_events WHERE object_id = '" + older +
                                      "' ORDER BY created DESC")) {
      db::Connection connection{app.database.url()};
      db::transact(connection, [&](db::Tx& tx) { return billing::replay(tx, event); });
      app.work();
      CHECK(state(app) == "live");
    }
    CHECK(app.value("SELECT count(*) FROM activity") == before);
  }
  SUBCASE("when the last one ends it stands still, and says so once") {
    cancel(app, newer);
    settle(app);
    CHECK(state(app) == "suspending");
    annotate(app, older);
    settle(app);
    CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'hold_placed'") == "1");
    SUBCASE("and runs again with a new one, though late events of the old ones come") {
      app.run("UPDATE tenants SET state = 'suspended'");
      subscribe(app, customer(app));
      CHECK(state(app) == "resuming");
      annotate(app, newer);
      annotate(app, older);
      settle(app);
      CHECK(holds(app) == "0");
    }
  }
}

TEST_CASE("a plan change goes to the subscription that runs") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  auto const running = subscription(app);
  auto const newer = subscribe(app, customer(app));
  cancel(app, newer);
  settle(app);
  auto const preview = app.as(Role::admin).get("/api/tenants/ten_1/plan-change?plan=business");
  CHECK(preview.status == 200);
  CHECK(preview["currency"] == "eur");
}

TEST_CASE("a subscription counts for a tenant of its own customer only") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  app.sign_up_and_pay(acme({{"subdomain", "other"},
                            {"email", "bob@other.example"},
                            {"company", "Other Ltd"},
                            {"name", "Bob"}}));
  auto const bob = app.value("SELECT stripe_customer_id FROM customers WHERE name = 'Bob'");
  auto const foreign = subscribe(app, bob, "ten_1");
  auto const nowhere = subscribe(app, bob, "ten_999");
  CHECK(app.rows("SELECT coalesce(tenant_id::text, '-') FROM subscriptions ORDER BY id") ==
        Rows{"1", "2", "-", "-"});
  CHECK(app.value("SELECT count(*) FROM stripe_events WHERE state = 'dead'") == "0");
  CHECK(app.value("SELECT count(*) FROM jobs WHERE state IN ('waiting', 'dead') AND kind LIKE "
                  "'billing.%'") == "0");
  cancel(app, subscription(app));
  settle(app);
  CHECK(state(app) == "suspending");
}
