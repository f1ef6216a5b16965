#pragma once
// Payments that a customer's bank took back, or may: what is known of each, what helps against it,
// and our answer to the bank. An answer cannot be taken back, so it is written down before Stripe
// is asked, and given once.
#include "billing/invoice_view.hpp"
#include "platform/config/config.hpp"
#include "platform/jobs/jobs.hpp"
#include "stripe/stripe.hpp"

namespace billing {

using DisputeId = Id<"dis">;

inline constexpr ProblemType dispute_not_found{Kind::not_found, "dispute_not_found",
                                               "There is no such dispute"};

enum class DisputeStatus {
  needs_response,
  under_review,
  won,
  lost,
  warning_needs_response,
  warning_under_review,
  warning_closed,
  prevented,
};
constexpr auto names_of(DisputeStatus) {
  return std::array<std::string_view, 8>{
      "needs_response",       "under_review",   "won",      "lost", "warning_needs_response",
      "warning_under_review", "warning_closed", "prevented"};
}

/// Why nothing can be told to the bank.
enum class AnswerHindrance { none, submitted, decided, overdue };
constexpr auto names_of(AnswerHindrance) {
  return std::array<std::string_view, 4>{"none", "submitted", "decided", "overdue"};
}

/// The texts that a bank can be told, by Stripe's names.
struct Evidence {
  std::optional<std::string> product_description, customer_name, customer_email_address,
      customer_purchase_ip, billing_address, service_date, access_activity_log,
      refund_policy_disclosure, refund_refusal_explanation, cancellation_policy_disclosure,
      cancellation_rebuttal, duplicate_charge_id, duplicate_charge_explanation, uncategorized_text;
  static constexpr auto rules() {
    using E = Evidence;
    constexpr Rules text{.max_length = 20'000}, line{.max_length = 200};
    return ::rules(
        rule(&E::product_description, text), rule(&E::customer_name, line),
        rule(&E::customer_email_address, line), rule(&E::customer_purchase_ip, line),
        rule(&E::billing_address, text), rule(&E::service_date, line),
        rule(&E::access_activity_log, text), rule(&E::refund_policy_disclosure, text),
        rule(&E::refund_refusal_explanation, text), rule(&E::cancellation_policy_disclosure, text),
        rule(&E::cancellation_rebuttal, text), rule(&E::duplicate_charge_id, line),
        rule(&E::duplicate_charge_explanation, text), rule(&E::uncategorized_text, text));
  }
};
/// Each text with its name; calls `each(name, text)`, an empty one where there is none.
void each_text(Evidence const& evidence,
               std::function<void(std::string_view name, std::string_view text)> const& each);
/// Whether anything is told.
[[nodiscard]] bool says_something(Evidence const& evidence);
/// What helps against a dispute of this reason, what counts most first; by Stripe's names.
[[nodiscard]] std::vector<std::string> what_helps(std::string_view reason);
/// What our own records say about a dispute, as a bank would want to read it.
[[nodiscard]] Evidence from_our_records(db::Tx& tx, config::Settings const& settings,
                                        DisputeId dispute);

struct DisputeTenant {
  tenants::TenantId id;
  std::string subdomain, state;
};

struct DisputeFacts {
  DisputeId id;
  std::string stripe_dispute_id;
  DisputeStatus status;
  std::string reason;
  std::optional<std::string> network_reason_code;
  std::int64_t amount;
  std::string currency;
  std::optional<std::int64_t> fee;
  std::optional<std::string> fee_currency;
  std::int64_t funds_withdrawn, funds_reinstated;
  customers::CustomerId customer_id;
  std::string company, customer_name, customer_email;
  std::optional<InvoiceId> invoice_id;
  std::optional<std::string> invoice_number, stripe_invoice_id;
  std::string stripe_charge_id;
  std::optional<Time> paid_at;
  std::optional<std::string> method_type, brand, last4;
  Time created_at;
  std::optional<Time> evidence_due_by, closed_at;
  AnswerHindrance hindrance;
  bool has_evidence, is_being_checked;
  std::int64_t submission_count, version;
  static constexpr auto fields() {
    using D = DisputeFacts;
    return ::fields(
        field("id", &D::id), field("stripe_dispute_id", &D::stripe_dispute_id),
        field("status", &D::status), field("reason", &D::reason, {.doc = "As Stripe codes it"}),
        field("network_reason_code", &D::network_reason_code, {.doc = "The card network's code"}),
        field("amount", &D::amount, {.doc = "Minor units"}), field("currency", &D::currency),
        field("fee", &D::fee, {.doc = "What Stripe takes for it, where that is known"}),
        field("fee_currency", &D::fee_currency),
        field("funds_withdrawn", &D::funds_withdrawn, {.doc = "What the bank took"}),
        field("funds_reinstated", &D::funds_reinstated, {.doc = "And gave back"}),
        field("customer_id", &D::customer_id), field("company", &D::company),
        field("customer_name", &D::customer_name), field("customer_email", &D::customer_email),
        field("invoice_id", &D::invoice_id), field("invoice_number", &D::invoice_number),
        field("stripe_invoice_id", &D::stripe_invoice_id),
        field("stripe_charge_id", &D::stripe_charge_id), field("paid_at", &D::paid_at),
        field("method_type", &D::method_type), field("brand", &D::brand), field("last4", &D::last4),
        field("created_at", &D::created_at),
        field("evidence_due_by", &D::evidence_due_by,
              {.doc = "Until then the bank takes an answer"}),
        field("closed_at", &D::closed_at),
        field("hindrance", &D::hindrance, {.doc = "Why nothing can be told to the bank"}),
        field("has_evidence", &D::has_evidence, {.doc = "Something was written down at Stripe"}),
        field("is_being_checked", &D::is_being_checked,
              {.doc = "An answer was sent, and how that ended is not known yet"}),
        field("submission_count", &D::submission_count),
        field("version", &D::version, {.doc = "Of what is written down; the ETag"}));
  }
};

/// One with all that belongs to it.
struct Dispute : DisputeFacts {
  std::vector<DisputeTenant> tenants;
  Evidence evidence;
  std::vector<std::string> files, helps;
  static constexpr auto fields() {
    using D = Dispute;
    return ::fields(
        inherited<DisputeFacts>(), field("tenants", &D::tenants),
        field("evidence", &D::evidence, {.doc = "Texts as they are written down at Stripe"}),
        field("files", &D::files, {.doc = "Names of evidence that was uploaded at Stripe"}),
        field("helps", &D::helps,
              {.doc = "Names of the evidence that helps against this reason, the best first"}));
  }
};
/// By our id or by Stripe's. Throws Problem{dispute_not_found}.
[[nodiscard]] Dispute dispute_in_full(db::Tx& tx, std::string_view id);

enum class AnswerWish { submission, acceptance };
constexpr auto names_of(AnswerWish) {
  return std::array<std::string_view, 2>{"submission", "acceptance"};
}
enum class AnswerOutcome {
  being_checked,     // Stripe has not answered yet
  submitted,         // to the bank
  accepted,          // as lost
  answered_already,  // otherwise, before this one
  refused,           // by Stripe
  unknown,           // Stripe did not say for a long time
};
constexpr auto names_of(AnswerOutcome) {
  return std::array<std::string_view, 6>{"being_checked",    "submitted", "accepted",
                                         "answered_already", "refused",   "unknown"};
}
struct AnswerEnd {
  AnswerOutcome outcome;
  std::string refusal{};  // Stripe's code
};

using AnswerId = std::int64_t;
/// Nothing: another answer is being checked.
[[nodiscard]] std::optional<AnswerId> begin_answer(db::Tx& tx, DisputeFacts const& dispute,
                                                   AnswerWish wish, Evidence const& evidence,
                                                   std::string_view asked_by);
/// Looks, answers what still waits for one, looks again and writes how it ended; repeating it
/// changes nothing. Throws stripe::Unavailable where that is not known.
AnswerEnd carry_out_answer(db::Connection& connection, stripe::Client const& client,
                           AnswerId answer, stripe::Patience patience);
/// Writes the texts down at Stripe, for later. Throws what stripe::Client throws.
void write_draft(db::Connection& connection, stripe::Client const& client,
                 std::string const& stripe_dispute, Evidence const& evidence,
                 stripe::Patience patience);

/// Finds out how an answer ended whose answer was lost.
struct CheckAnswer {
  static constexpr std::string_view kind = "billing.check_dispute_answer";
  std::int64_t answer_id;
};

/// GET /api/billing/disputes.
void add_dispute_list(http::Api& api);
/// One dispute, what our records say about it, its draft, its submission and its acceptance.
void add_dispute_endpoints(http::Api& api);
void add_dispute_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace billing
