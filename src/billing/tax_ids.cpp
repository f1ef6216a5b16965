#include "billing/tax_ids.hpp"

#include <algorithm>

#include "billing/reading.hpp"
#include "platform/mail/mail.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const upsert_tax_id{"billing.upsert_tax_id", R"sql(
  INSERT INTO billing_tax_ids AS t (stripe_tax_id, customer_id, type, value, status)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (stripe_tax_id) DO UPDATE SET status = excluded.status
   WHERE t.status <> excluded.status
)sql"};
mail::Declared const vat_id_unknown{
    "vat_id_unknown",
    {"{company}: your VAT number was not confirmed",
     "Hello {name},\n\nthe tax authority does not know {value}, the VAT number that you gave us "
     "for "
     "{company}. It stands on your invoices, but may not count there.\n\nCheck it, and change it "
     "on "
     "your page:\n\n{page}\n\nIs it right? Write to {support}\n"},
    {"{company}: no se ha confirmado tu NIF-IVA",
     "Hola, {name}:\n\nLa administración tributaria no conoce {value}, el NIF-IVA que nos diste "
     "para "
     "{company}. Figura en tus facturas, pero puede que no valga en ellas.\n\nCompruébalo y "
     "cámbialo "
     "en tu página:\n\n{page}\n\n¿Es correcto? Escribe a {support}\n"}};

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

void tell_of_unknown_tax_id(db::Tx& tx, config::Settings const& settings,
                            stripe::Object const& tax_id) {
  if (stripe::text(tax_id, "verification.status") != "unverified") return;
  auto const id = customers::find_by_stripe_id(tx, stripe::id_of(tax_id, "customer"));
  if (!id) return;
  auto const owner = customers::get(tx, *id);
  mail::send_once(tx, "vat_id/" + stripe::text(tax_id, "id") + "/unknown", vat_id_unknown,
                  owner.locale, owner.email,
                  {{"name", owner.name},
                   {"company", owner.company},
                   {"value", stripe::text(tax_id, "value")},
                   {"page", settings.public_url + "/portal"},
                   {"support", settings.support_email}},
                  {owner.id, {}});
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
