// One refund per payment, each with a key of its own: a retry gives nothing back twice.
#include "billing/refunds.hpp"

namespace billing {

std::int64_t refund_invoice(stripe::Client const& client, stripe::Object const& invoice,
                            std::int64_t at_most, std::string const& key,
                            std::string const& tenant_id) {
  auto const* payments = stripe::find(invoice, "payments.data");
  if (!payments || !payments->is_array()) return 0;
  std::int64_t given_back = 0;
  for (auto const& entry : payments->get_array()) {
    auto const& payment = entry.as_object();
    if (stripe::text(payment, "status") != "paid" || given_back == at_most) continue;
    auto const amount = std::min(at_most - given_back, stripe::integer(payment, "amount_paid"));
    auto const intent = stripe::id_of(payment, "payment.payment_intent");
    auto const charge = stripe::id_of(payment, "payment.charge");
    if (amount <= 0 || (intent.empty() && charge.empty())) continue;
    http_client::Form form;
    form.add(intent.empty() ? "charge" : "payment_intent", intent.empty() ? charge : intent)
        .add("amount", amount)
        .add("reason", "requested_by_customer")
        .add("metadata[tenant_id]", tenant_id);
    try {
      client.post("/v1/refunds", form, key + "-" + stripe::text(payment, "id"));
    } catch (stripe::Refused const& refused) {
      // Somebody at Stripe's dashboard was quicker.
      if (refused.code != "charge_already_refunded") throw;
    }
    given_back += amount;
  }
  return given_back;
}

}  // namespace billing
