#pragma once
// What a subscription has been paid or charged for beyond its end: the paid time that remains, and
// what waits for the next invoice.
#include "billing/refunds.hpp"

namespace billing {

/// What waits for the next invoice of a subscription, mostly prorations of a changed plan. Minor
/// units; a credit is negative.
struct Pending {
  struct Item {
    std::string id;
    std::int64_t amount, used;  // used: for time before the end
    bool is_proration;
  };
  std::vector<Item> items;

  /// What an end drops: whatever would charge somebody. A credit stays the customer's, unless it is
  /// given back in money.
  [[nodiscard]] std::int64_t to_drop(bool gives_back) const;
  /// What a plan that was left early has cost too much until the end.
  [[nodiscard]] std::int64_t overpaid() const;
};
[[nodiscard]] Pending pending_of(stripe::Client const& client, stripe::Object const& subscription,
                                 Time end);
/// Repeating it drops what is left of it. `sum` is what to_drop() said at first.
void drop(stripe::Client const& client, Pending const& pending, std::int64_t sum);

/// Gives back what was paid for the time from `end` on, and `overpaid`. Never more than was paid
/// and is not back yet. Returns what goes back, also when an earlier call of the same `key` did it.
std::int64_t give_back_unused(stripe::Client const& client, stripe::Object const& subscription,
                              Time end, std::int64_t overpaid, RefundKey const& key,
                              std::string const& tenant_id);

}  // namespace billing
