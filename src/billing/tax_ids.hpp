#pragma once
// VAT numbers of customers, as Stripe has them. https://docs.stripe.com/billing/customer/tax-ids
#include "customers/customers.hpp"
#include "platform/config/config.hpp"
#include "stripe/stripe.hpp"

namespace billing {

/// Those of a customer that was asked for with its tax_ids; without them nothing is known.
void keep_tax_ids(db::Tx& tx, customers::CustomerId customer, stripe::Object const& object);

/// The authority does not know it: its customer is told, once.
void tell_of_unknown_tax_id(db::Tx& tx, config::Settings const& settings,
                            stripe::Object const& tax_id);

/// The type that Stripe has for a number written with its country: "ESB12345678" is eu_vat. None:
/// the country has no VAT that we know of.
[[nodiscard]] std::optional<std::string_view> tax_id_type(std::string_view value);

struct TaxId {
  std::string id, type, value, status;
  static constexpr auto rules() {
    return ::rules(rule(&TaxId::id, {.doc = "Stripe's"}),
                   rule(&TaxId::status, {.doc = "pending: the authority is being asked; verified, "
                                                "unverified; unavailable: nobody can be asked"}));
  }
};
[[nodiscard]] std::vector<TaxId> tax_ids_of(db::Tx& tx, customers::CustomerId customer);

}  // namespace billing
