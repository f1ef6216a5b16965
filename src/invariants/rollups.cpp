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
      {.name = "mrr_month_rollups",
       .severity = high,
       .says = "The sums of each month, of all customers and of each cohort, are its movements",
       .why = "Reports about revenue and cohorts read the sums",
       .finds = R"sql(
         WITH movements AS (
           SELECT m.*, date_trunc('month', day::timestamp)::date AS month,
                  date_trunc('month', (min(day) OVER (PARTITION BY customer_id, currency, policy))
                                      ::timestamp)::date AS cohort
             FROM mrr_movements AS m WHERE upper_inf(believed)),
         due AS (
           SELECT policy, currency, span, CASE span WHEN 'day' THEN month ELSE cohort END AS anchor,
                  month, kind, sum(amount) AS amount, count(*) AS customers
             FROM movements, unnest(ARRAY['day', 'cohort']::mrr_span[]) AS span
            GROUP BY 1, 2, 3, 4, 5, 6),
         told AS (
           SELECT policy, currency, span, anchor, month, kind, sum(amount) AS amount,
                  sum(customers) AS customers
             FROM (SELECT policy, currency, span, anchor, month, kind, amount, customers
                     FROM mrr_rollup_months
                   UNION ALL
                   SELECT policy, currency, span, anchor,
                          date_trunc('month', day::timestamp)::date, kind, amount, customers
                     FROM mrr_rollup_deltas) AS sums
            WHERE span IN ('day', 'cohort') GROUP BY 1, 2, 3, 4, 5, 6)
         SELECT concat_ws(' ', policy, currency, span, to_char(anchor, 'YYYY-MM'),
                          to_char(month, 'YYYY-MM'), kind), NULL, NULL,
                jsonb_build_object('expected_amount', coalesce(due.amount, 0), 'found_amount',
                                   coalesce(told.amount, 0), 'currency', currency)
           FROM due FULL JOIN told USING (policy, currency, span, anchor, month, kind)
          WHERE (coalesce(due.amount, 0), coalesce(due.customers, 0))
                <> (coalesce(told.amount, 0), coalesce(told.customers, 0))
       )sql"},
      {.name = "mrr_netted_rollups",
       .severity = high,
       .says = "The sums of the last three months against their beginning and the year before are "
               "what customers' levels make",
       .why = "Retention and churn are worked out from them",
       // The level is that of the last day. What came is one: whether it had been there before is a
       // matter of its first month.
       .finds = R"sql(
         WITH spans AS (
           SELECT (upto - make_interval(months => length))::date AS anchor, upto::date AS upto
             FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC')
                          - make_interval(months => back) AS upto
                     FROM generate_series(0, 2) AS back) AS months,
                  unnest(ARRAY[1, 12]) AS length),
         levels AS (
           SELECT policy, currency, anchor, upto,
                  coalesce((max(ARRAY[day - date '1970-01-01', mrr_after])
                            FILTER (WHERE day < anchor))[2], 0) AS base,
                  (max(ARRAY[day - date '1970-01-01', mrr_after]))[2] AS level
             FROM mrr_movements JOIN spans ON day < upto WHERE upper_inf(believed)
            GROUP BY customer_id, policy, currency, anchor, upto),
         due AS (
           SELECT policy, currency, anchor, upto,
                  CASE WHEN base = 0 THEN 'came' WHEN level = 0 THEN 'churn'
                       WHEN level > base THEN 'expansion' ELSE 'contraction' END AS kind,
                  sum(abs(level - base)) AS amount, count(*) AS customers
             FROM levels WHERE level <> base GROUP BY 1, 2, 3, 4, 5),
         told AS (
           SELECT policy, currency, anchor, upto,
                  CASE WHEN kind IN ('new', 'reactivation') THEN 'came' ELSE kind::text END AS kind,
                  sum(amount) AS amount, sum(customers) AS customers
             FROM (SELECT policy, currency, span, anchor, month AS day, kind, amount, customers
                     FROM mrr_rollup_months
                   UNION ALL
                   SELECT policy, currency, span, anchor, day, kind, amount, customers
                     FROM mrr_rollup_deltas) AS sums
             JOIN spans USING (anchor)
            WHERE span = 'month' AND day < upto GROUP BY 1, 2, 3, 4, 5)
         SELECT concat_ws(' ', policy, currency, to_char(anchor, 'YYYY-MM'),
                          to_char(upto, 'YYYY-MM'), kind), NULL, NULL,
                jsonb_build_object('expected_amount', coalesce(due.amount, 0), 'found_amount',
                                   coalesce(told.amount, 0), 'currency', currency)
           FROM due FULL JOIN told USING (policy, currency, anchor, upto, kind)
          WHERE (coalesce(due.amount, 0), coalesce(due.customers, 0))
                <> (coalesce(told.amount, 0), coalesce(told.customers, 0))
       )sql"},
      {.name = "mrr_day_rollups",
       .severity = high,
       .says = "The sums of the days of a month or a week are those of the month",
       .why = "Reports by day and by week read the days, others the months",
       .finds = R"sql(
         SELECT concat_ws(' ', policy, currency, span, anchor, to_char(month, 'YYYY-MM'), kind),
                NULL, NULL,
                jsonb_build_object('expected_amount', coalesce(days.amount, 0), 'found_amount',
                                   coalesce(months.amount, 0), 'currency', currency)
           FROM (SELECT policy, currency, span, anchor,
                        date_trunc('month', day::timestamp)::date AS month, kind,
                        sum(amount) AS amount, sum(customers) AS customers
                   FROM mrr_rollup_days WHERE span IN ('day', 'week')
                  GROUP BY 1, 2, 3, 4, 5, 6) AS days
           FULL JOIN (SELECT * FROM mrr_rollup_months WHERE span IN ('day', 'week')) AS months
                USING (policy, currency, span, anchor, month, kind)
          WHERE (coalesce(days.amount, 0), coalesce(days.customers, 0))
                <> (coalesce(months.amount, 0), coalesce(months.customers, 0))
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
