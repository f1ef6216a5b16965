// The doors to invoices, their lines and their payments.
#include "sandbox/api.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/invoice_lines.hpp"
#include "sandbox/invoices.hpp"
#include "sandbox/payment_methods.hpp"
#include "sandbox/prices.hpp"
#include "sandbox/subscription_changes.hpp"

namespace sandbox {

namespace {
[[noreturn]] void refuse_status(std::string const& verb, Object const& invoice) {
  throw invalid(
      "You can't " + verb + " this invoice: its status is " + text(invoice, "status") + ".", {},
      "invoice_not_editable");
}

Object create(Call& call) {
  auto& store = call.store;
  auto const customer = store.load("customer", call.given("customer"), "customer");
  auto currency = call.given("currency");
  std::optional<Object> subscription;
  if (auto const id = call.given("subscription"); !id.empty())
    subscription = store.load("subscription", id, "subscription");
  if (currency.empty() && subscription) currency = text(*subscription, "currency");
  if (currency.empty())
    if (auto const item = store.newest("invoiceitem", {{"customer", text(customer, "id")}}))
      currency = text(*item, "currency");
  currency = currency.empty() ? "usd" : currency_named(currency, "currency");
  auto invoice = new_invoice(store, {.customer = customer,
                                     .currency = currency,
                                     .billing_reason = "manual",
                                     .subscription = subscription ? &*subscription : nullptr});
  apply(invoice, call.parameters,
        {"auto_advance", "collection_method", "default_payment_method", "description", "due_date",
         "footer", "number", "statement_descriptor"});
  if (!has(call.parameters, "auto_advance")) invoice["auto_advance"] = false;
  if (has(call.parameters, "days_until_due"))
    invoice["due_date"] = store.now + number(call.parameters, "days_until_due") * 86'400;
  merge_metadata(invoice, call.parameters);
  if (has(call.parameters, "discounts"))
    invoice["discounts"] = make_discounts(store, items(call.parameters, "discounts"),
                                          {.customer = text(customer, "id"), .currency = currency});
  take_tax_rates(store, invoice, call.parameters);
  if (call.given("pending_invoice_items_behavior") == "include" || subscription)
    take_waiting_items(store, invoice, subscription ? text(*subscription, "id") : std::string{});
  if (truth(invoice, "auto_advance")) {
    invoice["automatically_finalizes_at"] = store.now + 3'600;
    invoice["_due"] = store.now + 3'600;
  }
  insert_draft(store, invoice);
  return without_private(invoice);
}

Object retrieve(Call& call) { return without_private(call.store.load("invoice", call.id())); }

Object list(Call& call) {
  Object filter;
  for (auto const name : {"customer", "subscription", "status", "collection_method"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  return answer_list(call, "invoice", filter);
}

Object update(Call& call) {
  auto invoice = call.store.load("invoice", call.id());
  apply(invoice, call.parameters,
        {"auto_advance", "default_payment_method", "description", "footer"});
  if (text(invoice, "status") == "draft") {
    apply(invoice, call.parameters, {"due_date"});
    if (!truth(invoice, "auto_advance")) {
      invoice.erase("_due");
      invoice["automatically_finalizes_at"] = nullptr;
    } else if (!has(invoice, "_due")) {
      invoice["_due"] = call.store.now + 3'600;
      invoice["automatically_finalizes_at"] = call.store.now + 3'600;
    }
  }
  merge_metadata(invoice, call.parameters);
  call.store.save_and_emit(invoice, "invoice.updated");
  return without_private(invoice);
}

Object remove(Call& call) {
  auto const invoice = call.store.load("invoice", call.id());
  if (text(invoice, "status") != "draft" || !subscription_of(invoice).empty())
    throw invalid("You can only delete draft invoices that are not of a subscription.", {},
                  "invoice_not_editable");
  call.store.remove(call.id());
  call.store.emit("invoice.deleted", invoice);
  return {{"id", call.id()}, {"object", "invoice"}, {"deleted", true}};
}

Object finalize(Call& call) {
  auto invoice = call.store.load("invoice", call.id());
  if (text(invoice, "status") != "draft")
    throw invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.");
  apply(invoice, call.parameters, {"auto_advance"});
  finalize_invoice(call.store, invoice);
  bool const automatic = truth(invoice, "auto_advance") &&
                         text(invoice, "collection_method") == "charge_automatically";
  if (text(invoice, "status") == "open" && automatic) collect(call.store, invoice);
  return without_private(invoice);
}

Object pay(Call& call) {
  auto& store = call.store;
  auto invoice = store.load("invoice", call.id());
  auto status = text(invoice, "status");
  if (status == "draft") {
    finalize_invoice(store, invoice);
    status = text(invoice, "status");
    if (status == "paid") return without_private(invoice);
  }
  if (status == "paid") throw invalid("Invoice is already paid");
  if (status == "void") refuse_status("pay", invoice);
  if (truth(call.parameters, "paid_out_of_band")) {
    mark_paid(store, invoice, true);
    return without_private(invoice);
  }
  std::optional<Object> method;
  if (auto const wanted = call.given("payment_method"); !wanted.empty()) {
    method = resolve_payment_method(store, wanted, "payment_method");
    if (auto const owner = text(*method, "customer");
        !owner.empty() && owner != text(invoice, "customer"))
      throw invalid("The payment method belongs to another customer.", "payment_method");
  } else {
    method = default_method_of(store, invoice);
    if (!method) method = store.newest("payment_method", {{"customer", text(invoice, "customer")}});
  }
  if (!method)
    throw invalid(
        "There is no `default_payment_method` set on this Customer or Invoice. Please set a "
        "default payment method, or provide one.",
        {}, "missing");
  auto const outcome = pay_invoice(store, invoice, *method, How::off_session);
  if (outcome == Outcome::failed)
    throw card_error_of(*intent_of(store, call.id())).keeping_changes();
  if (outcome == Outcome::requires_action)
    throw ApiError{
        402, "card_error",
        "This payment requires additional user action before it can be completed successfully. "
        "Payment can be completed using the PaymentIntent associated with the invoice.",
        "invoice_payment_intent_requires_action"}
        .keeping_changes();
  return without_private(invoice);
}

/// A helper: the retries of the schedule pass at once.
Object exhaust_retries(Call& call) {
  auto invoice = call.store.load("invoice", call.id());
  if (text(invoice, "status") != "open") refuse_status("retry", invoice);
  make_last_attempt(call.store, invoice);
  return without_private(call.store.load("invoice", call.id()));
}

Object void_from_request(Call& call) {
  auto invoice = call.store.load("invoice", call.id());
  auto const status = text(invoice, "status");
  if (status != "open" && status != "uncollectible") refuse_status("void", invoice);
  if (auto const intent = intent_of(call.store, call.id());
      intent && text(*intent, "status") == "processing")
    throw invalid("You can't void this invoice: a payment of it is processing.", {},
                  "invoice_not_editable");
  void_invoice(call.store, invoice);
  return without_private(invoice);
}

Object give_up(Call& call) {
  auto invoice = call.store.load("invoice", call.id());
  if (text(invoice, "status") != "open") refuse_status("mark as uncollectible", invoice);
  mark_uncollectible(call.store, invoice);
  return without_private(invoice);
}

Object send(Call& call) {
  auto invoice = call.store.load("invoice", call.id());
  if (text(invoice, "status") == "draft") finalize_invoice(call.store, invoice);
  call.store.emit("invoice.sent", invoice);
  return without_private(invoice);
}

Object list_lines(Call& call) {
  return answer_embedded(call, items(call.store.load("invoice", call.id()), "lines.data"));
}

Object preview(Call& call) { return preview_invoice(call.store, call.parameters); }

Object list_payments(Call& call) {
  Object filter;
  for (auto const name : {"invoice", "status"})
    if (auto const value = call.given(name); !value.empty()) filter[name] = value;
  if (auto const intent = call.given("payment.payment_intent"); !intent.empty())
    filter["payment_intent"] = intent;
  return answer_list(call, "invoice_payment", filter);
}

Object retrieve_payment(Call& call) { return call.store.load("invoice_payment", call.id()); }

std::vector<Parameter> preview_parameters() {
  return {
      {"customer"},
      {"discounts[].coupon"},
      {"discounts[].promotion_code"},
      {"subscription"},
      {"subscription_details.billing_cycle_anchor", Kind::text, Need::optional, "now|unchanged"},
      {"subscription_details.cancel_at_period_end", Kind::boolean},
      {"subscription_details.items[].id"},
      {"subscription_details.items[].deleted", Kind::boolean},
      {"subscription_details.items[].price"},
      {"subscription_details.items[].price_data.currency", Kind::text, Need::required},
      {"subscription_details.items[].price_data.product", Kind::text, Need::required},
      {"subscription_details.items[].price_data.recurring.interval", Kind::text, Need::required,
       "day|week|month|year"},
      {"subscription_details.items[].price_data.recurring.interval_count", Kind::count},
      {"subscription_details.items[].price_data.unit_amount", Kind::amount},
      {"subscription_details.items[].quantity", Kind::count},
      {"subscription_details.items[].metadata", Kind::metadata},
      {"subscription_details.proration_behavior", Kind::text, Need::optional,
       "always_invoice|create_prorations|none"},
      {"subscription_details.proration_date", Kind::integer},
      {"preview_mode", Kind::text, Need::optional, "next|recurring"}};
}
}  // namespace

std::vector<Endpoint> invoice_endpoints() {
  return {
      {"POST", "/v1/invoices/create_preview", preview_parameters(), preview},
      {"POST",
       "/v1/invoices",
       {{"customer", Kind::text, Need::required},
        {"auto_advance", Kind::boolean},
        {"collection_method", Kind::text, Need::optional, "charge_automatically|send_invoice"},
        {"currency"},
        {"days_until_due", Kind::count},
        {"default_payment_method"},
        {"default_tax_rates[]"},
        {"description"},
        {"discounts[].coupon"},
        {"discounts[].discount"},
        {"discounts[].promotion_code"},
        {"due_date", Kind::integer},
        {"footer"},
        {"metadata", Kind::metadata},
        {"number"},
        {"pending_invoice_items_behavior", Kind::text, Need::optional, "exclude|include"},
        {"statement_descriptor"},
        {"subscription"}},
       create},
      {"GET",
       "/v1/invoices",
       {{"customer"},
        {"subscription"},
        {"status", Kind::text, Need::optional, "draft|open|paid|uncollectible|void"},
        {"collection_method"}},
       list,
       Shape::list},
      {"GET", "/v1/invoices/{id}", {}, retrieve},
      {"POST",
       "/v1/invoices/{id}",
       {{"auto_advance", Kind::boolean},
        {"default_payment_method"},
        {"description"},
        {"due_date", Kind::integer},
        {"footer"},
        {"metadata", Kind::metadata}},
       update},
      {"DELETE", "/v1/invoices/{id}", {}, remove},
      {"POST", "/v1/invoices/{id}/finalize", {{"auto_advance", Kind::boolean}}, finalize},
      {"POST",
       "/v1/invoices/{id}/pay",
       {{"forgive", Kind::boolean},
        {"off_session", Kind::boolean},
        {"paid_out_of_band", Kind::boolean},
        {"payment_method"}},
       pay},
      {"POST", "/v1/test_helpers/invoices/{id}/exhaust_retries", {}, exhaust_retries},
      {"POST", "/v1/invoices/{id}/void", {}, void_from_request},
      {"POST", "/v1/invoices/{id}/mark_uncollectible", {}, give_up},
      {"POST", "/v1/invoices/{id}/send", {}, send},
      {"GET", "/v1/invoices/{id}/lines", {}, list_lines, Shape::list},
      {"GET",
       "/v1/invoice_payments",
       {{"invoice"},
        {"status", Kind::text, Need::optional, "canceled|open|paid"},
        {"payment.type"},
        {"payment.payment_intent"}},
       list_payments,
       Shape::list},
      {"GET", "/v1/invoice_payments/{id}", {}, retrieve_payment},
  };
}

}  // namespace sandbox
