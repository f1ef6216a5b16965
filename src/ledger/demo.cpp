// The statements behind demo.hpp.
#include "ledger/demo.hpp"

#include "analytics/rollups.hpp"
#include "ledger/books.hpp"
#include "ledger/rollups.hpp"

namespace ledger {

namespace {
db::Query const insert_steps{"ledger.insert_demo_steps", R"sql(
  INSERT INTO mrr_steps (customer_id, subscription_id, item_id, price_id, currency, policy, at,
                         delta, run_id, believed_at)
  SELECT customer_id, 'sub_of_row_' || row_id, 'demo', '', currency, policy, at, delta, r.id,
         r.believed_at
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::bigint[])
           AS step (customer_id, row_id, currency, at, delta),
         unnest(enum_range(NULL::mrr_policy)) AS policy, ledger_runs AS r WHERE r.id = $1
)sql"};
db::Query const counted{"ledger.counted_demo", R"sql(
  SELECT metric, currency, day::text AS day, -sum(mrr_after - mrr_before)::bigint AS amount
    FROM mrr_movements, LATERAL (VALUES ('mrr'), ('mrr_' || kind)) AS counted (metric)
   WHERE policy = 'recurring' AND upper_inf(believed)
     AND customer_id IN (SELECT id FROM customers WHERE is_demo)
   GROUP BY 1, 2, 3
)sql"};
struct Standing {
  std::int64_t customer_id;
  std::string currency;
  Policy policy;
  std::int64_t day, mrr_before, mrr_after;
};
db::Query const standing{"ledger.standing_demo", R"sql(
  SELECT customer_id, currency, policy, day - date '1970-01-01' AS day, mrr_before, mrr_after
    FROM mrr_movements
   WHERE upper_inf(believed) AND customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};
db::Query const delete_movements{"ledger.delete_demo_movements", R"sql(
  DELETE FROM mrr_movements WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};
db::Query const delete_steps{"ledger.delete_demo_steps", R"sql(
  DELETE FROM mrr_steps WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};
db::Query const delete_runs{"ledger.delete_demo_runs",
                            "DELETE FROM ledger_runs WHERE reason = 'demo'"};
}  // namespace

void add_demo(db::Tx& tx, std::vector<DemoStep> const& steps) {
  Run run{Reason::demo, {}};
  std::vector<std::int64_t> customers, rows, deltas;
  std::vector<std::string> currencies;
  std::vector<Time> instants;
  for (auto const& step : steps) {
    customers.push_back(step.customer_id);
    rows.push_back(step.subscription_id);
    currencies.push_back(step.currency);
    instants.push_back(step.at);
    deltas.push_back(step.delta);
  }
  tx.exec(insert_steps, run.id(tx), customers, rows, currencies, instants, deltas);
  net(tx, run, customers, {}, {}, zone(tx));
}

void remove_demo(db::Tx& tx) {
  analytics::add(tx, tx.all<analytics::DayDelta>(counted));
  std::vector<Moved> gone;
  for (auto const& row : tx.all<Standing>(standing))
    gone.push_back({row.customer_id,
                    row.currency,
                    row.policy,
                    {Day{std::chrono::days{row.day}}, row.mrr_before, row.mrr_after},
                    true});
  RollupChange rollups{tx, gone};
  for (auto const* query : {&delete_movements, &delete_steps, &delete_runs}) tx.exec(*query);
  rollups.write(tx);
}

}  // namespace ledger
