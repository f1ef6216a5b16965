#pragma once
// The mirror of Stripe: subscriptions with the MRR ledger, invoices, refunds, payment methods; and
// the events that keep it true. Everything here may be repeated and may come in any order.
#include "customers/customers.hpp"
#include "stripe/stripe.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// Monthly recurring revenue of a subscription as Stripe describes it, in minor units: definition
/// D2 per item, 0 unless D3 counts it.
[[nodiscard]] std::int64_t mrr_of(stripe::Object const& subscription);
/// D2: round_half_up(unit_amount × quantity × N / interval_count), N exact.
[[nodiscard]] std::int64_t monthly(std::int64_t unit_amount, std::int64_t quantity,
                                   std::string_view interval, std::int64_t interval_count);

/// Where a change comes from: the ledger row names the event and is dated by it.
struct Origin {
  std::optional<std::string> event_id{};
  Time at{};
};

/// A subscription runs whose tenant was never built, or is built no more: the sign-up looks at what
/// was paid.
struct SubscriptionRuns {
  static constexpr std::string_view kind = "billing.subscription_runs";
  std::int64_t tenant_id;
  std::string subscription_id;
};

/// Whether the account of our key has this customer. What another account has is "not there" for
/// Stripe, which must not be taken for its end. Deleted customers are still known.
[[nodiscard]] bool knows_customer(stripe::Client const& client, std::string const& customer_id);

// Each takes the object as Stripe has it now and returns false when it is not one of ours.

/// Upserts the subscription, writes the ledger, places or releases the billing hold.
/// `tenant` links it when the sign-up is known already.
bool apply_subscription(db::Tx& tx, stripe::Object const& subscription, Origin const& origin,
                        std::optional<tenants::TenantId> tenant = {});
bool apply_invoice(db::Tx& tx, stripe::Object const& invoice);
bool apply_refund(db::Tx& tx, stripe::Object const& refund);
/// `method` with its customer expanded.
bool apply_payment_method(db::Tx& tx, stripe::Object const& method);
/// What Stripe charges by default.
bool apply_customer(db::Tx& tx, stripe::Object const& customer);
/// A draft that was deleted.
bool forget_invoice(db::Tx& tx, std::string_view stripe_invoice_id);

/// For demo data: a movement without Stripe.
void write_movement(db::Tx& tx, customers::CustomerId customer, std::int64_t subscription,
                    std::string_view currency, std::int64_t before, std::int64_t after,
                    Origin const& origin);

}  // namespace billing
