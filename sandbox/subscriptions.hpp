#pragma once
// Subscriptions: what is bought again and again, and what becomes of it over time.
#include "sandbox/invoice_lines.hpp"
#include "sandbox/invoices.hpp"

namespace sandbox {

struct SubscriptionPlan {
  Object const& customer;
  Object const& parameters;  // as POST /v1/subscriptions takes them
  How how = How::off_session;
  Object* method = nullptr;  // charged first and kept as the default; the checkout knows it
  std::string session;       // the checkout session that sells it
};

/// Inserted, with its first invoice, finalized and attempted as payment_behavior says.
[[nodiscard]] Object create_subscription(Store& store, SubscriptionPlan const& plan);

struct Cancellation {
  std::string_view reason = "cancellation_requested";
  std::string feedback = {}, comment = {};
  bool invoice_now = false, prorate = false;
};
/// Ends it now. Open invoices stay open, but nobody collects them any more.
void cancel_subscription(Store& store, Object& subscription, Cancellation const& cancellation);
/// Renewal, end of trial, cancellation at the period's end, expiry of an unpaid first invoice.
void subscription_is_due(Store& store, Object& subscription);
/// The trial is over and nothing can be charged: status paused until somebody resumes it.
void pause_for_missing_method(Store& store, Object& subscription);
/// Ends the trial or a pause and bills a new period from now on, at once.
void start_period_now(Store& store, Object& subscription, std::string_view billing_reason);
/// A new invoice for all items of one period and what waits; inserted as a draft. The subscription
/// learns what was debited and loses the discounts that are used up; it is not saved.
[[nodiscard]] Object bill_period(Store& store, Object& subscription,
                                 std::string_view billing_reason, std::int64_t period_start,
                                 std::int64_t period_end);

/// What a period has been billed at, item by item: what is not used of it is credited by that.
void note_debits(Object& subscription, Object const& invoice);

/// payment_settings and trial_settings of a request.
void take_payment_settings(Object& subscription, Object const& parameters);
/// When invoice.upcoming is due, a week before the period's end; none when it was sent or nothing
/// will be billed.
[[nodiscard]] std::optional<std::int64_t> upcoming_notice(Object const& subscription);
/// Sets when the subscription needs attention next.
void schedule(Object& subscription);
void set_period(Object& subscription, std::int64_t start, std::int64_t end);
[[nodiscard]] std::int64_t period_start_of(Object const& subscription);
[[nodiscard]] std::int64_t period_end_of(Object const& subscription);
[[nodiscard]] Object const& first_item(Object const& subscription);
/// The first boundary after `moment` of the periods that start at `anchor`.
[[nodiscard]] std::int64_t end_of_period_at(Object const& subscription, std::int64_t anchor,
                                            std::int64_t moment);
/// An item as it stands in items.data; also remembers the product's name for invoice lines.
[[nodiscard]] Object new_subscription_item(Store& store, Object const& subscription,
                                           Object const& price, std::int64_t quantity);
/// Metadata, discounts and tax rates of an entry of items[]. `shown` names the entry in refusals.
void take_item_settings(Store& store, Object const& subscription, Object& item, Object const& entry,
                        std::string const& shown);
/// default_tax_rates of a request.
void take_tax_rates(Store& store, Object& object, Object const& parameters);

// What happens to the subscription when something happens to its invoice.
[[nodiscard]] bool subscription_is_incomplete(Store& store, Object const& invoice);
void invoice_was_paid(Store& store, Object const& invoice);
void invoice_is_processing(Store& store, Object const& invoice);
void invoice_went_unpaid(Store& store, Object const& invoice, bool attempts_are_over);
void invoice_was_given_up(Store& store, Object const& invoice);

}  // namespace sandbox
