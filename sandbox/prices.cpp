// What it costs, once or again and again.
#include "sandbox/prices.hpp"

#include <charconv>

#include "sandbox/api.hpp"

namespace sandbox {

namespace {
Object const price_mould = mould(R"({
  "id": "", "object": "price", "active": true, "billing_scheme": "per_unit", "created": 0,
  "currency": "", "custom_unit_amount": null, "livemode": false, "lookup_key": null,
  "metadata": {}, "nickname": null, "product": "", "recurring": null,
  "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null,
  "type": "one_time", "unit_amount": null, "unit_amount_decimal": null
})");

std::string inside(std::string_view shown, std::string_view name) {
  return shown.empty() ? std::string{name} : std::string{shown} + "[" + std::string{name} + "]";
}

void take_lookup_key(Store& store, Object& price, Object const& parameters) {
  auto const* given = parameters.if_contains("lookup_key");
  if (!given) return;
  auto const key = text(parameters, "lookup_key");
  if (!key.empty()) {
    if (auto other = store.newest("price", {{"lookup_key", key}});
        other && text(*other, "id") != text(price, "id")) {
      if (!truth(parameters, "transfer_lookup_key"))
        throw invalid("A price (`" + text(*other, "id") + "`) already uses that lookup key.",
                      "lookup_key");
      (*other)["lookup_key"] = nullptr;
      store.save_and_emit(*other, "price.updated");
    }
  }
  price["lookup_key"] = text_or_null(key);
}

Object create_price(Call& call) {
  auto const price = new_price(call.store, call.parameters);
  call.store.insert(price);
  call.store.emit("price.created", price);
  return price;
}

Object update_price(Call& call) {
  auto price = call.store.load("price", call.id());
  apply(price, call.parameters, {"active", "nickname", "tax_behavior"});
  take_lookup_key(call.store, price, call.parameters);
  merge_metadata(price, call.parameters);
  call.store.save_and_emit(price, "price.updated");
  return price;
}

Object retrieve_price(Call& call) { return call.store.load("price", call.id()); }

Object list_prices(Call& call) {
  if (has(call.parameters, "lookup_keys")) {
    Array data;
    for (auto const& key : items(call.parameters, "lookup_keys"))
      if (auto price = call.store.newest("price", {{"lookup_key", key.as_string()}}))
        data.emplace_back(std::move(*price));
    return list_of(std::move(data), "/v1/prices");
  }
  Object filter;
  for (auto const name : {"active", "currency", "product", "type"})
    if (auto const* value = call.parameters.if_contains(name)) filter[name] = *value;
  return answer_list(call, "price", filter);
}
}  // namespace

std::string currency_named(std::string currency, std::string_view shown) {
  for (auto& c : currency)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  if (currency.size() != 3 ||
      currency.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != currency.npos)
    throw invalid("Invalid currency: " + currency, shown);
  return currency;
}

Object new_price(Store& store, Object const& parameters, std::string_view shown) {
  auto price = price_mould;
  price["id"] = new_id("price_1");
  price["created"] = store.now;
  price["currency"] = currency_named(text(parameters, "currency"), inside(shown, "currency"));
  apply(price, parameters, {"active", "nickname", "tax_behavior"});
  merge_metadata(price, parameters);

  if (has(parameters, "unit_amount")) {
    auto const amount = number(parameters, "unit_amount");
    if (amount < 0) throw invalid("Invalid non-negative integer", inside(shown, "unit_amount"));
    price["unit_amount"] = amount;
    price["unit_amount_decimal"] = std::to_string(amount);
  } else if (auto const decimal = text(parameters, "unit_amount_decimal"); !decimal.empty()) {
    auto const whole = decimal.substr(0, decimal.find('.'));
    if (whole.size() > 8 || decimal.size() > whole.size() + 13 ||
        decimal.find_first_not_of("0123456789.") != decimal.npos)
      throw invalid("Invalid decimal: at most eight digits, and twelve after the point.",
                    inside(shown, "unit_amount_decimal"));
    price["unit_amount_decimal"] = decimal;
    // Parts of a minor unit stand in the decimal text alone.
    if (whole.size() == decimal.size()) price["unit_amount"] = std::int64_t(std::stoll(decimal));
  } else {
    throw missing_parameter(inside(shown, "unit_amount"));
  }

  if (auto const& recurring = part(parameters, "recurring"); !recurring.empty()) {
    auto const count = number(recurring, "interval_count", 1);
    auto const interval = text(recurring, "interval");
    auto const most = interval == "year"    ? 3
                      : interval == "month" ? 36
                      : interval == "week"  ? 156
                                            : 1095;
    if (count < 1 || count > most)
      throw invalid("Invalid interval_count: the interval may be three years at most.",
                    inside(shown, "recurring[interval_count]"));
    auto const meter = text(recurring, "meter");
    bool const metered = text(recurring, "usage_type") == "metered";
    if (metered && meter.empty()) throw missing_parameter(inside(shown, "recurring[meter]"));
    price["type"] = "recurring";
    price["recurring"] = Object{{"interval", interval},
                                {"interval_count", count},
                                {"meter", text_or_null(meter)},
                                {"trial_period_days", nullptr},
                                {"usage_type", metered ? "metered" : "licensed"}};
  }

  if (auto const product = text(parameters, "product"); !product.empty()) {
    store.load("product", product, inside(shown, "product"));
    price["product"] = product;
  } else if (auto const& data = part(parameters, "product_data"); !data.empty()) {
    auto const made = new_product(store, data);
    store.insert(made);
    store.emit("product.created", made);
    price["product"] = text(made, "id");
  } else {
    throw missing_parameter(inside(shown, "product"));
  }
  take_lookup_key(store, price, parameters);
  return price;
}

