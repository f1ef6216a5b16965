// The life of an invoice: draft, open, then paid, void or uncollectible.
#include "sandbox/invoices.hpp"

#include "sandbox/cards.hpp"
#include "sandbox/customers.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/payment_methods.hpp"
#include "sandbox/subscriptions.hpp"
#include "sandbox/switches.hpp"
#include "sandbox/tax_ids.hpp"
#include "sandbox/taxes.hpp"

namespace sandbox {

namespace {
Object const invoice_mould = mould(R"({
  "id": "", "object": "invoice", "account_country": "ES", "account_name": "",
  "account_tax_ids": null, "amount_due": 0, "amount_overpaid": 0, "amount_paid": 0,
  "amount_remaining": 0, "amount_shipping": 0, "application": null, "attempt_count": 0,
  "attempted": false, "auto_advance": true, "automatic_tax": {"disabled_reason": null,
    "enabled": false, "liability": null, "provider": null, "status": null},
  "automatically_finalizes_at": null, "billing_reason": "manual",
  "collection_method": "charge_automatically", "created": 0, "currency": "",
  "custom_fields": null, "customer": "", "customer_account": null, "customer_address": null,
  "customer_email": null, "customer_name": null, "customer_phone": null,
  "customer_shipping": null, "customer_tax_exempt": "none", "customer_tax_ids": [],
  "default_payment_method": null, "default_source": null, "default_tax_rates": [],
  "description": null, "discounts": [], "due_date": null, "effective_at": null,
  "ending_balance": null, "footer": null, "from_invoice": null, "hosted_invoice_url": null,
  "invoice_pdf": null, "issuer": {"type": "self"}, "last_finalization_error": null,
  "latest_revision": null, "lines": {"object": "list", "data": [], "has_more": false,
    "total_count": 0, "url": ""}, "livemode": false, "metadata": {},
  "next_payment_attempt": null, "number": null, "on_behalf_of": null, "parent": null,
  "payment_settings": {"default_mandate": null, "payment_method_options": null,
    "payment_method_types": null}, "period_end": 0, "period_start": 0,
  "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0,
  "receipt_number": null, "rendering": null, "shipping_cost": null, "shipping_details": null,
  "starting_balance": 0, "statement_descriptor": null, "status": "draft",
  "status_transitions": {"finalized_at": null, "marked_uncollectible_at": null, "paid_at": null,
    "voided_at": null}, "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": null,
  "total": 0, "total_discount_amounts": [], "total_excluding_tax": 0,
  "total_pretax_credit_amounts": [], "total_taxes": [], "webhooks_delivered_at": null
})");

constexpr std::int64_t day = 86'400;

void apply_balance(Store& store, Object& invoice) {
  auto customer = store.load("customer", text(invoice, "customer"));
  auto const balance = number(customer, "balance");
  auto const total = number(invoice, "total");
  invoice["starting_balance"] = balance;
  auto const rest = balance + total;  // negative: credit for later invoices
  auto const due = std::max<std::int64_t>(0, rest);
  auto const ending = rest - due;
  invoice["ending_balance"] = ending;
  invoice["amount_due"] = due;
  invoice["amount_remaining"] = due;
  if (ending != balance)
    move_balance(store, customer, ending - balance, "applied_to_invoice", text(invoice, "id"));
}

std::string next_number(Store& store, Object const& invoice) {
  auto customer = store.load("customer", text(invoice, "customer"));
  auto const sequence = number(customer, "next_invoice_sequence", 1);
  customer["next_invoice_sequence"] = sequence + 1;
  store.save(customer);
  return fmt::format("{}-{:04}", text(customer, "invoice_prefix"), sequence);
}

void insert_payment(Store& store, Object& invoice) {
  auto intent =
      new_intent(store, {.amount = number(invoice, "amount_due"),
                         .currency = text(invoice, "currency"),
                         .customer = text(invoice, "customer"),
                         .description = text(invoice, "billing_reason") == "subscription_create"
                                            ? "Subscription creation"
                                        : subscription_of(invoice).empty() ? "Payment for Invoice"
                                                                           : "Subscription update",
                         .payment_method_types = {"card", "sepa_debit"}});
  intent["setup_future_usage"] =
      subscription_of(invoice).empty() ? Value(nullptr) : Value("off_session");
  intent["_invoice"] = text(invoice, "id");
  store.save(intent);
  store.insert(
      {{"id", new_id("inpay_1")},
       {"object", "invoice_payment"},
       {"amount_paid", nullptr},
       {"amount_requested", invoice.at("amount_due")},
       {"created", store.now},
       {"currency", invoice.at("currency")},
       {"invoice", text(invoice, "id")},
       {"is_default", true},
       {"livemode", false},
       {"payment", Object{{"payment_intent", text(intent, "id")}, {"type", "payment_intent"}}},
       {"status", "open"},
       {"status_transitions", Object{{"canceled_at", nullptr}, {"paid_at", nullptr}}}});
}

void close_payments(Store& store, std::string_view invoice_id) {
  for (auto& payment : store.all("invoice_payment", {{"invoice", invoice_id}})) {
    if (text(payment, "status") != "open") continue;
    payment["status"] = "canceled";
    payment["status_transitions"].as_object()["canceled_at"] = store.now;
    store.save(payment);
  }
}

/// When a failed invoice is tried again; none when the attempts are used up. An invoice keeps the
/// schedule that it has begun with.
std::optional<std::int64_t> next_attempt(Object const& invoice) {
  auto const& days = items(invoice, "_retry_days");
  auto const failures = std::size_t(number(invoice, "_failures"));
  if (failures < 1 || failures > days.size()) return {};
  return number(invoice, "_first_failure") + days[failures - 1].as_int64() * day;
}

struct Failure {
  std::string_view event;
  Attempt attempt = Attempt::scheduled;
  std::string declined_method = {};  // never charged again by itself
};

/// The first attempt begins the schedule, whoever made it; later ones by hand leave it alone.
bool moves_schedule(Object const& invoice, Attempt attempt) {
  return attempt == Attempt::scheduled || !has(invoice, "_first_failure");
}

void count_attempt(Object& invoice, Attempt attempt) {
  invoice["attempted"] = true;
  if (moves_schedule(invoice, attempt))
    invoice["attempt_count"] = number(invoice, "attempt_count") + 1;
}

/// One step further in the schedule, which passes also while it waits for another method.
void pass_step(Store& store, Object& invoice) {
  if (!has(invoice, "_first_failure")) {
    invoice["_first_failure"] = store.now;
    invoice["_retry_days"] = switches_of(store).at("retry_days");
  }
  invoice["_failures"] = number(invoice, "_failures") + 1;
}

void note_failure(Store& store, Object& invoice, Failure const& failure) {
  bool const moves = moves_schedule(invoice, failure.attempt);
  if (moves) pass_step(store, invoice);
  bool const first = text(invoice, "billing_reason") == "subscription_create" &&
                     subscription_is_incomplete(store, invoice);
  bool const retried = !first && truth(invoice, "auto_advance");
  auto const next = retried ? next_attempt(invoice) : std::nullopt;
  if (failure.declined_method.empty())
    invoice.erase("_declined_method");
  else
    invoice["_declined_method"] = failure.declined_method;
  invoice["next_payment_attempt"] =
      failure.declined_method.empty() ? number_or_null(next) : Value(nullptr);
  if (next)
    invoice["_due"] = *next;
  else
    invoice.erase("_due");
  store.save_and_emit(invoice, "invoice.updated");
  if (!failure.event.empty()) store.emit(failure.event, invoice);
  invoice_went_unpaid(store, invoice, moves && retried && !next);
}

/// A scheduled attempt; where the method that was refused for good is still the default, only its
/// turn passes.
void retry(Store& store, Object& invoice) {
  auto const declined = text(invoice, "_declined_method");
  auto const method = default_method_of(store, invoice);
  if (declined.empty() || !method || text(*method, "id") != declined) {
    collect(store, invoice);
    return;
  }
  count_attempt(invoice, Attempt::scheduled);
  note_failure(store, invoice, {.event = {}, .declined_method = declined});
}

/// The method of a failed attempt that is not to be charged again: a hard decline, or a bank debit,
/// which is tried once.
std::string declined_for_good(Object const& intent) {
  auto const& error = part(intent, "last_payment_error");
  bool const debit = text(error, "payment_method.type") == "sepa_debit";
  if (!debit && !is_hard_decline(text(error, "decline_code"))) return {};
  return text(error, "payment_method.id");
}
}  // namespace

