// Ids are replaced by the objects they name; a few parts that are left out by default are added.
#include "sandbox/api_requests.hpp"
#include "sandbox/invoices.hpp"

namespace sandbox {

namespace {
std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> out;
  for (;;) {
    auto const dot = path.find('.');
    out.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    path.remove_prefix(dot + 1);
  }
}

[[noreturn]] void refuse(std::string_view name) {
  throw invalid("This property cannot be expanded (" + std::string{name} + ").", "expand");
}

Array shown(std::vector<Object> const& rows) {
  Array out;
  for (auto const& row : rows) out.emplace_back(without_private(row));
  return out;
}

/// Parts that Stripe includes only when asked to.
std::optional<Value> part_on_request(Store& store, Object const& object, std::string_view name) {
  auto const type = text(object, "object");
  auto const id = text(object, "id");
  if (type == "invoice" && name == "payments")
    return Value(
        list_of(shown(store.all("invoice_payment", {{"invoice", id}})), "/v1/invoice_payments"));
  if (type == "invoice" && name == "confirmation_secret") return confirmation_secret_of(store, id);
  if (type == "customer" && name == "subscriptions")
    return Value(list_of(shown(store.all("subscription", {{"customer", id}})),
                         "/v1/customers/" + id + "/subscriptions"));
  if (type == "customer" && name == "sources")
    return Value(list_of({}, "/v1/customers/" + id + "/sources"));
  if (type == "customer" && name == "tax_ids")
    return Value(list_of(shown(store.all("tax_id", {{"customer", id}})),
                         "/v1/customers/" + id + "/tax_ids"));
  if (type == "charge" && name == "refunds")
    return Value(
        list_of(shown(store.all("refund", {{"charge", id}})), "/v1/charges/" + id + "/refunds"));
  if (type == "checkout.session" && name == "line_items") {
    auto const session = store.find(id);
    return Value(list_of(session ? items(*session, "_line_items") : Array{},
                         "/v1/checkout/sessions/" + id + "/line_items"));
  }
  return {};
}

void expand_at(Store& store, Value& here, std::vector<std::string> const& segments,
               std::size_t depth);

void resolve(Store& store, Value& value, std::string_view name) {
  if (!value.is_string()) return;
  auto const object = store.find(std::string_view{value.get_string()});
  if (!object) refuse(name);
  value = without_private(*object);
}

void expand_at(Store& store, Value& here, std::vector<std::string> const& segments,
               std::size_t depth) {
  if (depth == segments.size()) return;
  if (auto* array = here.if_array()) {
    for (auto& item : *array) {
      resolve(store, item, segments[depth]);
      expand_at(store, item, segments, depth);
    }
    return;
  }
  auto* object = here.if_object();
  auto const& name = segments[depth];
  if (!object) refuse(name);
  auto* value = object->if_contains(name);
  if (!value) {
    auto added = part_on_request(store, *object, name);
    if (!added) refuse(name);
    value = &((*object)[name] = std::move(*added));
  }
  if (value->is_null()) return;
  if (auto* array = value->if_array()) {
    for (auto& item : *array) resolve(store, item, name);
  } else {
    resolve(store, *value, name);
    if (!value->is_object()) refuse(name);
  }
  expand_at(store, *value, segments, depth + 1);
}
}  // namespace

void expand(Store& store, Value& answer, std::string_view path) {
  auto const segments = segments_of(path);
  if (std::size_t(std::count_if(segments.begin(), segments.end(),
                                [](auto const& segment) { return segment != "data"; })) > 4)
    throw invalid("You cannot expand more than 4 levels of a property.", "expand");
  expand_at(store, answer, segments, 0);
}

}  // namespace sandbox
