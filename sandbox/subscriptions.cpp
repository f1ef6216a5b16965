// How a subscription starts and ends, and how its invoices move its status.
#include "sandbox/subscriptions.hpp"

#include "sandbox/calendar.hpp"
#include "sandbox/coupons.hpp"
#include "sandbox/parameters.hpp"
#include "sandbox/payment_methods.hpp"
#include "sandbox/prices.hpp"

namespace sandbox {

namespace {
Object const subscription_mould = mould(R"({
  "id": "", "object": "subscription", "application": null, "application_fee_percent": null,
  "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
  "billing_cycle_anchor": 0, "billing_cycle_anchor_config": null,
  "billing_mode": {"flexible": null, "type": "classic"}, "billing_schedules": [],
  "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false,
  "canceled_at": null, "cancellation_details": {"comment": null, "feedback": null,
    "feedback_option": null, "reason": null},
  "collection_method": "charge_automatically", "created": 0, "currency": "", "customer": "",
  "customer_account": null, "days_until_due": null, "default_payment_method": null,
  "default_source": null, "default_tax_rates": [], "description": null, "discounts": [],
  "ended_at": null, "invoice_settings": {"account_tax_ids": null, "custom_fields": null,
    "description": null, "footer": null, "issuer": {"type": "self"}},
  "items": {"object": "list", "data": [], "has_more": false, "total_count": 0, "url": ""},
  "latest_invoice": null, "livemode": false, "managed_payments": null, "metadata": {},
  "next_pending_invoice_item_invoice": null, "on_behalf_of": null, "pause_collection": null,
  "payment_settings": {"payment_method_options": null, "payment_method_types": null,
    "save_default_payment_method": "off"}, "pending_invoice_item_interval": null,
  "pending_setup_intent": null, "pending_update": null, "schedule": null, "start_date": 0,
  "status": "incomplete", "test_clock": null, "transfer_data": null, "trial_end": null,
  "trial_settings": {"end_behavior": {"billing_cycle_anchor": null,
    "missing_payment_method": "create_invoice"}},
  "trial_start": null
})");

constexpr std::int64_t day = 86'400, hour = 3'600;

std::optional<std::int64_t> trial_end_of(Store& store, Object const& parameters) {
  if (auto const* end = at(parameters, "trial_end")) {
    if (end->is_string()) return {};  // "now"
    if (end->get_int64() <= store.now)
      throw invalid("Invalid timestamp: must be an integer Unix timestamp in the future.",
                    "trial_end");
    return end->get_int64();
  }
  if (auto const days = number(parameters, "trial_period_days"); days > 0)
    return store.now + days * day;
  return {};
}

void take_items(Store& store, Object& subscription, Object const& parameters) {
  auto const& given = items(parameters, "items");
  if (given.empty()) throw missing_parameter("items");
  auto const id = text(subscription, "id");
  auto& list = subscription["items"].as_object();
  list["url"] = "/v1/subscription_items?subscription=" + id;
  std::string interval;
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const shown = "items[" + std::to_string(i) + "]";
    auto const& entry = given[i].as_object();
    auto const price = price_of_line(store, entry, shown);
    if (text(price, "type") != "recurring")
      throw invalid(
          "The price specified is set to `type=one_time` but this field only accepts prices with "
          "`type=recurring`.",
          shown + "[price]");
    auto const own = text(price, "recurring.interval") +
                     std::to_string(number(price, "recurring.interval_count"));
    if (!interval.empty() && own != interval)
      throw invalid(
          "Currently, all prices on a subscription must have the same `recurring.interval` and "
          "`recurring.interval_count`.",
          "items");
    interval = own;
    if (i == 0)
      subscription["currency"] = price.at("currency");
    else if (text(subscription, "currency") != text(price, "currency"))
      throw invalid("All prices on a subscription must have the same currency.", shown + "[price]");
    auto item = new_subscription_item(store, id, price, number(entry, "quantity", 1));
    merge_metadata(item, entry);
    list["data"].as_array().emplace_back(std::move(item));
  }
  list["total_count"] = std::int64_t(given.size());
}

