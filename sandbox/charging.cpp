// What the bank says depends on the test card alone; what follows from it is as at Stripe.
#include "sandbox/charging.hpp"

#include "sandbox/balance_transactions.hpp"
#include "sandbox/checkout.hpp"
#include "sandbox/disputes.hpp"
#include "sandbox/invoices.hpp"
#include "sandbox/payment_methods.hpp"

namespace sandbox {

namespace {
Object const intent_mould = mould(R"({
  "id": "", "object": "payment_intent", "allowed_payment_method_types": null, "amount": 0,
  "amount_capturable": 0, "amount_details": {"tip": {}}, "amount_received": 0,
  "application": null, "application_fee_amount": null, "automatic_payment_methods": null,
  "canceled_at": null, "cancellation_reason": null, "capture_method": "automatic",
  "client_secret": "", "confirmation_method": "automatic", "created": 0, "currency": "",
  "customer": null, "customer_account": null, "description": null,
  "excluded_payment_method_types": null, "last_payment_error": null, "latest_charge": null,
  "livemode": false, "managed_payments": null, "metadata": {}, "next_action": null,
  "on_behalf_of": null, "payment_details": {"customer_reference": null, "order_reference": null},
  "payment_method": null, "payment_method_configuration_details": null,
  "payment_method_options": {"card": {"installments": null, "mandate_options": null,
    "network": null, "request_three_d_secure": "automatic"}},
  "payment_method_types": ["card"], "payment_record": null, "processing": null,
  "receipt_email": null, "review": null, "setup_future_usage": null, "shipping": null,
  "source": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
  "status": "requires_payment_method", "transfer_data": null, "transfer_group": null
})");
Object const charge_mould = mould(R"({
  "id": "", "object": "charge", "amount": 0, "amount_captured": 0, "amount_refunded": 0,
  "application": null, "application_fee": null, "application_fee_amount": null,
  "balance_transaction": null, "billing_details": {}, "calculated_statement_descriptor": "SANDBOX",
  "captured": false, "created": 0, "currency": "", "customer": null, "description": null,
  "disputed": false, "failure_balance_transaction": null, "failure_code": null,
  "failure_message": null, "fraud_details": {}, "livemode": false, "metadata": {},
  "on_behalf_of": null, "outcome": null, "paid": false, "payment_intent": null,
  "payment_method": null, "payment_method_details": {}, "radar_options": {},
  "receipt_email": null, "receipt_number": null, "receipt_url": null, "refunded": false,
  "review": null, "shipping": null, "source": null, "source_transfer": null,
  "statement_descriptor": null, "statement_descriptor_suffix": null, "status": "pending",
  "transfer_data": null, "transfer_group": null
})");

Object details_of(Object const& method, bool authenticated) {
  auto const type = text(method, "type");
  if (type == "sepa_debit") {
    auto details = part(method, "sepa_debit");
    details.erase("generated_from");
    details["mandate"] = nullptr;
    return {{"sepa_debit", std::move(details)}, {"type", type}};
  }
  auto const& card = part(method, "card");
  Object details{{"amount_authorized", nullptr},
                 {"authorization_code", nullptr},
                 {"brand", card.at("brand")},
                 {"checks", card.at("checks")},
                 {"country", card.at("country")},
                 {"electronic_commerce_indicator", nullptr},
                 {"exp_month", card.at("exp_month")},
                 {"exp_year", card.at("exp_year")},
                 {"fingerprint", card.at("fingerprint")},
                 {"funding", card.at("funding")},
                 {"installments", nullptr},
                 {"last4", card.at("last4")},
                 {"mandate", nullptr},
                 {"network", card.at("brand")},
                 {"network_token", Object{{"used", false}}},
                 {"network_transaction_id", nullptr},
                 {"regulated_status", "unregulated"},
                 {"three_d_secure", nullptr},
                 {"transaction_link_id", nullptr},
                 {"wallet", nullptr}};
  if (authenticated)
    details["three_d_secure"] = Object{{"authentication_flow", "challenge"},
                                       {"electronic_commerce_indicator", "05"},
                                       {"exemption_indicator", nullptr},
                                       {"result", "authenticated"},
                                       {"result_reason", nullptr},
                                       {"transaction_id", new_id("")},
                                       {"version", "2.2.0"}};
  return {{"card", std::move(details)}, {"type", type}};
}

