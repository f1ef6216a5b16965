// Appending deltas and folding them.
#include "analytics/rollups.hpp"

#include "platform/retention/retention.hpp"

namespace analytics {

namespace {
db::Query const append{"analytics.append", R"sql(
  INSERT INTO rollup_deltas (metric, currency, day, amount)
  VALUES ($1, $2, ($3::timestamptz AT TIME ZONE 'UTC')::date, $4)
)sql"};

db::Query const append_days{"analytics.append_days", R"sql(
  INSERT INTO rollup_deltas (metric, currency, day, amount)
  SELECT metric, currency, day, sum(amount)
    FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[])
           AS changed (metric, currency, day, amount)
   GROUP BY 1, 2, 3 HAVING sum(amount) <> 0
)sql"};

db::Query const fold{"analytics.fold", "SELECT fold_rollups()"};

retention::Kept const kept_rollup_deltas{"rollup_deltas", "folded every ten seconds"};
retention::Kept const kept_rollups{"rollups", "one a metric, currency and day"};
retention::Kept const kept_rollup_months{"rollup_months", "one a metric, currency and month"};
retention::Kept const kept_rollup_totals{"rollup_totals", "one a metric and currency"};
}  // namespace

void add(db::Tx& tx, Metric metric, std::string_view currency, Time at, std::int64_t amount) {
  if (amount != 0) tx.exec(append, metric, currency, at, amount);
}

void add(db::Tx& tx, std::vector<DayDelta> const& deltas) {
  if (deltas.empty()) return;
  std::vector<Metric> metrics;
  std::vector<std::string> currencies, days;
  std::vector<std::int64_t> amounts;
  for (auto const& delta : deltas) {
    metrics.push_back(delta.metric);
    currencies.push_back(delta.currency);
    days.push_back(delta.day);
    amounts.push_back(delta.amount);
  }
  tx.exec(append_days, metrics, currencies, days, amounts);
}

void add_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<Fold>{.run = [](jobs::Context& job, Fold const&) {
    while (job.transact([](db::Tx& tx) { return tx.one<std::int64_t>(fold); }) > 0) {
    }
  }});
  engine.schedule<Fold>(jobs::Seconds{10});
}

}  // namespace analytics
