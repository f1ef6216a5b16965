// One refund per payment, marked with what it is for: a retry gives nothing back twice.
#include "billing/refunds.hpp"

#include <algorithm>

namespace billing {

namespace {
/// What went back of one payment: for this intention, and for others.
struct Gone {
  std::optional<std::int64_t> own;
  std::int64_t others = 0;
};
Gone gone_back(stripe::Client const& client, Payment const& payment, std::string const& mark) {
  http_client::Form query;
  query.add(payment.field, payment.id).add("limit", 100);
  auto const refunds = client.get("/v1/refunds", query);
  Gone out;
  auto const* data = stripe::find(refunds, "data");
  if (!data || !data->is_array()) return out;
  for (auto const& entry : data->get_array()) {
    auto const& refund = entry.as_object();
    auto const status = stripe::text(refund, "status");
    if (status == "failed" || status == "canceled") continue;
    auto const amount = stripe::integer(refund, "amount");
    if (stripe::text(refund, "metadata.given_back_for") == mark)
      out.own = out.own.value_or(0) + amount;
    else
      out.others += amount;
  }
  return out;
}

void give_back(stripe::Client const& client, Payment const& payment,
               std::optional<std::int64_t> amount, RefundKey const& key,
               std::string const& tenant_id) {
  http_client::Form form;
  form.add(payment.field, payment.id)
      .add("reason", "requested_by_customer")
      .add("metadata[given_back_for]", key.text);
  if (!tenant_id.empty()) form.add("metadata[tenant_id]", tenant_id);
  if (amount) form.add("amount", *amount);
  try {
    client.post("/v1/refunds", form,
                stripe::key_of(key.text + "-" + std::to_string(key.tried), form));
  } catch (stripe::Refused const& refused) {
    // Somebody at Stripe's dashboard was quicker.
    if (refused.code != "charge_already_refunded") throw;
  }
}
}  // namespace

void refund_payment(stripe::Client const& client, Payment const& payment,
                    std::optional<std::int64_t> amount, RefundKey const& key,
                    std::string const& tenant_id) {
  // Stripe forgets a key after a day, and another try has another one.
  if (gone_back(client, payment, key.text).own) return;
  give_back(client, payment, amount, key, tenant_id);
}

GivenBack refund_invoice(stripe::Client const& client, stripe::Object const& invoice,
                         std::int64_t at_most, RefundKey const& key, std::string const& tenant_id) {
  GivenBack out;
  auto const* payments = stripe::find(invoice, "payments.data");
  if (!payments || !payments->is_array()) return out;
  for (auto const& entry : payments->get_array()) {
    auto const& paid = entry.as_object();
    if (stripe::text(paid, "status") != "paid") continue;
    auto const intent = stripe::id_of(paid, "payment.payment_intent");
    auto const charge = stripe::id_of(paid, "payment.charge");
    if (intent.empty() && charge.empty()) continue;
    auto const payment =
        intent.empty() ? Payment{"charge", charge} : Payment{"payment_intent", intent};
    RefundKey const own{key.text + "-" + stripe::text(paid, "id"), key.tried};
    auto const gone = gone_back(client, payment, own.text);
    out.before += gone.others;
    if (gone.own) {
      out.now += *gone.own;
      continue;
    }
    auto const left = stripe::integer(paid, "amount_paid") - gone.others;
    auto const amount = std::min(at_most - out.now, left);
    if (amount <= 0) continue;
    give_back(client, payment, amount, own, tenant_id);
    out.now += amount;
  }
  return out;
}

}  // namespace billing
