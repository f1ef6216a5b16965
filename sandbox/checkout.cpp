// The doors to checkout sessions.
#include "sandbox/checkout.hpp"

#include "platform/crypto/crypto.hpp"
#include "sandbox/api.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/prices.hpp"

#include <boost/algorithm/string/predicate.hpp>

namespace sandbox {

namespace {
Object const session_mould = mould(R"({
  "id": "", "object": "checkout.session", "adaptive_pricing": {"enabled": false},
  "after_expiration": null, "allow_promotion_codes": null, "allowed_payment_method_types": null,
  "amount_subtotal": null, "amount_total": null,
  "automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
  "billing_address_collection": null, "cancel_url": null, "client_reference_id": null,
  "client_secret": null, "collected_information": null, "consent": null,
  "consent_collection": null, "created": 0, "currency": null, "currency_conversion": null,
  "custom_fields": [], "custom_text": {"after_submit": null, "shipping_address": null,
    "submit": null, "terms_of_service_acceptance": null}, "customer": null,
  "customer_account": null, "customer_creation": null, "customer_details": null,
  "customer_email": null, "discounts": [], "expires_at": 0, "integration_identifier": null,
  "invoice": null, "invoice_creation": null, "livemode": false, "locale": null,
  "managed_payments": null, "metadata": {}, "mode": "payment", "optional_items": null,
  "origin_context": null, "payment_intent": null, "payment_link": null,
  "payment_method_collection": "if_required", "payment_method_configuration_details": null,
  "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
  "payment_method_types": ["card", "sepa_debit"], "payment_status": "unpaid",
  "permissions": null, "phone_number_collection": {"enabled": false}, "recovered_from": null,
  "saved_payment_method_options": null, "setup_intent": null,
  "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [],
  "status": "open", "submit_type": null, "subscription": null, "success_url": null,
  "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
  "ui_mode": "hosted_page", "url": null, "wallet_options": null
})");

constexpr std::int64_t hour = 3'600;

void check_url(Object const& parameters, std::string_view name) {
  auto const url = text(parameters, name);
  if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://"))
    throw invalid("Not a valid URL", name, "url_invalid");
}

bool begins_with_trial(Object const& session) {
  return has(session, "_subscription_data.trial_period_days") ||
         has(session, "_subscription_data.trial_end");
}

/// What the session's discounts take off, and what is left to be paid.
void take_discounts(Store& store, Object& session, std::int64_t sum) {
  std::int64_t discount = 0;
  std::optional<std::int64_t> months;  // after which less is taken off; none: never
  auto const& discounts = items(session, "_discounts");
  for (std::size_t i = 0; i < discounts.size(); ++i) {
    auto const coupon = coupon_of_entry(store, discounts[i].as_object(), text(session, "currency"),
                                        "discounts[" + std::to_string(i) + "]");
    discount += reduction(coupon, sum - discount);
    if (text(coupon, "duration") != "forever") {
      auto const own = number(coupon, "duration_in_months");
      months = std::min(months.value_or(own), own);
    }
  }
  session["_discount_months"] = number_or_null(months);
  bool const trial = begins_with_trial(session);
  session["amount_total"] = trial ? 0 : sum - discount;
  session["total_details"].as_object()["amount_discount"] = trial ? 0 : discount;
  Array shown;
  for (auto const& entry : discounts)
    shown.push_back(
        Object{{"coupon", text_or_null(text(entry.as_object(), "coupon"))},
               {"promotion_code", text_or_null(text(entry.as_object(), "promotion_code"))}});
  session["discounts"] = std::move(shown);
}

void take_lines(Store& store, Object& session, Object const& parameters) {
  auto const& given = items(parameters, "line_items");
  auto const mode = text(session, "mode");
  if (mode == "setup") {
    if (!given.empty())
      throw invalid("You can not pass `line_items` in `setup` mode.", "line_items");
    session["amount_subtotal"] = nullptr;
    session["amount_total"] = nullptr;
    return;
  }
  if (given.empty()) throw missing_parameter("line_items");
  Array lines;
  std::int64_t sum = 0;
  bool recurs = false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const shown = "line_items[" + std::to_string(i) + "]";
    auto const& entry = given[i].as_object();
    auto const price = price_of_line(store, entry, shown);
    auto const quantity = number(entry, "quantity", 1);
    if (quantity < 1)
      throw invalid("This value must be greater than or equal to 1.", shown + "[quantity]",
                    "parameter_invalid_integer");
    auto const currency = text(price, "currency");
    if (i == 0)
      session["currency"] = currency;
    else if (text(session, "currency") != currency)
      throw invalid("All line items must have the same currency.", shown);
    bool const own = text(price, "type") == "recurring";
    if (own && mode == "payment")
      throw invalid(
          "You specified `payment` mode but passed a recurring price. Either switch to "
          "`subscription` mode or use only one-time prices.",
          shown + "[price]");
    recurs |= own;
    auto const amount = amount_of(price, quantity);
    auto const product = store.find(text(price, "product"));
    lines.push_back(Object{{"id", new_id("li_1")},
                           {"object", "item"},
                           {"adjustable_quantity", nullptr},
                           {"amount_discount", 0},
                           {"amount_subtotal", amount},
                           {"amount_tax", 0},
                           {"amount_total", amount},
                           {"currency", currency},
                           {"description", product ? product->at("name") : Value("")},
                           {"metadata", Object{}},
                           {"price", price},
                           {"quantity", quantity}});
    sum += amount;
  }
  if (mode == "subscription" && !recurs)
    throw invalid(
        "You must provide at least one recurring price in `subscription` mode when using prices.",
        "line_items");
  session["_line_items"] = std::move(lines);
  session["amount_subtotal"] = begins_with_trial(session) ? 0 : sum;
  take_discounts(store, session, sum);
}

