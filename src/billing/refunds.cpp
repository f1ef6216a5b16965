// One refund per payment, marked with what it is for: a retry gives nothing back twice.
#include "billing/refunds.hpp"

#include <algorithm>

namespace billing {

namespace {
void add(GivenBack& to, stripe::Object const& refund) {
  auto const amount = stripe::integer(refund, "amount");
  to.now += amount;
  to.refunds.push_back({stripe::text(refund, "id"), amount});
}

/// What went back of one payment: for this intention, and for others.
GivenBack gone_back(stripe::Client const& client, Payment const& payment, std::string const& mark,
                    stripe::Patience patience) {
  http_client::Form query;
  query.add(payment.field, payment.id).add("limit", 100);
  auto const refunds = client.get("/v1/refunds", query, patience);
  GivenBack out;
  auto const* data = stripe::find(refunds, "data");
  if (!data || !data->is_array()) return out;
  for (auto const& entry : data->get_array()) {
    auto const& refund = entry.as_object();
    auto const status = stripe::text(refund, "status");
    if (status == "failed" || status == "canceled") continue;
    if (stripe::text(refund, "metadata.given_back_for") == mark)
      add(out, refund);
    else
      out.before += stripe::integer(refund, "amount");
  }
  return out;
}

void give_back(stripe::Client const& client, Payment const& payment,
               std::optional<std::int64_t> amount, RefundKey const& key, RefundWords const& words,
               GivenBack& out) {
  http_client::Form form;
  form.add(payment.field, payment.id)
      .add("reason", words.reason)
      .add("metadata[given_back_for]", key.text);
  if (!words.tenant_id.empty()) form.add("metadata[tenant_id]", words.tenant_id);
  if (amount) form.add("amount", *amount);
  try {
    add(out, client.post("/v1/refunds", form,
                         stripe::key_of(key.text + "-" + std::to_string(key.tried), form),
                         words.patience));
  } catch (stripe::Refused const& refused) {
    if (refused.code != "charge_already_refunded") throw;
    out.now += amount.value_or(0);  // somebody at Stripe's dashboard was quicker
  }
}
}  // namespace

GivenBack refund_payment(stripe::Client const& client, Payment const& payment,
                         std::optional<std::int64_t> amount, RefundKey const& key,
                         RefundWords const& words) {
  // Stripe forgets a key after a day, and another try has another one.
  auto out = gone_back(client, payment, key.text, words.patience);
  if (out.refunds.empty()) give_back(client, payment, amount, key, words, out);
  return out;
}

GivenBack refund_invoice(stripe::Client const& client, stripe::Object const& invoice,
                         std::int64_t at_most, RefundKey const& key, RefundWords const& words) {
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
    auto gone = gone_back(client, payment, own.text, words.patience);
    auto const left = stripe::integer(paid, "amount_paid") - gone.before;
    auto const amount = std::min(at_most - out.now, left);
    if (gone.refunds.empty() && amount > 0) give_back(client, payment, amount, own, words, gone);
    out.now += gone.now;
    out.before += gone.before;
    std::ranges::move(gone.refunds, std::back_inserter(out.refunds));
  }
  return out;
}

}  // namespace billing
