#pragma once
// Tax rates, and what they make of the lines of an invoice.
#include "sandbox/store.hpp"

namespace sandbox {

/// The rates that a list of ids names, whole, as they stand in objects. `shown` is the parameter's
/// name in refusals.
[[nodiscard]] Array tax_rates_named(Store& store, Array const& ids, std::string const& shown);
/// The tax inside an amount of the line, by its inclusive rates.
[[nodiscard]] std::int64_t tax_inside(Object const& invoice, Object const& line,
                                      std::int64_t amount);
/// Writes the taxes of the discounted lines, and their sums by rate.
void tax_lines(Object& invoice);

}  // namespace sandbox
