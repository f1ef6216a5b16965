// VAT numbers are looked up a moment later. Stripe's test numbers decide what is found:
// …000000000 is verified, …111111111 is not, …222222222 stays pending; every other one is verified.
#include "sandbox/tax_ids.hpp"

#include "sandbox/api.hpp"

namespace sandbox {

namespace {
bool is_looked_up(std::string_view type) {
  return type == "eu_vat" || type == "gb_vat" || type == "au_abn";
}

std::string country_of(std::string const& type, std::string const& value) {
  auto country = type == "eu_vat" ? value.substr(0, 2) : type.substr(0, 2);
  for (auto& c : country)
    if (c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
  return country;
}

Object owned(Call& call) {
  auto const id = call.request.path_parameter("tax_id");
  auto tax_id = call.store.load("tax_id", id);
  if (text(tax_id, "customer") != call.id()) throw no_such("tax_id", id);
  return tax_id;
}

Object create(Call& call) {
  auto const customer = call.store.load("customer", call.id());
  if (truth(customer, "deleted")) throw no_such("customer", call.id());
  return without_private(add_tax_id(call.store, call.id(), call.parameters));
}

Object retrieve(Call& call) { return without_private(owned(call)); }

Object list(Call& call) {
  call.store.load("customer", call.id());
  return answer_list(call, "tax_id", {{"customer", call.id()}});
}

Object remove(Call& call) {
  auto const tax_id = owned(call);
  call.store.remove(text(tax_id, "id"));
  call.store.emit("customer.tax_id.deleted", tax_id);
  return {{"id", text(tax_id, "id")}, {"object", "tax_id"}, {"deleted", true}};
}
}  // namespace

Object add_tax_id(Store& store, std::string const& customer, Object const& parameters) {
  auto const type = text(parameters, "type"), value = text(parameters, "value");
  if (value.size() < 5) throw invalid("Invalid value for " + type + ".", "value", "tax_id_invalid");
  bool const looked_up = is_looked_up(type);
  Object tax_id{
      {"id", new_id("txi_1")},
      {"object", "tax_id"},
      {"country", country_of(type, value)},
      {"created", store.now},
      {"customer", customer},
      {"customer_account", nullptr},
      {"livemode", false},
      {"owner",
       Object{{"customer", customer}, {"customer_account", nullptr}, {"type", "customer"}}},
      {"type", type},
      {"value", value},
      {"verification", Object{{"status", looked_up ? "pending" : "unavailable"},
                              {"verified_address", nullptr},
                              {"verified_name", nullptr}}}};
  if (looked_up && !value.ends_with("222222222")) {
    tax_id["_due"] = store.now + 1;
    if (auto const owner = store.find(customer); owner && has(*owner, "test_clock"))
      tax_id["_clock"] = owner->at("test_clock");
  }
  store.insert(tax_id);
  store.emit("customer.tax_id.created", tax_id);
  return tax_id;
}

Array tax_ids_for_invoice(Store& store, std::string const& customer) {
  Array out;
  for (auto const& tax_id : store.all("tax_id", {{"customer", customer}}))
    out.push_back(Object{{"type", tax_id.at("type")}, {"value", tax_id.at("value")}});
  return out;
}

void verify_tax_id(Store& store, Object& tax_id) {
  bool const known = !text(tax_id, "value").ends_with("111111111");
  auto const customer = store.find(text(tax_id, "customer"));
  tax_id["verification"] =
      Object{{"status", known ? "verified" : "unverified"},
             {"verified_address", nullptr},
             {"verified_name", known && customer ? customer->at("name") : Value(nullptr)}};
  tax_id.erase("_due");
  store.save_and_emit(tax_id, "customer.tax_id.updated");
}

std::vector<Endpoint> tax_id_endpoints() {
  return {{"POST",
           "/v1/customers/{id}/tax_ids",
           {{"type", Kind::text, Need::required}, {"value", Kind::text, Need::required}},
           create},
          {"GET", "/v1/customers/{id}/tax_ids", {}, list, Shape::list},
          {"GET", "/v1/customers/{id}/tax_ids/{tax_id}", {}, retrieve},
          {"DELETE", "/v1/customers/{id}/tax_ids/{tax_id}", {}, remove}};
}

}  // namespace sandbox
