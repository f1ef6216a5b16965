#pragma once
// How unpaid invoices are followed up, as staff have set it. A case keeps what it began with.
#include "dunning/ladder.hpp"
#include "platform/settings/groups.hpp"

namespace dunning {

struct DunningSettings {
  bool sends_first_mail = true;
  std::int64_t first_mail_day = 0;
  bool sends_second_mail = true;
  std::int64_t second_mail_day = 3;
  bool sends_third_mail = true;
  std::int64_t third_mail_day = 7;
  bool sends_warning = true;
  std::int64_t warning_day = 10;
  bool suspends = true;
  std::int64_t suspend_day = 14;
  bool archives = true;
  std::int64_t archive_day = 30;
  bool purges = true;
  std::int64_t purge_day = 60;
  std::vector<std::string> mail_only_plans;
  static constexpr auto rules() {
    using S = DunningSettings;
    constexpr auto day = "Days after the first failed payment";
    return ::rules(
        rule(&S::sends_first_mail, {.doc = "Whether the first mail is sent"}),
        rule(&S::first_mail_day, {.doc = day, .min = 0, .max = 365}),
        rule(&S::sends_second_mail, {.doc = "Whether the second mail is sent"}),
        rule(&S::second_mail_day, {.doc = day, .min = 0, .max = 365}),
        rule(&S::sends_third_mail, {.doc = "Whether the third mail is sent"}),
        rule(&S::third_mail_day, {.doc = day, .min = 0, .max = 365}),
        rule(&S::sends_warning, {.doc = "Whether a mail says that the tenant will be suspended"}),
        rule(&S::warning_day, {.doc = day, .min = 0, .max = 365}),
        rule(&S::suspends, {.doc = "Whether the tenant is suspended"}),
        rule(&S::suspend_day, {.doc = day, .min = 0, .max = 365}),
        rule(&S::archives, {.doc = "Whether a suspended tenant is archived; its bill ends then"}),
        rule(&S::archive_day, {.doc = day, .min = 0, .max = 365}),
        rule(&S::purges, {.doc = "Whether an archived tenant is deleted for good"}),
        rule(&S::purge_day, {.doc = day, .min = 0, .max = 365}),
        rule(&S::mail_only_plans,
             {.doc = "Ids of plans whose tenants are written to and never suspended",
              .max_length = 50}));
  }
  /// What a case of a tenant with this plan begins with.
  [[nodiscard]] Ladder ladder_for(std::string_view plan) const;
};

[[nodiscard]] DunningSettings settings_now(db::Tx& tx);

}  // namespace dunning