Object new_invoice(Store& store, InvoicePlan const& plan) {
  auto invoice = invoice_mould;
  invoice["id"] = new_id("in_1");
  invoice["account_name"] = store.settings.merchant_name;
  invoice["billing_reason"] = plan.billing_reason;
  invoice["created"] = store.now;
  invoice["currency"] = plan.currency;
  invoice["customer"] = text(plan.customer, "id");
  invoice["customer_address"] = plan.customer.at("address");
  invoice["customer_email"] = plan.customer.at("email");
  invoice["customer_name"] = plan.customer.at("name");
  invoice["customer_phone"] = plan.customer.at("phone");
  invoice["customer_shipping"] = plan.customer.at("shipping");
  invoice["customer_tax_exempt"] = plan.customer.at("tax_exempt");
  invoice["customer_tax_ids"] = tax_ids_for_invoice(store, text(plan.customer, "id"));
  invoice["test_clock"] = plan.customer.at("test_clock");
  invoice["lines"].as_object()["url"] = "/v1/invoices/" + text(invoice, "id") + "/lines";
  invoice["period_start"] = plan.period_start ? plan.period_start : store.now;
  invoice["period_end"] = plan.period_end ? plan.period_end : store.now;
  if (plan.subscription) {
    auto const& subscription = *plan.subscription;
    invoice["collection_method"] = subscription.at("collection_method");
    invoice["discounts"] = discounts_of(store, subscription);
    invoice["default_tax_rates"] = subscription.at("default_tax_rates");
    invoice["parent"] =
        Object{{"quote_details", nullptr},
               {"subscription_details", Object{{"metadata", subscription.at("metadata")},
                                               {"subscription", text(subscription, "id")}}},
               {"type", "subscription_details"}};
    if (text(subscription, "collection_method") == "send_invoice")
      invoice["due_date"] = store.now + number(subscription, "days_until_due", 30) * day;
  }
  return invoice;
}

