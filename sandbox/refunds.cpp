// Money given back, whole or in parts.
#include "sandbox/refunds.hpp"

#include "sandbox/api.hpp"
#include "sandbox/balance_transactions.hpp"
#include "sandbox/prices.hpp"

namespace sandbox {

namespace {
Object const refund_mould = mould(R"({
  "id": "", "object": "refund", "amount": 0, "balance_transaction": null, "charge": null,
  "created": 0, "currency": "", "customer": null, "customer_account": null,
  "destination_details": {"card": {"reference_status": "pending",
    "reference_type": "acquirer_reference_number", "type": "refund"}, "type": "card"},
  "metadata": {}, "payment_intent": null, "payment_method": null, "reason": null,
  "receipt_number": null, "source_transfer_reversal": null, "status": "succeeded",
  "transfer_reversal": null
})");

Object move_for(Store& store, Object const& refund, std::int64_t amount, std::string_view type) {
  return move_account_balance(store,
                              {.amount = amount,
                               .currency = text(refund, "currency"),
                               .source = text(refund, "id"),
                               .type = type,
                               .reporting_category = type,
                               .description = Value("Refund for " + text(refund, "charge"))});
}

Object charge_of_request(Call& call) {
  auto& store = call.store;
  if (auto const id = call.given("charge"); !id.empty()) return store.load("charge", id, "charge");
  auto const intent_id = call.given("payment_intent");
  if (intent_id.empty())
    throw invalid(
        "One of the following params should be provided for this request: payment_intent or "
        "charge.");
  auto const intent = store.load("payment_intent", intent_id, "payment_intent");
  auto const charge = store.find(text(intent, "latest_charge"));
  if (!charge || !truth(*charge, "paid"))
    throw invalid(
        "This PaymentIntent (" + intent_id + ") does not have a successful charge to refund.",
        "payment_intent");
  return *charge;
}

Object create_refund(Call& call) {
  auto charge = charge_of_request(call);
  if (!truth(charge, "paid"))
    throw invalid("Charge " + text(charge, "id") + " has not been paid and cannot be refunded.", {},
                  "charge_not_refundable");
  auto const left = refundable_of(charge);
  if (left <= 0 && number(charge, "_disputed_amount") > 0)
    throw invalid("Charge " + text(charge, "id") + " has been charged back; cannot issue a refund.",
                  {}, "charge_disputed");
  if (left <= 0)
    throw invalid("Charge " + text(charge, "id") + " has already been refunded.", {},
                  "charge_already_refunded");
  auto const amount = number(call.parameters, "amount", left);
  if (amount < 1)
    throw invalid("This value must be greater than or equal to 1.", "amount",
                  "parameter_invalid_integer");
  auto const currency = text(charge, "currency");
  if (amount > left)
    throw invalid("Refund amount (" + amount_text(amount, currency) +
                      ") is greater than unrefunded amount on charge (" +
                      amount_text(left, currency) + ")",
                  "amount");
  return refund_charge(call.store, charge, amount, call.parameters);
}

Object retrieve_refund(Call& call) { return call.store.load("refund", call.id()); }

Object update_refund(Call& call) {
  auto refund = call.store.load("refund", call.id());
  auto const before = refund;
  merge_metadata(refund, call.parameters);
  call.store.save(refund);
  if (auto const previous = difference(before, refund); !previous.empty()) {
    call.store.emit("refund.updated", refund, previous);
    call.store.emit("charge.refund.updated", refund, previous);
  }
  return refund;
}

/// The bank sent the money back: the refund did not reach the customer.
Object fail_refund(Call& call) {
  auto& store = call.store;
  auto refund = store.load("refund", call.id());
  if (text(refund, "status") == "failed") return refund;
  auto const before = refund;
  refund["status"] = "failed";
  refund["failure_reason"] = has(call.parameters, "failure_reason") ? call.given("failure_reason")
                                                                    : "expired_or_canceled_card";
  refund["failure_balance_transaction"] =
      move_for(store, refund, number(refund, "amount"), "refund_failure").at("id");
  store.save(refund);
  auto charge = store.load("charge", text(refund, "charge"));
  charge["amount_refunded"] = number(charge, "amount_refunded") - number(refund, "amount");
  charge["refunded"] = false;
  store.save(charge);
  auto const previous = difference(before, refund);
  store.emit("refund.failed", refund, previous);
  store.emit("refund.updated", refund, previous);
  store.emit("charge.refund.updated", refund, previous);
  return refund;
}

Object list_refunds(Call& call) {
  Object filter;
  for (auto const name : {"charge", "payment_intent"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "refund", filter);
}

Object list_of_charge(Call& call) {
  call.store.load("charge", call.id());
  return answer_list(call, "refund", {{"charge", call.id()}});
}
}  // namespace

std::int64_t refundable_of(Object const& charge) {
  return number(charge, "amount_captured") - number(charge, "amount_refunded") -
         number(charge, "_disputed_amount");
}

Object refund_charge(Store& store, Object& charge, std::int64_t amount, Object const& parameters) {
  auto refund = refund_mould;
  refund["id"] = new_id("re_3");
  refund["amount"] = amount;
  refund["charge"] = text(charge, "id");
  refund["created"] = store.now;
  for (auto const name : {"currency", "customer", "payment_intent", "payment_method"})
    refund[name] = charge.at(name);
  refund["balance_transaction"] = move_for(store, refund, -amount, "refund").at("id");
  apply(refund, parameters, {"reason"});
  merge_metadata(refund, parameters);
  store.insert(refund);
  store.emit("refund.created", refund);

  auto const before = charge;
  charge["amount_refunded"] = number(charge, "amount_refunded") + amount;
  charge["refunded"] = number(charge, "amount_refunded") == number(charge, "amount_captured");
  store.save(charge);
  store.emit("charge.refunded", charge, difference(before, charge));
  return refund;
}

std::vector<Endpoint> refund_endpoints() {
  return {
      {"POST",
       "/v1/refunds",
       {{"amount", Kind::amount},
        {"charge"},
        {"payment_intent"},
        {"metadata", Kind::metadata},
        {"reason", Kind::text, Need::optional, "duplicate|fraudulent|requested_by_customer"}},
       create_refund},
      {"GET", "/v1/refunds", {{"charge"}, {"payment_intent"}}, list_refunds, Shape::list},
      {"GET", "/v1/refunds/{id}", {}, retrieve_refund},
      {"POST", "/v1/refunds/{id}", {{"metadata", Kind::metadata}}, update_refund},
      {"POST", "/v1/test_helpers/refunds/{id}/fail", {{"failure_reason"}}, fail_refund},
      {"GET", "/v1/charges/{id}/refunds", {}, list_of_charge, Shape::list},
  };
}

}  // namespace sandbox
