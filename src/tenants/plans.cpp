// Reading plans.
#include "tenants/plans.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "platform/retention/retention.hpp"

namespace tenants {

namespace {
struct PlanRow {
  std::string id, name;
  std::int64_t max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent;
  Support support;
  bool featured;
  std::int64_t trial_days;
  std::string currency;
  Interval interval;
  std::int64_t unit_amount;
};

db::Query const list_plans{"tenants.list_plans", R"sql(
  SELECT id, name, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent, support,
         featured, trial_days, currency, interval, unit_amount
    FROM plans JOIN plan_prices ON plan_id = id
   WHERE for_sale ORDER BY position, currency, interval
)sql"};

db::Query const find_offer{"tenants.find_offer", R"sql(
  SELECT unit_amount AS amount, trial_days FROM plan_prices JOIN plans ON plans.id = plan_id
   WHERE plan_id = $1 AND interval = $2 AND currency = $3 AND for_sale
)sql"};

retention::Kept const kept_plans{"plans", "subscriptions and tenants name them"};
retention::Kept const kept_plan_prices{"plan_prices", "one a currency and interval of a plan"};
}  // namespace

Limits times(Limits const& one, std::int64_t quantity) {
  return {std::min(one.max_users * quantity, largest.max_users),
          std::min(one.storage_limit_mib * quantity, largest.storage_limit_mib),
          std::min(one.memory_limit_mib * quantity, largest.memory_limit_mib),
          std::min(one.cpu_limit_percent * quantity, largest.cpu_limit_percent)};
}

Limits limits_of(Plan const& plan, std::int64_t quantity) {
  return times(
      {plan.max_users, plan.storage_limit_mib, plan.memory_limit_mib, plan.cpu_limit_percent},
      quantity);
}

bool is_too_large(Limits const& one, std::int64_t quantity) {
  return one.max_users * quantity > largest.max_users ||
         one.storage_limit_mib * quantity > largest.storage_limit_mib ||
         one.memory_limit_mib * quantity > largest.memory_limit_mib ||
         one.cpu_limit_percent * quantity > largest.cpu_limit_percent;
}

std::string text_of(std::string_view plan_name, std::int64_t quantity) {
  return quantity == 1 ? std::string{plan_name} : fmt::format("{} × {}", quantity, plan_name);
}

std::vector<Plan> plans_for_sale(db::Tx& tx) {
  std::vector<Plan> plans;
  for (auto& row : tx.all<PlanRow>(list_plans)) {
    if (plans.empty() || plans.back().id != row.id)
      plans.push_back({row.id,
                       row.name,
                       row.max_users,
                       row.storage_limit_mib,
                       row.memory_limit_mib,
                       row.cpu_limit_percent,
                       row.support,
                       row.featured,
                       row.trial_days,
                       {}});
    plans.back().prices.push_back({row.currency, row.interval, row.unit_amount});
  }
  return plans;
}

std::optional<Offer> offer_of(db::Tx& tx, std::string_view plan, Interval interval,
                              std::string_view currency) {
  return tx.maybe<Offer>(find_offer, plan, interval, currency);
}

}  // namespace tenants
