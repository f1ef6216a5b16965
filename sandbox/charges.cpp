// Charges are made by payment intents; here they are looked at, and disputed.
#include "sandbox/api.hpp"
#include "sandbox/disputes.hpp"
#include "sandbox/refunds.hpp"

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

/// A helper: the customer asks the bank for the money back, all of it or a part.
Object dispute_charge(Call& call) {
  auto charge = call.store.load("charge", call.id());
  auto const left = refundable_of(charge);
  auto const amount = number(call.parameters, "amount", left);
  if (!truth(charge, "paid") || amount < 1 || amount > left)
    throw invalid("So much of this charge cannot be disputed.", "amount");
  return open_dispute(call.store, charge, amount, call.given("reason"));
}

Object list_charges(Call& call) {
  Object filter;
  for (auto const name : {"customer", "payment_intent"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "charge", filter);
}
}  // namespace

std::vector<Endpoint> charge_endpoints() {
  return {
      {"GET", "/v1/charges", {{"customer"}, {"payment_intent"}}, list_charges, Shape::list},
      {"GET", "/v1/charges/{id}", {}, retrieve_charge},
      {"POST",
       "/v1/test_helpers/charges/{id}/dispute",
       {{"amount", Kind::amount}, {"reason"}},
       dispute_charge},
      {"POST",
       "/v1/charges/{id}",
       {{"description"}, {"metadata", Kind::metadata}, {"receipt_email"}},
       update_charge},
  };
}

}  // namespace sandbox
