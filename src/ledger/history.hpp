#pragma once
// What was known of a subscription when: its snapshots in the order in which they happened,
// whatever the order in which they came.
#include "stripe/stripe.hpp"

namespace ledger {

/// A subscription as an event carried it, or as it was when we asked for it.
struct Snapshot {
  Time at;               // whole seconds, as events have them
  std::string event_id;  // of one that was asked for: "fetched"
  std::string type;      // of the event; empty: it was asked for
  stripe::Object state;
  std::optional<stripe::Object> before{};  // previous_attributes of the event
  [[nodiscard]] bool is_event() const { return !type.empty(); }
};

/// From `at` on, until the next one.
struct State {
  Time at;
  Snapshot const* snapshot;
};

/// One state for each second that has any, by time: the last of a chain of `previous_attributes`.
/// What was asked for says what no event has told yet; it does not count where the event that
/// follows tells the same change with its own date. What a second changes lies between the second
/// with events before it and two such seconds after it, and follows from one more to each side.
[[nodiscard]] std::vector<State> in_order(std::vector<Snapshot> const& snapshots);

/// What recurring revenue depends on: two snapshots with the same bring in the same.
[[nodiscard]] boost::json::value what_counts(stripe::Object const& subscription);

}  // namespace ledger
