// Movements: steps netted by day, customer, currency and policy, compared with what stands.
#include "analytics/rollups.hpp"
#include "ledger/books.hpp"
#include "ledger/rollups.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"

namespace ledger {

namespace {
using customers::CustomerId;

/// A movement that stands and should not, with its id, or one that should and does not.
struct Netted {
  std::optional<std::int64_t> standing;
  std::int64_t customer_id;
  std::string currency;
  Policy policy;
  std::string day;
  std::int64_t day_number;
  Movement kind;
  std::int64_t mrr_before, mrr_after;
  std::optional<std::string> event_id;
};
// Up to the last day: what comes after it is the same then, unless it is the first that there is.
db::Query const movement_differences{"ledger.movement_differences", R"sql(
  WITH start AS (
    SELECT coalesce(($2::timestamptz AT TIME ZONE $3)::date, '-infinity') AS day),
  known AS (
    SELECT $4::timestamptz IS NOT NULL
           AND NOT EXISTS (
             SELECT FROM (SELECT DISTINCT customer_id, currency, policy FROM mrr_steps
                           WHERE customer_id = ANY ($1::bigint[])
                             AND at >= ((SELECT day FROM start)::timestamp AT TIME ZONE $3)
                             AND at <= $4) AS line
              WHERE NOT EXISTS (SELECT FROM mrr_movements AS m
                                 WHERE m.customer_id = line.customer_id
                                   AND m.currency = line.currency AND m.policy = line.policy
                                   AND upper_inf(m.believed)
                                   AND m.day < (SELECT day FROM start))) AS before),
  stop AS (
    SELECT CASE WHEN (SELECT before FROM known) THEN ($4::timestamptz AT TIME ZONE $3)::date
                ELSE 'infinity' END AS day),
  standing AS (
    SELECT * FROM mrr_movements
     WHERE customer_id = ANY ($1::bigint[]) AND upper_inf(believed)
       AND day >= (SELECT day FROM start) AND day <= (SELECT day FROM stop)),
  days AS (
    SELECT customer_id, currency, policy, (at AT TIME ZONE $3)::date AS day,
           sum(delta)::bigint AS delta,
           (array_agg(event_id ORDER BY at DESC, event_id DESC))[1] AS event_id
      FROM mrr_steps AS s
     WHERE customer_id = ANY ($1::bigint[]) AND undoes IS NULL
       AND NOT EXISTS (SELECT FROM mrr_steps AS u WHERE u.undoes = s.id)
       AND at >= ((SELECT day FROM start)::timestamp AT TIME ZONE $3)
       AND at < ((SELECT day + 1 FROM stop)::timestamp AT TIME ZONE $3)
     GROUP BY 1, 2, 3, 4 HAVING sum(delta) <> 0),
  bases AS (
    SELECT line.*, last.mrr_after AS base
      FROM (SELECT DISTINCT customer_id, currency, policy FROM days) AS line
      LEFT JOIN LATERAL (SELECT mrr_after FROM mrr_movements AS m
                          WHERE m.customer_id = line.customer_id AND m.currency = line.currency
                            AND m.policy = line.policy AND upper_inf(m.believed)
                            AND m.day < (SELECT day FROM start)
                          ORDER BY m.day DESC LIMIT 1) AS last ON true),
  levels AS (
    SELECT days.*, base IS NULL AND row_number() OVER line = 1 AS is_first,
           (coalesce(base, 0) + sum(delta) OVER line)::bigint AS mrr_after
      FROM days JOIN bases USING (customer_id, currency, policy)
    WINDOW line AS (PARTITION BY customer_id, currency, policy ORDER BY day)),
  wanted AS (
    SELECT customer_id, currency, policy, day, event_id, mrr_after - delta AS mrr_before, mrr_after,
           (CASE WHEN is_first THEN 'new' WHEN mrr_after = delta THEN 'reactivation'
                 WHEN mrr_after = 0 THEN 'churn' WHEN delta > 0 THEN 'expansion'
                 ELSE 'contraction' END)::movement_kind AS kind
      FROM levels)
  SELECT s.id AS standing, coalesce(w.customer_id, s.customer_id) AS customer_id,
         coalesce(w.currency, s.currency) AS currency, coalesce(w.policy, s.policy) AS policy,
         coalesce(w.day, s.day)::text AS day,
         coalesce(w.day, s.day) - date '1970-01-01' AS day_number, coalesce(w.kind, s.kind) AS kind,
         coalesce(w.mrr_before, s.mrr_before) AS mrr_before,
         coalesce(w.mrr_after, s.mrr_after) AS mrr_after, w.event_id
    FROM wanted AS w
    FULL JOIN standing AS s
           ON (s.customer_id, s.currency, s.policy, s.day, s.kind, s.mrr_before, s.mrr_after,
               coalesce(s.event_id, ''))
            = (w.customer_id, w.currency, w.policy, w.day, w.kind, w.mrr_before, w.mrr_after,
               coalesce(w.event_id, ''))
   WHERE s.id IS NULL OR w.customer_id IS NULL
   ORDER BY customer_id, currency, policy, day, standing
)sql"};
db::Query const end_movements{"ledger.end_movements", R"sql(
  UPDATE mrr_movements AS m
     SET believed = tstzrange(lower(m.believed), r.believed_at), ended_run = r.id
    FROM ledger_runs AS r WHERE m.id = ANY ($1::bigint[]) AND r.id = $2
)sql"};
db::Query const insert_movements{"ledger.insert_movements", R"sql(
  INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before,
                             mrr_after, event_id, run_id, believed)
  SELECT customer_id, currency, policy::mrr_policy, day, kind::movement_kind,
         abs(mrr_after - mrr_before), mrr_before, mrr_after, netted.event_id, r.id,
         tstzrange(r.believed_at, NULL)
    FROM unnest($2::bigint[], $3::text[], $4::text[], $5::date[], $6::text[], $7::bigint[],
                $8::bigint[], $9::text[])
           AS netted (customer_id, currency, policy, day, kind, mrr_before, mrr_after, event_id),
         ledger_runs AS r WHERE r.id = $1
)sql"};

db::Query const zone_of_customer{"ledger.zone_of_customer", R"sql(
  SELECT coalesce(
    (SELECT zone FROM ledger_runs
      WHERE reason = 'settings' AND finished_at IS NULL AND next_customer > $1),
    (SELECT zone FROM ledger_runs WHERE zone IS NOT NULL AND finished_at IS NOT NULL
      ORDER BY id DESC LIMIT 1), 'UTC')
)sql"};

retention::Kept const kept_movements{"mrr_movements",
                                     "the books: what each day changed, as it was believed when"};

analytics::Metric metric_of(Movement movement) {
  using analytics::Metric;
  switch (movement) {
    case Movement::new_business:
      return Metric::mrr_new;
    case Movement::expansion:
      return Metric::mrr_expansion;
    case Movement::contraction:
      return Metric::mrr_contraction;
    case Movement::churn:
      return Metric::mrr_churn;
    case Movement::reactivation:
      return Metric::mrr_reactivation;
  }
  return Metric::mrr;
}
}  // namespace

