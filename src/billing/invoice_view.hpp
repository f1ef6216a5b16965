#pragma once
// Invoices as staff read them: a row of the list, one in full, and the document.
#include "billing/billing.hpp"
#include "billing/declines.hpp"
#include "platform/http/endpoint.hpp"

namespace billing {

using InvoiceId = Id<"inv">;

inline constexpr ProblemType invoice_not_found{Kind::not_found, "invoice_not_found",
                                               "There is no such invoice"};

enum class InvoiceStatus { draft, open, paid, voided, uncollectible };
constexpr auto names_of(InvoiceStatus) {
  return std::array<std::string_view, 5>{"draft", "open", "paid", "void", "uncollectible"};
}

/// What stands in the invoice's own row, and whose it is.
struct InvoiceFacts {
  InvoiceId id;
  std::optional<std::string> number;
  InvoiceStatus status;
  bool is_overdue;
  customers::CustomerId customer_id;
  std::string company, customer_name, customer_email, country;
  i18n::Locale locale;
  std::optional<tenants::TenantId> tenant_id;
  std::optional<std::string> subdomain, stripe_subscription_id, stripe_invoice_id, stripe_url,
      collection_method, billing_reason;
  std::string currency;
  std::optional<std::int64_t> subtotal, tax, amount_due;
  std::int64_t discount, amount, amount_paid, amount_remaining;
  Time date;
  std::optional<Time> due_date, finalized_at, payment_date, voided_at, uncollectible_at;
  bool is_paid_out_of_band;
  std::int64_t attempt_count;
  std::optional<Time> next_payment_attempt;
  static constexpr auto fields() {
    using F = InvoiceFacts;
    return ::fields(
        field("id", &F::id),
        field("number", &F::number, {.doc = "As Stripe numbered it; drafts have none"}),
        field("status", &F::status),
        field("is_overdue", &F::is_overdue, {.doc = "Open, and its due date is over"}),
        field("customer_id", &F::customer_id), field("company", &F::company),
        field("customer_name", &F::customer_name), field("customer_email", &F::customer_email),
        field("country", &F::country),
        field("locale", &F::locale, {.doc = "The customer's language"}),
        field("tenant_id", &F::tenant_id), field("subdomain", &F::subdomain),
        field("stripe_subscription_id", &F::stripe_subscription_id),
        field("stripe_invoice_id", &F::stripe_invoice_id),
        field("stripe_url", &F::stripe_url, {.doc = "The legal invoice, at Stripe"}),
        field("collection_method", &F::collection_method,
              {.doc = "charge_automatically or send_invoice"}),
        field("billing_reason", &F::billing_reason, {.doc = "Why Stripe wrote it"}),
        field("currency", &F::currency, {.doc = "ISO 4217, lower case"}),
        field("subtotal", &F::subtotal, {.doc = "Minor units, before discounts and taxes"}),
        field("discount", &F::discount), field("tax", &F::tax),
        field("amount", &F::amount, {.doc = "The total"}),
        field("amount_due", &F::amount_due, {.doc = "After the customer's balance"}),
        field("amount_paid", &F::amount_paid), field("amount_remaining", &F::amount_remaining),
        field("date", &F::date), field("due_date", &F::due_date),
        field("finalized_at", &F::finalized_at), field("payment_date", &F::payment_date),
        field("voided_at", &F::voided_at), field("uncollectible_at", &F::uncollectible_at),
        field("is_paid_out_of_band", &F::is_paid_out_of_band,
              {.doc = "Paid otherwise than through Stripe"}),
        field("attempt_count", &F::attempt_count),
        field("next_payment_attempt", &F::next_payment_attempt, {.doc = "When Stripe tries next"}));
  }
};

struct InvoiceLine {
  std::string id;
  std::optional<std::string> description;
  std::int64_t amount, discount, tax;
  std::optional<std::int64_t> quantity;
  std::optional<Time> period_start, period_end;
  bool is_proration;
  static constexpr auto rules() {
    return ::rules(rule(&InvoiceLine::id, {.doc = "Stripe's id"}),
                   rule(&InvoiceLine::tax, {.doc = "Inside the amount or on top of it"}));
  }
};

struct InvoiceTax {
  std::int64_t amount;
  std::optional<std::int64_t> taxable_amount;
  bool is_inclusive;
  std::optional<std::string> tax_rate, reason;
  static constexpr auto rules() {
    return ::rules(rule(&InvoiceTax::tax_rate, {.doc = "Stripe's id of the rate"}),
                   rule(&InvoiceTax::reason, {.doc = "Stripe's taxability_reason"}));
  }
};

struct InvoiceAttempt {
  std::string id;
  Time at;
  std::string outcome;
  std::int64_t amount;
  std::string currency;
  std::optional<std::string> code, stripe_pm_id, method_type, brand, last4;
  std::optional<Advice> advice;
  static constexpr auto rules() {
    return ::rules(rule(&InvoiceAttempt::id, {.doc = "Stripe's id of the charge"}),
                   rule(&InvoiceAttempt::outcome, {.doc = "succeeded, failed or pending"}),
                   rule(&InvoiceAttempt::code, {.doc = "Why it was declined, as Stripe codes it"}),
                   rule(&InvoiceAttempt::advice, {.doc = "What to do about a declined one"}));
  }
};

struct InvoiceCreditNote {
  std::string id;
  std::optional<std::string> number, reason;
  std::string status;
  std::int64_t amount, tax, pre_payment_amount, post_payment_amount;
  std::string currency;
  Time created_at;
  std::optional<Time> voided_at;
  static constexpr auto rules() {
    return ::rules(
        rule(&InvoiceCreditNote::id, {.doc = "Stripe's id"}),
        rule(&InvoiceCreditNote::pre_payment_amount, {.doc = "Taken from what was owed"}),
        rule(&InvoiceCreditNote::post_payment_amount, {.doc = "Given back of what was paid"}));
  }
};

struct InvoiceRefund {
  std::string id;
  std::int64_t amount;
  std::string currency, status;
  std::optional<std::string> reason, failure_reason, stripe_charge_id, stripe_credit_note_id;
  Time date;
  std::optional<Time> failed_at;
  static constexpr auto rules() {
    return ::rules(rule(&InvoiceRefund::id, {.doc = "Stripe's id"}));
  }
};

struct InvoiceDispute {
  std::string id, reason, status;
  std::int64_t amount;
  std::string currency;
  Time created_at;
  std::optional<Time> evidence_due_by, closed_at;
  std::int64_t funds_withdrawn, funds_reinstated;
  static constexpr auto rules() {
    return ::rules(rule(&InvoiceDispute::id, {.doc = "Stripe's id"}));
  }
};

/// Something that happened to it.
struct InvoiceMoment {
  Time at;
  std::string kind;
  std::optional<std::int64_t> amount;
  std::optional<std::string> currency, code, object;
  static constexpr auto rules() {
    return ::rules(
        rule(&InvoiceMoment::kind,
             {.doc = "created, finalised, attempt_succeeded, attempt_failed, attempt_pending, "
                     "mail_queued, mail_handed, mail_sent, mail_kept, mail_failed, mail_bounced, "
                     "mail_suppressed, credit_note, "
                     "credit_note_voided, refund, refund_failed, dispute, dispute_closed, paid, "
                     "paid_out_of_band, voided or uncollectible"}),
        rule(&InvoiceMoment::code,
             {.doc = "Why: of a declined attempt Stripe's decline code, of a mail its template"}),
        rule(&InvoiceMoment::object, {.doc = "Id of the charge, mail, credit note, refund or "
                                             "dispute"}));
  }
};

struct Invoice : InvoiceFacts {
  std::vector<InvoiceLine> lines;
  std::vector<InvoiceTax> taxes;
  std::vector<InvoiceAttempt> attempts;
  std::vector<InvoiceCreditNote> credit_notes;
  std::vector<InvoiceRefund> refunds;
  std::vector<InvoiceDispute> disputes;
  std::vector<InvoiceMoment> timeline;
  static constexpr auto fields() {
    using I = Invoice;
    return ::fields(inherited<InvoiceFacts>(), field("lines", &I::lines), field("taxes", &I::taxes),
                    field("attempts", &I::attempts, {.doc = "Oldest first"}),
                    field("credit_notes", &I::credit_notes), field("refunds", &I::refunds),
                    field("disputes", &I::disputes),
                    field("timeline", &I::timeline, {.doc = "What happened to it, oldest first"}));
  }
};

/// By our id or by Stripe's; all of one moment when `tx` is a snapshot. Throws
/// Problem{invoice_not_found}.
[[nodiscard]] Invoice invoice_in_full(db::Tx& tx, std::string_view id);

/// The invoice as a PDF. It is a copy: the legal invoice is Stripe's.
[[nodiscard]] std::string invoice_document(db::Tx& tx, Invoice const& invoice, i18n::Locale locale);

/// The same as a download, named by its number.
[[nodiscard]] http::File invoice_file(db::Tx& tx, Invoice const& invoice, i18n::Locale locale);

/// The list, one invoice, its document, and what they add up to.
void add_invoice_endpoints(http::Api& api);

}  // namespace billing
