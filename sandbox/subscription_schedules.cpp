// Made from a subscription, whose present period is the first phase. A phase that begins with a
// period changes the items before that period is billed.
#include "sandbox/subscription_schedules.hpp"

#include "sandbox/api.hpp"
#include "sandbox/calendar.hpp"
#include "sandbox/prices.hpp"
#include "sandbox/subscription_updates.hpp"

namespace sandbox {

namespace {
Object const schedule_mould = mould(R"({
  "id": "", "object": "subscription_schedule", "application": null,
  "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
  "canceled_at": null, "completed_at": null, "created": 0, "current_phase": null, "customer": "",
  "customer_account": null, "default_settings": {"application_fee_percent": null,
    "automatic_tax": {"disabled_reason": null, "enabled": false, "liability": null},
    "billing_cycle_anchor": "automatic", "billing_thresholds": null,
    "collection_method": "charge_automatically", "default_payment_method": null,
    "description": null, "invoice_settings": {"account_tax_ids": null, "custom_fields": null,
      "days_until_due": null, "description": null, "footer": null, "issuer": {"type": "self"}},
    "on_behalf_of": null, "transfer_data": null},
  "end_behavior": "release", "livemode": false, "metadata": {}, "pause_schedules": [],
  "phases": [], "released_at": null, "released_subscription": null, "status": "active",
  "subscription": null, "test_clock": null
})");
Object const phase_mould = mould(R"({
  "add_invoice_items": [], "application_fee_percent": null, "billing_cycle_anchor": null,
  "billing_thresholds": null, "collection_method": null, "currency": "",
  "default_payment_method": null, "default_tax_rates": [], "description": null, "discounts": [],
  "end_date": 0, "invoice_settings": null, "items": [], "metadata": {}, "on_behalf_of": null,
  "proration_behavior": "create_prorations", "start_date": 0, "transfer_data": null,
  "trial_end": null
})");

Object phase_item(Object const& price, std::int64_t quantity) {
  return {{"billing_thresholds", nullptr}, {"discounts", Array{}},       {"metadata", Object{}},
          {"plan", text(price, "id")},     {"price", text(price, "id")}, {"quantity", quantity},
          {"tax_rates", Array{}}};
}

/// The subscription as it is, for its present period.
Object present_phase(Object const& subscription) {
  auto phase = phase_mould;
  phase["currency"] = subscription.at("currency");
  phase["start_date"] = period_start_of(subscription);
  phase["end_date"] = period_end_of(subscription);
  auto& list = phase["items"].as_array();
  for (auto const& item : items(subscription, "items.data"))
    list.emplace_back(
        phase_item(part(item.as_object(), "price"), number(item.as_object(), "quantity", 1)));
  return phase;
}

Object const* phase_at(Object const& schedule, std::int64_t moment) {
  for (auto const& entry : items(schedule, "phases"))
    if (number(entry.as_object(), "start_date") <= moment &&
        moment < number(entry.as_object(), "end_date"))
      return &entry.as_object();
  return nullptr;
}

void set_current(Object& schedule, Object const& phase) {
  schedule["current_phase"] =
      Object{{"end_date", phase.at("end_date")}, {"start_date", phase.at("start_date")}};
  schedule["_due"] = phase.at("end_date");
}

std::int64_t end_of(Object const& given, std::int64_t start, std::string const& shown) {
  std::int64_t end = number(given, "end_date");
  if (auto const unit = text(given, "duration.interval"); !unit.empty())
    end = add_intervals(start, {unit, number(given, "duration.interval_count", 1)}, 1);
  if (end <= start)
    throw invalid("A phase needs an end_date after its start, or a duration.",
                  shown + "[end_date]");
  return end;
}

Object phase_of_request(Store& store, Object const& given, std::int64_t start,
                        std::string const& shown) {
  auto phase = phase_mould;
  auto const& wanted = items(given, "items");
  if (wanted.empty()) throw missing_parameter(shown + "[items]");
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto const& entry = wanted[i].as_object();
    auto const price = price_of_line(store, entry, shown + "[items][" + std::to_string(i) + "]");
    phase["currency"] = price.at("currency");
    phase["items"].as_array().emplace_back(phase_item(price, number(entry, "quantity", 1)));
  }
  apply(phase, given, {"proration_behavior"});
  merge_metadata(phase, given);
  phase["start_date"] = start;
  phase["end_date"] = end_of(given, start, shown);
  return phase;
}