Object new_charge(Store& store, Object const& intent, Object const& method, bool authenticated) {
  auto charge = charge_mould;
  charge["id"] = new_id(text(method, "type") == "sepa_debit" ? "py_3" : "ch_3");
  charge["created"] = store.now;
  charge["payment_intent"] = text(intent, "id");
  charge["payment_method"] = text(method, "id");
  charge["billing_details"] = method.at("billing_details");
  charge["payment_method_details"] = details_of(method, authenticated);
  for (auto const name :
       {"amount", "currency", "customer", "description", "metadata", "shipping", "receipt_email",
        "statement_descriptor", "statement_descriptor_suffix", "transfer_group"})
    charge[name] = intent.at(name);
  return charge;
}

Object outcome_of(bool succeeded, std::string_view decline_code) {
  return {{"advice_code", succeeded ? Value(nullptr) : Value("try_again_later")},
          {"network_advice_code", nullptr},
          {"network_decline_code", succeeded ? Value(nullptr) : Value("01")},
          {"network_status", succeeded ? "approved_by_network" : "declined_by_network"},
          {"reason", succeeded ? Value(nullptr) : Value(decline_code)},
          {"risk_level", "normal"},
          {"risk_score", 20},
          {"seller_message",
           succeeded ? "Payment complete."
                     : "The bank did not return any further details with this decline."},
          {"type", succeeded ? "authorized" : "issuer_declined"}};
}

std::string new_balance_transaction(Store& store, Object const& charge) {
  auto const amount = number(charge, "amount");
  return text(move_account_balance(store, {.amount = amount,
                                           .fee = amount * 29 / 1000 + 30,
                                           .currency = text(charge, "currency"),
                                           .source = text(charge, "id"),
                                           .type = "charge",
                                           .reporting_category = "charge",
                                           .description = charge.at("description")}),
              "id");
}

void succeed(Store& store, Object& intent, Object const& method, Object& charge, bool is_new) {
  bool const captured = text(intent, "capture_method") != "manual";
  charge["status"] = "succeeded";
  charge["paid"] = true;
  charge["captured"] = captured;
  charge["outcome"] = outcome_of(true, {});
  charge["receipt_url"] = store.settings.public_url + "/receipts/" + text(charge, "id");
  if (captured) {
    charge["amount_captured"] = charge["amount"];
    charge["balance_transaction"] = new_balance_transaction(store, charge);
  }
  if (is_new)
    store.insert(charge);
  else
    store.save(charge);
  store.emit("charge.succeeded", charge);

  intent["status"] = captured ? "succeeded" : "requires_capture";
  intent[captured ? "amount_received" : "amount_capturable"] = intent["amount"];
  intent["latest_charge"] = text(charge, "id");
  intent["last_payment_error"] = nullptr;
  intent["next_action"] = nullptr;
  intent["processing"] = nullptr;
  intent.erase("_due");
  store.save(intent);
  store.emit(captured ? "payment_intent.succeeded" : "payment_intent.amount_capturable_updated",
             intent);
  if (Behaviour(number(method, "_behaviour")) == Behaviour::disputes)
    open_dispute(store, charge, number(charge, "amount"));
}

void fail(Store& store, Object& intent, Object const& method, Object& charge, bool is_new,
          std::string const& decline_code) {
  auto const refusal = refusal_of(decline_code);
  charge["status"] = "failed";
  charge["failure_code"] = refusal.code;
  charge["failure_message"] = refusal.message;
  charge["outcome"] = outcome_of(false, decline_code);
  if (is_new)
    store.insert(charge);
  else
    store.save(charge);
  store.emit("charge.failed", charge);

  intent["status"] = "requires_payment_method";
  intent["latest_charge"] = text(charge, "id");
  intent["last_payment_error"] =
      Object{{"charge", text(charge, "id")},
             {"code", refusal.code},
             {"decline_code", decline_code},
             {"doc_url", "https://stripe.com/docs/error-codes/card-declined"},
             {"message", refusal.message},
             {"payment_method", without_private(method)},
             {"type", "card_error"}};
  intent["payment_method"] = nullptr;
  intent["next_action"] = nullptr;
  intent["processing"] = nullptr;
  intent.erase("_due");
  store.save(intent);
  store.emit("payment_intent.payment_failed", intent);
}

