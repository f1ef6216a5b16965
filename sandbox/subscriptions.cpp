// What subscriptions consist of, how a period of them is billed, and how they end.
#include "sandbox/subscriptions.hpp"

#include "sandbox/calendar.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/parameters.hpp"
#include "sandbox/prices.hpp"
#include "sandbox/subscription_changes.hpp"
#include "sandbox/subscription_schedules.hpp"
#include "sandbox/taxes.hpp"

namespace sandbox {

namespace {
constexpr std::int64_t day = 86'400, hour = 3'600;
}  // namespace

void take_payment_settings(Object& subscription, Object const& parameters) {
  for (auto const& [key, value] : part(parameters, "payment_settings"))
    subscription["payment_settings"].as_object()[key] = value;
  if (auto const wanted = text(parameters, "trial_settings.end_behavior.missing_payment_method");
      !wanted.empty())
    at(subscription, "trial_settings.end_behavior")->as_object()["missing_payment_method"] = wanted;
}

Object new_subscription_item(Store& store, Object const& subscription, Object const& price,
                             std::int64_t quantity) {
  if (quantity < 0) throw invalid("Invalid non-negative integer", "items[0][quantity]");
  auto const product = store.find(text(price, "product"));
  Object item{{"id", new_id("si_", 14)},
              {"object", "subscription_item"},
              {"billing_thresholds", nullptr},
              {"created", store.now},
              {"current_period_end", 0},
              {"current_period_start", 0},
              {"current_trial", nullptr},
              {"discounts", Array{}},
              {"metadata", Object{}},
              {"plan", plan_of(price)},
              {"price", price},
              {"quantity", quantity},
              {"subscription", text(subscription, "id")},
              {"tax_rates", Array{}},
              {"_product_name", product ? text(*product, "name") : ""}};
  if (text(price, "recurring.usage_type") == "metered") item.erase("quantity");
  return item;
}

void take_item_settings(Store& store, Object const& subscription, Object& item, Object const& entry,
                        std::string const& shown) {
  merge_metadata(item, entry);
  if (entry.contains("discounts")) {
    auto discounts = make_discounts(store, items(entry, "discounts"),
                                    {.customer = text(subscription, "customer"),
                                     .currency = text(item, "price.currency"),
                                     .subscription = text(subscription, "id"),
                                     .subscription_item = text(item, "id")},
                                    shown + "[discounts]");
    announce_removed(store, items(item, "discounts"), discounts);
    item["discounts"] = std::move(discounts);
  }
  if (entry.contains("tax_rates"))
    item["tax_rates"] = tax_rates_named(store, items(entry, "tax_rates"), shown + "[tax_rates]");
}

void take_tax_rates(Store& store, Object& object, Object const& parameters) {
  if (parameters.contains("default_tax_rates"))
    object["default_tax_rates"] =
        tax_rates_named(store, items(parameters, "default_tax_rates"), "default_tax_rates");
}

Object const& first_item(Object const& subscription) {
  return items(subscription, "items.data").at(0).as_object();
}

std::int64_t end_of_period_at(Object const& subscription, std::int64_t anchor,
                              std::int64_t moment) {
  auto const unit = text(first_item(subscription), "price.recurring.interval");
  return end_of_period(
      anchor, {unit, number(first_item(subscription), "price.recurring.interval_count", 1)},
      moment);
}

void set_period(Object& subscription, std::int64_t start, std::int64_t end) {
  for (auto& item : subscription["items"].as_object()["data"].as_array()) {
    item.as_object()["current_period_start"] = start;
    item.as_object()["current_period_end"] = end;
  }
}

std::int64_t period_start_of(Object const& subscription) {
  auto const& list = items(subscription, "items.data");
  return list.empty() ? 0 : number(list[0].as_object(), "current_period_start");
}

std::int64_t period_end_of(Object const& subscription) {
  auto const& list = items(subscription, "items.data");
  return list.empty() ? 0 : number(list[0].as_object(), "current_period_end");
}

void note_debits(Object& subscription, Object const& invoice) {
  for (auto& entry : subscription["items"].as_object()["data"].as_array())
    for (auto const& line : items(invoice, "lines.data")) {
      auto const& origin = part(line.as_object(), "parent.subscription_item_details");
      if (text(origin, "subscription_item") == text(entry.as_object(), "id") &&
          !truth(origin, "proration"))
        entry.as_object()["_debited"] = net_of(line.as_object());
    }
}

Object bill_period(Store& store, Object& subscription, std::string_view billing_reason,
                   std::int64_t period_start, std::int64_t period_end) {
  auto const customer = store.load("customer", text(subscription, "customer"));
  // An invoice's own period is the one that has passed; at the start it is a moment.
  bool const cycle = billing_reason == "subscription_cycle";
  auto invoice = new_invoice(
      store, {.customer = customer,
              .currency = text(subscription, "currency"),
              .billing_reason = billing_reason,
              .subscription = &subscription,
              .period_start =
                  cycle ? number(subscription, "_last_period_start", period_start) : period_start,
              .period_end = period_start});
  take_waiting_items(store, invoice, text(subscription, "id"));
  bool const trial = text(subscription, "status") == "trialing";
  for (auto const& entry : items(subscription, "items.data")) {
    auto line = line_of_item(subscription, entry.as_object(), period_start, period_end);
    if (trial) {
      line.amount = 0;
      line.description = "Trial period for " + text(entry.as_object(), "_product_name");
    }
    append_line(invoice, line);
  }
  insert_draft(store, invoice);
  note_debits(subscription, invoice);
  drop_used_discounts(store, subscription, invoice);
  return invoice;
}

std::optional<std::int64_t> upcoming_notice(Object const& subscription) {
  auto const end = period_end_of(subscription);
  auto const status = text(subscription, "status");
  if (status == "unpaid" || has(subscription, "cancel_at") ||
      number(subscription, "_noticed_end") == end)
    return {};
  // A period that is shorter than the notice has none.
  auto const notice = end - 7 * day;
  return notice > period_start_of(subscription) ? std::optional{notice} : std::nullopt;
}

void schedule(Object& subscription) {
  std::optional<std::int64_t> due;
  auto const earlier = [&](std::int64_t moment) { due = due ? std::min(*due, moment) : moment; };
  auto const status = text(subscription, "status");
  if (status == "incomplete") {
    earlier(number(subscription, "created") + 23 * hour);
  } else if (status == "paused") {
    if (has(subscription, "cancel_at")) earlier(number(subscription, "cancel_at"));
  } else if (!has(subscription, "ended_at")) {
    earlier(period_end_of(subscription));
    if (has(subscription, "cancel_at")) earlier(number(subscription, "cancel_at"));
    if (has(subscription, "pending_update"))
      earlier(number(subscription, "pending_update.expires_at"));
    if (has(subscription, "pause_collection.resumes_at"))
      earlier(number(subscription, "pause_collection.resumes_at"));
    if (auto const notice = upcoming_notice(subscription)) earlier(*notice);
    if (status == "trialing" && !truth(subscription, "_trial_notice"))
      earlier(number(subscription, "trial_end") - 3 * day);
  }
  if (due)
    subscription["_due"] = *due;
  else
    subscription.erase("_due");
}

void cancel_subscription(Store& store, Object& subscription, Cancellation const& cancellation) {
  auto const customer = store.load("customer", text(subscription, "customer"));
  if (cancellation.prorate)
    for (auto const& line : credits_for_rest(store, subscription))
      insert_invoice_item(store, customer, text(subscription, "currency"), line);
  subscription["status"] = "canceled";
  subscription["ended_at"] = store.now;
  if (!has(subscription, "canceled_at")) subscription["canceled_at"] = store.now;
  auto& details = subscription["cancellation_details"].as_object();
  details["reason"] = cancellation.reason;
  if (!cancellation.feedback.empty()) details["feedback"] = cancellation.feedback;
  if (!cancellation.comment.empty()) details["comment"] = cancellation.comment;
  if (has(subscription, "schedule")) end_schedule_of(store, subscription);
  schedule(subscription);
  store.save(subscription);
  store.emit("customer.subscription.deleted", subscription);
  for (auto& invoice : store.all("invoice", {{"subscription", text(subscription, "id")}})) {
    auto const status = text(invoice, "status");
    if (status != "open" && status != "draft") continue;
    invoice["auto_advance"] = false;
    invoice["next_payment_attempt"] = nullptr;
    invoice.erase("_due");
    store.save_and_emit(invoice, "invoice.updated");
  }
  if (!cancellation.invoice_now) return;
  auto invoice = new_invoice(store, {.customer = customer,
                                     .currency = text(subscription, "currency"),
                                     .billing_reason = "subscription_update",
                                     .subscription = &subscription});
  take_waiting_items(store, invoice, text(subscription, "id"));
  if (items(invoice, "lines.data").empty()) return;
  insert_draft(store, invoice);
  finalize_invoice(store, invoice);
  collect(store, invoice);
}

void start_period_now(Store& store, Object& subscription, std::string_view billing_reason) {
  auto const end = end_of_period_at(subscription, store.now, store.now);
  subscription["billing_cycle_anchor"] = store.now;
  set_period(subscription, store.now, end);
  auto invoice = bill_period(store, subscription, billing_reason, store.now, end);
  subscription["latest_invoice"] = text(invoice, "id");
  schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
  finalize_invoice(store, invoice);
  if (text(invoice, "status") == "open" &&
      text(invoice, "collection_method") == "charge_automatically")
    collect(store, invoice);
  subscription = store.load("subscription", text(subscription, "id"));
}

}  // namespace sandbox
