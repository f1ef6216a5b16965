#pragma once
// What can be bought: plans and their prices.
#include "platform/db/db.hpp"
#include "platform/json/problem.hpp"

namespace tenants {

enum class Interval { month, year };
constexpr auto names_of(Interval) { return std::array<std::string_view, 2>{"month", "year"}; }

enum class Support { email, priority, dedicated };
constexpr auto names_of(Support) {
  return std::array<std::string_view, 3>{"email", "priority", "dedicated"};
}

struct Price {
  std::string currency;
  Interval interval;
  std::int64_t unit_amount;
  static constexpr auto rules() {
    return ::rules(rule(&Price::currency, {.doc = "ISO 4217, lower case"}),
                   rule(&Price::unit_amount, {.doc = "Minor units per interval"}));
  }
};

struct Plan {
  std::string id, name;
  std::int64_t max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent;
  Support support;
  bool featured;
  std::int64_t trial_days;
  std::vector<Price> prices;
  static constexpr auto rules() {
    return ::rules(rule(&Plan::cpu_limit_percent, {.doc = "Per cent of one core"}),
                   rule(&Plan::trial_days, {.doc = "Free days before the first charge, once a "
                                                   "person; 0: none"}));
  }
};

/// Of one tenant.
struct Limits {
  std::int64_t max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent;
};
/// No tenant has more, however often it has its plan.
inline constexpr Limits largest{100'000, 16'777'216, 1'048'576, 12'800};
/// A plan is sold so many times to one tenant; at Stripe a person may write more (docs/adr/0043).
inline constexpr std::int64_t most_sold = 100, most_kept = 1'000;

/// What so many of it bring; largest where that would be more.
[[nodiscard]] Limits times(Limits const& one, std::int64_t quantity);
[[nodiscard]] Limits limits_of(Plan const& plan, std::int64_t quantity = 1);
/// So many of it bring more than a tenant can have: they are not sold.
[[nodiscard]] bool is_too_large(Limits const& one, std::int64_t quantity);
inline constexpr FieldCode beyond_a_tenant{"beyond_a_tenant",
                                           "must be less: no tenant can have so much"};
/// "Team", "2 × Team"
[[nodiscard]] std::string text_of(std::string_view plan_name, std::int64_t quantity);

inline constexpr ProblemType quote_over{Kind::conflict, "quote_over",
                                        "What was shown is no longer what would be charged"};

/// All plans for sale, in the order to show them.
[[nodiscard]] std::vector<Plan> plans_for_sale(db::Tx& tx);
struct Offer {
  std::int64_t amount;  // minor units per interval
  std::int64_t trial_days;
};
/// What choosing this plan means now; none when it is not sold that way.
[[nodiscard]] std::optional<Offer> offer_of(db::Tx& tx, std::string_view plan, Interval interval,
                                            std::string_view currency);

}  // namespace tenants