Object create(Call& call) {
  auto& store = call.store;
  auto const& parameters = call.parameters;
  auto session = session_mould;
  auto const id = new_id("cs_test_a1", 58);
  session["id"] = id;
  session["mode"] = call.given("mode");
  for (auto const name : {"success_url", "cancel_url"}) check_url(parameters, name);
  apply(session, parameters,
        {"allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id",
         "customer_email", "locale", "payment_method_collection", "payment_method_types",
         "submit_type", "success_url", "customer_creation"});
  if (text(session, "mode") == "subscription" && !has(parameters, "payment_method_collection"))
    session["payment_method_collection"] = "always";
  if (!has(session, "success_url")) throw missing_parameter("success_url");
  merge_metadata(session, parameters);
  if (auto const customer = call.given("customer"); !customer.empty()) {
    if (has(parameters, "customer_email"))
      throw invalid("You may only specify one of these parameters: customer, customer_email.", {},
                    "parameters_exclusive");
    auto const object = store.load("customer", customer, "customer");
    if (truth(object, "deleted")) throw no_such("customer", customer, "customer");
    session["customer"] = customer;
    session["customer_details"] = Object{{"address", object.at("address")},
                                         {"business_name", nullptr},
                                         {"email", object.at("email")},
                                         {"individual_name", nullptr},
                                         {"name", object.at("name")},
                                         {"phone", object.at("phone")},
                                         {"tax_exempt", "none"},
                                         {"tax_ids", nullptr}};
  } else if (text(session, "mode") == "payment" && !has(parameters, "customer_creation")) {
    session["customer_creation"] = "if_required";
  } else if (text(session, "mode") != "payment") {
    session["customer_creation"] = "always";
  }
  // Sessions live by the real time, also those of customers on a test clock.
  auto const now = clock_source::unix_seconds(clock_source::now());
  session["created"] = now;
  auto const expires = number(parameters, "expires_at", now + 24 * hour);
  if (expires < now + 30 * 60 - 5 || expires > now + 24 * hour + 60)
    throw invalid(
        "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session "
        "creation.",
        "expires_at");
  session["expires_at"] = expires;
  session["_due"] = expires;
  session["_form_token"] = crypto::random_token();
  for (auto const name : {"subscription_data", "payment_intent_data", "discounts"})
    if (auto const* value = parameters.if_contains(name)) session["_" + std::string{name}] = *value;
  if (truth(session, "allow_promotion_codes") && !items(parameters, "discounts").empty())
    throw invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.",
                  {}, "parameters_exclusive");
  if (truth(parameters, "tax_id_collection.enabled")) {
    if (has(session, "customer") && call.given("customer_update.name") != "auto")
      throw invalid(
          "Tax ID collection requires updating business name on the customer. To enable tax ID "
          "collection for an existing customer, please set `customer_update[name]` to `auto`.",
          "customer_update[name]");
    session["tax_id_collection"] = Object{{"enabled", true}, {"required", "never"}};
  }
  take_lines(store, session, parameters);
  session["url"] = store.settings.public_url + "/c/pay/" + id;
  store.insert(session);
  return without_private(session);
}

Object retrieve(Call& call) {
  return without_private(call.store.load("checkout.session", call.id()));
}

Object update(Call& call) {
  auto session = call.store.load("checkout.session", call.id());
  merge_metadata(session, call.parameters);
  call.store.save(session);
  return without_private(session);
}

Object expire(Call& call) {
  auto session = call.store.load("checkout.session", call.id());
  if (text(session, "status") != "open")
    throw invalid(
        "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session "
        "has a status of " +
        text(session, "status") + ".");
  expire_session(call.store, session);
  return without_private(session);
}

Object list(Call& call) {
  Object filter;
  for (auto const name : {"customer", "payment_intent", "status", "subscription"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "checkout.session", filter);
}

Object list_lines(Call& call) {
  return answer_embedded(call,
                         items(call.store.load("checkout.session", call.id()), "_line_items"));
}
}  // namespace

