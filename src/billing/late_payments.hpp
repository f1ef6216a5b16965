#pragma once
// Money for a subscription that had ended when it came: its tenant runs for the time that was paid
// for, or the money goes back. The customer is told which, and staff see it.
#include "platform/config/config.hpp"
#include "platform/http/endpoint.hpp"
#include "platform/jobs/jobs.hpp"
#include "tenants/tenants.hpp"

namespace billing {

struct SettleLatePayment {
  static constexpr std::string_view kind = "billing.settle_late_payment";
  std::int64_t invoice_id;
};

/// Looks whether the invoice of this Stripe id, or one of the subscription's, was paid after the
/// subscription had ended; whichever of both is learnt last asks.
void notice_late_payments(db::Tx& tx, std::string_view stripe_subscription_id);

void add_late_payment_endpoint(http::Api& api);
void add_late_payment_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
