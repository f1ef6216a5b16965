// Prorations count seconds: what is left of the period, of what the whole period costs under its
// discounts.
#include "sandbox/subscription_changes.hpp"

#include "sandbox/calendar.hpp"
#include "sandbox/discounts.hpp"
#include "sandbox/parameters.hpp"
#include "sandbox/prices.hpp"

namespace sandbox {

namespace {
struct Span {
  std::int64_t from, to, whole;
  std::int64_t part_of(std::int64_t amount) const { return prorated(amount, to - from, whole); }
};

/// What the items cost for whole periods under the discounts that run at the moment, as an invoice
/// of then would say.
struct Costs {
  Costs(Store& store, Object const& subscription, std::int64_t moment) {
    Object invoice{{"id", nullptr},
                   {"created", moment},
                   {"currency", subscription.at("currency")},
                   {"discounts", discounts_of(store, subscription)},
                   {"lines", Object{{"data", Array{}}}}};
    for (auto const& item : items(subscription, "items.data"))
      append_line(invoice, line_of_item(subscription, item.as_object(), moment, moment));
    discount_lines(store, invoice);
    discount_invoice(store, invoice);
    lines = items(invoice, "lines.data");
  }

  Object const& line_of(Object const& item) const {
    for (auto const& line : lines)
      if (text(line.as_object(), "parent.subscription_item_details.subscription_item") ==
          text(item, "id"))
        return line.as_object();
    throw std::logic_error{"an item has no line"};
  }

  Array lines;
};

Array discounts_named_in(Object const& line) {
  Array ids;
  for (auto const& cut : items(line, "discount_amounts"))
    ids.push_back(cut.as_object().at("discount"));
  return ids;
}

Line proration(std::string_view words, Object const& subscription, Object const& item, Span span,
               std::int64_t amount, Object const& cost) {
  auto line = line_of_item(subscription, item, span.from, span.to);
  line.amount = amount;
  line.proration = true;
  line.discounts = discounts_named_in(cost);
  line.description = std::string{words} +
                     (line.quantity == 1 ? "" : std::to_string(line.quantity) + " × ") +
                     text(item, "_product_name") + " after " + day_text(span.from);
  return line;
}

/// In flexible mode what was debited is credited; the classic one takes what it would cost now.
Line credit(Object const& subscription, Object const& item, Span span, Costs const& costs) {
  auto const& cost = costs.line_of(item);
  bool const flexible = text(subscription, "billing_mode.type") == "flexible";
  auto const whole = flexible ? number(item, "_debited", net_of(cost)) : net_of(cost);
  return proration("Unused time on ", subscription, item, span, -span.part_of(whole), cost);
}

/// Remembers in the item what was debited for it.
Line charge(Object const& subscription, Object& item, Span span, Costs const& costs) {
  auto const& cost = costs.line_of(item);
  item["_debited"] = net_of(cost);
  return proration("Remaining time on ", subscription, item, span, span.part_of(net_of(cost)),
                   cost);
}

std::string interval_of(Object const& item) {
  return text(item, "price.recurring.interval") +
         std::to_string(number(item, "price.recurring.interval_count", 1));
}

void add_item(Store& store, Object const& subscription, Array& list, Object const& entry,
              std::string const& shown) {
  auto const price = price_of_line(store, entry, shown);
  for (auto const& item : list)
    if (text(item.as_object(), "price.id") == text(price, "id"))
      throw invalid(
          "Cannot add multiple subscription items with the same plan: " + text(price, "id"),
          shown + "[price]");
  auto item = new_subscription_item(store, subscription, price, number(entry, "quantity", 1));
  take_item_settings(store, subscription, item, entry, shown);
  list.emplace_back(std::move(item));
}

void change_item(Store& store, Object const& subscription, Object& item, Object const& entry,
                 std::string const& shown) {
  if (has(entry, "price") || has(entry, "price_data")) {
    auto const price = price_of_line(store, entry, shown);
    auto const fresh = new_subscription_item(store, subscription, price, 1);
    for (auto const name : {"price", "plan", "_product_name"}) item[name] = fresh.at(name);
  }
  if (has(entry, "quantity")) item["quantity"] = number(entry, "quantity");
  take_item_settings(store, subscription, item, entry, shown);
}

void check_items(Object const& subscription, Array const& list) {
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
}

void edit_items(Store& store, Object& subscription, Array const& given) {
  auto& list = subscription["items"].as_object()["data"].as_array();
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const shown = "items[" + std::to_string(i) + "]";
    auto const& entry = given[i].as_object();
    auto const id = text(entry, "id");
    if (id.empty()) {
      add_item(store, subscription, list, entry, shown);
      continue;
    }
    auto const found = std::find_if(list.begin(), list.end(), [&](Value const& item) {
      return text(item.as_object(), "id") == id;
    });
    if (found == list.end()) throw no_such("subscription_item", id, shown + "[id]");
    if (truth(entry, "deleted"))
      list.erase(found);
    else
      change_item(store, subscription, found->as_object(), entry, shown);
  }
  check_items(subscription, list);
  subscription["items"].as_object()["total_count"] = std::int64_t(list.size());
}

Object* item_like(Object& subscription, Object const& other) {
  for (auto& item : subscription["items"].as_object()["data"].as_array())
    if (text(item.as_object(), "id") == text(other, "id")) return &item.as_object();
  return nullptr;
}

bool has_item(Object const& subscription, Object const& other) {
  auto const& list = items(subscription, "items.data");
  return std::any_of(list.begin(), list.end(), [&](Value const& item) {
    return text(item.as_object(), "id") == text(other, "id");
  });
}

void prorate_change(Store& store, Object const& before, Change& change, Span rest) {
  Costs const old_costs{store, before, rest.from}, new_costs{store, change.subscription, rest.from};
  auto const add = [&](Line line) {
    if (line.amount != 0) change.prorations.push_back(std::move(line));
  };
  for (auto const& entry : items(before, "items.data")) {
    auto const& old = entry.as_object();
    auto* now = item_like(change.subscription, old);
    bool const same = now && text(*now, "price.id") == text(old, "price.id") &&
                      number(*now, "quantity") == number(old, "quantity");
    if (same && !change.starts_new_period) continue;
    add(credit(before, old, rest, old_costs));
    if (now && !change.starts_new_period) add(charge(change.subscription, *now, rest, new_costs));
  }
  if (change.starts_new_period) return;
  for (auto& item : change.subscription["items"].as_object()["data"].as_array())
    if (!has_item(before, item.as_object()))
      add(charge(change.subscription, item.as_object(), rest, new_costs));
}
}  // namespace

