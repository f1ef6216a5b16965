// Prorations count seconds: what is left of the period, of what the whole period costs.
#include "sandbox/subscription_changes.hpp"

#include "sandbox/calendar.hpp"
#include "sandbox/parameters.hpp"
#include "sandbox/prices.hpp"

namespace sandbox {

namespace {
struct Span {
  std::int64_t from, to, whole;
};

void credit(Change& change, Object const& subscription, Object const& item, Span span) {
  auto line = line_of_item(subscription, item, span.from, span.to);
  line.amount = -prorated(line.amount, span.to - span.from, span.whole);
  line.proration = true;
  line.description = "Unused time on " +
                     (line.quantity == 1 ? "" : std::to_string(line.quantity) + " × ") +
                     text(item, "_product_name") + " after " + day_text(span.from);
  if (line.amount != 0) change.prorations.push_back(std::move(line));
}

void charge(Change& change, Object const& subscription, Object const& item, Span span) {
  auto line = line_of_item(subscription, item, span.from, span.to);
  line.amount = prorated(line.amount, span.to - span.from, span.whole);
  line.proration = true;
  line.description = "Remaining time on " +
                     (line.quantity == 1 ? "" : std::to_string(line.quantity) + " × ") +
                     text(item, "_product_name") + " after " + day_text(span.from);
  if (line.amount != 0) change.prorations.push_back(std::move(line));
}

std::string interval_of(Object const& item) {
  return text(item, "price.recurring.interval") +
         std::to_string(number(item, "price.recurring.interval_count", 1));
}
}  // namespace

Change change_items(Store& store, Object const& subscription, Array const& given, bool prorate,
                    bool anchor_now, std::int64_t moment) {
  Change change{.subscription = subscription, .starts_new_period = anchor_now};
  auto const start = period_start_of(subscription), end = period_end_of(subscription);
  auto& list = change.subscription["items"].as_object()["data"].as_array();
  auto const interval_before = interval_of(list[0].as_object());
  Array const before = list;

  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const shown = "items[" + std::to_string(i) + "]";
    auto const& entry = given[i].as_object();
    auto const id = text(entry, "id");
    if (id.empty()) {
      auto const price = price_of_line(store, entry, shown);
      for (auto const& item : list)
        if (text(item.as_object(), "price.id") == text(price, "id"))
          throw invalid(
              "Cannot add multiple subscription items with the same plan: " + text(price, "id"),
              shown + "[price]");
      auto item = new_subscription_item(store, text(subscription, "id"), price,
                                        number(entry, "quantity", 1));
      merge_metadata(item, entry);
      list.emplace_back(std::move(item));
      continue;
    }
    auto const found = std::find_if(list.begin(), list.end(), [&](Value const& item) {
      return text(item.as_object(), "id") == id;
    });
    if (found == list.end()) throw no_such("subscription_item", id, shown + "[id]");
    if (truth(entry, "deleted")) {
      list.erase(found);
      continue;
    }
    auto& item = found->as_object();
    if (has(entry, "price") || has(entry, "price_data")) {
      auto const price = price_of_line(store, entry, shown);
      auto const fresh = new_subscription_item(store, text(subscription, "id"), price, 1);
      for (auto const name : {"price", "plan", "_product_name"}) item[name] = fresh.at(name);
    }
    if (has(entry, "quantity")) item["quantity"] = number(entry, "quantity");
    merge_metadata(item, entry);
  }
  if (list.empty()) throw invalid("A subscription must have at least one active item.", "items");
  for (auto const& item : list) {
    if (interval_of(item.as_object()) != interval_of(list[0].as_object()))
      throw invalid(
          "Currently, all prices on a subscription must have the same `recurring.interval` and "
          "`recurring.interval_count`.",
          "items");
    if (text(item.as_object(), "price.currency") != text(subscription, "currency"))
      throw invalid("The price's currency does not match the subscription's currency.", "items");
  }
  change.subscription["items"].as_object()["total_count"] = std::int64_t(list.size());
  if (interval_of(list[0].as_object()) != interval_before) change.starts_new_period = true;

