// The rows of the demo's money.
#include "billing/demo.hpp"

namespace billing {

namespace {
db::Query const free_id{"billing.first_free_subscription_id",
                        "SELECT coalesce(max(id), 0) + 1 FROM subscriptions"};
db::Query const advance{"billing.advance_subscription_id", R"sql(
  SELECT setval(pg_get_serial_sequence('subscriptions', 'id'), (SELECT max(id) FROM subscriptions))
)sql"};
db::Query const delete_invoices{"billing.delete_demo_invoices", R"sql(
  DELETE FROM billing_invoices WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};
db::Query const delete_cards{"billing.delete_demo_cards", R"sql(
  DELETE FROM payment_methods WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};
db::Query const delete_subscriptions{"billing.delete_demo_subscriptions", R"sql(
  DELETE FROM subscriptions WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};

// What the mirror would know of them: one line each.
db::Query const add_lines{"billing.add_demo_lines", R"sql(
  INSERT INTO billing_invoice_lines (stripe_line_id, invoice_id, position, description, amount,
                                     discount, tax_inclusive, tax_exclusive, period_start,
                                     is_proration, quantity)
  SELECT 'il_demo_' || i.id, i.id, 0, p.name, i.amount, 0, 0, 0, i.date, false, 1
    FROM billing_invoices i JOIN customers c ON c.id = i.customer_id AND c.is_demo
    JOIN subscriptions s ON s.id = i.subscription_id JOIN tenants t ON t.id = s.tenant_id
    JOIN plans p ON p.id = t.plan_id
)sql"};

std::string rows_of(std::vector<DemoInvoice> const& invoices) {
  std::string rows;
  for (auto const& invoice : invoices) {
    bool const is_paid = !invoice.next_attempt;
    std::int64_t const paid = is_paid ? invoice.amount : 0;
    db::copy_line(rows, invoice.customer_id, invoice.subscription_id, invoice.number,
                  invoice.amount, paid, invoice.currency, is_paid ? "paid" : "open",
                  is_paid ? 1 : 2, invoice.next_attempt, invoice.date,
                  is_paid ? std::optional{invoice.date} : std::nullopt, paid, invoice.amount - paid,
                  invoice.amount, 0, invoice.amount, invoice.amount - paid, "charge_automatically",
                  "subscription_cycle", invoice.date);
  }
  return rows;
}
}  // namespace

std::int64_t first_free_subscription_id(db::Tx& tx) { return tx.one<std::int64_t>(free_id); }

void add_demo(db::Tx& tx, Demo const& demo) {
  std::string subscriptions, cards;
  for (auto const& [id, customer, tenant, status, currency, mrr, from, to] : demo.subscriptions)
    db::copy_line(subscriptions, id, customer, tenant, status, currency, mrr, from, to);
  for (auto const& [customer, brand, last4] : demo.cards)
    db::copy_line(cards, customer, "pm_demo_" + std::to_string(customer), "card", true, brand,
                  last4);
  tx.copy_in(
      "COPY subscriptions (id, customer_id, tenant_id, status, currency, mrr, started_at, "
      "ended_at) FROM STDIN",
      subscriptions);
  tx.one<std::int64_t>(advance);
  tx.copy_in(
      "COPY billing_invoices (customer_id, subscription_id, number, amount, amount_paid, currency, "
      "status, attempt_count, next_payment_attempt, date, paid_at, counted_paid, counted_failed, "
      "subtotal, tax, amount_due, amount_remaining, collection_method, billing_reason, "
      "finalized_at) FROM STDIN",
      rows_of(demo.invoices));
  tx.exec(add_lines);
  tx.copy_in(
      "COPY payment_methods (customer_id, stripe_pm_id, type, \"default\", brand, last4) FROM "
      "STDIN",
      cards);
}

void remove_demo(db::Tx& tx) {
  for (auto const* query : {&delete_invoices, &delete_cards, &delete_subscriptions})
    tx.exec(*query);
}

}  // namespace billing
