// The lines of invoices, as far as pages and definitions look into them.
#include "billing/applying.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const upsert_line{"billing.upsert_line", R"sql(
  INSERT INTO billing_invoice_lines AS l
         (stripe_line_id, invoice_id, position, description, amount, discount, tax_inclusive,
          tax_exclusive, period_start, period_end, is_proration, price_id, stripe_item_id, quantity)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, ''), nullif($13, ''), $14)
  ON CONFLICT (stripe_line_id) DO UPDATE SET
         invoice_id = excluded.invoice_id, position = excluded.position,
         description = excluded.description, amount = excluded.amount,
         discount = excluded.discount, tax_inclusive = excluded.tax_inclusive,
         tax_exclusive = excluded.tax_exclusive, period_start = excluded.period_start,
         period_end = excluded.period_end, is_proration = excluded.is_proration,
         price_id = excluded.price_id, stripe_item_id = excluded.stripe_item_id,
         quantity = excluded.quantity
   WHERE (l.*) IS DISTINCT FROM (excluded.*)
)sql"};
// Drafts lose lines.
db::Query const drop_others{"billing.drop_other_lines", R"sql(
  DELETE FROM billing_invoice_lines
   WHERE invoice_id = $1 AND stripe_line_id <> ALL ($2::text[])
)sql"};

struct Tax {
  std::int64_t inclusive = 0, exclusive = 0;
};
Tax tax_of(stripe::Object const& line) {
  Tax out;
  for (auto const& entry : entries(line, "taxes")) {
    auto const& tax = entry.as_object();
    auto& sum = stripe::text(tax, "tax_behavior") == "inclusive" ? out.inclusive : out.exclusive;
    sum += stripe::integer(tax, "amount");
  }
  for (auto const& entry : entries(line, "tax_amounts")) {  // until 2025-03-31.basil
    auto const& tax = entry.as_object();
    (stripe::boolean(tax, "inclusive") ? out.inclusive : out.exclusive) +=
        stripe::integer(tax, "amount");
  }
  return out;
}

std::int64_t discount_of(stripe::Object const& line) {
  std::int64_t sum = 0;
  for (auto const& entry : entries(line, "discount_amounts"))
    sum += stripe::integer(entry.as_object(), "amount");
  return sum;
}

/// The first of these places that names something.
std::string first_id(stripe::Object const& line, std::initializer_list<char const*> paths) {
  for (auto const* path : paths)
    if (auto id = stripe::id_of(line, path); !id.empty()) return id;
  return {};
}

bool is_proration(stripe::Object const& line) {
  return stripe::boolean(line, "parent.subscription_item_details.proration") ||
         stripe::boolean(line, "parent.invoice_item_details.proration") ||
         stripe::boolean(line, "proration");
}

retention::Kept const kept_lines{"billing_invoice_lines", "they stay as long as their invoice"};
}  // namespace

void write_lines(db::Tx& tx, std::int64_t invoice, stripe::Object const& stripe_invoice) {
  std::vector<std::string> ids;
  for (auto const& entry : entries(stripe_invoice, "lines.data")) {
    auto const& line = entry.as_object();
    auto const tax = tax_of(line);
    tx.exec(
        upsert_line, stripe::text(line, "id"), invoice, ids.size(),
        or_null(stripe::text(line, "description")), stripe::integer(line, "amount"),
        discount_of(line), tax.inclusive, tax.exclusive, stripe::time(line, "period.start"),
        stripe::time(line, "period.end"), is_proration(line),
        first_id(line, {"pricing.price_details.price", "price", "plan"}),
        first_id(line, {"parent.subscription_item_details.subscription_item", "subscription_item"}),
        number(line, "quantity"));
    ids.push_back(stripe::text(line, "id"));
  }
  tx.exec(drop_others, invoice, ids);
}

}  // namespace billing
