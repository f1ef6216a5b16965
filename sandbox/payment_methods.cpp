// Payment methods and the doors to them. What a test card does is kept in private keys.
#include "sandbox/payment_methods.hpp"

#include <chrono>

#include "platform/crypto/crypto.hpp"
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
Object const method_mould = mould(R"({
  "id": "", "object": "payment_method", "allow_redisplay": "unspecified",
  "billing_details": {"address": {"city": null, "country": null, "line1": null, "line2": null,
    "postal_code": null, "state": null}, "email": null, "name": null, "phone": null,
    "tax_id": null},
  "created": 0, "customer": null, "customer_account": null, "livemode": false, "metadata": {},
  "type": "card"
})");
Object const card_mould = mould(R"({
  "brand": "visa", "checks": {"address_line1_check": null, "address_postal_code_check": null,
    "cvc_check": "pass"}, "country": "US", "display_brand": "visa", "exp_month": 12,
  "exp_year": 2030, "fingerprint": "", "funding": "credit", "generated_from": null, "last4": "",
  "networks": {"available": ["visa"], "preferred": null}, "regulated_status": "unregulated",
  "three_d_secure_usage": {"supported": true}, "wallet": null
})");

void fill_billing(Object& method, Object const& given) {
  auto& details = method["billing_details"].as_object();
  apply(details, given, {"email", "name", "phone"});
  if (auto const* address = given.if_contains("address"); address && address->is_object())
    details["address"] = full_address(address);
}

Object base(Store& store, std::string_view type, Object const& billing) {
  auto method = method_mould;
  method["id"] = new_id("pm_1");
  method["created"] = store.now;
  method["type"] = type;
  fill_billing(method, billing);
  return method;
}

int year_of(std::int64_t now) {
  using namespace std::chrono;
  return int(year_month_day{floor<days>(sys_seconds{seconds{now}})}.year());
}

Object card_from_request(Call& call) {
  auto const& given = part(call.parameters, "card");
  auto const& billing = part(call.parameters, "billing_details");
  int const soon = year_of(call.store.now) + 1;
  if (auto const token = text(given, "token"); !token.empty()) {
    auto const* card = card_by_token(token);
    if (!card) throw no_such("token", token, "card[token]");
    return new_card(call.store, *card, 12, soon, billing);
  }
  auto const digits = card_digits(text(given, "number"));
  if (!digits || !passes_luhn(*digits))
    throw ApiError{402, "card_error", "Your card number is incorrect.", "incorrect_number",
                   "number"};
  auto const month = number(given, "exp_month"), year = number(given, "exp_year");
  if (month < 1 || month > 12)
    throw ApiError{402, "card_error", "Your card's expiration month is invalid.",
                   "invalid_expiry_month", "exp_month"};
  if (year < year_of(call.store.now) || year > 2100)
    throw ApiError{402, "card_error", "Your card's expiration year is invalid.",
                   "invalid_expiry_year", "exp_year"};
  auto const* known = card_by_number(*digits);
  return new_card(call.store, known ? *known : card_like(*digits), int(month), int(year), billing);
}

Object create_method(Call& call) {
  auto const type = call.given("type");
  Object method;
  if (type == "sepa_debit") {
    auto const iban = call.given("sepa_debit.iban");
    if (iban.size() < 15)
      throw invalid("The IBAN you provided is invalid.", "sepa_debit[iban]",
                    "invalid_bank_account_iban");
    // Stripe's test accounts that fail; every other one succeeds.
    static constexpr std::string_view failing[]{
        "AT861904300235473202", "IT60X0542811101000000123456", "DE62370400440532013001"};
    bool const fails = std::find(std::begin(failing), std::end(failing), iban) != std::end(failing);
    method = new_bank_account(call.store, iban, fails, part(call.parameters, "billing_details"));
  } else if (type == "card" || type.empty()) {
    method = card_from_request(call);
  } else {
    throw invalid("The sandbox knows the payment method types card and sepa_debit.", "type");
  }
  merge_metadata(method, call.parameters);
  call.store.save(method);
  return without_private(method);
}

