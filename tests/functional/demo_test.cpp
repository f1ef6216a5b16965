// The demo business comes whole and goes whole.
#include <doctest/doctest.h>

#include "app/commands/demo.hpp"
#include "support/database.hpp"

TEST_CASE("the demo is loaded once, counts like a real business and leaves nothing behind") {
  support::Database database;
  db::Connection connection{database.url()};
  auto const value = [&](std::string const& sql) { return support::value(database, sql); };
  REQUIRE(app::commands::load_demo(connection));
  CHECK_FALSE(app::commands::load_demo(connection));
  CHECK(value("SELECT count(*) FROM customers WHERE is_demo") == "500");
  CHECK(value("SELECT count(*) FROM tenants WHERE provisioner = 'demo'") == "500");
  CHECK(value("SELECT count(*) FROM signups") == "500");
  CHECK(value("SELECT count(*) FROM payment_methods") == "500");
  // Each of them is live, or was and is gone, and its history says so.
  CHECK(value("SELECT count(*) FROM tenants WHERE state NOT IN ('live', 'purged')") == "0");
  CHECK(value("SELECT count(*) FROM tenants t WHERE state::text <> (SELECT data->>'to_state' FROM "
              "activity WHERE tenant_id = t.id ORDER BY id DESC LIMIT 1)") == "0");
  CHECK(value("SELECT count(*) FROM tenants t JOIN subscriptions s ON s.tenant_id = t.id WHERE "
              "(t.state = 'purged') <> (s.status = 'canceled')") == "0");
  // What has moved makes what stands, and the roll-ups agree with both.
  CHECK(value("SELECT count(*) FROM subscriptions s WHERE mrr <> (SELECT sum(delta) FROM mrr_steps "
              "WHERE subscription_id = 'sub_of_row_' || s.id AND policy = 'recurring')") == "0");
  CHECK(
      value("SELECT count(*) FROM subscriptions s WHERE mrr <> (SELECT mrr_after FROM "
            "mrr_movements m WHERE m.customer_id = s.customer_id AND policy = 'recurring' ORDER BY "
            "day DESC LIMIT 1)") == "0");
  for (std::string const currency : {"eur", "usd"}) {
    CHECK(value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'mrr' AND currency = '" +
                currency + "'") ==
          value("SELECT sum(mrr) FROM subscriptions WHERE currency = '" + currency + "'"));
    CHECK(
        value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'revenue' AND currency = '" +
              currency + "'") ==
        value("SELECT sum(amount_paid) FROM billing_invoices WHERE currency = '" + currency + "'"));
  }
  CHECK(value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'tenants_live'") ==
        value("SELECT count(*) FROM tenants WHERE state = 'live'"));
  // The next real ones get ids of their own.
  CHECK(value("SELECT nextval(pg_get_serial_sequence('customers', 'id'))") == "501");
  CHECK(value("SELECT nextval(pg_get_serial_sequence('tenants', 'id'))") == "501");
  CHECK(value("SELECT nextval(pg_get_serial_sequence('subscriptions', 'id'))") == "501");

  REQUIRE(app::commands::purge_demo(connection));
  CHECK_FALSE(app::commands::purge_demo(connection));
  for (std::string const table :
       {"customers", "tenants", "activity", "signups", "subscriptions", "mrr_movements",
        "mrr_steps", "ledger_runs", "billing_invoices", "payment_methods"})
    CHECK_MESSAGE(value("SELECT count(*) FROM " + table) == "0", table << " has rows left");
  CHECK(value("SELECT count(*) FROM (SELECT 1 FROM rollup_deltas GROUP BY metric, currency, day "
              "HAVING sum(amount) <> 0) AS left_over") == "0");
}
