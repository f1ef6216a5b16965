#pragma once
// Giving back what an invoice took, to where it came from.
#include "stripe/stripe.hpp"

namespace billing {

/// One intention to give something back, and how often people had it tried again: Stripe repeats
/// its answer to a key.
struct RefundKey {
  std::string text;
  std::int64_t tried = 0;
};

struct Payment {
  std::string field, id;  // payment_intent or charge
};
struct GivenBack {
  std::int64_t now = 0;     // also when an earlier call of the same key did it
  std::int64_t before = 0;  // by others, of the same payments
  /// What is behind `now`.
  struct Refund {
    std::string id;
    std::int64_t amount;
  };
  std::vector<Refund> refunds{};
};

/// Why, for whom, and how long to wait for Stripe.
struct RefundWords {
  std::string tenant_id{}, reason = "requested_by_customer";
  stripe::Patience patience = stripe::Patience::background;
};

/// Gives `amount` of it back, or all that is left; nothing when an earlier call of the same `key`
/// did it. Throws what stripe::Client throws.
GivenBack refund_payment(stripe::Client const& client, Payment const& payment,
                         std::optional<std::int64_t> amount, RefundKey const& key,
                         RefundWords const& words);

/// Refunds the payments of `invoice` (with payments.data.payment.payment_intent expanded) up to
/// `at_most` minor units, and never more than is left of each. Throws what stripe::Client throws.
GivenBack refund_invoice(stripe::Client const& client, stripe::Object const& invoice,
                         std::int64_t at_most, RefundKey const& key, RefundWords const& words);

}  // namespace billing
