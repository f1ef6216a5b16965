// What is expanded, what stands in an object by nature, and what changes without meaning anything.
#include "mirror/shape.hpp"

#include <algorithm>

namespace mirror {

namespace {
using boost::json::value;

template <std::size_t N>
bool is_one_of(std::string_view name, std::array<std::string_view, N> const& names) {
  return std::ranges::find(names, name) != names.end();
}

/// Objects that stand whole in others.
bool stands_inside(std::string_view name) {
  constexpr std::array<std::string_view, 7> names{
      "data", "price", "plan", "discount", "coupon", "balance_transactions", "source"};
  return is_one_of(name, names) || name.ends_with("tax_rates");
}

bool is_secret(std::string_view name) {
  return name == "client_secret" || name == "confirmation_secret";
}

/// Addresses that are made anew at each answer, and what Stripe counts for itself without telling.
bool says_nothing(std::string_view name) {
  constexpr std::array<std::string_view, 9> names{"hosted_invoice_url",
                                                  "invoice_pdf",
                                                  "pdf",
                                                  "receipt_url",
                                                  "url",
                                                  "has_more",
                                                  "total_count",
                                                  "webhooks_delivered_at",
                                                  "next_invoice_sequence"};
  return is_one_of(name, names) || is_secret(name);
}

value const* id_in(value const& found) {
  auto const* object = found.if_object();
  if (!object || !object->contains("object")) return nullptr;
  auto const* id = object->if_contains("id");
  return id && id->is_string() ? id : nullptr;
}

value natural_value(value const& found, std::string_view name) {
  if (!stands_inside(name))
    if (auto const* id = id_in(found)) return *id;
  if (auto const* object = found.if_object()) return natural(*object);
  auto const* array = found.if_array();
  if (!array) return found;
  boost::json::array out;
  for (auto const& entry : *array) out.push_back(natural_value(entry, name));
  return out;
}

/// What an object has of its own.
value own(value const& found, bool is_listed = false) {
  if (!is_listed)
    if (auto const* id = id_in(found)) return *id;
  if (auto const* array = found.if_array()) {
    boost::json::array out;
    for (auto const& entry : *array) out.push_back(own(entry));
    return out;
  }
  auto const* object = found.if_object();
  if (!object) return found;
  stripe::Object out;
  auto const* data = object->if_contains("data");
  if (data && data->is_array() && object->contains("object")) {  // a list: entries by their ids
    for (auto const& entry : data->get_array())
      if (auto const* id = id_in(entry)) out[id->get_string()] = own(entry, true);
    return out;
  }
  for (auto const& [key, member] : *object)
    if (!says_nothing(key) && !member.is_null()) out[key] = own(member);
  return out;
}

bool is_nothing(value const* found) {
  if (!found || found->is_null()) return true;
  auto const* object = found->if_object();
  auto const* array = found->if_array();
  return (object && object->empty()) || (array && array->empty());
}

void compare(value const* ours, value const* theirs, std::string const& path, stripe::Object& out) {
  if ((is_nothing(ours) && is_nothing(theirs)) || (ours && theirs && *ours == *theirs)) return;
  auto const* our_object = ours ? ours->if_object() : nullptr;
  auto const* their_object = theirs ? theirs->if_object() : nullptr;
  if (!our_object || !their_object) {
    out[path] = boost::json::array{ours ? *ours : value{}, theirs ? *theirs : value{}};
    return;
  }
  auto const below = [&](std::string_view key) {
    return path.empty() ? std::string{key} : path + "." + std::string{key};
  };
  for (auto const& [key, member] : *our_object)
    compare(&member, their_object->if_contains(key), below(key), out);
  for (auto const& [key, member] : *their_object)
    if (!our_object->contains(key)) compare(nullptr, &member, below(key), out);
}
}  // namespace

stripe::Object natural(stripe::Object const& object) {
  stripe::Object out;
  for (auto const& [key, member] : object)
    if (!is_secret(key)) out[key] = natural_value(member, key);
  return out;
}

stripe::Object differences(stripe::Object const& ours, stripe::Object const& theirs) {
  stripe::Object out;
  auto const our_members = own(ours, true), their_members = own(theirs, true);
  compare(&our_members, &their_members, "", out);
  return out;
}

}  // namespace mirror
