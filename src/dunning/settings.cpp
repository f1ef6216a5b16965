// The group of settings, and what single members of it cannot say of themselves.
#include "dunning/settings.hpp"

#include <algorithm>

#include "dunning/dunning.hpp"
#include "tenants/plans.hpp"

namespace dunning {

namespace {
constexpr auto group = "dunning";
constexpr FieldCode not_after_step_before{"not_after_step_before",
                                          "must be after the day of the step before it"};
constexpr FieldCode unknown_plan{"unknown_plan", "must be ids of plans, each once"};

db::Query const count_plans{"dunning.count_plans",
                            "SELECT count(*) FROM plans WHERE id = ANY ($1::text[])"};

void check(db::Tx& tx, DunningSettings const& value, json::Errors& errors) {
  struct Rung {
    bool is_on;
    std::int64_t day;
    std::string_view pointer;
  };
  std::array const rungs{Rung{value.sends_first_mail, value.first_mail_day, "/first_mail_day"},
                         Rung{value.sends_second_mail, value.second_mail_day, "/second_mail_day"},
                         Rung{value.sends_third_mail, value.third_mail_day, "/third_mail_day"},
                         Rung{value.sends_warning, value.warning_day, "/warning_day"},
                         Rung{value.suspends, value.suspend_day, "/suspend_day"},
                         Rung{value.archives, value.archive_day, "/archive_day"},
                         Rung{value.purges, value.purge_day, "/purge_day"}};
  std::int64_t before = -1;
  for (auto const& [is_on, day, pointer] : rungs) {
    if (!is_on) continue;
    if (day <= before) errors.push_back(wrong<not_after_step_before>(std::string{pointer}));
    before = std::max(before, day);
  }
  if (tx.one<std::int64_t>(count_plans, value.mail_only_plans) !=
      std::int64_t(value.mail_only_plans.size()))
    errors.push_back(wrong<unknown_plan>("/mail_only_plans"));
}
}  // namespace

Ladder DunningSettings::ladder_for(std::string_view plan) const {
  auto const when = [](bool is_on, std::int64_t day) {
    return is_on ? std::optional{day} : std::nullopt;
  };
  bool const takes_away = std::ranges::find(mail_only_plans, plan) == mail_only_plans.end();
  return {when(sends_first_mail, first_mail_day),    when(sends_second_mail, second_mail_day),
          when(sends_third_mail, third_mail_day),    when(sends_warning, warning_day),
          when(takes_away && suspends, suspend_day), when(takes_away && archives, archive_day),
          when(takes_away && purges, purge_day)};
}

DunningSettings settings_now(db::Tx& tx) { return settings::read<DunningSettings>(tx, group); }

void add_settings(settings::Groups& groups, http::Api& api) {
  groups.add<DunningSettings>(api, group, "how unpaid invoices are followed up", check);
}

}  // namespace dunning
