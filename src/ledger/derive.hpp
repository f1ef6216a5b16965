#pragma once
// What a subscription brings in over time: D1 to D5 of the report definitions, exactly. A function
// of snapshots and terms alone: no database, no clock, no floating point.
#include "ledger/discounts.hpp"
#include "ledger/history.hpp"

namespace ledger {

/// Which discounts count (D4): those that end or stay but not those of one invoice; those that
/// stay; all.
enum class Policy { recurring, forever, all };
constexpr auto names_of(Policy) {
  return std::array<std::string_view, 3>{"recurring", "forever", "all"};
}
inline constexpr std::array policies{Policy::recurring, Policy::forever, Policy::all};

using TermsById = std::map<std::string, Terms, std::less<>>;

/// The MRR of one item changes by `delta` at an instant.
struct Step {
  Time at;
  std::string item_id, price_id, currency;
  Policy policy;
  std::int64_t delta;
  std::string event_id;
  bool operator==(Step const&) const = default;
};

/// The steps of one subscription, by time. A discount that ends by itself is a step of its day,
/// which may lie ahead.
[[nodiscard]] std::vector<Step> steps_of(std::vector<Snapshot> const& snapshots,
                                         TermsById const& terms);

/// Of a subscription, in lower case as all of Stripe's; what is no currency counts nothing.
[[nodiscard]] std::string currency_of(stripe::Object const& subscription);

/// What a subscription in this state brings in at an instant.
[[nodiscard]] std::int64_t mrr_of(stripe::Object const& subscription, TermsById const& terms,
                                  Policy policy, Time at);

}  // namespace ledger
