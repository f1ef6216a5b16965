// Credit notes, whoever wrote them.
#include "billing/credit_orders.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace billing {

namespace {
using CreditNoteId = Id<"note">;

enum class CreditNoteStatus { issued, voided };
constexpr auto names_of(CreditNoteStatus) {
  return std::array<std::string_view, 2>{"issued", "void"};
}

struct CreditNoteRow {
  CreditNoteId id;
  std::string stripe_credit_note_id;
  std::optional<std::string> number;
  customers::CustomerId customer_id;
  std::string company;
  std::optional<InvoiceId> invoice_id;
  std::optional<std::string> invoice_number;
  std::string stripe_invoice_id;
  CreditNoteStatus status;
  std::optional<std::string> reason;
  std::int64_t amount, tax, pre_payment_amount, post_payment_amount;
  std::string currency;
  std::optional<std::string> written_by, note;
  Time created_at;
  std::optional<Time> voided_at;
  static constexpr auto rules() {
    using N = CreditNoteRow;
    return ::rules(
        rule(&N::reason, {.doc = "As Stripe keeps it"}), rule(&N::amount, {.doc = "Minor units"}),
        rule(&N::pre_payment_amount, {.doc = "Taken from what was owed"}),
        rule(&N::post_payment_amount, {.doc = "Given back of what was paid"}),
        rule(&N::written_by, {.doc = "Who of the staff; null: at Stripe, or it came by itself"}),
        rule(&N::note, {.doc = "Why, in their words"}));
  }
};

list::Codes const codes{"credit_notes",
                        {{"status", "credit_note_status"}, {"reason", "credit_note_reason"}}};

list::List credit_note_list() {
  return {
      .name = "credit_notes",
      .route = "GET /api/billing/credit-notes",
      .summary = "List credit notes",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<CreditNoteRow>,
      .columns = R"sql(page.id, page.stripe_credit_note_id, page.number, page.customer_id,
          c.company, i.id AS invoice_id, i.number AS invoice_number, page.stripe_invoice_id,
          CASE WHEN page.voided_at IS NULL THEN 'issued' ELSE 'void' END AS status, page.reason,
          page.amount, page.tax, page.pre_payment_amount, page.post_payment_amount, page.currency,
          coalesce(o.asked_by, r.asked_by) AS written_by,
          nullif(coalesce(o.note, r.note), '') AS note, page.created_at, page.voided_at)sql",
      .source = "billing_credit_notes AS n",
      .key = "n.id",
      .joins = R"sql(JOIN customers AS c ON c.id = page.customer_id
          LEFT JOIN billing_invoices AS i ON i.stripe_invoice_id = page.stripe_invoice_id
          LEFT JOIN billing_credit_orders AS o
            ON o.stripe_credit_note_id = page.stripe_credit_note_id
          LEFT JOIN billing_refund_orders AS r
            ON r.invoice_id = i.id AND r.stripe_credit_note_id = page.stripe_credit_note_id)sql",
      .sorts = {{"created_at", "n.created_at", "timestamptz"}},
      .order = "-created_at",
      .filters = {list::choice<CreditNoteStatus>("status",
                                                 {"n.voided_at IS NULL", "n.voided_at IS NOT NULL"},
                                                 {.doc = "Valid, or voided"}),
                  list::any_of<CreditReason>("reason", "n.reason = $", {.doc = "For this reason"}),
                  list::is<customers::CustomerId>("customer_id", "n.customer_id = $",
                                                  {.doc = "Of this customer"}),
                  list::is<std::string>("currency", "n.currency = $",
                                        {.doc = "In this currency", .max_length = 3}),
                  list::is<Time>("from", "n.created_at >= $", {.doc = "Not before"}),
                  list::is<Time>("to", "n.created_at < $", {.doc = "Before"})},
      .search = {{.text = "lower(n.stripe_credit_note_id || ' ' || coalesce(n.number, '') || ' ' "
                          "|| n.stripe_invoice_id)",
                  .is_indexed = true},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = n.customer_id)",
                  .ids = "SELECT n.id FROM customers AS c "
                         "JOIN billing_credit_notes AS n ON n.customer_id = c.id"}},
      .search_doc =
          "Part of a number, of Stripe's id of the credit note or the invoice, of a "
          "company, a name or an e-mail; one or two letters begin a word",
  };
}
}  // namespace

void add_credit_note_list(http::Api& api) { list::add(api, credit_note_list()); }

}  // namespace billing
