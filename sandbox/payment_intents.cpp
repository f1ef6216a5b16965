// The doors to payment intents.
#include "sandbox/api.hpp"
#include "sandbox/charging.hpp"
#include "sandbox/payment_methods.hpp"

namespace sandbox {

namespace {
/// Confirms with what the request names; a decline is the answer 402, and a fact.
void confirm(Call& call, Object& intent) {
  auto& store = call.store;
  auto const status = text(intent, "status");
  if (status != "requires_payment_method" && status != "requires_confirmation" &&
      status != "requires_action")
    throw invalid(
        "You cannot confirm this PaymentIntent because it has a status of " + status + ".", {},
        "payment_intent_unexpected_state")
        .with("payment_intent", without_private(intent));
  auto wanted = call.given("payment_method");
  if (wanted.empty()) wanted = text(intent, "payment_method");
  if (wanted.empty())
    throw invalid("You cannot confirm this PaymentIntent because it's missing a payment method.",
                  "payment_method", "payment_intent_unexpected_state");
  auto method = resolve_payment_method(store, wanted, "payment_method");
  auto const owner = text(method, "customer"), customer = text(intent, "customer");
  if (!owner.empty() && owner != customer)
    throw invalid("The provided PaymentMethod cannot be used: it belongs to another customer.",
                  "payment_method");
  if (auto const url = call.given("return_url"); !url.empty()) intent["_return_url"] = url;
  if (!customer.empty() && owner.empty() && has(intent, "setup_future_usage")) {
    auto const customer_object = store.load("customer", customer);
    attach(store, method, customer_object);
  }
  if (confirm_intent(store, intent, method, How::off_session) == Outcome::failed)
    throw card_error_of(intent).keeping_changes();
}

Object create_intent(Call& call) {
  auto& store = call.store;
  auto const amount = number(call.parameters, "amount");
  if (amount < 1)
    throw invalid("This value must be greater than or equal to 1.", "amount",
                  "parameter_invalid_integer");
  IntentPlan plan{amount, call.given("currency"), call.given("customer"),
                  call.given("description")};
  if (!plan.customer.empty()) store.load("customer", plan.customer, "customer");
  if (auto const& types = items(call.parameters, "payment_method_types"); !types.empty())
    plan.payment_method_types = types;
  auto intent = new_intent(store, plan);
  apply(intent, call.parameters,
        {"capture_method", "confirmation_method", "receipt_email", "setup_future_usage", "shipping",
         "statement_descriptor", "statement_descriptor_suffix", "transfer_group"});
  if (!has(call.parameters, "payment_method_types"))
    intent["automatic_payment_methods"] = Object{{"allow_redirects", "always"}, {"enabled", true}};
  merge_metadata(intent, call.parameters);
  store.save(intent);
  if (truth(call.parameters, "confirm")) {
    confirm(call, intent);
  } else if (auto const wanted = call.given("payment_method"); !wanted.empty()) {
    intent["payment_method"] = text(resolve_payment_method(store, wanted, "payment_method"), "id");
    intent["status"] = "requires_confirmation";
    store.save(intent);
  }
  return without_private(intent);
}

Object retrieve_intent(Call& call) {
  return without_private(call.store.load("payment_intent", call.id()));
}

Object update_intent(Call& call) {
  auto intent = call.store.load("payment_intent", call.id());
  apply(intent, call.parameters,
        {"amount", "description", "receipt_email", "setup_future_usage", "shipping"});
  if (auto const wanted = call.given("payment_method"); !wanted.empty()) {
    intent["payment_method"] =
        text(resolve_payment_method(call.store, wanted, "payment_method"), "id");
    if (text(intent, "status") == "requires_payment_method")
      intent["status"] = "requires_confirmation";
  }
  merge_metadata(intent, call.parameters);
  call.store.save(intent);
  return without_private(intent);
}

Object confirm_from_request(Call& call) {
  auto intent = call.store.load("payment_intent", call.id());
  apply(intent, call.parameters, {"setup_future_usage", "receipt_email", "shipping"});
  confirm(call, intent);
  return without_private(intent);
}

Object capture_intent(Call& call) {
  auto& store = call.store;
  auto intent = store.load("payment_intent", call.id());
  if (text(intent, "status") != "requires_capture")
    throw invalid("This PaymentIntent could not be captured because it has a status of " +
                      text(intent, "status") + ".",
                  {}, "payment_intent_unexpected_state");
  auto const amount = number(call.parameters, "amount_to_capture", number(intent, "amount"));
  auto charge = store.load("charge", text(intent, "latest_charge"));
  charge["captured"] = true;
  charge["amount_captured"] = amount;
  store.save(charge);
  store.emit("charge.captured", charge);
  intent["status"] = "succeeded";
  intent["amount_capturable"] = 0;
  intent["amount_received"] = amount;
  store.save(intent);
  store.emit("payment_intent.succeeded", intent);
  return without_private(intent);
}

Object cancel_from_request(Call& call) {
  auto intent = call.store.load("payment_intent", call.id());
  auto const status = text(intent, "status");
  if (status == "succeeded" || status == "canceled" || status == "processing")
    throw invalid("You cannot cancel this PaymentIntent because it has a status of " + status + ".",
                  {}, "payment_intent_unexpected_state");
  cancel_intent(call.store, intent, call.given("cancellation_reason"));
  return without_private(intent);
}

/// Helper: ends the wait for a bank debit.
Object finish_from_request(Call& call) {
  auto intent = call.store.load("payment_intent", call.id());
  if (text(intent, "status") != "processing")
    throw invalid(
        "This PaymentIntent is not processing: it has a status of " + text(intent, "status") + ".",
        {}, "payment_intent_unexpected_state");
  finish_processing(call.store, intent, call.given("outcome") == "failed");
  return without_private(call.store.load("payment_intent", call.id()));
}

Object list_intents(Call& call) {
  Object filter;
  if (auto const customer = call.given("customer"); !customer.empty())
    filter["customer"] = customer;
  return answer_list(call, "payment_intent", filter);
}
}  // namespace

std::vector<Endpoint> payment_intent_endpoints() {
  std::vector<Parameter> const confirming{
      {"payment_method"},
      {"payment_method_options", Kind::ignored},
      {"mandate_data", Kind::ignored},
      {"off_session", Kind::boolean},
      {"receipt_email"},
      {"return_url"},
      {"setup_future_usage", Kind::text, Need::optional, "off_session|on_session"},
      {"shipping", Kind::ignored},
      {"use_stripe_sdk", Kind::boolean},
      {"error_on_requires_action", Kind::boolean}};
  auto creating = confirming;
  creating.insert(
      creating.end(),
      {{"amount", Kind::amount, Need::required},
       {"currency", Kind::text, Need::required},
       {"automatic_payment_methods", Kind::ignored},
       {"capture_method", Kind::text, Need::optional, "automatic|automatic_async|manual"},
       {"confirm", Kind::boolean},
       {"confirmation_method", Kind::text, Need::optional, "automatic|manual"},
       {"customer"},
       {"description"},
       {"metadata", Kind::metadata},
       {"payment_method_types[]"},
       {"statement_descriptor"},
       {"statement_descriptor_suffix"},
       {"transfer_group"}});
  return {
      {"POST", "/v1/payment_intents", creating, create_intent},
      {"GET", "/v1/payment_intents", {{"customer"}}, list_intents, Shape::list},
      {"GET", "/v1/payment_intents/{id}", {{"client_secret"}}, retrieve_intent},
      {"POST",
       "/v1/payment_intents/{id}",
       {{"amount", Kind::amount},
        {"description"},
        {"metadata", Kind::metadata},
        {"payment_method"},
        {"receipt_email"},
        {"setup_future_usage"},
        {"shipping", Kind::ignored}},
       update_intent},
      {"POST", "/v1/payment_intents/{id}/confirm", confirming, confirm_from_request},
      {"POST",
       "/v1/payment_intents/{id}/capture",
       {{"amount_to_capture", Kind::amount}},
       capture_intent},
      {"POST",
       "/v1/payment_intents/{id}/cancel",
       {{"cancellation_reason", Kind::text, Need::optional,
         "duplicate|fraudulent|requested_by_customer|abandoned"}},
       cancel_from_request},
      {"POST",
       "/v1/test_helpers/payment_intents/{id}/finish_processing",
       {{"outcome", Kind::text, Need::required, "failed|succeeded"}},
       finish_from_request},
  };
}

}  // namespace sandbox
