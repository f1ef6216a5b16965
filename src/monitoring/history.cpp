// GET /api/dashboard/history.
#include "monitoring/history.hpp"

#include "monitoring/months.hpp"

namespace monitoring {

namespace {

struct HistoryRequest {
  std::optional<std::int64_t> months;
  static constexpr auto rules() {
    return ::rules(rule(&HistoryRequest::months,
                        {.doc = "Months back from now, the present one included; 24 unless told",
                         .min = 1,
                         .max = 24}));
  }
};

struct TenantsMonth {
  std::string month;
  std::int64_t active;
  static constexpr auto rules() {
    return ::rules(rule(&TenantsMonth::month, {.example = "2026-11"}),
                   rule(&TenantsMonth::active, {.doc = "At the month's end"}));
  }
};

struct History {
  std::vector<MrrMonth> mrr_months;
  std::vector<TenantsMonth> tenants_months;
  static constexpr auto rules() {
    return ::rules(
        rule(&History::tenants_months, {.doc = "Only months in which something happened"}));
  }
};

// Each reads what is folded and what is not yet, in one snapshot.
db::Query const totals_now{"monitoring.history_now", R"sql(
  SELECT metric, currency, '' AS month, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, amount FROM rollup_totals
    UNION ALL SELECT metric, currency, amount FROM rollup_deltas) AS all_of_them
   WHERE metric IN ('mrr', 'tenants_live') GROUP BY metric, currency ORDER BY metric, currency
)sql"};

db::Query const totals_by_month{"monitoring.history_months", R"sql(
  SELECT metric, currency, to_char(month, 'YYYY-MM') AS month, sum(amount)::bigint AS amount FROM (
    SELECT metric, currency, month, amount FROM rollup_months
    UNION ALL SELECT metric, currency, date_trunc('month', day::timestamp)::date, amount
                FROM rollup_deltas) AS all_of_them
   WHERE (metric LIKE 'mrr%' OR metric = 'tenants_live')
     AND month >= (date_trunc('month', now() AT TIME ZONE 'UTC')
                   - make_interval(months => $1::int - 1))::date
   GROUP BY metric, currency, month ORDER BY month, currency, metric
)sql"};

std::vector<TenantsMonth> tenants_months(std::vector<MonthTotal> const& totals,
                                         std::int64_t present) {
  std::vector<TenantsMonth> out;
  for (auto const& total : totals)
    if (total.metric == "tenants_live") out.push_back({total.month, total.amount});
  for (auto month = out.rbegin(); month != out.rend(); ++month)
    present -= std::exchange(month->active, present);
  return out;
}

History history(http::Context& context, HistoryRequest const& request) {
  std::vector<money::Amount> mrr;
  std::int64_t active = 0;
  for (auto const& now : context.tx.all<MonthTotal>(totals_now)) {
    if (now.metric == "mrr") mrr.push_back({now.currency, now.amount});
    if (now.metric == "tenants_live") active = now.amount;
  }
  auto const totals = context.tx.all<MonthTotal>(totals_by_month, request.months.value_or(24));
  return {mrr_months(totals, mrr), tenants_months(totals, active)};
}

}  // namespace

void add_history(http::Api& api) {
  api.add(http::Endpoint<HistoryRequest, History>{
      .route = "GET /api/dashboard/history",
      .summary = "Read how recurring revenue and active tenants came to be, by month",
      .tag = "Dashboard",
      .scope = "dashboard:read",
      .handle = history,
  });
}

}  // namespace monitoring
