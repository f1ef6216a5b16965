// What is sold.
#include "sandbox/api.hpp"
#include "sandbox/prices.hpp"

namespace sandbox {

namespace {
Object const product_mould = mould(R"({
  "id": "", "object": "product", "active": true, "created": 0, "default_price": null,
  "description": null, "images": [], "livemode": false, "marketing_features": [], "metadata": {},
  "name": "", "package_dimensions": null, "shippable": null, "statement_descriptor": null,
  "tax_code": null, "tax_details": null, "type": "service", "unit_label": null, "updated": 0,
  "url": null
})");

void fill(Object& product, Object const& parameters) {
  apply(product, parameters,
        {"active", "description", "name", "shippable", "statement_descriptor", "tax_code",
         "unit_label", "url"});
  for (auto const name : {"images", "marketing_features"})
    if (auto const* value = parameters.if_contains(name))
      product[name] = value->is_array() ? *value : Value(Array{});
  merge_metadata(product, parameters);
}

std::vector<Parameter> writable() {
  return {{"active", Kind::boolean},
          {"description"},
          {"images[]"},
          {"marketing_features[].name"},
          {"metadata", Kind::metadata},
          {"package_dimensions", Kind::ignored},
          {"shippable", Kind::boolean},
          {"statement_descriptor"},
          {"tax_code"},
          {"tax_details", Kind::ignored},
          {"unit_label"},
          {"url"}};
}

Object create_product(Call& call) {
  auto& store = call.store;
  auto product = new_product(store, call.parameters);
  if (auto const id = call.given("id"); !id.empty()) {
    if (store.find(id)) throw invalid("Product already exists.", "id", "resource_already_exists");
    product["id"] = id;
  }
  store.insert(product);
  store.emit("product.created", product);
  if (auto const& data = part(call.parameters, "default_price_data"); !data.empty()) {
    auto parameters = data;
    parameters["product"] = text(product, "id");
    auto const price = new_price(store, parameters, "default_price_data");
    store.insert(price);
    store.emit("price.created", price);
    product["default_price"] = text(price, "id");
    store.save(product);
  }
  return product;
}

Object update_product(Call& call) {
  auto product = call.store.load("product", call.id());
  fill(product, call.parameters);
  if (auto const price = call.given("default_price"); !price.empty()) {
    call.store.load("price", price, "default_price");
    product["default_price"] = price;
  }
  product["updated"] = call.store.now;
  call.store.save_and_emit(product, "product.updated");
  return product;
}

Object retrieve_product(Call& call) { return call.store.load("product", call.id()); }

Object list_products(Call& call) {
  Object filter;
  for (auto const name : {"active", "url"})
    if (auto const* value = call.parameters.if_contains(name)) filter[name] = *value;
  if (has(call.parameters, "ids")) {
    Array data;
    for (auto const& id : items(call.parameters, "ids"))
      if (auto product = call.store.find(std::string_view{id.as_string()});
          product && text(*product, "object") == "product")
        data.emplace_back(std::move(*product));
    return list_of(std::move(data), "/v1/products");
  }
  return answer_list(call, "product", filter);
}

Object delete_product(Call& call) {
  auto& store = call.store;
  auto const product = store.load("product", call.id());
  if (store.newest("price", {{"product", call.id()}}))
    throw invalid("This product cannot be deleted because it has one or more user-created prices.");
  store.remove(call.id());
  store.emit("product.deleted", product);
  return {{"id", call.id()}, {"object", "product"}, {"deleted", true}};
}
}  // namespace

Object new_product(Store& store, Object const& parameters) {
  auto product = product_mould;
  product["id"] = new_id("prod_", 14);
  product["created"] = store.now;
  product["updated"] = store.now;
  fill(product, parameters);
  return product;
}

std::vector<Endpoint> product_endpoints() {
  auto creating = writable();
  creating.insert(creating.end(), {{"name", Kind::text, Need::required},
                                   {"id"},
                                   {"type", Kind::text, Need::optional, "good|service"},
                                   {"default_price_data.currency", Kind::text, Need::required},
                                   {"default_price_data.unit_amount", Kind::amount},
                                   {"default_price_data.unit_amount_decimal", Kind::decimal},
                                   {"default_price_data.recurring.interval", Kind::text,
                                    Need::required, "day|week|month|year"},
                                   {"default_price_data.recurring.interval_count", Kind::count},
                                   {"default_price_data.tax_behavior"},
                                   {"default_price_data.metadata", Kind::metadata}});
  auto updating = writable();
  updating.insert(updating.end(), {{"name"}, {"default_price"}});
  return {
      {"POST", "/v1/products", creating, create_product},
      {"GET",
       "/v1/products",
       {{"active", Kind::boolean}, {"ids[]"}, {"shippable", Kind::boolean}, {"type"}, {"url"}},
       list_products,
       Shape::list},
      {"GET", "/v1/products/{id}", {}, retrieve_product},
      {"POST", "/v1/products/{id}", updating, update_product},
      {"DELETE", "/v1/products/{id}", {}, delete_product},
  };
}

}  // namespace sandbox
