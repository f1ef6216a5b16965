#pragma once
// Who pays: one row per company that signed up.
#include "platform/db/db.hpp"
#include "platform/i18n/i18n.hpp"

namespace customers {

using CustomerId = Id<"cus">;

struct Customer {
  CustomerId id;
  std::string company, name, email, country;
  i18n::Locale locale;
  std::optional<std::string> stripe_customer_id;
  Time created_at;
};

struct NewCustomer {
  std::string company, name, email, country;
  i18n::Locale locale;
};

/// Adds a customer and counts it.
Customer create(db::Tx& tx, NewCustomer const& customer);
[[nodiscard]] Customer get(db::Tx& tx, CustomerId id);
[[nodiscard]] std::optional<CustomerId> find_by_stripe_id(db::Tx& tx, std::string_view stripe_id);
/// Remembers Stripe's id; keeps the first one that was set.
void link_to_stripe(db::Tx& tx, CustomerId id, std::string_view stripe_id);

}  // namespace customers