/// The phases of a request follow each other, and the present one stays as it is but for its end.
Array phases_of_request(Store& store, Object const& schedule, Array const& given) {
  auto const* present = phase_at(schedule, store.now);
  if (!present || given.empty())
    throw invalid("A schedule needs at least the phase that it is in.", "phases");
  Array phases;
  auto start = number(*present, "start_date");
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const shown = "phases[" + std::to_string(i) + "]";
    auto const& entry = given[i].as_object();
    if (has(entry, "start_date") && number(entry, "start_date") != start)
      throw invalid("Each phase must start when the one before it ends.", shown + "[start_date]");
    auto phase = phase_of_request(store, entry, start, shown);
    if (i == 0 && phase.at("items") != present->at("items"))
      throw invalid(
          "The sandbox changes the phase to come, not the present one: that is an update of the "
          "subscription.",
          shown + "[items]");
    start = number(phase, "end_date");
    phases.emplace_back(std::move(phase));
  }
  return phases;
}

Object subscription_under(Store& store, Object const& schedule) {
  return store.load("subscription", text(schedule, "subscription"), "subscription");
}

void require_active(Object const& schedule, std::string const& verb) {
  if (text(schedule, "status") != "active")
    throw invalid("You cannot " + verb + " a subscription schedule that is " +
                  text(schedule, "status") + ".");
}

/// It holds its subscription no longer.
void close(Store& store, Object& schedule, std::string_view status, std::string_view event) {
  schedule["status"] = status;
  schedule["current_phase"] = nullptr;
  schedule[status == "released"   ? "released_at"
           : status == "canceled" ? "canceled_at"
                                  : "completed_at"] = store.now;
  if (status == "released") {
    schedule["released_subscription"] = schedule.at("subscription");
    schedule["subscription"] = nullptr;
  }
  schedule.erase("_due");
  store.save(schedule);
  store.emit(event, schedule);
}

/// items[] of an update that makes the subscription what the phase says.
Array entries_for(Object const& subscription, Object const& phase) {
  Array entries, free_items = items(subscription, "items.data");
  std::vector<Object> unmatched;
  auto const reuse = [&](Array::iterator item, Object const& wanted, bool moves) {
    Object entry{{"id", text(item->as_object(), "id")}, {"quantity", wanted.at("quantity")}};
    if (moves) entry["price"] = wanted.at("price");
    entries.emplace_back(std::move(entry));
    free_items.erase(item);
  };
  for (auto const& wanted : items(phase, "items")) {
    auto const same = std::find_if(free_items.begin(), free_items.end(), [&](Value const& item) {
      return text(item.as_object(), "price.id") == text(wanted.as_object(), "price");
    });
    if (same == free_items.end())
      unmatched.push_back(wanted.as_object());
    else
      reuse(same, wanted.as_object(), false);
  }
  for (auto const& wanted : unmatched) {
    if (free_items.empty())
      entries.emplace_back(
          Object{{"price", wanted.at("price")}, {"quantity", wanted.at("quantity")}});
    else
      reuse(free_items.begin(), wanted, true);
  }
  for (auto const& item : free_items)
    entries.emplace_back(Object{{"id", text(item.as_object(), "id")}, {"deleted", true}});
  return entries;
}

void finish(Store& store, Object& subscription, Object& schedule) {
  subscription["schedule"] = nullptr;
  if (text(schedule, "end_behavior") == "cancel") {
    close(store, schedule, "completed", "subscription_schedule.completed");
    cancel_subscription(store, subscription, {});
    return;
  }
  close(store, schedule, "released", "subscription_schedule.released");
  sandbox::schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
}

Object create(Call& call) {
  auto& store = call.store;
  if (!has(call.parameters, "from_subscription"))
    throw invalid("The sandbox makes schedules from subscriptions: pass from_subscription.",
                  "from_subscription");
  auto subscription =
      store.load("subscription", call.given("from_subscription"), "from_subscription");
  if (has(subscription, "schedule") || has(subscription, "ended_at"))
    throw invalid(
        "You cannot migrate a subscription that is already attached to a schedule, or "
        "has ended.",
        "from_subscription");
  auto schedule = schedule_mould;
  schedule["id"] = new_id("sub_sched_1");
  schedule["created"] = store.now;
  for (auto const name : {"billing_mode", "customer", "test_clock"})
    schedule[name] = subscription.at(name);
  schedule["subscription"] = text(subscription, "id");
  merge_metadata(schedule, call.parameters);
  auto phase = present_phase(subscription);
  set_current(schedule, phase);
  schedule["phases"] = Array{std::move(phase)};
  store.insert(schedule);
  store.emit("subscription_schedule.created", schedule);
  subscription["schedule"] = text(schedule, "id");
  store.save_and_emit(subscription, "customer.subscription.updated");
  return without_private(schedule);
}