std::vector<Difference> net(db::Tx& tx, Run& run, std::vector<std::int64_t> const& customers,
                            std::optional<Time> from, std::optional<Time> until,
                            std::string const& zone) {
  auto const rows = tx.all<Netted>(movement_differences, customers, from, zone, until);
  if (rows.empty()) return {};
  std::vector<std::int64_t> ended, whose, before, after;
  std::vector<std::string> currencies, days;
  std::vector<Policy> kept_policies;
  std::vector<Movement> kinds;
  std::vector<std::optional<std::string>> events;
  std::vector<analytics::DayDelta> counted;
  std::vector<Moved> moved;
  std::vector<Difference> out;
  for (auto const& row : rows) {
    auto const change = money::subtract(row.mrr_after, row.mrr_before);
    auto const amount = row.standing ? -change : change;
    if (row.standing) {
      ended.push_back(*row.standing);
    } else {
      whose.push_back(row.customer_id);
      currencies.push_back(row.currency);
      kept_policies.push_back(row.policy);
      days.push_back(row.day);
      kinds.push_back(row.kind);
      before.push_back(row.mrr_before);
      after.push_back(row.mrr_after);
      events.push_back(row.event_id);
    }
    if (row.policy == Policy::recurring)
      for (auto const metric : {analytics::Metric::mrr, metric_of(row.kind)})
        counted.push_back({metric, row.currency, row.day, amount});
    moved.push_back({row.customer_id,
                     row.currency,
                     row.policy,
                     {Day{std::chrono::days{row.day_number}}, row.mrr_before, row.mrr_after},
                     row.standing.has_value()});
    out.push_back(
        {row.customer_id, row.currency, std::string{name_of(row.policy)}, row.day, amount});
  }
  RollupChange rollups{tx, moved};
  auto const written = run.id(tx);
  if (!ended.empty()) tx.exec(end_movements, ended, written);
  if (!whose.empty())
    tx.exec(insert_movements, written, whose, currencies, kept_policies, days, kinds, before, after,
            events);
  analytics::add(tx, counted);
  rollups.write(tx);
  return out;
}

std::string zone_of(db::Tx& tx, CustomerId customer) {
  return tx.one<std::string>(zone_of_customer, customer);
}

std::string zone(db::Tx& tx) {
  return zone_of(tx, CustomerId{std::numeric_limits<std::int64_t>::max()});
}

}  // namespace ledger
