// One refund per payment, marked with what it is for: a retry gives nothing back twice.
#include "billing/refunds.hpp"

#include <algorithm>

namespace billing {

namespace {
bool has_gone_back(stripe::Client const& client, Payment const& payment, std::string const& mark) {
  http_client::Form query;
  query.add(payment.field, payment.id).add("limit", 100);
  auto const refunds = client.get("/v1/refunds", query);
  auto const* data = stripe::find(refunds, "data");
  return data && data->is_array() && std::ranges::any_of(data->get_array(), [&](auto const& entry) {
           auto const& refund = entry.as_object();
           auto const status = stripe::text(refund, "status");
           return stripe::text(refund, "metadata.given_back_for") == mark && status != "failed" &&
                  status != "canceled";
         });
}
}  // namespace

void refund_payment(stripe::Client const& client, Payment const& payment,
                    std::optional<std::int64_t> amount, RefundKey const& key,
                    std::string const& tenant_id) {
  // Stripe forgets a key after a day, and another try has another one.
  if (has_gone_back(client, payment, key.text)) return;
  http_client::Form form;
  form.add(payment.field, payment.id)
      .add("reason", "requested_by_customer")
      .add("metadata[given_back_for]", key.text);
  if (!tenant_id.empty()) form.add("metadata[tenant_id]", tenant_id);
  if (amount) form.add("amount", *amount);
  try {
    client.post("/v1/refunds", form,
                key.tried ? key.text + "-" + std::to_string(key.tried) : key.text);
  } catch (stripe::Refused const& refused) {
    // Somebody at Stripe's dashboard was quicker.
    if (refused.code != "charge_already_refunded") throw;
  }
}

std::int64_t refund_invoice(stripe::Client const& client, stripe::Object const& invoice,
                            std::int64_t at_most, RefundKey const& key,
                            std::string const& tenant_id) {
  auto const* payments = stripe::find(invoice, "payments.data");
  if (!payments || !payments->is_array()) return 0;
  std::int64_t given_back = 0;
  for (auto const& entry : payments->get_array()) {
    auto const& paid = entry.as_object();
    if (stripe::text(paid, "status") != "paid" || given_back == at_most) continue;
    auto const whole = stripe::integer(paid, "amount_paid");
    auto const amount = std::min(at_most - given_back, whole);
    auto const intent = stripe::id_of(paid, "payment.payment_intent");
    auto const charge = stripe::id_of(paid, "payment.charge");
    if (amount <= 0 || (intent.empty() && charge.empty())) continue;
    refund_payment(client,
                   intent.empty() ? Payment{"charge", charge} : Payment{"payment_intent", intent},
                   amount < whole ? std::optional{amount} : std::nullopt,
                   {key.text + "-" + stripe::text(paid, "id"), key.tried}, tenant_id);
    given_back += amount;
  }
  return given_back;
}

}  // namespace billing