Object retrieve(Call& call) {
  return without_private(call.store.load("subscription_schedule", call.id()));
}

Object update(Call& call) {
  auto schedule = call.store.load("subscription_schedule", call.id());
  require_active(schedule, "update");
  if (call.parameters.contains("phases")) {
    schedule["phases"] = phases_of_request(call.store, schedule, items(call.parameters, "phases"));
    set_current(schedule, items(schedule, "phases")[0].as_object());
  }
  apply(schedule, call.parameters, {"end_behavior"});
  merge_metadata(schedule, call.parameters);
  call.store.save_and_emit(schedule, "subscription_schedule.updated");
  return without_private(schedule);
}

Object cancel(Call& call) {
  auto schedule = call.store.load("subscription_schedule", call.id());
  require_active(schedule, "cancel");
  auto subscription = subscription_under(call.store, schedule);
  subscription["schedule"] = nullptr;
  close(call.store, schedule, "canceled", "subscription_schedule.canceled");
  cancel_subscription(call.store, subscription,
                      {.invoice_now = truth(call.parameters, "invoice_now"),
                       .prorate = truth(call.parameters, "prorate")});
  return without_private(schedule);
}

Object release(Call& call) {
  auto schedule = call.store.load("subscription_schedule", call.id());
  require_active(schedule, "release");
  auto subscription = subscription_under(call.store, schedule);
  subscription["schedule"] = nullptr;
  close(call.store, schedule, "released", "subscription_schedule.released");
  call.store.save_and_emit(subscription, "customer.subscription.updated");
  return without_private(schedule);
}

Object list(Call& call) {
  Object filter;
  if (auto const customer = call.given("customer"); !customer.empty())
    filter["customer"] = customer;
  return answer_list(call, "subscription_schedule", filter);
}
}  // namespace

void enter_phase(Store& store, Object& subscription) {
  auto schedule = store.find(text(subscription, "schedule"));
  if (!schedule || text(*schedule, "status") != "active" ||
      number(*schedule, "current_phase.end_date") > store.now)
    return;
  auto const* phase = phase_at(*schedule, store.now);
  if (!phase) {
    finish(store, subscription, *schedule);
    return;
  }
  auto const entered = *phase;
  set_current(*schedule, entered);
  store.save_and_emit(*schedule, "subscription_schedule.updated");
  update_items(store, subscription,
               {{"items", entries_for(subscription, entered)},
                {"proration_behavior", entered.at("proration_behavior")}});
  sandbox::schedule(subscription);
  store.save_and_emit(subscription, "customer.subscription.updated");
}

void schedule_is_due(Store& store, Object const& schedule) {
  auto subscription = store.find(text(schedule, "subscription"));
  if (subscription && !has(*subscription, "ended_at")) enter_phase(store, *subscription);
}

void end_schedule_of(Store& store, Object& subscription) {
  auto schedule = store.find(text(subscription, "schedule"));
  subscription["schedule"] = nullptr;
  if (schedule && text(*schedule, "status") == "active")
    close(store, *schedule, "canceled", "subscription_schedule.canceled");
}

std::vector<Endpoint> subscription_schedule_endpoints() {
  return {{"POST",
           "/v1/subscription_schedules",
           {{"customer"}, {"from_subscription"}, {"metadata", Kind::metadata}},
           create},
          {"GET", "/v1/subscription_schedules", {{"customer"}}, list, Shape::list},
          {"GET", "/v1/subscription_schedules/{id}", {}, retrieve},
          {"POST",
           "/v1/subscription_schedules/{id}",
           {{"end_behavior", Kind::text, Need::optional, "cancel|release"},
            {"metadata", Kind::metadata},
            {"phases[].duration.interval", Kind::text, Need::required, "day|week|month|year"},
            {"phases[].duration.interval_count", Kind::count},
            {"phases[].end_date", Kind::integer},
            {"phases[].items[].price", Kind::text, Need::required},
            {"phases[].items[].quantity", Kind::count},
            {"phases[].metadata", Kind::metadata},
            {"phases[].proration_behavior", Kind::text, Need::optional,
             "always_invoice|create_prorations|none"},
            {"phases[].start_date", Kind::integer}},
           update},
          {"POST",
           "/v1/subscription_schedules/{id}/cancel",
           {{"invoice_now", Kind::boolean}, {"prorate", Kind::boolean}},
           cancel},
          {"POST",
           "/v1/subscription_schedules/{id}/release",
           {{"preserve_cancel_date", Kind::boolean}},
           release}};
}

}  // namespace sandbox
