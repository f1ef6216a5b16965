// Movements by month, and the levels that follow from them.
#include "monitoring/months.hpp"

namespace monitoring {

std::vector<MrrMonth> mrr_months(std::vector<MonthTotal> const& totals,
                                 std::vector<money::Amount> const& present) {
  std::map<std::pair<std::string, std::string>, MrrMonth> by_month;
  for (auto const& total : totals) {
    if (!total.metric.starts_with("mrr")) continue;
    auto& month = by_month[{total.currency, total.month}];
    month.month = total.month;
    month.currency = total.currency;
    if (total.metric == "mrr")
      month.end = total.amount;  // the change for now, made a level below
    else if (total.metric == "mrr_new")
      month.new_business = total.amount;
    else if (total.metric == "mrr_expansion")
      month.expansion = total.amount;
    else if (total.metric == "mrr_contraction")
      month.contraction = -total.amount;
    else if (total.metric == "mrr_churn")
      month.churn = -total.amount;
    else if (total.metric == "mrr_reactivation")
      month.reactivation = total.amount;
  }
  for (auto const& now : present) {
    auto level = now.amount;
    for (auto entry = by_month.rbegin(); entry != by_month.rend(); ++entry)
      if (entry->first.first == now.currency) level -= std::exchange(entry->second.end, level);
  }
  std::vector<MrrMonth> out;
  for (auto& [_, month] : by_month) out.push_back(std::move(month));
  return out;
}

}  // namespace monitoring
