// Money that went back, whoever sent it.
#include "billing/refund_orders.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace billing {

namespace {
using RefundId = Id<"ref">;

enum class RefundStatus { pending, requires_action, succeeded, failed, canceled };
constexpr auto names_of(RefundStatus) {
  return std::array<std::string_view, 5>{"pending", "requires_action", "succeeded", "failed",
                                         "canceled"};
}

struct Refund {
  RefundId id;
  std::string stripe_refund_id;
  customers::CustomerId customer_id;
  std::string company;
  std::optional<InvoiceId> invoice_id;
  std::optional<std::string> invoice_number, stripe_invoice_id, stripe_charge_id;
  std::int64_t amount;
  std::string currency;
  std::optional<std::string> reason;
  std::string status;
  std::optional<std::string> failure_reason, stripe_credit_note_id, refunded_by, note;
  Time date;
  static constexpr auto rules() {
    return ::rules(rule(&Refund::invoice_number, {.doc = "Of the invoice whose payment went back"}),
                   rule(&Refund::amount, {.doc = "Minor units"}),
                   rule(&Refund::reason, {.doc = "As Stripe keeps it"}),
                   rule(&Refund::failure_reason, {.doc = "Why it did not reach the customer"}),
                   rule(&Refund::refunded_by,
                        {.doc = "Who of the staff; null: it went back by itself, or at Stripe"}),
                   rule(&Refund::note, {.doc = "Why, in their words"}));
  }
};

list::Codes const codes{"refunds",
                        {{"status", "refund_status"},
                         {"reason", "refund_reason"},
                         {"failure_reason", "refund_failure"}}};

list::List refund_list() {
  return {
      .name = "refunds",
      .route = "GET /api/billing/refunds",
      .summary = "List money that went back to customers",
      .tag = "Billing",
      .scope = "billing:read",
      .row = &types::type_of<Refund>,
      .columns = R"sql(page.id, page.stripe_refund_id, page.customer_id, c.company,
          i.id AS invoice_id, i.number AS invoice_number, page.stripe_invoice_id,
          page.stripe_charge_id, page.amount, page.currency, page.reason, page.status,
          page.failure_reason, page.stripe_credit_note_id, o.asked_by AS refunded_by,
          nullif(o.note, '') AS note, page.date)sql",
      .source = "billing_refunds AS r",
      .key = "r.id",
      .joins = R"sql(JOIN customers AS c ON c.id = page.customer_id
          LEFT JOIN billing_invoices AS i ON i.stripe_invoice_id = page.stripe_invoice_id
          LEFT JOIN billing_refund_orders AS o
            ON o.stripe_refund_ids @> ARRAY[page.stripe_refund_id])sql",
      .sorts = {{"date", "r.date", "timestamptz"}},
      .order = "-date",
      .filters = {list::any_of<RefundStatus>("status", "r.status = $", {.doc = "In this state"}),
                  list::any_of<RefundReason>("reason", "r.reason = $", {.doc = "For this reason"}),
                  list::is<customers::CustomerId>("customer_id", "r.customer_id = $",
                                                  {.doc = "To this customer"}),
                  list::is<std::string>("currency", "r.currency = $",
                                        {.doc = "In this currency", .max_length = 3}),
                  list::is<Time>("from", "r.date >= $", {.doc = "Not before"}),
                  list::is<Time>("to", "r.date < $", {.doc = "Before"})},
      .search = {{.text = "lower(r.stripe_refund_id || ' ' || coalesce(r.stripe_invoice_id, '') "
                          "|| ' ' || coalesce(r.stripe_charge_id, ''))",
                  .is_indexed = true},
                 {.text = "lower(c.company || ' ' || c.email || ' ' || c.name)",
                  .within = "(SELECT $ FROM customers AS c WHERE c.id = r.customer_id)",
                  .ids = "SELECT r.id FROM customers AS c "
                         "JOIN billing_refunds AS r ON r.customer_id = c.id"}},
      .search_doc =
          "Part of Stripe's id of the refund, the invoice or the payment, of a company, a "
          "name or an e-mail; one or two letters begin a word",
  };
}
}  // namespace

void add_refund_list(http::Api& api) { list::add(api, refund_list()); }

}  // namespace billing
