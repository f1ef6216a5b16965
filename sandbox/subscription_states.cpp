// A subscription's status follows its latest invoice; time does the rest.
#include "sandbox/subscription_changes.hpp"
#include "sandbox/subscription_schedules.hpp"
#include "sandbox/subscription_updates.hpp"
#include "sandbox/switches.hpp"

namespace sandbox {

namespace {
std::optional<Object> subscription_behind(Store& store, Object const& invoice) {
  auto const id = subscription_of(invoice);
  if (id.empty()) return {};
  auto subscription = store.find(id);
  if (!subscription || has(*subscription, "ended_at")) return {};
  return subscription;
}

bool is_latest(Object const& subscription, Object const& invoice) {
  return text(subscription, "latest_invoice") == text(invoice, "id");
}

void move_to(Store& store, Object& subscription, std::string_view status) {
  subscription["status"] = status;
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
}

void expire_incomplete(Store& store, Object& subscription) {
  subscription["status"] = "incomplete_expired";
  subscription["ended_at"] = store.now;
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
  if (auto invoice = store.find(text(subscription, "latest_invoice"));
      invoice && text(*invoice, "status") == "open")
    void_invoice(store, *invoice);
}

/// A draft that is finalized and collected an hour later; held back while collection is paused.
void bill_cycle(Store& store, Object& subscription, std::int64_t start, std::int64_t end) {
  auto invoice = bill_period(store, subscription, "subscription_cycle", start, end);
  subscription["latest_invoice"] = text(invoice, "id");
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
  auto const paused = text(subscription, "pause_collection.behavior");
  if (paused == "void" || paused == "mark_uncollectible") {
    invoice["auto_advance"] = false;
    store.save(invoice);
    finalize_invoice(store, invoice);
    if (text(invoice, "status") != "open") return;
    if (paused == "void")
      void_invoice(store, invoice);
    else
      mark_uncollectible(store, invoice);
  } else if (paused == "keep_as_draft" || text(subscription, "status") == "unpaid") {
    invoice["auto_advance"] = false;
    store.save(invoice);
  } else {
    invoice["automatically_finalizes_at"] = store.now + 3'600;
    invoice["_due"] = store.now + 3'600;
    store.save(invoice);
  }
}

/// invoice.upcoming: the next invoice as it would be, without an id since it does not exist.
void announce_next_invoice(Store& store, Object& subscription) {
  subscription["_noticed_end"] = period_end_of(subscription);
  schedule(subscription);
  store.save(subscription);
  auto invoice = preview_invoice(store, {{"subscription", text(subscription, "id")}});
  invoice.erase("id");
  store.emit("invoice.upcoming", invoice);
}

void end_trial(Store& store, Object& subscription) {
  auto const start = number(subscription, "trial_end");
  auto const end = end_of_period_at(subscription, start, start);
  auto const customer = store.load("customer", text(subscription, "customer"));
  bool const payable = has(subscription, "default_payment_method") ||
                       has(customer, "invoice_settings.default_payment_method") ||
                       text(subscription, "collection_method") == "send_invoice";
  auto const otherwise = text(subscription, "trial_settings.end_behavior.missing_payment_method");
  if (!payable && otherwise == "cancel") {
    cancel_subscription(store, subscription, {.reason = "payment_failed"});
    return;
  }
  if (!payable && otherwise == "pause") {
    pause_for_missing_method(store, subscription);
    return;
  }
  subscription["status"] = "active";
  subscription["billing_cycle_anchor"] = start;
  subscription["_last_period_start"] = period_start_of(subscription);
  set_period(subscription, start, end);
  bill_cycle(store, subscription, start, end);
}

void renew(Store& store, Object& subscription) {
  auto const start = period_end_of(subscription);
  auto const end =
      end_of_period_at(subscription, number(subscription, "billing_cycle_anchor"), start);
  subscription["_last_period_start"] = period_start_of(subscription);
  set_period(subscription, start, end);
  bill_cycle(store, subscription, start, end);
}
}  // namespace

void pause_for_missing_method(Store& store, Object& subscription) {
  subscription["status"] = "paused";
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
  store.emit("customer.subscription.paused", subscription);
}

bool subscription_is_incomplete(Store& store, Object const& invoice) {
  auto const subscription = subscription_behind(store, invoice);
  return subscription && text(*subscription, "status") == "incomplete";
}

void invoice_was_paid(Store& store, Object const& invoice) {
  auto subscription = subscription_behind(store, invoice);
  if (!subscription) return;
  if (apply_pending_update(store, *subscription, invoice)) return;
  auto const status = text(*subscription, "status");
  if (text(*subscription, "payment_settings.save_default_payment_method") == "on_subscription")
    if (auto const intent = intent_of(store, text(invoice, "id"));
        intent && has(*intent, "payment_method"))
      subscription->insert_or_assign("default_payment_method", intent->at("payment_method"));
  bool const revives = status == "incomplete" || ((status == "past_due" || status == "unpaid") &&
                                                  is_latest(*subscription, invoice));
  if (revives) subscription->insert_or_assign("status", "active");
  schedule(*subscription);
  store.save_and_emit(*subscription, "customer.subscription.updated");
}

void invoice_is_processing(Store& store, Object const& invoice) {
  auto subscription = subscription_behind(store, invoice);
  if (subscription && text(*subscription, "status") == "incomplete")
    move_to(store, *subscription, "active");
}

void invoice_went_unpaid(Store& store, Object const& invoice, bool attempts_are_over) {
  auto subscription = subscription_behind(store, invoice);
  if (!subscription || text(*subscription, "status") == "incomplete") return;
  auto after = text(*subscription, "metadata.sandbox_after_retries");
  if (after.empty()) after = text(switches_of(store), "after_retries");
  if (!attempts_are_over) {
    if (text(*subscription, "status") == "active" && is_latest(*subscription, invoice))
      move_to(store, *subscription, "past_due");
  } else if (after == "canceled") {
    cancel_subscription(store, *subscription, {.reason = "payment_failed"});
  } else {
    move_to(store, *subscription, after == "unpaid" ? "unpaid" : "past_due");
  }
}

void invoice_was_given_up(Store& store, Object const& invoice) {
  auto subscription = subscription_behind(store, invoice);
  if (!subscription) return;
  if (text(*subscription, "_pending.invoice") == text(invoice, "id"))
    return expire_pending_update(store, *subscription);
  if (!is_latest(*subscription, invoice)) return;
  auto const status = text(*subscription, "status");
  if (status == "incomplete")
    expire_incomplete(store, *subscription);
  else if (status == "past_due" || status == "unpaid")
    move_to(store, *subscription, "active");
}

void subscription_is_due(Store& store, Object& subscription) {
  // What is scheduled for the end of a period comes before the next one is billed.
  if (has(subscription, "schedule")) {
    enter_phase(store, subscription);
    if (has(subscription, "ended_at")) return;
  }
  auto const status = text(subscription, "status");
  auto const reached = [&](std::string_view path) {
    return has(subscription, path) && number(subscription, path) <= store.now;
  };
  if (status == "incomplete") {
    if (number(subscription, "created") + 23 * 3'600 <= store.now)
      expire_incomplete(store, subscription);
  } else if (reached("cancel_at")) {
    // What a change of plan has left waiting is collected in the end.
    cancel_subscription(store, subscription, {.invoice_now = true});
  } else if (reached("pending_update.expires_at")) {
    expire_pending_update(store, subscription);
  } else if (reached("pause_collection.resumes_at")) {
    subscription["pause_collection"] = nullptr;
    schedule(subscription);
    store.save_and_emit(subscription, "customer.subscription.updated");
  } else if (status == "trialing" && !truth(subscription, "_trial_notice") &&
             number(subscription, "trial_end") > store.now) {
    subscription["_trial_notice"] = true;
    schedule(subscription);
    store.save(subscription);
    store.emit("customer.subscription.trial_will_end", subscription);
  } else if (auto const notice = upcoming_notice(subscription);
             notice && *notice <= store.now && period_end_of(subscription) > store.now) {
    announce_next_invoice(store, subscription);
  } else if (status == "trialing") {
    end_trial(store, subscription);
  } else if (period_end_of(subscription) <= store.now) {
    renew(store, subscription);
  } else {
    schedule(subscription);
    store.save(subscription);
  }
}

}  // namespace sandbox
