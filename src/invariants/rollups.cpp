// The figures that are kept beside the rows they stand for.
#include "invariants/declared.hpp"

namespace invariants {

std::vector<Declared> of_rollups() {
  using enum Severity;
  return {
      {.name = "mrr_rollups",
       .severity = high,
       .says = "The figures of MRR of every day are the movements of that day",
       .why = "The dashboard and the charts read the figures, the reports the movements",
       .finds = R"sql(
         SELECT metric || ' ' || currency || ' ' || day, NULL, NULL,
                jsonb_build_object('expected_amount', coalesce(due, 0), 'found_amount',
                                   coalesce(told, 0), 'currency', currency)
           FROM (SELECT metric, currency::text, day, sum(mrr_after - mrr_before) AS due
                   FROM mrr_movements, LATERAL (VALUES ('mrr'), ('mrr_' || kind)) AS m (metric)
                  WHERE policy = 'recurring' AND upper_inf(believed) GROUP BY 1, 2, 3) AS movements
           FULL JOIN (SELECT metric, currency, day, sum(amount) AS told
                        FROM (SELECT metric, currency, day, amount FROM rollups
                              UNION ALL
                              SELECT metric, currency, day, amount FROM rollup_deltas) AS days
                       WHERE metric LIKE 'mrr%' GROUP BY 1, 2, 3) AS figures
                USING (metric, currency, day)
          WHERE coalesce(due, 0) <> coalesce(told, 0)
       )sql"},
      {.name = "revenue_rollups",
       .severity = high,
       .says = "The figures of revenue are the payments less the refunds and the lost disputes",
       .why = "The dashboard reads the figures",
       .finds = R"sql(
         SELECT 'revenue ' || currency, NULL, NULL,
                jsonb_build_object('expected_amount', coalesce(due, 0), 'found_amount',
                                   coalesce(told, 0), 'currency', currency)
           FROM (SELECT currency, sum(amount) AS due
                   FROM (SELECT currency::text, counted_paid AS amount FROM billing_invoices
                         UNION ALL
                         SELECT currency::text, -counted FROM billing_refunds
                         UNION ALL
                         SELECT currency::text, -counted FROM billing_disputes) AS cash
                  GROUP BY 1) AS rows
           FULL JOIN (SELECT currency, sum(amount) AS told
                        FROM (SELECT metric, currency, amount FROM rollup_totals
                              UNION ALL
                              SELECT metric, currency, amount FROM rollup_deltas) AS totals
                       WHERE metric = 'revenue' GROUP BY 1) AS figures USING (currency)
          WHERE coalesce(due, 0) <> coalesce(told, 0)
       )sql"},
      {.name = "counter_rollups",
       .severity = medium,
       .says =
           "The counters of customers, tenants and failed payments are the number of their rows",
       .why = "The dashboard reads the counters",
       .finds = R"sql(
         SELECT trim(metric || ' ' || currency), NULL, NULL,
                jsonb_build_object('expected_count', coalesce(due, 0), 'found_count',
                                   coalesce(told, 0))
           FROM (SELECT 'customers' AS metric, '' AS currency, count(*)::numeric AS due
                   FROM customers
                 UNION ALL
                 SELECT CASE state WHEN 'live' THEN 'tenants_live' ELSE 'tenants_pending' END, '',
                        count(*)
                   FROM tenants WHERE state IN ('live', 'queued', 'provisioning', 'provision_failed')
                  GROUP BY 1
                 UNION ALL
                 SELECT 'failed_payments', '', count(*) FROM billing_invoices
                  WHERE counted_failed > 0
                 UNION ALL
                 SELECT 'failed_amount', currency::text, sum(counted_failed) FROM billing_invoices
                  WHERE counted_failed > 0 GROUP BY 2) AS rows
           FULL JOIN (SELECT metric, currency, sum(amount) AS told
                        FROM (SELECT metric, currency, amount FROM rollup_totals
                              UNION ALL
                              SELECT metric, currency, amount FROM rollup_deltas) AS totals
                       WHERE metric IN ('customers', 'tenants_live', 'tenants_pending',
                                        'failed_payments', 'failed_amount')
                       GROUP BY 1, 2) AS figures USING (metric, currency)
          WHERE coalesce(due, 0) <> coalesce(told, 0)
       )sql"},
      {.name = "rollup_sums",
       .severity = high,
       .says = "The figures of months and the totals are the sums of their days",
       .why = "A month and its days would be two numbers",
       .finds = R"sql(
         SELECT trim(metric || ' ' || currency) || ' ' || to_char(month, 'YYYY-MM'), NULL, NULL,
                jsonb_build_object('expected_count', coalesce(due, 0), 'found_count',
                                   coalesce(told, 0))
           FROM (SELECT metric, currency, date_trunc('month', day::timestamp)::date AS month,
                        sum(amount) AS due FROM rollups GROUP BY 1, 2, 3) AS days
           FULL JOIN (SELECT metric, currency, month, amount AS told FROM rollup_months) AS months
                USING (metric, currency, month)
          WHERE coalesce(due, 0) <> coalesce(told, 0)
         UNION ALL
         SELECT trim(metric || ' ' || currency), NULL, NULL,
                jsonb_build_object('expected_count', coalesce(due, 0), 'found_count',
                                   coalesce(told, 0))
           FROM (SELECT metric, currency, sum(amount) AS due FROM rollups GROUP BY 1, 2) AS days
           FULL JOIN (SELECT metric, currency, amount AS told FROM rollup_totals) AS totals
                USING (metric, currency)
          WHERE coalesce(due, 0) <> coalesce(told, 0)
       )sql"},
  };
}

}  // namespace invariants