void add_up(Store& store, Object& invoice) {
  discount_lines(store, invoice);
  std::int64_t subtotal = 0, tax_in_subtotal = 0, taxes = 0;
  for (auto const& entry : items(invoice, "lines.data")) {
    auto const net = net_of(entry.as_object());
    subtotal += net;
    tax_in_subtotal += tax_inside(invoice, entry.as_object(), net);
  }
  std::int64_t total = 0;
  discount_invoice(store, invoice);
  for (auto const& line : items(invoice, "lines.data")) total += net_of(line.as_object());
  tax_lines(invoice);
  for (auto const& entry : items(invoice, "total_taxes")) {
    auto const amount = number(entry.as_object(), "amount");
    taxes += amount;
    if (text(entry.as_object(), "tax_behavior") == "exclusive") total += amount;
  }
  invoice["subtotal"] = subtotal;
  invoice["subtotal_excluding_tax"] = subtotal - tax_in_subtotal;
  invoice["total"] = total;
  invoice["total_excluding_tax"] = total - taxes;
  auto const due = std::max<std::int64_t>(0, total);
  invoice["amount_due"] = due;
  invoice["amount_remaining"] = due - number(invoice, "amount_paid");
}

void insert_draft(Store& store, Object& invoice) {
  add_up(store, invoice);
  store.insert(invoice);
  store.emit("invoice.created", invoice);
}

void finalize_invoice(Store& store, Object& invoice) {
  add_up(store, invoice);
  invoice["number"] = next_number(store, invoice);
  apply_balance(store, invoice);
  invoice["status"] = "open";
  invoice["automatically_finalizes_at"] = nullptr;
  invoice["effective_at"] = store.now;
  invoice["status_transitions"].as_object()["finalized_at"] = store.now;
  auto const page = store.settings.public_url + "/i/" + text(invoice, "id");
  invoice["hosted_invoice_url"] = page;
  invoice["invoice_pdf"] = page + "/pdf";
  invoice.erase("_due");
  if (has(invoice, "due_date")) invoice["_due"] = number(invoice, "due_date");
  store.save_and_emit(invoice, "invoice.updated");
  store.emit("invoice.finalized", invoice);
  if (number(invoice, "amount_due") == 0)
    mark_paid(store, invoice, false);
  else
    insert_payment(store, invoice);
}

