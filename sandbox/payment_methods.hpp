#pragma once
// Cards and bank accounts that money is taken from.
#include "sandbox/cards.hpp"
#include "sandbox/store.hpp"

namespace sandbox {

/// A new card, inserted, not attached to anybody.
[[nodiscard]] Object new_card(Store& store, TestCard const& card, int exp_month, int exp_year,
                              Object const& billing_details);
/// A new SEPA account, inserted. `fails`: its debits come back.
[[nodiscard]] Object new_bank_account(Store& store, std::string_view iban, bool fails,
                                      Object const& billing_details);
/// By its id, or a new one for a test token ("pm_card_visa"). Throws resource_missing.
[[nodiscard]] Object resolve_payment_method(Store& store, std::string const& id,
                                            std::string_view param);
/// Throws when the card refuses to be kept.
void attach(Store& store, Object& method, Object const& customer);

/// "Visa •••• 4242", for pages.
[[nodiscard]] std::string name_of_method(Object const& method);

}  // namespace sandbox
