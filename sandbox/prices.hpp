#pragma once
// Prices and products, for those who make them on the side (price_data).
#include "sandbox/store.hpp"

namespace sandbox {

/// A currency as it stands in objects: "USD" is usd. `shown` is the parameter's name in refusals.
[[nodiscard]] std::string currency_named(std::string currency, std::string_view shown);
/// A new product from name, description, metadata …; not yet inserted.
[[nodiscard]] Object new_product(Store& store, Object const& parameters);
/// A new price, not yet inserted. `shown` is the parameter's name in refusals.
[[nodiscard]] Object new_price(Store& store, Object const& parameters, std::string_view shown = {});
/// The price that a line names: by id, or made from its price_data (with product or product_data).
[[nodiscard]] Object price_of_line(Store& store, Object const& line, std::string const& shown);
/// What so many of it cost, in minor units; parts of one are rounded half up. What is metered is
/// billed by its use alone, of which the sandbox knows nothing: 0.
[[nodiscard]] std::int64_t amount_of(Object const& price, std::int64_t quantity);
/// The legacy plan that still travels with every subscription item.
[[nodiscard]] Object plan_of(Object const& price);
/// "USD 20.00" as a person writes it: "$20.00", "20,00 €" by the currency's own habit in English.
[[nodiscard]] std::string amount_text(std::int64_t minor_units, std::string_view currency);
/// How many decimal places a currency has: 0, 2 or 3.
[[nodiscard]] int decimals_of(std::string_view currency);

}  // namespace sandbox