Outcome pay_invoice(Store& store, Object& invoice, Object& method, How how, Attempt attempt) {
  auto intent = intent_of(store, text(invoice, "id"));
  if (!intent) throw std::logic_error{"an open invoice has no payment intent"};
  if (text(*intent, "status") == "processing") return Outcome::processing;
  (*intent)["_scheduled"] = attempt == Attempt::scheduled;
  intent->erase("_counted");
  auto const outcome = confirm_intent(store, *intent, method, how);
  if (outcome != Outcome::processing) {
    intent->erase("_scheduled");  // whoever goes on with it does so by hand
    store.save(*intent);
  }
  invoice = store.load("invoice", text(invoice, "id"));
  return outcome;
}

Outcome collect(Store& store, Object& invoice, Attempt attempt) {
  if (text(invoice, "status") != "open") return Outcome::succeeded;
  if (auto method = default_method_of(store, invoice))
    return pay_invoice(store, invoice, *method, How::off_session, attempt);
  count_attempt(invoice, attempt);
  note_failure(store, invoice, {.event = "invoice.payment_failed", .attempt = attempt});
  return Outcome::failed;
}

void make_last_attempt(Store& store, Object& invoice) {
  invoice["_failures"] = std::int64_t(items(invoice, "_retry_days").size());
  store.save(invoice);
  collect(store, invoice);
}

void mark_paid(Store& store, Object& invoice, bool out_of_band) {
  invoice["status"] = "paid";
  invoice["attempted"] = true;
  invoice["auto_advance"] = false;
  invoice["amount_paid"] = out_of_band ? Value(0) : invoice["amount_due"];
  if (out_of_band) invoice["amount_paid_off_stripe"] = invoice["amount_due"];
  invoice["amount_remaining"] = 0;
  invoice["next_payment_attempt"] = nullptr;
  invoice["status_transitions"].as_object()["paid_at"] = store.now;
  invoice["webhooks_delivered_at"] = store.now;
  invoice.erase("_due");
  if (out_of_band) close_payments(store, text(invoice, "id"));
  store.save_and_emit(invoice, "invoice.updated");
  store.emit("invoice.paid", invoice);
  store.emit("invoice.payment_succeeded", invoice);
  invoice_was_paid(store, invoice);
}

void void_invoice(Store& store, Object& invoice) {
  invoice["status"] = "void";
  invoice["auto_advance"] = false;
  invoice["next_payment_attempt"] = nullptr;
  invoice["status_transitions"].as_object()["voided_at"] = store.now;
  invoice.erase("_due");
  if (auto intent = intent_of(store, text(invoice, "id"));
      intent && text(*intent, "status") != "succeeded")
    cancel_intent(store, *intent, "void_invoice");
  close_payments(store, text(invoice, "id"));
  // Credit that it had taken is the customer's again.
  if (auto const taken = number(invoice, "ending_balance") - number(invoice, "starting_balance");
      taken != 0) {
    auto customer = store.load("customer", text(invoice, "customer"));
    move_balance(store, customer, -taken, "unapplied_from_invoice", text(invoice, "id"));
  }
  store.save_and_emit(invoice, "invoice.updated");
  store.emit("invoice.voided", invoice);
  invoice_was_given_up(store, invoice);
}

void change_due(Store& store, Object& invoice, std::int64_t by) {
  invoice["amount_due"] = number(invoice, "amount_due") + by;
  auto const remaining = number(invoice, "amount_remaining") + by;
  invoice["amount_remaining"] = remaining;
  auto intent = intent_of(store, text(invoice, "id"));
  if (by == 0 || !intent) {
    store.save_and_emit(invoice, "invoice.updated");
    return;
  }
  if (text(*intent, "status") == "processing")
    throw invalid("A payment of this invoice is processing: credit it when it has arrived.", {},
                  "invoice_not_editable");
  if (remaining == 0) {
    cancel_intent(store, *intent, "void_invoice");
    close_payments(store, text(invoice, "id"));
    mark_paid(store, invoice, false);
    return;
  }
  (*intent)["amount"] = remaining;
  store.save(*intent);
  if (auto payment = store.newest("invoice_payment", {{"invoice", text(invoice, "id")}})) {
    (*payment)["amount_requested"] = remaining;
    store.save(*payment);
  }
  store.save_and_emit(invoice, "invoice.updated");
}

