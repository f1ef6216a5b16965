// Disputes as staff look through them: those that wait for an answer first of all.
#include "billing/disputes.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace billing {

namespace {
enum class DisputeStanding { to_answer, overdue, with_bank, decided };
constexpr auto names_of(DisputeStanding) {
  return std::array<std::string_view, 4>{"to_answer", "overdue", "with_bank", "decided"};
}

struct DisputeRow {
  DisputeId id;
  std::string stripe_dispute_id;
  customers::CustomerId customer_id;
  std::string company;
  std::optional<InvoiceId> invoice_id;
  std::optional<std::string> invoice_number, stripe_invoice_id;
  std::string stripe_charge_id;
  std::int64_t amount;
  std::string currency, reason;
  DisputeStatus status;
  std::optional<Time> evidence_due_by;
  bool is_overdue, is_being_checked;
  Time created_at;
  std::optional<Time> closed_at;
  static constexpr auto rules() {
    using D = DisputeRow;
    return ::rules(
        rule(&D::amount, {.doc = "Minor units"}), rule(&D::reason, {.doc = "As Stripe codes it"}),
        rule(&D::evidence_due_by, {.doc = "Until then the bank takes an answer"}),
        rule(&D::is_overdue, {.doc = "It waits for an answer that the bank takes no more"}),
        rule(&D::is_being_checked, {.doc = "An answer was sent, and how that ended is not known "
                                           "yet"}));
  }
};

list::Codes const codes{
    "disputes",
    {{"status", "dispute_status"}, {"reason", "dispute_reason"}, {"standing", "dispute_standing"}}};

list::List dispute_list() {
  return {
      .name = "disputes",
      .route = "GET /api/billing/disputes",
      .summary = "List payments that customers' banks took back, or may",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<DisputeRow>,
      .columns = R"sql(page.id, page.stripe_dispute_id, page.customer_id, c.company,
          i.id AS invoice_id, i.number AS invoice_number, page.stripe_invoice_id,
          page.stripe_charge_id, page.amount, page.currency, page.reason, page.status,
          page.evidence_due_by,
          page.status IN ('needs_response', 'warning_needs_response')
            AND coalesce(page.evidence_due_by < {now}, false) AS is_overdue,
          EXISTS (SELECT FROM billing_dispute_orders AS o
                   WHERE o.stripe_dispute_id = page.stripe_dispute_id AND o.outcome IS NULL)
            AS is_being_checked,
          page.created_at, page.closed_at)sql",
      .source = "billing_disputes AS d",
      .key = "d.id",
      .joins = R"sql(JOIN customers AS c ON c.id = page.customer_id
          LEFT JOIN billing_invoices AS i ON i.stripe_invoice_id = page.stripe_invoice_id)sql",
      .sorts = {{"created_at", "d.created_at", "timestamptz"},
                {"evidence_due_by", "d.evidence_due_by", "timestamptz", true}},
      .order = "-created_at",
      .filters = {list::choice<DisputeStanding>(
                      "standing",
                      {"d.status IN ('needs_response', 'warning_needs_response') "
                       "AND coalesce(d.evidence_due_by >= {now}, true)",
                       "d.status IN ('needs_response', 'warning_needs_response') "
                       "AND d.evidence_due_by < {now}",
                       "d.status IN ('under_review', 'warning_under_review')",
                       "d.status IN ('won', 'lost', 'warning_closed', 'prevented')"},
                      {.doc = "Waits for us, too late for us, with the bank, or decided"}),
                  list::any_of<DisputeStatus>("status", "d.status = $", {.doc = "In this state"}),
                  list::is<std::string>("reason", "d.reason = $",
                                        {.doc = "For this reason", .max_length = 60}),
                  list::is<customers::CustomerId>("customer_id", "d.customer_id = $",
                                                  {.doc = "Of this customer"}),
                  list::is<std::string>("currency", "d.currency = $",
                                        {.doc = "In this currency", .max_length = 3}),
                  list::is<Time>("from", "d.created_at >= $", {.doc = "Not before"}),
                  list::is<Time>("to", "d.created_at < $", {.doc = "Before"})},
      .search = {{.text = "lower(d.stripe_dispute_id || ' ' || coalesce(d.stripe_invoice_id, '') "
                          "|| ' ' || d.stripe_charge_id)",
                  .is_indexed = true},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = d.customer_id)",
                  .ids = "SELECT d.id FROM customers AS c "
                         "JOIN billing_disputes AS d ON d.customer_id = c.id"}},
      .search_doc =
          "Part of Stripe's id of the dispute, the invoice or the payment, of a company, "
          "a name or an e-mail; one or two letters begin a word",
  };
}
}  // namespace

void add_dispute_list(http::Api& api) { list::add(api, dispute_list()); }

}  // namespace billing