Change change_items(Store& store, Object const& subscription, Array const& given, bool prorate,
                    bool anchor_now, std::int64_t moment) {
  Change change{.subscription = subscription, .starts_new_period = anchor_now};
  auto const start = period_start_of(subscription), end = period_end_of(subscription);
  edit_items(store, change.subscription, given);
  if (interval_of(first_item(change.subscription)) != interval_of(first_item(subscription)))
    change.starts_new_period = true;
  if (prorate && end > moment)
    prorate_change(store, subscription, change, {moment, end, end - start});
  if (change.starts_new_period) {
    change.subscription["billing_cycle_anchor"] = moment;
    set_period(change.subscription, moment, end_of_period_at(change.subscription, moment, moment));
  } else {
    set_period(change.subscription, start, end);
  }
  return change;
}

std::vector<Line> credits_for_rest(Store& store, Object const& subscription) {
  auto const start = period_start_of(subscription), end = period_end_of(subscription);
  std::vector<Line> lines;
  if (end <= store.now) return lines;
  Costs const costs{store, subscription, store.now};
  for (auto const& item : items(subscription, "items.data")) {
    auto line = credit(subscription, item.as_object(), {store.now, end, end - start}, costs);
    if (line.amount != 0) lines.push_back(std::move(line));
  }
  return lines;
}

namespace {
/// Of a subscription that does not exist yet.
Object preview_of_new(Store& store, Object const& customer, Object const& details) {
  auto const& given = items(details, "items");
  if (given.empty())
    throw invalid("No upcoming invoices for customer: " + text(customer, "id"), {},
                  "invoice_upcoming_none");
  Object subscription{{"id", ""}, {"items", Object{{"data", Array{}}}}};
  auto& list = subscription["items"].as_object()["data"].as_array();
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const shown = "subscription_details[items][" + std::to_string(i) + "]";
    auto const& entry = given[i].as_object();
    auto const price = price_of_line(store, entry, shown);
    list.emplace_back(
        new_subscription_item(store, subscription, price, number(entry, "quantity", 1)));
  }
  auto invoice = new_invoice(store, {.customer = customer,
                                     .currency = text(first_item(subscription), "price.currency"),
                                     .billing_reason = "upcoming"});
  for (auto const& item : list)
    append_line(invoice, line_of_item(subscription, item.as_object(), store.now,
                                      end_of_period_at(subscription, store.now, store.now)));
  add_up(store, invoice);
  invoice.erase("id");
  return without_private(invoice);
}

/// As the customer's balance leaves it.
void set_due(Object& invoice, Object const& customer, std::int64_t next_attempt) {
  auto const balance = number(customer, "balance"), total = number(invoice, "total");
  auto const due = std::max<std::int64_t>(0, total + balance);
  invoice["starting_balance"] = balance;
  invoice["amount_due"] = due;
  invoice["amount_remaining"] = due;
  invoice["ending_balance"] = total + balance - due;
  invoice["next_payment_attempt"] = next_attempt;
  invoice["id"] = "upcoming_in_" + text(invoice, "id").substr(3);
}
}  // namespace

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
  if (!subscription) return preview_of_new(store, customer, details);
  bool const over = has(*subscription, "ended_at") ||
                    truth(*subscription, "cancel_at_period_end") ||
                    truth(details, "cancel_at_period_end");
  auto const& given = items(details, "items");
  if (over && given.empty())
    throw invalid("No upcoming invoices for customer: " + customer_id, {}, "invoice_upcoming_none");

  auto const behaviour = text(details, "proration_behavior");
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
  // Discounts are those of the day it will be made on.
  if (!at_once) invoice["created"] = start;
  show_waiting_items(store, invoice, subscription_id);
  for (auto const& line : change.prorations) append_line(invoice, line);
  if (!at_once || change.starts_new_period) {
    auto const anchor = trial ? start : number(after, "billing_cycle_anchor");
    for (auto const& item : items(after, "items.data"))
      append_line(invoice, line_of_item(after, item.as_object(), start,
                                        end_of_period_at(after, anchor, start)));
  }
  if (parameters.contains("discounts"))
    invoice["discounts"] =
        preview_discounts(store, items(parameters, "discounts"), text(after, "currency"));
  add_up(store, invoice);
  for (auto& discount : invoice["discounts"].as_array())
    if (discount.is_object()) discount = Value(text(discount.as_object(), "id"));
  set_due(invoice, customer, start + 3'600);
  return without_private(invoice);
}

}  // namespace sandbox
