// As much of setup intents as the checkout's mode=setup and simple clients need.
#include "sandbox/setup_intents.hpp"

#include "sandbox/api.hpp"
#include "sandbox/payment_methods.hpp"

namespace sandbox {

namespace {
Object const setup_mould = mould(R"({
  "id": "", "object": "setup_intent", "allowed_payment_method_types": null, "application": null,
  "automatic_payment_methods": null, "cancellation_reason": null, "client_secret": "",
  "created": 0, "customer": null, "customer_account": null, "description": null,
  "excluded_payment_method_types": null, "flow_directions": null, "last_setup_error": null,
  "latest_attempt": null, "livemode": false, "managed_payments": null, "mandate": null,
  "metadata": {}, "next_action": null, "on_behalf_of": null, "payment_method": null,
  "payment_method_configuration_details": null,
  "payment_method_options": {"card": {"mandate_options": null, "network": null,
    "request_three_d_secure": "automatic"}},
  "payment_method_types": ["card"], "single_use_mandate": null,
  "status": "requires_payment_method", "usage": "off_session"
})");

void confirm(Call& call, Object& intent) {
  auto wanted = call.given("payment_method");
  if (wanted.empty()) wanted = text(intent, "payment_method");
  if (wanted.empty()) throw missing_parameter("payment_method");
  auto method = resolve_payment_method(call.store, wanted, "payment_method");
  if (confirm_setup(call.store, intent, method, How::off_session) == Outcome::failed) {
    auto const& error = part(intent, "last_setup_error");
    throw ApiError{402, "card_error", text(error, "message"), text(error, "code")}
        .with("decline_code", text(error, "decline_code"))
        .with("setup_intent", without_private(intent))
        .keeping_changes();
  }
}

Object create(Call& call) {
  auto const customer = call.given("customer");
  if (!customer.empty()) call.store.load("customer", customer, "customer");
  auto intent = new_setup_intent(call.store, customer, call.given("description"));
  apply(intent, call.parameters, {"payment_method_types", "usage"});
  merge_metadata(intent, call.parameters);
  call.store.save(intent);
  if (truth(call.parameters, "confirm")) confirm(call, intent);
  return without_private(intent);
}

Object retrieve(Call& call) { return without_private(call.store.load("setup_intent", call.id())); }

Object confirm_from_request(Call& call) {
  auto intent = call.store.load("setup_intent", call.id());
  confirm(call, intent);
  return without_private(intent);
}

Object cancel(Call& call) {
  auto intent = call.store.load("setup_intent", call.id());
  intent["status"] = "canceled";
  intent["cancellation_reason"] = text_or_null(call.given("cancellation_reason"));
  call.store.save(intent);
  call.store.emit("setup_intent.canceled", intent);
  return without_private(intent);
}

Object list(Call& call) {
  Object filter;
  for (auto const name : {"customer", "payment_method"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "setup_intent", filter);
}
}  // namespace

Object new_setup_intent(Store& store, std::string_view customer, std::string_view description) {
  auto intent = setup_mould;
  intent["id"] = new_id("seti_1");
  intent["client_secret"] = text(intent, "id") + "_secret_" + new_id("", 25);
  intent["created"] = store.now;
  intent["customer"] = text_or_null(customer);
  intent["description"] = text_or_null(description);
  store.insert(intent);
  store.emit("setup_intent.created", intent);
  return intent;
}

Outcome confirm_setup(Store& store, Object& intent, Object& method, How how) {
  auto const behaviour = Behaviour(number(method, "_behaviour"));
  bool const asks = behaviour == Behaviour::asks_always || behaviour == Behaviour::asks_once;
  intent["payment_method"] = text(method, "id");
  if (behaviour == Behaviour::declines) {
    auto const decline_code = text(method, "_decline_code");
    auto const refusal = refusal_of(decline_code);
    intent["status"] = "requires_payment_method";
    intent["payment_method"] = nullptr;
    intent["last_setup_error"] = Object{{"code", refusal.code},
                                        {"decline_code", decline_code},
                                        {"message", refusal.message},
                                        {"payment_method", without_private(method)},
                                        {"type", "card_error"}};
    store.save(intent);
    store.emit("setup_intent.setup_failed", intent);
    return Outcome::failed;
  }
  if (asks && how != How::authenticated) {
    intent["status"] = "requires_action";
    intent["next_action"] =
        Object{{"redirect_to_url",
                Object{{"return_url", nullptr},
                       {"url", store.settings.public_url + "/authenticate/" + text(intent, "id")}}},
               {"type", "redirect_to_url"}};
    intent["_method"] = text(method, "id");
    store.save(intent);
    store.emit("setup_intent.requires_action", intent);
    return Outcome::requires_action;
  }
  if (how == How::authenticated) {
    method["_authenticated"] = true;
    store.save(method);
  }
  if (auto const customer_id = text(intent, "customer"); !customer_id.empty()) {
    auto const customer = store.load("customer", customer_id);
    attach(store, method, customer);
  }
  intent["status"] = "succeeded";
  intent["next_action"] = nullptr;
  intent["last_setup_error"] = nullptr;
  store.save(intent);
  store.emit("setup_intent.succeeded", intent);
  return Outcome::succeeded;
}

std::vector<Endpoint> setup_intent_endpoints() {
  std::vector<Parameter> const confirming{{"payment_method"},
                                          {"payment_method_options", Kind::ignored},
                                          {"mandate_data", Kind::ignored},
                                          {"return_url"},
                                          {"use_stripe_sdk", Kind::boolean}};
  auto creating = confirming;
  creating.insert(creating.end(),
                  {{"automatic_payment_methods", Kind::ignored},
                   {"confirm", Kind::boolean},
                   {"customer"},
                   {"description"},
                   {"metadata", Kind::metadata},
                   {"payment_method_types[]"},
                   {"usage", Kind::text, Need::optional, "off_session|on_session"}});
  return {
      {"POST", "/v1/setup_intents", creating, create},
      {"GET", "/v1/setup_intents", {{"customer"}, {"payment_method"}}, list, Shape::list},
      {"GET", "/v1/setup_intents/{id}", {{"client_secret"}}, retrieve},
      {"POST", "/v1/setup_intents/{id}/confirm", confirming, confirm_from_request},
      {"POST", "/v1/setup_intents/{id}/cancel", {{"cancellation_reason"}}, cancel},
  };
}

}  // namespace sandbox
