// The statement behind demo.hpp.
#include "analytics/demo.hpp"

namespace analytics {

namespace {
db::Query const count{"analytics.count_demo", R"sql(
  WITH demo AS (SELECT id, created_at FROM customers WHERE is_demo)
  INSERT INTO rollup_deltas (metric, currency, day, amount)
  SELECT metric, currency, (at AT TIME ZONE 'UTC')::date, $1 * sum(amount) FROM (
    SELECT 'revenue' AS metric, currency, paid_at AS at, counted_paid AS amount
      FROM billing_invoices WHERE customer_id IN (SELECT id FROM demo) AND paid_at IS NOT NULL
    UNION ALL
    SELECT 'failed_amount', currency, date, counted_failed
      FROM billing_invoices WHERE customer_id IN (SELECT id FROM demo) AND counted_failed > 0
    UNION ALL
    SELECT 'failed_payments', '', date, 1
      FROM billing_invoices WHERE customer_id IN (SELECT id FROM demo) AND counted_failed > 0
    UNION ALL
    SELECT 'customers', '', created_at, 1 FROM demo
    UNION ALL
    SELECT 'tenants_live', '', live_at, 1
      FROM tenants WHERE customer_id IN (SELECT id FROM demo)
    UNION ALL
    SELECT 'tenants_live', '', state_since, -1
      FROM tenants WHERE customer_id IN (SELECT id FROM demo) AND state <> 'live'
    UNION ALL
    SELECT metric, '', created_at, 1
      FROM demo, (VALUES ('signups_started'), ('signups_paid'), ('signups_live')) AS m (metric)
  ) AS counted (metric, currency, at, amount)
  GROUP BY 1, 2, 3
)sql"};
}  // namespace

void count_demo(db::Tx& tx) { tx.exec(count, 1); }

void uncount_demo(db::Tx& tx) { tx.exec(count, -1); }

}  // namespace analytics