void require_method(Store& store, Object const& subscription, Object const& customer) {
  if (has(subscription, "default_payment_method") ||
      has(customer, "invoice_settings.default_payment_method"))
    return;
  (void)store;
  throw invalid(
      "This customer has no attached payment source or default payment method. Please consider "
      "adding a default payment method.",
      {}, "resource_missing");
}

/// The first attempt, as payment_behavior says.
void collect_first(Store& store, Object& invoice, SubscriptionPlan const& plan,
                   std::string const& behaviour) {
  if (text(invoice, "status") != "open" || behaviour == "default_incomplete") return;
  if (!plan.session.empty()) {
    auto intent = *intent_of(store, text(invoice, "id"));
    intent["_session"] = plan.session;
    store.save(intent);
  }
  auto const outcome =
      plan.method ? pay_invoice(store, invoice, *plan.method, plan.how) : collect(store, invoice);
  if (behaviour != "error_if_incomplete" || outcome == Outcome::succeeded) return;
  auto const intent = intent_of(store, text(invoice, "id"));
  if (intent && outcome == Outcome::failed) throw card_error_of(*intent);
  throw ApiError{402, "card_error",
                 "Payment for this subscription requires additional user action before it can be "
                 "completed successfully.",
                 "subscription_payment_intent_requires_action"};
}
}  // namespace

void take_payment_settings(Object& subscription, Object const& parameters) {
  for (auto const& [key, value] : part(parameters, "payment_settings"))
    subscription["payment_settings"].as_object()[key] = value;
  if (auto const wanted = text(parameters, "trial_settings.end_behavior.missing_payment_method");
      !wanted.empty())
    at(subscription, "trial_settings.end_behavior")->as_object()["missing_payment_method"] = wanted;
}

Object new_subscription_item(Store& store, std::string const& subscription, Object const& price,
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
              {"subscription", subscription},
              {"tax_rates", Array{}},
              {"_product_name", product ? text(*product, "name") : ""}};
  if (text(price, "recurring.usage_type") == "metered") item.erase("quantity");
  return item;
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

Object bill_period(Store& store, Object const& subscription, std::string_view billing_reason,
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
  return invoice;
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
    if (has(subscription, "pause_collection.resumes_at"))
      earlier(number(subscription, "pause_collection.resumes_at"));
    if (status == "trialing" && !truth(subscription, "_trial_notice"))
      earlier(number(subscription, "trial_end") - 3 * day);
  }
  if (due)
    subscription["_due"] = *due;
  else
    subscription.erase("_due");
}

