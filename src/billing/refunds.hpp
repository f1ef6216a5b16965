#pragma once
// Giving back what an invoice took, to where it came from.
#include "stripe/stripe.hpp"

namespace billing {

/// Refunds the payments of `invoice` (with payments.data.payment.payment_intent expanded), newest
/// first, up to `at_most` minor units. Returns what has gone back, also when an earlier call of the
/// same `key` did it. Throws what stripe::Client throws.
std::int64_t refund_invoice(stripe::Client const& client, stripe::Object const& invoice,
                            std::int64_t at_most, std::string const& key,
                            std::string const& tenant_id);

}  // namespace billing
