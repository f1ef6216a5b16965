#pragma once
// The mirror of Stripe: subscriptions, invoices, refunds, payment methods; and the events that keep
// it true. Everything here may be repeated and may come in any order.
#include "customers/customers.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// A subscription runs whose tenant was never built, or is built no more: the sign-up looks at what
/// was paid.
struct SubscriptionRuns {
  static constexpr std::string_view kind = "billing.subscription_runs";
  std::int64_t tenant_id;
  std::string subscription_id;
};

/// A discount that ends by itself changes what its subscription shows.
struct FollowMrr {
  static constexpr std::string_view kind = "billing.follow_mrr";
};
void add_subscription_workers(jobs::Engine& engine);

/// Whether the account of our key has this customer. What another account has is "not there" for
/// Stripe, which must not be taken for its end. Deleted customers are still known.
[[nodiscard]] bool knows_customer(stripe::Client const& client, std::string const& customer_id);

/// Upserts a subscription as Stripe has it now, tells the ledger, places or releases the billing
/// hold. `fetched_at` is when it was asked for, or when the answer to a change was there; `tenant`
/// links it when the sign-up is known already. False: it is not one of ours.
bool apply_subscription(db::Tx& tx, stripe::Object const& subscription, Time fetched_at,
                        std::optional<tenants::TenantId> tenant = {});
/// Subscriptions take over what the ledger says that they bring in, where that fell due or was
/// learnt since then; returns how many had another figure.
std::int64_t follow_mrr(db::Tx& tx, Time since);

}  // namespace billing
