// How a subscription starts: its first period, its first invoice, its first payment.
#include "sandbox/discounts.hpp"
#include "sandbox/parameters.hpp"
#include "sandbox/payment_methods.hpp"
#include "sandbox/prices.hpp"
#include "sandbox/subscriptions.hpp"

namespace sandbox {

namespace {
Object const subscription_mould = mould(R"({
  "id": "", "object": "subscription", "application": null, "application_fee_percent": null,
  "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
  "billing_cycle_anchor": 0, "billing_cycle_anchor_config": null,
  "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"}, "billing_schedules": [],
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
    auto item = new_subscription_item(store, subscription, price, number(entry, "quantity", 1));
    take_item_settings(store, subscription, item, entry, shown);
    list["data"].as_array().emplace_back(std::move(item));
  }
  list["total_count"] = std::int64_t(given.size());
}

void require_method(Object const& subscription, Object const& customer) {
  if (has(subscription, "default_payment_method") ||
      has(customer, "invoice_settings.default_payment_method"))
    return;
  throw invalid(
      "This customer has no attached payment source or default payment method. Please consider "
      "adding a default payment method.",
      {}, "resource_missing");
}

/// What the request says of it, but for its periods.
Object described(Store& store, SubscriptionPlan const& plan) {
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
  take_tax_rates(store, subscription, parameters);
  if (text(parameters, "billing_mode.type") == "classic")
    subscription["billing_mode"] = Object{{"flexible", nullptr}, {"type", "classic"}};
  if (auto const given = text(parameters, "default_payment_method"); !given.empty()) {
    auto const method = resolve_payment_method(store, given, "default_payment_method");
    subscription["default_payment_method"] = text(method, "id");
  }
  if (plan.method) subscription["default_payment_method"] = text(*plan.method, "id");
  subscription["discounts"] = make_discounts(store, items(parameters, "discounts"),
                                             {.customer = text(plan.customer, "id"),
                                              .currency = text(subscription, "currency"),
                                              .subscription = id,
                                              .session = plan.session});
  return subscription;
}

/// The first period, or the trial before it.
void begin(Store& store, Object& subscription, Object const& parameters) {
  auto const trial_end = trial_end_of(store, parameters);
  auto const anchor = trial_end.value_or(store.now);
  auto const period_end =
      trial_end ? *trial_end : end_of_period_at(subscription, anchor, store.now);
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
  if (text(subscription, "collection_method") == "charge_automatically") return;
  if (!has(parameters, "days_until_due")) throw missing_parameter("days_until_due");
  if (!trial_end) subscription["status"] = "active";
}

bool costs_something(Object const& subscription) {
  std::int64_t sum = 0;
  for (auto const& item : items(subscription, "items.data"))
    sum += amount_of(part(item.as_object(), "price"), number(item.as_object(), "quantity"));
  return sum > 0;
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

void send_first(Store& store, Object& invoice) {
  invoice["automatically_finalizes_at"] = store.now + hour;
  invoice["_due"] = store.now + hour;
  store.save(invoice);
}

void warn_of_short_trial(Store& store, Object& subscription) {
  if (!has(subscription, "trial_end") || number(subscription, "trial_end") > store.now + 3 * day)
    return;
  subscription["_trial_notice"] = true;
  schedule(subscription);
  store.save(subscription);
  store.emit("customer.subscription.trial_will_end", subscription);
}
}  // namespace

Object create_subscription(Store& store, SubscriptionPlan const& plan) {
  auto subscription = described(store, plan);
  begin(store, subscription, plan.parameters);
  auto const id = text(subscription, "id");
  auto behaviour = text(plan.parameters, "payment_behavior");
  if (behaviour.empty()) behaviour = "allow_incomplete";
  bool const automatic = text(subscription, "collection_method") == "charge_automatically";
  bool const trial = text(subscription, "status") == "trialing";
  if (automatic && !trial && behaviour != "default_incomplete" && costs_something(subscription))
    require_method(subscription, plan.customer);

  // Through the API the subscription is announced with the status that the first payment gave it;
  // the checkout announces it as incomplete and then updates it.
  bool const quiet = plan.session.empty() && behaviour != "default_incomplete";
  if (quiet) subscription["_quiet"] = true;
  schedule(subscription);
  store.insert(subscription);
  if (!quiet) store.emit("customer.subscription.created", subscription);

  auto invoice = bill_period(store, subscription, "subscription_create", store.now,
                             period_end_of(subscription));
  subscription["latest_invoice"] = text(invoice, "id");
  store.save(subscription);
  if (automatic) {
    finalize_invoice(store, invoice);
    collect_first(store, invoice, plan, behaviour);
  } else {
    send_first(store, invoice);
  }
  subscription = store.load("subscription", id);
  subscription.erase("_quiet");
  schedule(subscription);
  if (quiet) {
    store.save(subscription);
    store.emit("customer.subscription.created", subscription);
  } else {
    store.save_and_emit(subscription, "customer.subscription.updated");
  }
  warn_of_short_trial(store, subscription);
  return subscription;
}

}  // namespace sandbox
