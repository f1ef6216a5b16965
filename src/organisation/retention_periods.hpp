#pragma once
// How long rows are kept, where staff have chosen another period than the program's own.
#include "platform/retention/retention.hpp"
#include "platform/settings/groups.hpp"

namespace organisation {

struct ChosenPeriod {
  std::string rule_name;
  std::int64_t days;
  static constexpr auto rules() {
    return ::rules(rule(&ChosenPeriod::rule_name,
                        {.doc = "As GET /api/settings/retention names it", .max_length = 80}),
                   rule(&ChosenPeriod::days,
                        {.doc = "No fewer than least_days of its rule there", .max = 36'500}));
  }
};
struct RetentionPeriods {
  std::vector<ChosenPeriod> chosen;
  static constexpr auto rules() {
    return ::rules(rule(&RetentionPeriods::chosen,
                        {.doc = "All others are the program's own", .max_length = 200}));
  }
};

/// The group, and GET /api/settings/retention: every rule with its period and the reason for it.
void add_retention_settings(settings::Groups& groups, http::Api& api);

/// What pruning asks.
[[nodiscard]] retention::Periods periods_of(settings::Groups const& groups);

}  // namespace organisation
