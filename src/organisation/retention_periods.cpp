// Chosen periods, checked against the rules that there are.
#include "organisation/retention_periods.hpp"

namespace organisation {

namespace {
using std::chrono::days;

retention::Rule const* find(std::string_view name) {
  for (auto const* rule : retention::Rule::all())
    if (rule->name == name) return rule;
  return nullptr;
}

std::int64_t in_days(retention::Seconds period) { return std::chrono::ceil<days>(period).count(); }

/// The one bound that is told, whoever asks for fewer.
std::int64_t least_days(retention::Rule const& rule) {
  return std::max<std::int64_t>(1, in_days(rule.terms.least));
}

void check(db::Tx&, RetentionPeriods const& value, json::Errors& errors) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < value.chosen.size(); ++i) {
    auto const& [name, count] = value.chosen[i];
    auto const at = "/chosen/" + std::to_string(i);
    auto const* const rule = find(name);
    if (!rule)
      errors.push_back(wrong<faults::unknown_value>(at + "/rule_name", "the names of rules"));
    else if (count < least_days(*rule))
      errors.push_back(wrong<faults::too_small>(at + "/days", least_days(*rule)));
    if (!seen.insert(name).second) errors.push_back(wrong<faults::repeated>(at + "/rule_name"));
  }
}

struct RuleView {
  std::string name, table, why;
  std::int64_t days, own_days, least_days;
  static constexpr auto rules() {
    return ::rules(rule(&RuleView::days, {.doc = "The period in force"}),
                   rule(&RuleView::own_days, {.doc = "The program's own"}),
                   rule(&RuleView::least_days, {.doc = "No chosen period is shorter"}));
  }
};
struct KeptView {
  std::string table, why;
};
struct RetentionView {
  std::vector<RuleView> rules_in_force;
  std::vector<KeptView> kept_for_ever;
};
}  // namespace

void add_retention_settings(settings::Groups& groups, http::Api& api) {
  groups.add<RetentionPeriods>(api, "retention", "how long rows are kept", check);
  api.add(http::Endpoint<http::Nothing, RetentionView>{
      .route = "GET /api/settings/retention",
      .summary = "List how long every table keeps its rows, and why",
      .tag = "Settings",
      .scope = "settings:read",
      .handle =
          [&groups](http::Context& context, http::Nothing const&) {
            RetentionView out;
            auto const periods = periods_of(groups);
            for (auto const* rule : retention::Rule::all())
              out.rules_in_force.push_back(
                  {rule->name, std::string{rule->terms.table}, std::string{rule->terms.why},
                   in_days(periods(context.tx, *rule).value_or(rule->terms.keep)),
                   in_days(rule->terms.keep), least_days(*rule)});
            for (auto const* kept : retention::Kept::all())
              out.kept_for_ever.push_back({std::string{kept->table}, std::string{kept->why}});
            return out;
          },
  });
}

retention::Periods periods_of(settings::Groups const& groups) {
  return [&groups](db::Tx&, retention::Rule const& rule) -> std::optional<retention::Seconds> {
    auto const present = groups.now<RetentionPeriods>();
    for (auto const& [name, count] : present->chosen)
      if (name == rule.name) return days{count};
    return {};
  };
}

}  // namespace organisation
