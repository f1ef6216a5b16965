#pragma once
// What is offered to who is about to leave, and what is written to who has left, as staff have set
// it: nothing of either until they do.
#include "platform/settings/groups.hpp"
#include "tenants/tenants.hpp"

namespace portal {

inline constexpr Rules percent_of_offer{.doc = "Per cent that is taken off", .min = 1, .max = 100};
inline constexpr Rules months_of_offer{.doc = "For so many months", .min = 1, .max = 12};

struct WinBack {
  bool offers = false;
  std::int64_t percent_off = 20;
  std::int64_t months = 3;
  bool writes = false;
  std::int64_t write_after_days = 14;
  static constexpr auto rules() {
    using W = WinBack;
    return ::rules(
        rule(&W::offers, {.doc = "Whether who is about to cancel is offered to pay less"}),
        rule(&W::percent_off, percent_of_offer), rule(&W::months, months_of_offer),
        rule(&W::writes, {.doc = "Whether who has cancelled is written to once, after the end"}),
        rule(&W::write_after_days,
             {.doc = "So many days after the end of the subscription", .min = 1, .max = 90}));
  }
};
[[nodiscard]] WinBack win_back_now(db::Tx& tx);

/// So much less for so long.
struct StayOffer {
  std::int64_t percent_off, months;
  static constexpr auto rules() {
    return ::rules(rule(&StayOffer::percent_off, percent_of_offer),
                   rule(&StayOffer::months, months_of_offer));
  }
  bool operator==(StayOffer const&) const = default;
};
/// What this tenant's owner is offered, as far as our rows know. One offer for a subscription that
/// is charged every month, has no discount and goes on: of several, or of a year, "for three
/// months" would not be true.
[[nodiscard]] std::optional<StayOffer> stay_offer_for(db::Tx& tx, tenants::TenantId id,
                                                      WinBack const& settings);

/// Once a day: writes to those whose time has come.
struct WriteWinBack {
  static constexpr std::string_view kind = "portal.write_win_back";
};

}  // namespace portal