void ask(Store& store, Object& intent, Object const& method) {
  intent["status"] = "requires_action";
  intent["next_action"] =
      Object{{"redirect_to_url",
              Object{{"return_url", text_or_null(text(intent, "_return_url"))},
                     {"url", store.settings.public_url + "/authenticate/" + text(intent, "id")}}},
             {"type", "redirect_to_url"}};
  intent["_method"] = text(method, "id");
  store.save(intent);
  store.emit("payment_intent.requires_action", intent);
}

bool needs_authentication(Object const& method, How how) {
  auto const behaviour = Behaviour(number(method, "_behaviour"));
  if (how == How::authenticated) return false;
  if (behaviour == Behaviour::asks_always) return true;
  return behaviour == Behaviour::asks_once && !truth(method, "_authenticated");
}

Outcome attempt(Store& store, Object& intent, Object& method, How how) {
  intent["payment_method"] = text(method, "id");
  if (needs_authentication(method, how)) {
    ask(store, intent, method);
    return Outcome::requires_action;
  }
  if (how == How::authenticated && !truth(method, "_authenticated")) {
    method["_authenticated"] = true;
    store.save(method);
  }
  auto charge = new_charge(store, intent, method, how == How::authenticated);
  if (text(method, "type") == "sepa_debit") {
    store.insert(charge);
    store.emit("charge.pending", charge);
    intent["status"] = "processing";
    intent["latest_charge"] = text(charge, "id");
    intent["_method"] = text(method, "id");
    if (!truth(method, "_waits")) intent["_due"] = store.now + store.settings.bank_debit_seconds;
    store.save(intent);
    store.emit("payment_intent.processing", intent);
    return Outcome::processing;
  }
  auto const behaviour = Behaviour(number(method, "_behaviour"));
  if (behaviour == Behaviour::declines ||
      (behaviour == Behaviour::declines_later && how == How::off_session)) {
    fail(store, intent, method, charge, true, text(method, "_decline_code"));
    return Outcome::failed;
  }
  succeed(store, intent, method, charge, true);
  return Outcome::succeeded;
}
}  // namespace

Object new_intent(Store& store, IntentPlan const& plan) {
  auto intent = intent_mould;
  intent["id"] = new_id("pi_3");
  intent["amount"] = plan.amount;
  intent["currency"] = plan.currency;
  intent["customer"] = text_or_null(plan.customer);
  intent["description"] = text_or_null(plan.description);
  intent["payment_method_types"] = plan.payment_method_types;
  intent["client_secret"] = text(intent, "id") + "_secret_" + new_id("", 25);
  intent["created"] = store.now;
  if (auto const customer = store.find(plan.customer); customer && has(*customer, "test_clock"))
    intent["_clock"] = customer->at("test_clock");
  store.insert(intent);
  store.emit("payment_intent.created", intent);
  return intent;
}

Outcome confirm_intent(Store& store, Object& intent, Object& method, How how) {
  auto const outcome = attempt(store, intent, method, how);
  if (has(intent, "_invoice")) settle_invoice(store, intent, outcome);
  return outcome;
}

void finish_processing(Store& store, Object& intent, std::optional<bool> given) {
  if (text(intent, "status") != "processing") return;
  intent["_counted"] = true;
  auto const method = store.load("payment_method", text(intent, "_method"));
  auto charge = store.load("charge", text(intent, "latest_charge"));
  bool const fails = given.value_or(Behaviour(number(method, "_behaviour")) == Behaviour::declines);
  if (fails)
    fail(store, intent, method, charge, false, "insufficient_funds");
  else
    succeed(store, intent, method, charge, false);
  if (has(intent, "_invoice"))
    settle_invoice(store, intent, fails ? Outcome::failed : Outcome::succeeded);
  if (auto const session = text(intent, "_session"); !session.empty())
    report_late_payment(store, session, !fails);
}

void cancel_intent(Store& store, Object& intent, std::string_view reason) {
  intent["status"] = "canceled";
  intent["canceled_at"] = store.now;
  intent["cancellation_reason"] = text_or_null(reason);
  intent["next_action"] = nullptr;
  intent["amount_capturable"] = 0;
  intent.erase("_due");
  store.save(intent);
  store.emit("payment_intent.canceled", intent);
}

ApiError card_error_of(Object const& intent) {
  auto const& error = part(intent, "last_payment_error");
  return ApiError{402, "card_error", text(error, "message"), text(error, "code")}
      .with("charge", text(error, "charge"))
      .with("decline_code", text(error, "decline_code"))
      .with("payment_intent", without_private(intent))
      .with("payment_method", error.at("payment_method"));
}

}  // namespace sandbox
