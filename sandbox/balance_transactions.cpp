// Charges come in, refunds and disputes go out, each with what Stripe keeps of it.
#include "sandbox/balance_transactions.hpp"

#include "sandbox/api.hpp"

namespace sandbox {

namespace {
Object retrieve(Call& call) { return call.store.load("balance_transaction", call.id()); }

Object list(Call& call) {
  Object filter;
  for (auto const name : {"currency", "source", "type"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "balance_transaction", filter);
}
}  // namespace

Object move_account_balance(Store& store, BalanceMove const& move) {
  Array fees;
  if (move.fee != 0)
    fees.push_back(
        Object{{"amount", move.fee},
               {"application", nullptr},
               {"currency", move.currency},
               {"description", move.type == "charge" ? "Stripe processing fees" : "Dispute fee"},
               {"type", "stripe_fee"}});
  Object transaction{{"id", new_id("txn_3")},
                     {"object", "balance_transaction"},
                     {"amount", move.amount},
                     {"available_on", store.now + 2 * 86'400},
                     {"balance_type", "payments"},
                     {"created", store.now},
                     {"currency", move.currency},
                     {"description", move.description},
                     {"exchange_rate", nullptr},
                     {"fee", move.fee},
                     {"fee_details", std::move(fees)},
                     {"net", move.amount - move.fee},
                     {"reporting_category", move.reporting_category},
                     {"source", move.source},
                     {"status", "pending"},
                     {"type", move.type}};
  store.insert(transaction);
  return transaction;
}

std::vector<Endpoint> balance_transaction_endpoints() {
  return {
      {"GET", "/v1/balance_transactions", {{"source"}, {"type"}, {"currency"}}, list, Shape::list},
      {"GET", "/v1/balance_transactions/{id}", {}, retrieve}};
}

}  // namespace sandbox
