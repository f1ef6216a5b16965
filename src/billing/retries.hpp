#pragma once
// Payments that are tried because somebody asks for it, or because a customer has another card by
// now. A try is written down before Stripe is asked and carries a key of its own, so whatever is
// lost on the way, and whoever tries at the same time, nobody is charged twice.
#include "billing/invoice_view.hpp"
#include "customers/customers.hpp"
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/money/money.hpp"
#include "stripe/stripe.hpp"

namespace billing {

enum class RetryOutcome {
  being_checked,   // it may have been charged: nobody knows yet
  paid,            // by this try
  declined,        //
  needs_customer,  // they have to confirm it with their bank
  under_way,       // at the bank, as debits are for days
  already_paid,    // otherwise, before this try
  void_,           // nothing is to be paid any more
  no_method,       // there is nothing to charge
  refused,         // by Stripe, for another reason
  unknown,  // Stripe did not say for a long time; when it was looked at last, it was not paid
};
constexpr auto names_of(RetryOutcome) {
  return std::array<std::string_view, 10>{
      "being_checked", "paid", "declined",  "needs_customer", "under_way",
      "already_paid",  "void", "no_method", "refused",        "unknown"};
}

/// What is known of a try once it is over, or by now.
struct RetryEnd {
  RetryOutcome outcome;
  std::string decline_code{};  // Stripe's code of a refusal
};

using RetryId = std::int64_t;
/// Begins a try, with the method that is charged by default or with `method`; nothing when one is
/// being checked, or this method was tried before.
[[nodiscard]] std::optional<RetryId> begin_retry(db::Tx& tx, InvoiceId invoice,
                                                 std::string_view asked_by,
                                                 std::optional<std::string> const& method = {});
/// Looks, pays what is still to be paid, looks again and writes how it ended; repeating it changes
/// nothing. Throws stripe::Unavailable where that is not known.
RetryEnd carry_out(db::Connection& connection, stripe::Client const& client, RetryId retry,
                   stripe::Patience patience);
void end_retry(db::Tx& tx, RetryId retry, RetryEnd const& end);

/// Another method is charged by default now: each invoice of this customer that could not be
/// collected is tried with it, once.
void retry_with(db::Tx& tx, customers::CustomerId customer, std::string const& method);
/// What that would be, were it charged by default: one sum a currency.
[[nodiscard]] std::vector<money::Amount> to_be_tried_with(db::Tx& tx,
                                                          customers::CustomerId customer,
                                                          std::string const& method);

/// POST /api/billing/retry-payment.
void add_retry_endpoint(http::Api& api);
void add_retry_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