void take_promotion_code(Store& store, Object& session, std::string const& typed) {
  auto code = store.newest("promotion_code", {{"code", typed}, {"active", true}});
  for (auto const& other : store.all("promotion_code", {{"active", true}}))
    if (!code && boost::algorithm::iequals(text(other, "code"), typed)) code = other;
  if (!code) throw invalid("This code is invalid.", "promotion_code", "promotion_code_invalid");
  auto const owner = text(*code, "customer");
  if (!owner.empty() && owner != text(session, "customer"))
    throw invalid("This code is for somebody else.", "promotion_code", "promotion_code_invalid");
  session["_discounts"] = Array{Object{{"promotion_code", text(*code, "id")}}};
  std::int64_t sum = 0;
  for (auto const& line : items(session, "_line_items"))
    sum += number(line.as_object(), "amount_subtotal");
  take_discounts(store, session, sum);
  store.save(session);
}

void drop_promotion_code(Store& store, Object& session) {
  session.erase("_discounts");
  std::int64_t sum = 0;
  for (auto const& line : items(session, "_line_items"))
    sum += number(line.as_object(), "amount_subtotal");
  take_discounts(store, session, sum);
  store.save(session);
}

std::string success_url_of(Object const& session) {
  auto url = text(session, "success_url");
  static constexpr std::string_view placeholder = "{CHECKOUT_SESSION_ID}";
  for (std::size_t at; (at = url.find(placeholder)) != std::string::npos;)
    url.replace(at, placeholder.size(), text(session, "id"));
  return url;
}

std::vector<Endpoint> checkout_endpoints() {
  return {
      {"POST",
       "/v1/checkout/sessions",
       {{"allow_promotion_codes", Kind::boolean},
        {"automatic_tax", Kind::ignored},
        {"billing_address_collection", Kind::text, Need::optional, "auto|required"},
        {"cancel_url"},
        {"client_reference_id"},
        {"consent_collection", Kind::ignored},
        {"currency"},
        {"custom_text", Kind::ignored},
        {"customer"},
        {"customer_creation", Kind::text, Need::optional, "always|if_required"},
        {"customer_email"},
        {"customer_update.address", Kind::text, Need::optional, "auto|never"},
        {"customer_update.name", Kind::text, Need::optional, "auto|never"},
        {"customer_update.shipping", Kind::text, Need::optional, "auto|never"},
        {"discounts[].coupon"},
        {"discounts[].promotion_code"},
        {"expires_at", Kind::integer},
        {"invoice_creation", Kind::ignored},
        {"line_items[].price"},
        {"line_items[].price_data.currency", Kind::text, Need::required},
        {"line_items[].price_data.product"},
        {"line_items[].price_data.product_data.name", Kind::text, Need::required},
        {"line_items[].price_data.product_data.description"},
        {"line_items[].price_data.product_data.metadata", Kind::metadata},
        {"line_items[].price_data.recurring.interval", Kind::text, Need::required,
         "day|week|month|year"},
        {"line_items[].price_data.recurring.interval_count", Kind::count},
        {"line_items[].price_data.tax_behavior"},
        {"line_items[].price_data.unit_amount", Kind::amount},
        {"line_items[].quantity", Kind::count},
        {"line_items[].adjustable_quantity", Kind::ignored},
        {"locale"},
        {"metadata", Kind::metadata},
        {"mode", Kind::text, Need::required, "payment|setup|subscription"},
        {"payment_intent_data.description"},
        {"payment_intent_data.metadata", Kind::metadata},
        {"payment_intent_data.receipt_email"},
        {"payment_intent_data.setup_future_usage", Kind::text, Need::optional,
         "off_session|on_session"},
        {"payment_intent_data.shipping", Kind::ignored},
        {"payment_method_collection", Kind::text, Need::optional, "always|if_required"},
        {"payment_method_options", Kind::ignored},
        {"payment_method_types[]"},
        {"phone_number_collection.enabled", Kind::boolean},
        {"setup_intent_data.description"},
        {"setup_intent_data.metadata", Kind::metadata},
        {"submit_type", Kind::text, Need::optional, "auto|book|donate|pay|subscribe"},
        {"subscription_data.description"},
        {"subscription_data.metadata", Kind::metadata},
        {"subscription_data.trial_end", Kind::integer},
        {"subscription_data.trial_period_days", Kind::count},
        {"subscription_data.trial_settings.end_behavior.missing_payment_method", Kind::text,
         Need::required, "cancel|create_invoice|pause"},
        {"success_url"},
        {"tax_id_collection.enabled", Kind::boolean},
        {"ui_mode", Kind::text, Need::optional, "hosted_page"}},
       create},
      {"GET",
       "/v1/checkout/sessions",
       {{"customer"},
        {"payment_intent"},
        {"status", Kind::text, Need::optional, "complete|expired|open"},
        {"subscription"}},
       list,
       Shape::list},
      {"GET", "/v1/checkout/sessions/{id}", {}, retrieve},
      {"POST", "/v1/checkout/sessions/{id}", {{"metadata", Kind::metadata}}, update},
      {"POST", "/v1/checkout/sessions/{id}/expire", {}, expire},
      {"GET", "/v1/checkout/sessions/{id}/line_items", {}, list_lines, Shape::list},
  };
}

}  // namespace sandbox
