#pragma once
// Invoices from draft to paid. Verbs save what they change and emit the events of the change.
#include "sandbox/charging.hpp"
#include "sandbox/store.hpp"

namespace sandbox {

/// What an invoice is made for.
struct InvoicePlan {
  Object const& customer;
  std::string currency;
  std::string_view billing_reason;  // manual, subscription_create, subscription_cycle …
  Object const* subscription = nullptr;
  std::int64_t period_start = 0, period_end = 0;
};

/// A draft with no lines, neither inserted nor numbered.
[[nodiscard]] Object new_invoice(Store& store, InvoicePlan const& plan);
/// Sums, discounts and what is due, from the lines. Changes the invoice only in memory.
void add_up(Store& store, Object& invoice);
/// Inserts the draft and emits invoice.created.
void insert_draft(Store& store, Object& invoice);
/// Number, status open, and the payment intent for what is due; nothing due is paid at once.
void finalize_invoice(Store& store, Object& invoice);
/// Whose attempt it is: those by hand leave the schedule of the retries alone.
enum class Attempt { scheduled, by_hand };
/// Attempts the payment with `method`.
Outcome pay_invoice(Store& store, Object& invoice, Object& method, How how,
                    Attempt attempt = Attempt::by_hand);
/// As pay_invoice with the default payment method; having none is a failed attempt.
Outcome collect(Store& store, Object& invoice, Attempt attempt = Attempt::scheduled);
void mark_paid(Store& store, Object& invoice, bool out_of_band);
void void_invoice(Store& store, Object& invoice);
/// A credit note has changed what is to be paid; nothing left to pay is paid. Saves the invoice.
void change_due(Store& store, Object& invoice, std::int64_t by);
void mark_uncollectible(Store& store, Object& invoice);
/// What an attempt means for the invoice of the intent, and for its subscription.
void settle_invoice(Store& store, Object const& intent, Outcome outcome);
/// A draft is finalized, an open one is tried again.
void invoice_is_due(Store& store, Object& invoice);
/// The last attempt of the schedule, now.
void make_last_attempt(Store& store, Object& invoice);
/// A new default payment method: what is open and overdue is tried at once.
void retry_open_invoices(Store& store, std::string const& customer_id);

/// The payment method that would be charged; none when there is no default.
[[nodiscard]] std::optional<Object> default_method_of(Store& store, Object const& invoice);
[[nodiscard]] std::string subscription_of(Object const& invoice);
/// The intent of the invoice's default payment; none before it is finalized.
[[nodiscard]] std::optional<Object> intent_of(Store& store, std::string_view invoice_id);
[[nodiscard]] Value confirmation_secret_of(Store& store, std::string_view invoice_id);

}  // namespace sandbox
