// Charges are made by payment intents; here they are only looked at.
#include "sandbox/api.hpp"

namespace sandbox {

namespace {
Object retrieve_charge(Call& call) { return without_private(call.store.load("charge", call.id())); }

Object update_charge(Call& call) {
  auto charge = call.store.load("charge", call.id());
  apply(charge, call.parameters, {"description", "receipt_email"});
  merge_metadata(charge, call.parameters);
  call.store.save_and_emit(charge, "charge.updated");
  return without_private(charge);
}

Object list_charges(Call& call) {
  Object filter;
  for (auto const name : {"customer", "payment_intent"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "charge", filter);
}

Object retrieve_balance_transaction(Call& call) {
  return call.store.load("balance_transaction", call.id());
}
Object list_balance_transactions(Call& call) {
  return answer_list(call, "balance_transaction", {});
}
}  // namespace

std::vector<Endpoint> charge_endpoints() {
  return {
      {"GET", "/v1/charges", {{"customer"}, {"payment_intent"}}, list_charges, Shape::list},
      {"GET", "/v1/charges/{id}", {}, retrieve_charge},
      {"POST",
       "/v1/charges/{id}",
       {{"description"}, {"metadata", Kind::metadata}, {"receipt_email"}},
       update_charge},
      {"GET",
       "/v1/balance_transactions",
       {{"source"}, {"type"}, {"currency"}},
       list_balance_transactions,
       Shape::list},
      {"GET", "/v1/balance_transactions/{id}", {}, retrieve_balance_transaction},
  };
}

}  // namespace sandbox
