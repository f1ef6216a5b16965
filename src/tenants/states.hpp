#pragma once
// The five facts about a tenant that are not one status, and which states may follow which.
#include "platform/types/fields.hpp"

namespace tenants {

enum class State {
  reserved,
  awaiting_payment,
  queued,
  provisioning,
  live,
  suspending,
  suspended,
  resuming,
  archiving,
  archived,
  purging,
  purged,
  provision_failed,
  rolled_back,
};
constexpr auto names_of(State) {
  return std::array<std::string_view, 14>{
      "reserved",   "awaiting_payment", "queued",           "provisioning", "live",
      "suspending", "suspended",        "resuming",         "archiving",    "archived",
      "purging",    "purged",           "provision_failed", "rolled_back"};
}

enum class Health { unknown, healthy, degraded, down };
constexpr auto names_of(Health) {
  return std::array<std::string_view, 4>{"unknown", "healthy", "degraded", "down"};
}

enum class Hold { billing, trial_ended, quota, abuse, admin, customer, dispute };
constexpr auto names_of(Hold) {
  return std::array<std::string_view, 7>{"billing", "trial_ended", "quota",  "abuse",
                                         "admin",   "customer",    "dispute"};
}

/// May `to` follow `from`?
[[nodiscard]] bool may_follow(State from, State to);
/// Nothing follows, and the name is free again.
[[nodiscard]] constexpr bool is_final(State state) {
  return state == State::purged || state == State::rolled_back;
}
/// Somebody waits for it to run.
[[nodiscard]] constexpr bool is_pending(State state) {
  return state == State::queued || state == State::provisioning || state == State::provision_failed;
}

/// Its name is kept for somebody who has not paid: nothing is there that could stand still, and
/// who pays now must not get a tenant that does.
[[nodiscard]] constexpr bool is_unpaid(State state) {
  return state == State::reserved || state == State::awaiting_payment;
}

}  // namespace tenants