void mark_uncollectible(Store& store, Object& invoice) {
  invoice["status"] = "uncollectible";
  invoice["auto_advance"] = false;
  invoice["next_payment_attempt"] = nullptr;
  invoice["status_transitions"].as_object()["marked_uncollectible_at"] = store.now;
  invoice.erase("_due");
  store.save_and_emit(invoice, "invoice.updated");
  store.emit("invoice.marked_uncollectible", invoice);
  invoice_was_given_up(store, invoice);
}

void settle_invoice(Store& store, Object const& intent, Outcome outcome) {
  auto invoice = store.load("invoice", text(intent, "_invoice"));
  auto const attempt = truth(intent, "_scheduled") ? Attempt::scheduled : Attempt::by_hand;
  // What was on its way is the attempt that was counted when it left.
  if (!truth(intent, "_counted")) count_attempt(invoice, attempt);
  if (outcome == Outcome::succeeded) {
    if (auto payment = store.newest("invoice_payment", {{"payment_intent", text(intent, "id")}})) {
      payment->insert_or_assign("amount_paid", intent.at("amount_received"));
      payment->insert_or_assign("status", "paid");
      (*payment)["status_transitions"].as_object()["paid_at"] = store.now;
      store.save(*payment);
      store.emit("invoice_payment.paid", *payment);
    }
    mark_paid(store, invoice, false);
  } else if (outcome == Outcome::failed) {
    note_failure(store, invoice,
                 {.event = "invoice.payment_failed",
                  .attempt = attempt,
                  .declined_method = declined_for_good(intent)});
  } else if (outcome == Outcome::requires_action) {
    note_failure(store, invoice, {.event = "invoice.payment_action_required", .attempt = attempt});
  } else {
    invoice.erase("_due");
    store.save_and_emit(invoice, "invoice.updated");
    invoice_is_processing(store, invoice);
  }
}

void invoice_is_due(Store& store, Object& invoice) {
  auto const status = text(invoice, "status");
  invoice.erase("_due");
  if (status == "draft") {
    finalize_invoice(store, invoice);
    if (text(invoice, "status") == "open" &&
        text(invoice, "collection_method") == "charge_automatically")
      collect(store, invoice);
  } else if (status == "open" && text(invoice, "collection_method") == "send_invoice") {
    store.save(invoice);
    store.emit("invoice.overdue", invoice);
    invoice_went_unpaid(store, invoice, false);
  } else if (status == "open") {
    store.save(invoice);
    retry(store, invoice);
  } else {
    store.save(invoice);
  }
}

void retry_open_invoices(Store& store, std::string const& customer_id) {
  for (auto& invoice : store.all("invoice", {{"customer", customer_id}, {"status", "open"}}))
    if (text(invoice, "collection_method") == "charge_automatically" &&
        truth(invoice, "attempted") && truth(invoice, "auto_advance"))
      collect(store, invoice, Attempt::by_hand);
}

std::optional<Object> default_method_of(Store& store, Object const& invoice) {
  auto id = text(invoice, "default_payment_method");
  if (auto const subscription_id = subscription_of(invoice); id.empty() && !subscription_id.empty())
    if (auto const subscription = store.find(subscription_id))
      id = text(*subscription, "default_payment_method");
  if (id.empty())
    if (auto const customer = store.find(text(invoice, "customer")))
      id = text(*customer, "invoice_settings.default_payment_method");
  if (id.empty()) return {};
  return store.find(id);
}

std::string subscription_of(Object const& invoice) {
  return text(invoice, "parent.subscription_details.subscription");
}

std::optional<Object> intent_of(Store& store, std::string_view invoice_id) {
  auto const payment = store.newest("invoice_payment", {{"invoice", invoice_id}});
  if (!payment) return {};
  return store.find(text(*payment, "payment.payment_intent"));
}

Value confirmation_secret_of(Store& store, std::string_view invoice_id) {
  auto const intent = intent_of(store, invoice_id);
  if (!intent) return nullptr;
  return Object{{"client_secret", text(*intent, "client_secret")}, {"type", "payment_intent"}};
}

}  // namespace sandbox