Object retrieve_method(Call& call) {
  return without_private(resolve_payment_method(call.store, call.id(), "id"));
}

Object update_method(Call& call) {
  auto method = call.store.load("payment_method", call.id());
  fill_billing(method, part(call.parameters, "billing_details"));
  if (method.contains("card"))
    apply(method["card"].as_object(), part(call.parameters, "card"), {"exp_month", "exp_year"});
  apply(method, call.parameters, {"allow_redisplay"});
  merge_metadata(method, call.parameters);
  call.store.save_and_emit(method, "payment_method.updated");
  return without_private(method);
}

Object attach_method(Call& call) {
  auto method = resolve_payment_method(call.store, call.id(), "id");
  auto const customer = call.store.load("customer", call.given("customer"), "customer");
  if (truth(customer, "deleted")) throw no_such("customer", call.given("customer"), "customer");
  attach(call.store, method, customer);
  return without_private(method);
}

Object detach_method(Call& call) {
  auto& store = call.store;
  auto method = store.load("payment_method", call.id());
  auto const customer_id = text(method, "customer");
  if (customer_id.empty())
    throw invalid(
        "The payment method you provided is not attached to a customer so detachment is "
        "impossible.");
  method["customer"] = nullptr;
  method["_detached"] = true;
  store.save_and_emit(method, "payment_method.detached");
  auto customer = store.load("customer", customer_id);
  if (text(customer, "invoice_settings.default_payment_method") == call.id()) {
    customer["invoice_settings"].as_object()["default_payment_method"] = nullptr;
    store.save_and_emit(customer, "customer.updated");
  }
  for (auto& subscription : store.all("subscription", {{"customer", customer_id}}))
    if (text(subscription, "default_payment_method") == call.id()) {
      subscription["default_payment_method"] = nullptr;
      store.save_and_emit(subscription, "customer.subscription.updated");
    }
  return without_private(method);
}

/// A helper: from now on charges of it are declined with that code; without one they succeed.
Object set_decline(Call& call) {
  auto method = call.store.load("payment_method", call.id());
  auto const code = call.given("decline_code");
  bool const card = text(method, "type") == "card";
  method["_behaviour"] = int(code.empty() ? Behaviour::succeeds
                             : card       ? Behaviour::declines_later
                                          : Behaviour::declines);
  method["_decline_code"] = code;
  call.store.save(method);
  return without_private(method);
}

Object list_methods(Call& call) {
  auto const customer =
      call.request.path_parameter("id").empty() ? call.given("customer") : call.id();
  if (customer.empty()) throw missing_parameter("customer");
  call.store.load("customer", customer, "customer");
  Object filter{{"customer", customer}};
  if (auto const type = call.given("type"); !type.empty()) filter["type"] = type;
  return answer_list(call, "payment_method", filter);
}

Object retrieve_of_customer(Call& call) {
  auto const id = std::string{call.request.path_parameter("method")};
  auto method = call.store.load("payment_method", id);
  if (text(method, "customer") != call.id()) throw no_such("payment_method", id);
  return without_private(method);
}
}  // namespace

Object new_card(Store& store, TestCard const& card, int exp_month, int exp_year,
                Object const& billing_details) {
  auto method = base(store, "card", billing_details);
  auto details = card_mould;
  details["brand"] = card.brand;
  details["display_brand"] = card.brand;
  details["country"] = card.country;
  details["exp_month"] = exp_month;
  details["exp_year"] = exp_year;
  details["funding"] = card.funding;
  details["last4"] = card.number.substr(card.number.size() - 4);
  details["fingerprint"] = crypto::base64url(crypto::sha256(card.number)).substr(0, 16);
  details["networks"].as_object()["available"] = Array{Value(card.brand)};
  method["card"] = std::move(details);
  method["_behaviour"] = int(card.behaviour);
  method["_decline_code"] = card.decline_code;
  store.insert(method);
  return method;
}

