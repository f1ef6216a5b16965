// How each kind of Stripe's objects is asked for.
#include <algorithm>

#include "billing/applying.hpp"

namespace billing {

namespace {
void find_invoice(Asking const& asking, Reading& reading) {
  reading.invoice_id = invoice_of(asking, reading.object);
}

std::vector<ObjectKind> all_kinds() {
  return {
      {.name = "customer",
       .path = "/v1/customers/",
       .expand = {"tax_ids"},
       .complete = read_balance,
       .apply = apply_customer,
       .gone = keep_gone,
       .is_of_customer = false,
       .also_differs = compare_balance},
      {.name = "payment_method",
       .path = "/v1/payment_methods/",
       .expand = {"customer"},
       .apply = apply_payment_method,
       .gone = keep_gone},
      {.name = "price",
       .path = "/v1/prices/",
       .apply = apply_price,
       .gone = price_gone,
       .is_of_customer = false,
       .is_of_somebody = false},
      {.name = "coupon",
       .path = "/v1/coupons/",
       .apply = apply_coupon,
       .gone = keep_gone,
       .is_of_customer = false,
       .is_of_somebody = false,
       .untold = {"times_redeemed", "valid"}},
      {.name = "tax_rate",
       .path = "/v1/tax_rates/",
       .apply = apply_tax_rate,
       .gone = keep_gone,
       .is_of_customer = false,
       .is_of_somebody = false},
      {.name = "subscription",
       .path = "/v1/subscriptions/",
       .expand = {"discounts"},
       .parts = {{.member = "items", .path = "/v1/subscription_items", .by = "subscription"}},
       .apply = apply_whole_subscription,
       .gone = subscription_gone,
       .all = {{"status", "all"}},
       .is_of_customer = false},
      {.name = "invoiceitem",
       .path = "/v1/invoiceitems/",
       .apply = apply_invoice_item,
       .gone = invoice_item_gone,
       .is_of_customer = false},
      {.name = "invoice",
       .path = "/v1/invoices/",
       .expand = {"payments.data.payment.payment_intent"},
       .parts = {{.member = "lines", .path = "/v1/invoices/{id}/lines"},
                 {.member = "payments",
                  .path = "/v1/invoice_payments",
                  .by = "invoice",
                  .expand = "data.payment.payment_intent"}},
       .complete = read_balance_of_invoice,
       .apply = apply_invoice,
       .gone = invoice_gone,
       .expand_listed = {"data.payments"},
       .is_of_customer = false},
      {.name = "charge",
       .path = "/v1/charges/",
       .parts = {{.member = "refunds", .path = "/v1/charges/{id}/refunds"}},
       .complete = find_invoice,
       .apply = apply_charge,
       .gone = keep_gone,
       .is_of_customer = false},
      {.name = "refund",
       .path = "/v1/refunds/",
       .expand = {"charge", "payment_intent"},
       .complete = complete_refund,
       .apply = apply_refund,
       .gone = keep_gone,
       .expand_listed = {"data.charge", "data.payment_intent"},
       .is_of_customer = false},
      {.name = "credit_note",
       .path = "/v1/credit_notes/",
       .parts = {{.member = "lines", .path = "/v1/credit_notes/{id}/lines"}},
       .apply = apply_credit_note,
       .gone = keep_gone,
       .is_of_customer = false},
      {.name = "dispute",
       .path = "/v1/disputes/",
       .expand = {"charge"},
       .complete = find_invoice,
       .apply = apply_dispute,
       .gone = keep_gone,
       .expand_listed = {"data.charge"},
       .is_of_customer = false},
  };
}
}  // namespace

std::vector<ObjectKind> const& kinds() {
  static auto const all = all_kinds();
  return all;
}

ObjectKind const* kind_named(std::string_view name) {
  auto const found = std::ranges::find(kinds(), name, &ObjectKind::name);
  return found == kinds().end() ? nullptr : &*found;
}

}  // namespace billing