  if (prorate && end > moment) {
    Span const rest{moment, end, end - start};
    for (auto const& entry : before) {
      auto const& old = entry.as_object();
      Object const* now = nullptr;
      for (auto const& item : list)
        if (text(item.as_object(), "id") == text(old, "id")) now = &item.as_object();
      bool const same = now && text(*now, "price.id") == text(old, "price.id") &&
                        number(*now, "quantity") == number(old, "quantity");
      if (same && !change.starts_new_period) continue;
      credit(change, subscription, old, rest);
      if (now && !change.starts_new_period) charge(change, subscription, *now, rest);
    }
    if (!change.starts_new_period)
      for (auto const& item : list) {
        bool const is_new = std::none_of(before.begin(), before.end(), [&](Value const& old) {
          return text(old.as_object(), "id") == text(item.as_object(), "id");
        });
        if (is_new) charge(change, subscription, item.as_object(), rest);
      }
  }
  if (change.starts_new_period) {
    auto const& first = list[0].as_object();
    auto const unit = text(first, "price.recurring.interval");
    change.subscription["billing_cycle_anchor"] = moment;
    set_period(
        change.subscription, moment,
        end_of_period(moment, {unit, number(first, "price.recurring.interval_count", 1)}, moment));
  } else {
    set_period(change.subscription, start, end);
  }
  return change;
}

Object preview_invoice(Store& store, Object const& parameters) {
  auto const subscription_id = text(parameters, "subscription");
  auto const& details = part(parameters, "subscription_details");
  std::optional<Object> subscription;
  if (!subscription_id.empty())
    subscription = store.load("subscription", subscription_id, "subscription");
  auto const customer_id =
      subscription ? text(*subscription, "customer") : text(parameters, "customer");
  if (customer_id.empty()) throw missing_parameter("customer");
  auto const customer = store.load("customer", customer_id, "customer");
  if (!subscription) {
    auto const& given = items(details, "items");
    if (given.empty())
      throw invalid("No upcoming invoices for customer: " + customer_id, {},
                    "invoice_upcoming_none");
    auto const price = price_of_line(store, given[0].as_object(), "subscription_details[items][0]");
    auto invoice = new_invoice(
        store,
        {.customer = customer, .currency = text(price, "currency"), .billing_reason = "upcoming"});
    for (std::size_t i = 0; i < given.size(); ++i) {
      auto const own = price_of_line(store, given[i].as_object(),
                                     "subscription_details[items][" + std::to_string(i) + "]");
      auto const item =
          new_subscription_item(store, {}, own, number(given[i].as_object(), "quantity", 1));
      auto const unit = text(own, "recurring.interval");
      auto const end =
          end_of_period(store.now, {unit, number(own, "recurring.interval_count", 1)}, store.now);
      append_line(invoice, line_of_item({{"id", ""}}, item, store.now, end));
    }
    add_up(store, invoice);
    invoice.erase("id");
    return without_private(invoice);
  }
  bool const over = has(*subscription, "ended_at") ||
                    truth(*subscription, "cancel_at_period_end") ||
                    truth(details, "cancel_at_period_end");
  auto const& given = items(details, "items");
  if (over && given.empty())
    throw invalid("No upcoming invoices for customer: " + customer_id, {}, "invoice_upcoming_none");

  auto behaviour = text(details, "proration_behavior");
  auto const moment = number(details, "proration_date", store.now);
  bool const trial = text(*subscription, "status") == "trialing";
  auto const change =
      change_items(store, *subscription, given, behaviour != "none" && !trial && !given.empty(),
                   text(details, "billing_cycle_anchor") == "now", moment);
  auto const& after = change.subscription;
  bool const at_once = behaviour == "always_invoice" || change.starts_new_period;
  auto const start = at_once ? period_start_of(after) : period_end_of(after);
  auto invoice = new_invoice(store, {.customer = customer,
                                     .currency = text(after, "currency"),
                                     .billing_reason = at_once ? "subscription_update" : "upcoming",
                                     .subscription = &after,
                                     .period_start = period_start_of(after),
                                     .period_end = start});
  show_waiting_items(store, invoice, subscription_id);
  for (auto const& line : change.prorations) append_line(invoice, line);
  if (!at_once || change.starts_new_period) {
    auto const& first = items(after, "items.data")[0].as_object();
    auto const unit = text(first, "price.recurring.interval");
    auto const anchor = trial ? start : number(after, "billing_cycle_anchor");
    auto const end =
        end_of_period(anchor, {unit, number(first, "price.recurring.interval_count", 1)}, start);
    for (auto const& item : items(after, "items.data"))
      append_line(invoice, line_of_item(after, item.as_object(), start, end));
  }
  add_up(store, invoice);
  auto const balance = number(customer, "balance");
  invoice["starting_balance"] = balance;
  invoice["amount_due"] = std::max<std::int64_t>(0, number(invoice, "total") + balance);
  invoice["amount_remaining"] = invoice["amount_due"];
  invoice["ending_balance"] = number(invoice, "total") + balance - number(invoice, "amount_due");
  invoice["next_payment_attempt"] = start + 3'600;
  invoice["id"] = "upcoming_in_" + text(invoice, "id").substr(3);
  return without_private(invoice);
}

}  // namespace sandbox
