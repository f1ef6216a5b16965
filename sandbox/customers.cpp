// Customers: who pays, and how by default.
#include "sandbox/customers.hpp"
#include "sandbox/api.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/payment_methods.hpp"
#include "sandbox/subscriptions.hpp"
#include "sandbox/switches.hpp"
#include "sandbox/tax_ids.hpp"

namespace sandbox {

namespace {
Object const customer_mould = mould(R"({
  "id": "", "object": "customer", "address": null, "balance": 0, "created": 0, "currency": null,
  "customer_account": null, "default_source": null, "delinquent": false, "description": null,
  "discount": null, "email": null, "invoice_prefix": "",
  "invoice_settings": {"custom_fields": null, "default_payment_method": null, "footer": null,
    "rendering_options": null},
  "livemode": false, "metadata": {}, "name": null, "next_invoice_sequence": 1, "phone": null,
  "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null
})");

std::string new_invoice_prefix() {
  auto prefix = new_id("", 8);
  for (auto& c : prefix)
    if (c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
  return prefix;
}

void fill(Object& customer, Object const& parameters) {
  apply(customer, parameters,
        {"balance", "business_name", "description", "email", "individual_name", "invoice_prefix",
         "name", "next_invoice_sequence", "phone", "tax_exempt"});
  if (auto const* locales = parameters.if_contains("preferred_locales"))
    customer["preferred_locales"] = locales->is_array() ? *locales : Value(Array{});
  if (auto const* address = parameters.if_contains("address"))
    customer["address"] = full_address(address);
  if (auto const* shipping = parameters.if_contains("shipping")) {
    if (shipping->is_object()) {
      Object out{{"address", full_address(shipping->get_object().if_contains("address"))},
                 {"name", nullptr},
                 {"phone", nullptr}};
      apply(out, shipping->get_object(), {"name", "phone"});
      customer["shipping"] = std::move(out);
    } else {
      customer["shipping"] = nullptr;
    }
  }
  auto const& invoice_settings = part(parameters, "invoice_settings");
  apply(customer["invoice_settings"].as_object(), invoice_settings, {"footer"});
  merge_metadata(customer, parameters);
  if (auto const email = text(parameters, "email"); !email.empty() && email.find('@') == email.npos)
    throw invalid("Invalid email address: " + email, "email", "email_invalid");
}

void set_default_method(Store& store, Object& customer, Object const& parameters) {
  auto const* given = at(parameters, "invoice_settings.default_payment_method");
  if (!given) return;
  auto const wanted = text(parameters, "invoice_settings.default_payment_method");
  if (wanted.empty()) {
    customer["invoice_settings"].as_object()["default_payment_method"] = nullptr;
    return;
  }
  auto const method =
      resolve_payment_method(store, wanted, "invoice_settings[default_payment_method]");
  if (text(method, "customer") != text(customer, "id"))
    throw invalid("The customer does not have a payment method with the ID " + wanted +
                      ". The payment method must be attached to the customer.",
                  "invoice_settings[default_payment_method]", "resource_missing");
  customer["invoice_settings"].as_object()["default_payment_method"] = text(method, "id");
}

Object create_customer_from_request(Call& call) {
  auto& store = call.store;
  auto customer = new_customer(store, call.given("test_clock"));
  fill(customer, call.parameters);
  store.insert(customer);
  store.emit("customer.created", customer);
  for (auto const& tax_id : items(call.parameters, "tax_id_data"))
    add_tax_id(store, text(customer, "id"), tax_id.as_object());

  auto parameters = call.parameters;
  if (auto const wanted = call.given("payment_method"); !wanted.empty()) {
    auto method = resolve_payment_method(store, wanted, "payment_method");
    attach(store, method, customer);
    // A test token stands for one new payment method, also when it is named twice.
    if (text(parameters, "invoice_settings.default_payment_method") == wanted)
      parameters["invoice_settings"].as_object()["default_payment_method"] = text(method, "id");
  }
  set_default_method(store, customer, parameters);
  store.save_and_emit(customer, "customer.updated");
  return without_private(customer);
}

Object update_customer(Call& call) {
  auto& store = call.store;
  auto customer = store.load("customer", call.id());
  if (truth(customer, "deleted")) throw no_such("customer", call.id());
  auto const method_before = text(customer, "invoice_settings.default_payment_method");
  fill(customer, call.parameters);
  set_default_method(store, customer, call.parameters);
  store.save_and_emit(customer, "customer.updated");
  auto const method = text(customer, "invoice_settings.default_payment_method");
  if (!method.empty() && method != method_before) retry_open_invoices(store, call.id());
  return without_private(customer);
}

Object retrieve_customer(Call& call) {
  return without_private(call.store.load("customer", call.id()));
}

Object list_customers(Call& call) {
  Object filter;
  for (auto const name : {"email", "test_clock"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "customer", filter);
}

Object delete_customer(Call& call) {
  auto& store = call.store;
  auto const customer = store.load("customer", call.id());
  if (truth(customer, "deleted")) throw no_such("customer", call.id());
  for (auto& subscription : store.all("subscription", {{"customer", call.id()}}))
    if (!has(subscription, "ended_at")) cancel_subscription(store, subscription, {});
  store.leave_tombstone(customer);
  store.emit("customer.deleted", customer);
  return {{"id", call.id()}, {"object", "customer"}, {"deleted", true}};
}

db::Query const put_all_on_clock{"sandbox.put_on_clock", R"sql(
    UPDATE stripe_sandbox.objects
       SET clock = $2,
           data = (CASE WHEN data::jsonb ? 'test_clock'
                        THEN jsonb_set(data::jsonb, '{test_clock}', to_jsonb($2::text))
                        ELSE jsonb_set(data::jsonb, '{_clock}', to_jsonb($2::text)) END)::json
     WHERE keys @> $1::jsonb
       AND type IN ('invoice', 'invoiceitem', 'payment_intent', 'subscription',
                    'subscription_schedule', 'tax_id'))sql"};

/// A helper: from now on the customer lives by a test clock, with all that belongs to them.
Object put_on_clock(Call& call) {
  auto& store = call.store;
  auto customer = store.load("customer", call.id());
  auto const id = call.given("test_clock");
  auto const clock = store.load("test_helpers.test_clock", id, "test_clock");
  if (has(customer, "test_clock"))
    throw invalid("This customer lives by a test clock already.", "test_clock");
  if (number(clock, "frozen_time") < store.now)
    throw invalid("The test clock is behind the time that this customer has lived.", "test_clock");
  customer["test_clock"] = id;
  store.save(customer);
  store.tx.exec(put_all_on_clock, boost::json::serialize(Object{{"customer", call.id()}}), id);
  return without_private(customer);
}

/// A helper: at Stripe somebody gives it in the dashboard, requests of this version cannot.
Object give_discount(Call& call) {
  auto customer = call.store.load("customer", call.id());
  auto const ids = make_discounts(call.store, {Object{{"coupon", call.given("coupon")}}},
                                  {.customer = call.id(),
                                   .currency = text(customer, "currency"),
                                   .replaces = part(customer, "discount")},
                                  "coupon");
  customer["discount"] = without_private(*call.store.find(std::string_view{ids[0].as_string()}));
  call.store.save_and_emit(customer, "customer.updated");
  return without_private(customer);
}

Object delete_discount(Call& call) {
  auto customer = call.store.load("customer", call.id());
  if (!has(customer, "discount"))
    throw invalid("No active discount for customer: " + call.id(), {}, "resource_missing");
  auto answer = part(customer, "discount");
  announce_removed(call.store, {Value(text(answer, "id"))}, {});
  customer["discount"] = nullptr;
  call.store.save_and_emit(customer, "customer.updated");
  answer.erase("end");
  answer["deleted"] = true;
  return answer;
}

Object adjust_balance(Call& call) {
  auto& store = call.store;
  auto customer = store.load("customer", call.id());
  if (truth(customer, "deleted")) throw no_such("customer", call.id());
  auto const currency = call.given("currency");
  if (has(customer, "currency") && text(customer, "currency") != currency)
    throw invalid("The balance of this customer is kept in " + text(customer, "currency") + ".",
                  "currency");
  customer["currency"] = currency;
  auto entry = move_balance(store, customer, number(call.parameters, "amount"), "adjustment", {});
  apply(entry, call.parameters, {"description"});
  merge_metadata(entry, call.parameters);
  store.save(entry);
  return entry;
}

Object retrieve_balance_transaction(Call& call) {
  auto const id = call.request.path_parameter("transaction");
  auto entry = call.store.load("customer_balance_transaction", id);
  if (text(entry, "customer") != call.id()) throw no_such("customer_balance_transaction", id);
  return entry;
}

Object list_balance_transactions(Call& call) {
  call.store.load("customer", call.id());
  Object filter{{"customer", call.id()}};
  if (auto const invoice = call.given("invoice"); !invoice.empty()) filter["invoice"] = invoice;
  return answer_list(call, "customer_balance_transaction", filter);
}

std::vector<Parameter> writable() {
  return {{"address", Kind::address},
          {"balance", Kind::amount},
          {"business_name"},
          {"description"},
          {"email"},
          {"individual_name"},
          {"invoice_prefix"},
          {"invoice_settings.custom_fields", Kind::ignored},
          {"invoice_settings.default_payment_method"},
          {"invoice_settings.footer"},
          {"invoice_settings.rendering_options", Kind::ignored},
          {"metadata", Kind::metadata},
          {"name"},
          {"next_invoice_sequence", Kind::count},
          {"phone"},
          {"preferred_locales[]"},
          {"shipping.address", Kind::address},
          {"shipping.name"},
          {"shipping.phone"},
          {"tax", Kind::ignored},
          {"tax_exempt", Kind::text, Need::optional, "none|exempt|reverse"},
          {"validate", Kind::boolean}};
}

std::vector<Parameter> with(std::vector<Parameter> list, std::initializer_list<Parameter> more) {
  list.insert(list.end(), more);
  return list;
}
}  // namespace

Object new_customer(Store& store, std::string test_clock) {
  auto customer = customer_mould;
  // Those who sign up somewhere that knows no clocks live by the one that is switched on.
  if (test_clock.empty()) test_clock = text(switches_of(store), "test_clock");
  if (!test_clock.empty()) {
    auto const clock = store.load("test_helpers.test_clock", test_clock, "test_clock");
    customer["test_clock"] = test_clock;
    store.now = number(clock, "frozen_time");
  }
  customer["id"] = new_id("cus_", 14);
  customer["created"] = store.now;
  customer["invoice_prefix"] = new_invoice_prefix();
  return customer;
}

Object move_balance(Store& store, Object& customer, std::int64_t amount, std::string_view type,
                    std::string_view invoice) {
  customer["balance"] = number(customer, "balance") + amount;
  Object entry{{"id", new_id("cbtxn_1")},
               {"object", "customer_balance_transaction"},
               {"amount", amount},
               {"checkout_session", nullptr},
               {"created", store.now},
               {"credit_note", nullptr},
               {"currency", customer.at("currency")},
               {"customer", text(customer, "id")},
               {"customer_account", nullptr},
               {"description", nullptr},
               {"ending_balance", customer.at("balance")},
               {"invoice", text_or_null(invoice)},
               {"livemode", false},
               {"metadata", Object{}},
               {"type", type}};
  store.insert(entry);
  store.save_and_emit(customer, "customer.updated");
  return entry;
}

std::vector<Endpoint> customer_endpoints() {
  return {
      {"POST", "/v1/customers",
       with(writable(), {{"payment_method"},
                         {"test_clock"},
                         {"tax_id_data[].type", Kind::text, Need::required},
                         {"tax_id_data[].value", Kind::text, Need::required}}),
       create_customer_from_request},
      {"GET", "/v1/customers", {{"email"}, {"test_clock"}}, list_customers, Shape::list},
      {"GET", "/v1/customers/{id}", {}, retrieve_customer},
      {"POST", "/v1/customers/{id}", writable(), update_customer},
      {"DELETE", "/v1/customers/{id}", {}, delete_customer},
      {"DELETE", "/v1/customers/{id}/discount", {}, delete_discount},
      {"POST",
       "/v1/test_helpers/customers/{id}/discount",
       {{"coupon", Kind::text, Need::required}},
       give_discount},
      {"POST",
       "/v1/customers/{id}/balance_transactions",
       {{"amount", Kind::amount, Need::required},
        {"currency", Kind::text, Need::required},
        {"description"},
        {"metadata", Kind::metadata}},
       adjust_balance},
      {"GET",
       "/v1/customers/{id}/balance_transactions",
       {{"invoice"}},
       list_balance_transactions,
       Shape::list},
      {"GET",
       "/v1/customers/{id}/balance_transactions/{transaction}",
       {},
       retrieve_balance_transaction},
      {"POST",
       "/v1/test_helpers/customers/{id}/test_clock",
       {{"test_clock", Kind::text, Need::required}},
       put_on_clock},
  };
}

}  // namespace sandbox
