#pragma once
// How many tenants this installation can hold, and how many of those places may be held by people
// who have not paid yet.
#include "tenants/tenants.hpp"

namespace tenants {

/// Whether a stranger can sign up at present; anything but open says why not.
enum class Availability {
  open,
  full,
  paused,  // nothing can be built at present; it opens again by itself
};
constexpr auto names_of(Availability) {
  return std::array<std::string_view, 3>{"open", "full", "paused"};
}

[[nodiscard]] Availability availability(db::Tx& tx, config::Settings const& settings);
/// Throws Problem{capacity_exhausted}. Under take_turn_to_reserve(), so that two people cannot both
/// take the last place.
void require_place(db::Tx& tx, config::Settings const& settings);
/// Reservations without a payment hold at most so many places: who pays finds one.
[[nodiscard]] std::int64_t unpaid_places(config::Settings const& settings);
/// How many they hold now.
[[nodiscard]] std::int64_t count_unpaid(db::Tx& tx, config::Settings const& settings);

/// Another name or plan for a tenant that is reserved and not paid; its own name is free to it.
/// Throws Problem: subdomain_taken (with suggestions), plan_not_for_sale, state_conflict.
Tenant reserve_anew(db::Tx& tx, config::Settings const& settings, TenantId id,
                    std::string_view subdomain, std::string_view plan, std::string_view actor);
/// A tenant that is reserved and not paid is kept until then; of others nothing changes.
void keep_until(db::Tx& tx, TenantId id, Time deadline);
/// Another try of what failed or was given up, on the way to any state. Throws Problem:
/// state_conflict; subdomain_taken or capacity_exhausted when the name or the place that was given
/// back is gone.
void retry(db::Tx& tx, config::Settings const& settings, TenantId id, std::string_view actor);

}  // namespace tenants