Object new_bank_account(Store& store, std::string_view iban, bool fails,
                        Object const& billing_details) {
  auto method = base(store, "sepa_debit", billing_details);
  method["sepa_debit"] =
      Object{{"bank_code", "37040044"},
             {"branch_code", ""},
             {"country", iban.substr(0, 2)},
             {"fingerprint", crypto::base64url(crypto::sha256(iban)).substr(0, 16)},
             {"generated_from", Object{{"charge", nullptr}, {"setup_attempt", nullptr}}},
             {"last4", iban.substr(iban.size() - 4)}};
  method["_behaviour"] = int(fails ? Behaviour::declines : Behaviour::succeeds);
  method["_decline_code"] = fails ? "insufficient_funds" : "";
  store.insert(method);
  return method;
}

Object resolve_payment_method(Store& store, std::string const& id, std::string_view param) {
  if (auto const* card = card_by_token(id))
    return new_card(store, *card, 12, year_of(store.now) + 1, {});
  return store.load("payment_method", id, param);
}

void attach(Store& store, Object& method, Object const& customer) {
  auto const customer_id = text(customer, "id");
  if (text(method, "customer") == customer_id) return;
  if (has(method, "customer"))
    throw invalid("The payment method you provided has already been attached to a customer.",
                  "payment_method", "payment_method_unexpected_state");
  if (truth(method, "_detached"))
    throw invalid(
        "This PaymentMethod was previously used without being attached to a Customer or "
        "was detached from a Customer, and may not be used again.",
        "payment_method", "payment_method_unexpected_state");
  if (text(method, "type") == "card" &&
      Behaviour(number(method, "_behaviour")) == Behaviour::declines) {
    auto const decline_code = text(method, "_decline_code");
    auto const refusal = refusal_of(decline_code);
    throw ApiError{402, "card_error", std::string{refusal.message}, refusal.code}.with(
        "decline_code", decline_code);
  }
  method["customer"] = customer_id;
  store.save(method);
  store.emit("payment_method.attached", method);
}

std::string name_of_method(Object const& method) {
  if (text(method, "type") == "sepa_debit") return "SEPA •••• " + text(method, "sepa_debit.last4");
  auto brand = text(method, "card.brand");
  if (!brand.empty()) brand[0] = char(brand[0] - 'a' + 'A');
  return brand + " •••• " + text(method, "card.last4");
}

std::vector<Endpoint> payment_method_endpoints() {
  std::vector<Parameter> const billing{
      {"billing_details.address", Kind::address},
      {"billing_details.email"},
      {"billing_details.name"},
      {"billing_details.phone"},
      {"metadata", Kind::metadata},
      {"allow_redisplay", Kind::text, Need::optional, "always|limited|unspecified"},
      {"card.exp_month", Kind::integer},
      {"card.exp_year", Kind::integer}};
  auto creating = billing;
  creating.insert(creating.end(), {{"type"},
                                   {"card.number"},
                                   {"card.cvc"},
                                   {"card.token"},
                                   {"sepa_debit.iban", Kind::text, Need::required}});
  return {
      {"POST", "/v1/payment_methods", creating, create_method},
      {"GET", "/v1/payment_methods", {{"customer"}, {"type"}}, list_methods, Shape::list},
      {"GET", "/v1/payment_methods/{id}", {}, retrieve_method},
      {"POST", "/v1/payment_methods/{id}", billing, update_method},
      {"POST",
       "/v1/payment_methods/{id}/attach",
       {{"customer", Kind::text, Need::required}},
       attach_method},
      {"POST", "/v1/payment_methods/{id}/detach", {}, detach_method},
      {"POST", "/v1/test_helpers/payment_methods/{id}/decline", {{"decline_code"}}, set_decline},
      {"GET", "/v1/customers/{id}/payment_methods", {{"type"}}, list_methods, Shape::list},
      {"GET", "/v1/customers/{id}/payment_methods/{method}", {}, retrieve_of_customer},
  };
}

}  // namespace sandbox
