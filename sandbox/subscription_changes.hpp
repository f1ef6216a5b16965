#pragma once
// What a change of prices or quantities costs: the same arithmetic for updates and previews.
#include "sandbox/subscriptions.hpp"

namespace sandbox {

struct Change {
  Object subscription;             // as it would be
  std::vector<Line> prorations;    // credit for the unused time, charge for the remaining time
  bool starts_new_period = false;  // the interval changed, or the anchor moves to now
};

/// `given` is items[] of an update. Nothing is saved (but prices made from price_data).
[[nodiscard]] Change change_items(Store& store, Object const& subscription, Array const& given,
                                  bool prorate, bool anchor_now, std::int64_t moment);
/// The credit for what is left of the period from now on, when the subscription ends.
[[nodiscard]] std::vector<Line> credits_for_rest(Store& store, Object const& subscription);

/// POST /v1/invoices/create_preview.
[[nodiscard]] Object preview_invoice(Store& store, Object const& parameters);

}  // namespace sandbox
