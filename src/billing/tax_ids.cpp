#include "billing/tax_ids.hpp"

#include <algorithm>

#include "billing/reading.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const upsert_tax_id{"billing.upsert_tax_id", R"sql(
  INSERT INTO billing_tax_ids AS t (stripe_tax_id, customer_id, type, value, status)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (stripe_tax_id) DO UPDATE SET status = excluded.status
   WHERE t.status <> excluded.status
)sql"};
db::Query const drop_other_tax_ids{"billing.drop_other_tax_ids", R"sql(
  DELETE FROM billing_tax_ids WHERE customer_id = $1 AND stripe_tax_id <> ALL ($2::text[])
)sql"};
db::Query const list_tax_ids{"billing.list_tax_ids", R"sql(
  SELECT stripe_tax_id AS id, type, value, status FROM billing_tax_ids
   WHERE customer_id = $1 ORDER BY stripe_tax_id LIMIT 20
)sql"};
retention::Kept const kept_tax_ids{"billing_tax_ids", "those that Stripe has"};

// https://docs.stripe.com/billing/customer/tax-ids: Greece writes EL, Northern Ireland XI.
constexpr std::string_view european[]{"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES",
                                      "FI", "FR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT",
                                      "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI"};
}  // namespace

void keep_tax_ids(db::Tx& tx, customers::CustomerId customer, stripe::Object const& object) {
  auto const* found = stripe::find(object, "tax_ids.data");
  if (!found || !found->is_array()) return;
  std::vector<std::string> ids;
  for (auto const& entry : found->get_array()) {
    auto const& one = entry.as_object();
    ids.push_back(stripe::text(one, "id"));
    tx.exec(upsert_tax_id, ids.back(), customer, stripe::text(one, "type"),
            stripe::text(one, "value"), stripe::text(one, "verification.status"));
  }
  if (!stripe::boolean(object, "tax_ids.has_more")) tx.exec(drop_other_tax_ids, customer, ids);
}

std::optional<std::string_view> tax_id_type(std::string_view value) {
  auto const country = value.substr(0, 2);
  if (country == "GB") return "gb_vat";
  if (country == "CH") return "ch_vat";
  if (country == "NO") return "no_vat";
  if (std::ranges::find(european, country) != std::end(european)) return "eu_vat";
  return {};
}

std::vector<TaxId> tax_ids_of(db::Tx& tx, customers::CustomerId customer) {
  return tx.all<TaxId>(list_tax_ids, customer);
}

}  // namespace billing
