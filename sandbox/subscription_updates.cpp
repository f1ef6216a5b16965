// With pending_if_incomplete nothing changes before it is paid for.
#include "sandbox/subscription_updates.hpp"

#include "sandbox/discounts.hpp"
#include "sandbox/subscription_changes.hpp"

namespace sandbox {

namespace {
constexpr std::int64_t pending_time = 23 * 3'600;

/// The parameters that Stripe takes together with pending_if_incomplete.
void check_pending_parameters(Object const& parameters) {
  static constexpr std::string_view possible[]{
      "billing_cycle_anchor", "expand",         "items",    "payment_behavior",
      "proration_behavior",   "proration_date", "trial_end"};
  for (auto const& [name, value] : parameters)
    if (std::find(std::begin(possible), std::end(possible), std::string_view{name}) ==
        std::end(possible))
      throw invalid("When `payment_behavior` is set to `pending_if_incomplete`, `" +
                        std::string{name} +
                        "` cannot be changed. Changes that do not make an invoice are another "
                        "request.",
                    std::string_view{name});
}

/// What the change costs now, as a draft: what waits, and the new period where one begins.
Object invoice_for(Store& store, Change const& change, Object const& customer) {
  auto const& after = change.subscription;
  auto invoice = new_invoice(store, {.customer = customer,
                                     .currency = text(after, "currency"),
                                     .billing_reason = "subscription_update",
                                     .subscription = &after});
  take_waiting_items(store, invoice, text(after, "id"));
  if (change.starts_new_period)
    for (auto const& item : items(after, "items.data"))
      append_line(invoice, line_of_item(after, item.as_object(), period_start_of(after),
                                        period_end_of(after)));
  return invoice;
}

/// Collects the invoice of the change; a change that is not paid waits in pending_update.
void apply_when_paid(Store& store, Object& subscription, Change& change, Object const& customer) {
  auto invoice = invoice_for(store, change, customer);
  invoice["auto_advance"] = false;
  insert_draft(store, invoice);
  finalize_invoice(store, invoice);
  if (text(invoice, "collection_method") == "charge_automatically") collect(store, invoice);
  bool const paid = text(invoice, "status") == "paid";
  if (paid) {
    if (change.starts_new_period) {
      note_debits(change.subscription, invoice);
      drop_used_discounts(store, change.subscription, invoice);
    }
    subscription = std::move(change.subscription);
  } else {
    Array waiting;
    for (auto const& item : items(change.subscription, "items.data"))
      waiting.push_back(without_private(item.as_object()));
    bool const moves = change.starts_new_period;
    subscription["pending_update"] =
        Object{{"billing_cycle_anchor",
                moves ? change.subscription.at("billing_cycle_anchor") : Value(nullptr)},
               {"cancel_at_period_end", nullptr},
               {"discount", nullptr},
               {"discounts", nullptr},
               {"expires_at", std::min(store.now + pending_time, period_end_of(subscription))},
               {"metadata", nullptr},
               {"subscription_items", std::move(waiting)},
               {"trial_end", nullptr},
               {"trial_from_plan", nullptr}};
    subscription["_pending"] = Object{{"invoice", text(invoice, "id")},
                                      {"items", change.subscription.at("items")},
                                      {"anchor", change.subscription.at("billing_cycle_anchor")}};
  }
  subscription["latest_invoice"] = text(invoice, "id");
}

/// Collects what the change costs for the rest of the period, at once.
void invoice_change(Store& store, Object& subscription, Object const& customer,
                    std::string const& payment_behavior) {
  schedule(subscription);
  auto invoice = new_invoice(store, {.customer = customer,
                                     .currency = text(subscription, "currency"),
                                     .billing_reason = "subscription_update",
                                     .subscription = &subscription});
  take_waiting_items(store, invoice, text(subscription, "id"));
  insert_draft(store, invoice);
  subscription["latest_invoice"] = text(invoice, "id");
  store.save_and_emit(subscription, "customer.subscription.updated");
  finalize_invoice(store, invoice);
  if (text(invoice, "status") == "open" &&
      text(invoice, "collection_method") == "charge_automatically")
    if (collect(store, invoice) == Outcome::failed && payment_behavior == "error_if_incomplete")
      if (auto const intent = intent_of(store, text(invoice, "id"))) throw card_error_of(*intent);
  subscription = store.load("subscription", text(subscription, "id"));
}
}  // namespace

void update_items(Store& store, Object& subscription, Object const& parameters) {
  auto const& given = items(parameters, "items");
  bool const anchor_now = text(parameters, "billing_cycle_anchor") == "now";
  auto const payment_behavior = text(parameters, "payment_behavior");
  bool const waits = payment_behavior == "pending_if_incomplete";
  if (waits) check_pending_parameters(parameters);
  if (given.empty() && !anchor_now) return;
  if (has(subscription, "pending_update")) expire_pending_update(store, subscription);
  auto behaviour = text(parameters, "proration_behavior");
  if (behaviour.empty()) behaviour = "create_prorations";
  bool const trial = text(subscription, "status") == "trialing";
  auto change = change_items(store, subscription, given, behaviour != "none" && !trial,
                             anchor_now && !trial, number(parameters, "proration_date", store.now));
  auto const customer = store.load("customer", text(subscription, "customer"));
  for (auto const& line : change.prorations)
    insert_invoice_item(store, customer, text(subscription, "currency"), line);
  bool const bills_period = change.starts_new_period && !trial;
  bool const bills_now = behaviour == "always_invoice" && !change.prorations.empty();
  if (trial)
    set_period(change.subscription, period_start_of(subscription), period_end_of(subscription));
  if (waits && (bills_period || bills_now)) {
    apply_when_paid(store, subscription, change, customer);
    return;
  }
  subscription = std::move(change.subscription);
  if (bills_period)
    start_period_now(store, subscription, "subscription_update");
  else if (bills_now)
    invoice_change(store, subscription, customer, payment_behavior);
}

void take_discounts(Store& store, Object& subscription, Object const& parameters) {
  if (!parameters.contains("discounts")) return;
  auto discounts = make_discounts(store, items(parameters, "discounts"),
                                  {.customer = text(subscription, "customer"),
                                   .currency = text(subscription, "currency"),
                                   .subscription = text(subscription, "id")});
  announce_removed(store, items(subscription, "discounts"), discounts);
  subscription["discounts"] = std::move(discounts);
}

bool apply_pending_update(Store& store, Object& subscription, Object const& invoice) {
  if (text(subscription, "_pending.invoice") != text(invoice, "id")) return false;
  subscription["items"] = *at(subscription, "_pending.items");
  subscription["billing_cycle_anchor"] = *at(subscription, "_pending.anchor");
  subscription["pending_update"] = nullptr;
  subscription.erase("_pending");
  note_debits(subscription, invoice);
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
  store.emit("customer.subscription.pending_update_applied", subscription);
  return true;
}

void expire_pending_update(Store& store, Object& subscription) {
  auto invoice = store.load("invoice", text(subscription, "_pending.invoice"));
  subscription["pending_update"] = nullptr;
  subscription.erase("_pending");
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
  store.emit("customer.subscription.pending_update_expired", subscription);
  if (text(invoice, "status") == "open") void_invoice(store, invoice);
}

}  // namespace sandbox
