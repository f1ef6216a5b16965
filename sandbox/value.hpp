#pragma once
// Small helpers on boost::json: Stripe's objects are kept as documents, because their shape is the
// contract. Keys that start with '_' are the sandbox's own and never leave it.
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

/// A literal document, used as the mould of new objects. Throws when it is not an object.
[[nodiscard]] Object mould(std::string_view json_text);

/// The value at a dotted path ("parent.subscription_details.subscription"); nullptr when a part of
/// it is missing or null.
[[nodiscard]] Value const* at(Object const& object, std::string_view path);
[[nodiscard]] Value* at(Object& object, std::string_view path);
/// Text at a path; empty when missing or null.
[[nodiscard]] std::string text(Object const& object, std::string_view path);
[[nodiscard]] std::int64_t number(Object const& object, std::string_view path,
                                  std::int64_t otherwise = 0);
[[nodiscard]] bool truth(Object const& object, std::string_view path);
[[nodiscard]] bool has(Object const& object, std::string_view path);
/// The object at a path, empty when there is none.
[[nodiscard]] Object const& part(Object const& object, std::string_view path);
/// The array at a path, empty when there is none.
[[nodiscard]] Array const& items(Object const& object, std::string_view path);
/// Null for an empty text.
[[nodiscard]] Value text_or_null(std::string_view text);
[[nodiscard]] Value number_or_null(std::optional<std::int64_t> number);

/// Indented by two spaces, as Stripe writes it. Private keys are left out.
[[nodiscard]] std::string pretty(Value const& value);
/// Without the private keys of the top level.
[[nodiscard]] Object without_private(Object const& object);
/// What `after` changed, with the values of `before`: an event's data.previous_attributes.
[[nodiscard]] Object difference(Object const& before, Object const& after);

/// Lists inside an object show their first ten entries; a subscription shows all its items.
void shorten_lists(Object& object);

/// "cus_" and random letters and digits.
[[nodiscard]] std::string new_id(std::string_view prefix, std::size_t length = 24);
/// A list object with everything in it.
[[nodiscard]] Object list_of(Array data, std::string_view url);

}  // namespace sandbox
