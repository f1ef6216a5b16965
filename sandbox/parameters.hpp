#pragma once
// Form-encoded parameters into a checked document. Each endpoint declares what it takes in a
// table; anything else is refused with parameter_unknown, as Stripe does.
#include <vector>

#include "sandbox/error.hpp"

namespace sandbox {

enum class Kind {
  text,
  integer,  // Unix times
  amount,   // money in minor units, at most eight digits
  count,    // from 0 to a million
  decimal,  // kept as text
  percent,  // a number that may have a fraction
  boolean,
  metadata,  // a hash of texts; "" forgets all
  address,   // city, country, line1, line2, postal_code, state
  range,     // a Unix time, or a hash of gt, gte, lt, lte
  ignored,   // anything: known to Stripe, without an effect here
};

enum class Need { optional, required };

/// "items[].price_data.currency"; "expand[]" goes without saying. `choices` are separated by '|'.
struct Parameter {
  std::string_view path;
  Kind kind = Kind::text;
  Need need = Need::optional;
  std::string_view choices{};
};

/// "a[b][0]=1&a[b][1]=2" into a tree of texts. Throws ApiError when the text is malformed.
[[nodiscard]] Object parse_parameters(std::string_view form);

/// Checks the tree against the table and turns texts into numbers and booleans.
void check_parameters(Object& tree, std::vector<Parameter> const& table);

/// Merges metadata as Stripe does: "" removes a key, an empty parameter removes all of them.
void merge_metadata(Object& object, Object const& parameters);
/// Copies those of `names` that were given; "" becomes null.
void apply(Object& object, Object const& parameters, std::initializer_list<std::string_view> names);
/// Fills in the null parts of an address; null when there is none.
[[nodiscard]] Value full_address(Value const* address);

}  // namespace sandbox