Object create_subscription(Store& store, SubscriptionPlan const& plan) {
  auto const& parameters = plan.parameters;
  auto subscription = subscription_mould;
  auto const id = new_id("sub_1");
  subscription["id"] = id;
  subscription["customer"] = text(plan.customer, "id");
  subscription["test_clock"] = plan.customer.at("test_clock");
  for (auto const name : {"created", "start_date"}) subscription[name] = store.now;
  take_items(store, subscription, parameters);
  apply(subscription, parameters,
        {"cancel_at", "collection_method", "days_until_due", "description"});
  merge_metadata(subscription, parameters);
  take_payment_settings(subscription, parameters);
  if (auto const mode = text(parameters, "billing_mode.type"); !mode.empty())
    subscription["billing_mode"].as_object()["type"] = mode;
  if (auto const given = text(parameters, "default_payment_method"); !given.empty()) {
    auto const method = resolve_payment_method(store, given, "default_payment_method");
    subscription["default_payment_method"] = text(method, "id");
  }
  if (plan.method) subscription["default_payment_method"] = text(*plan.method, "id");
  subscription["discounts"] = make_discounts(store, items(parameters, "discounts"),
                                             text(plan.customer, "id"), id, plan.session);

  auto const trial_end = trial_end_of(store, parameters);
  auto const& first = items(subscription, "items.data")[0].as_object();
  auto const interval_text = text(first, "price.recurring.interval");
  Interval const interval{interval_text, number(first, "price.recurring.interval_count", 1)};
  auto const anchor = trial_end.value_or(store.now);
  auto const period_end = trial_end ? *trial_end : end_of_period(anchor, interval, store.now);
  subscription["billing_cycle_anchor"] = anchor;
  set_period(subscription, store.now, period_end);
  if (trial_end) {
    subscription["status"] = "trialing";
    subscription["trial_start"] = store.now;
    subscription["trial_end"] = *trial_end;
  }
  if (truth(parameters, "cancel_at_period_end")) {
    subscription["cancel_at_period_end"] = true;
    subscription["cancel_at"] = period_end;
    subscription["canceled_at"] = store.now;
  }
  auto behaviour = text(parameters, "payment_behavior");
  if (behaviour.empty()) behaviour = "allow_incomplete";
  bool const automatic = text(subscription, "collection_method") == "charge_automatically";
  if (!automatic) {
    if (!has(parameters, "days_until_due")) throw missing_parameter("days_until_due");
    if (!trial_end) subscription["status"] = "active";
  }
  std::int64_t price_sum = 0;
  for (auto const& item : items(subscription, "items.data"))
    price_sum += amount_of(part(item.as_object(), "price"), number(item.as_object(), "quantity"));
  if (automatic && !trial_end && price_sum > 0 && behaviour != "default_incomplete")
    require_method(store, subscription, plan.customer);

  // Through the API the subscription is announced with the status that the first payment gave it;
  // the checkout announces it as incomplete and then updates it.
  bool const quiet = plan.session.empty() && behaviour != "default_incomplete";
  if (quiet) subscription["_quiet"] = true;
  schedule(subscription);
  store.insert(subscription);
  if (!quiet) store.emit("customer.subscription.created", subscription);

  auto invoice = bill_period(store, subscription, "subscription_create", store.now, period_end);
  subscription["latest_invoice"] = text(invoice, "id");
  store.save(subscription);
  if (automatic) {
    finalize_invoice(store, invoice);
    collect_first(store, invoice, plan, behaviour);
  } else {
    invoice["automatically_finalizes_at"] = store.now + hour;
    invoice["_due"] = store.now + hour;
    store.save(invoice);
  }
  subscription = store.load("subscription", id);
  subscription["discounts"] = discounts_left(store, items(subscription, "discounts"), period_end);
  subscription.erase("_quiet");
  schedule(subscription);
  if (quiet) {
    store.save(subscription);
    store.emit("customer.subscription.created", subscription);
  } else {
    store.save_and_emit(subscription, "customer.subscription.updated");
  }
  if (trial_end && *trial_end <= store.now + 3 * day) {
    subscription["_trial_notice"] = true;
    schedule(subscription);
    store.save(subscription);
    store.emit("customer.subscription.trial_will_end", subscription);
  }
  return subscription;
}

void cancel_subscription(Store& store, Object& subscription, Cancellation const& cancellation) {
  auto const customer = store.load("customer", text(subscription, "customer"));
  if (cancellation.prorate && period_end_of(subscription) > store.now) {
    auto const left = period_end_of(subscription) - store.now;
    auto const whole = period_end_of(subscription) - period_start_of(subscription);
    for (auto const& entry : items(subscription, "items.data")) {
      auto line =
          line_of_item(subscription, entry.as_object(), store.now, period_end_of(subscription));
      line.amount = -prorated(line.amount, left, whole);
      line.description = "Unused time on " + text(entry.as_object(), "_product_name") + " after " +
                         day_text(store.now);
      line.proration = true;
      insert_invoice_item(store, customer, text(subscription, "currency"), line);
    }
  }
  subscription["status"] = "canceled";
  subscription["ended_at"] = store.now;
  if (!has(subscription, "canceled_at")) subscription["canceled_at"] = store.now;
  auto& details = subscription["cancellation_details"].as_object();
  details["reason"] = cancellation.reason;
  if (!cancellation.feedback.empty()) details["feedback"] = cancellation.feedback;
  if (!cancellation.comment.empty()) details["comment"] = cancellation.comment;
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
  auto const& first = items(subscription, "items.data")[0].as_object();
  auto const unit = text(first, "price.recurring.interval");
  auto const end = end_of_period(
      store.now, {unit, number(first, "price.recurring.interval_count", 1)}, store.now);
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