Object price_of_line(Store& store, Object const& line, std::string const& shown) {
  if (auto const id = text(line, "price"); !id.empty()) {
    auto price = store.load("price", id, shown + "[price]");
    // The page's own inline prices are inactive and were accepted when the session was made; no
    // client can send this member, unknown parameters are refused before.
    if (!truth(price, "active") && !truth(line, "from_checkout"))
      throw invalid("The price specified is inactive. This field only accepts active prices.",
                    shown + "[price]");
    return price;
  }
  auto const& data = part(line, "price_data");
  if (data.empty()) throw missing_parameter(shown + "[price]");
  auto price = new_price(store, data, shown + "[price_data]");
  price["active"] = false;  // made for this line only, as Stripe does
  store.insert(price);
  store.emit("price.created", price);
  return price;
}

Object plan_of(Object const& price) {
  auto const& recurring = part(price, "recurring");
  return {{"id", text(price, "id")},
          {"object", "plan"},
          {"active", truth(price, "active")},
          {"amount", price.at("unit_amount")},
          {"amount_decimal", price.at("unit_amount_decimal")},
          {"billing_scheme", "per_unit"},
          {"created", number(price, "created")},
          {"currency", text(price, "currency")},
          {"interval", text(recurring, "interval")},
          {"interval_count", number(recurring, "interval_count", 1)},
          {"livemode", false},
          {"metadata", price.at("metadata")},
          {"meter", text_or_null(text(recurring, "meter"))},
          {"nickname", price.at("nickname")},
          {"product", text(price, "product")},
          {"tiers_mode", nullptr},
          {"transform_usage", nullptr},
          {"trial_period_days", nullptr},
          {"usage_type", text(recurring, "usage_type")}};
}

std::int64_t amount_of(Object const& price, std::int64_t quantity) {
  if (text(price, "recurring.usage_type") == "metered") return 0;
  if (has(price, "unit_amount")) return number(price, "unit_amount") * quantity;
  auto const decimal = text(price, "unit_amount_decimal");
  auto const point = std::min(decimal.find('.'), decimal.size());
  __int128 digits = 0, scale = 1;
  for (std::size_t i = 0; i < decimal.size(); ++i) {
    if (i == point) continue;
    digits = digits * 10 + (decimal[i] - '0');
    if (i > point) scale *= 10;
  }
  return std::int64_t((2 * digits * quantity + scale) / (2 * scale));
}

int decimals_of(std::string_view currency) {
  static constexpr std::string_view none[]{"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga",
                                           "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"};
  static constexpr std::string_view three[]{"bhd", "jod", "kwd", "omr", "tnd"};
  if (std::find(std::begin(none), std::end(none), currency) != std::end(none)) return 0;
  if (std::find(std::begin(three), std::end(three), currency) != std::end(three)) return 3;
  return 2;
}

std::string amount_text(std::int64_t minor_units, std::string_view currency) {
  auto const places = decimals_of(currency);
  auto digits = std::to_string(minor_units < 0 ? -minor_units : minor_units);
  while (digits.size() <= std::size_t(places)) digits.insert(0, "0");
  auto whole = digits.substr(0, digits.size() - std::size_t(places));
  for (int i = int(whole.size()) - 3; i > 0; i -= 3) whole.insert(std::size_t(i), ",");
  if (places) whole += "." + digits.substr(digits.size() - std::size_t(places));
  std::string sign = minor_units < 0 ? "-" : "";
  if (currency == "usd") return sign + "$" + whole;
  if (currency == "eur") return sign + "€" + whole;
  if (currency == "gbp") return sign + "£" + whole;
  std::string code{currency};
  for (auto& c : code) c = char(c - 'a' + 'A');
  return sign + code + " " + whole;
}

std::vector<Endpoint> price_endpoints() {
  return {
      {"POST",
       "/v1/prices",
       {{"currency", Kind::text, Need::required},
        {"active", Kind::boolean},
        {"billing_scheme", Kind::text, Need::optional, "per_unit"},
        {"lookup_key"},
        {"transfer_lookup_key", Kind::boolean},
        {"metadata", Kind::metadata},
        {"nickname"},
        {"product"},
        {"product_data.name", Kind::text, Need::required},
        {"product_data.active", Kind::boolean},
        {"product_data.metadata", Kind::metadata},
        {"product_data.statement_descriptor"},
        {"product_data.tax_code"},
        {"product_data.unit_label"},
        {"recurring.interval", Kind::text, Need::required, "day|week|month|year"},
        {"recurring.interval_count", Kind::count},
        {"recurring.meter"},
        {"recurring.usage_type", Kind::text, Need::optional, "licensed|metered"},
        {"tax_behavior", Kind::text, Need::optional, "exclusive|inclusive|unspecified"},
        {"unit_amount", Kind::amount},
        {"unit_amount_decimal", Kind::decimal}},
       create_price},
      {"GET",
       "/v1/prices",
       {{"active", Kind::boolean},
        {"currency"},
        {"lookup_keys[]"},
        {"product"},
        {"type", Kind::text, Need::optional, "one_time|recurring"}},
       list_prices,
       Shape::list},
      {"GET", "/v1/prices/{id}", {}, retrieve_price},
      {"POST",
       "/v1/prices/{id}",
       {{"active", Kind::boolean},
        {"lookup_key"},
        {"transfer_lookup_key", Kind::boolean},
        {"metadata", Kind::metadata},
        {"nickname"},
        {"tax_behavior", Kind::text, Need::optional, "exclusive|inclusive|unspecified"}},
       update_price},
  };
}

}  // namespace sandbox
