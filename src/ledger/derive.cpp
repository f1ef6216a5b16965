// Fractions all the way, rounded once per item.
#include "ledger/derive.hpp"

#include <set>

#include "platform/money/money.hpp"

namespace ledger {

namespace {
using money::Wide;
using stripe::Object;

/// As all of Stripe's currencies are written.
std::string lower_case(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return text;
}

/// A number that is not negative, in lowest terms.
struct Fraction {
  Wide numerator = 0, denominator = 1;

  void reduce() {
    Wide left = numerator, right = denominator;
    while (right != 0) left = std::exchange(right, left % right);
    if (left > 1) numerator /= left, denominator /= left;
  }
};

Fraction operator*(Fraction left, Fraction right) {
  // Across first: what cancels cannot overflow.
  std::swap(left.numerator, right.numerator);
  left.reduce();
  right.reduce();
  return {money::multiply(left.numerator, right.numerator),
          money::multiply(left.denominator, right.denominator)};
}

Fraction operator/(Fraction left, Fraction right) {
  return left * Fraction{right.denominator, right.numerator};
}

Wide sum(Wide left, Wide right) {
  Wide out;
  if (__builtin_add_overflow(left, right, &out))
    throw std::overflow_error{"an amount is too large"};
  return out;
}

Fraction operator+(Fraction const& left, Fraction const& right) {
  Fraction out{sum(money::multiply(left.numerator, right.denominator),
                   money::multiply(right.numerator, left.denominator)),
               money::multiply(left.denominator, right.denominator)};
  out.reduce();
  return out;
}

/// Never below zero.
Fraction operator-(Fraction const& left, Fraction const& right) {
  Fraction out{money::multiply(left.numerator, right.denominator) -
                   money::multiply(right.numerator, left.denominator),
               money::multiply(left.denominator, right.denominator)};
  if (out.numerator <= 0) return {};
  out.reduce();
  return out;
}

/// Stripe's decimal strings: up to twelve digits after the point.
Fraction decimal(std::string_view text) {
  constexpr std::size_t most_places = 12;
  Fraction out;
  auto const point = std::min(text.find('.'), text.size());
  auto const fraction = text.substr(std::min(point + 1, text.size())).substr(0, most_places);
  for (auto const part : {text.substr(0, point), fraction})
    for (char const c : part) {
      if (c < '0' || c > '9') return {};
      out.numerator = sum(money::multiply(out.numerator, 10), c - '0');
    }
  for (std::size_t i = 0; i < fraction.size(); ++i) out.denominator *= 10;
  out.reduce();
  return out;
}

/// 12 % as 12/100. What stands in JSON as a number is read as the decimal that was written.
Fraction percent(std::string_view text) { return decimal(text) * Fraction{1, 100}; }

Fraction months_of(std::string_view interval) {
  if (interval == "day") return {365, 12};
  if (interval == "week") return {52, 12};
  if (interval == "year") return {1, 12};
  return {1, 1};
}

/// What stands in an item's price; `in_plan` is its name in the plan, which older events have.
std::string priced(Object const& item, std::string_view in_price, std::string_view in_plan) {
  auto const* price = stripe::find(item, "price");
  return price && price->is_object() ? "price." + std::string{in_price}
                                     : "plan." + std::string{in_plan};
}

Fraction price_of(Object const& item) {
  auto const whole = priced(item, "unit_amount", "amount");
  if (auto const* known = stripe::find(item, whole); known && known->is_number())
    return {std::max<std::int64_t>(stripe::integer(item, whole), 0), 1};
  // A part of a minor unit stands in the decimal text only.
  return decimal(stripe::text(item, priced(item, "unit_amount_decimal", "amount_decimal")));
}

std::int64_t quantity_of(Object const& item) {
  auto const* given = stripe::find(item, "quantity");
  std::int64_t quantity = given && given->is_number() ? stripe::integer(item, "quantity") : 1;
  quantity = std::max<std::int64_t>(quantity, 0);
  // Sold in packages.
  if (auto const size = stripe::integer(
          item, priced(item, "transform_quantity.divide_by", "transform_usage.divide_by"));
      size > 1) {
    bool const up = stripe::text(item, priced(item, "transform_quantity.round",
                                              "transform_usage.round")) == "up";
    quantity = quantity / size + (up && quantity % size > 0);
  }
  return quantity;
}

/// The percentages that an inclusive price holds, as one.
Fraction tax_within(Object const& item, Object const& subscription) {
  Fraction out;
  if (stripe::text(item, "price.tax_behavior") == "exclusive") return out;
  auto const* rates = stripe::find(item, "tax_rates");
  if (!rates || !rates->is_array() || rates->get_array().empty())
    rates = stripe::find(subscription, "default_tax_rates");
  if (!rates || !rates->is_array()) return out;
  for (auto const& rate : rates->get_array()) {
    auto const* known = rate.if_object();
    if (!known || !stripe::boolean(*known, "inclusive")) continue;
    if (auto const text = decimal_of(stripe::find(*known, "percentage")))
      out = out + percent(*text);
  }
  return out;
}

bool counts(Terms const& terms, Policy policy, Time at) {
  if ((terms.starts && at < *terms.starts) || (terms.ends && at >= *terms.ends)) return false;
  auto const duration = terms.duration.value_or("");
  if (policy == Policy::forever) return duration == "forever";
  return policy == Policy::all || duration == "forever" || duration == "repeating";
}

struct Item {
  Object const* object;
  Fraction amount;  // of one interval, less discounts
};

/// Takes a discount off items; an amount in proportion to what is left of each.
void take_off(std::span<Item> items, Terms const& terms, std::string_view currency) {
  if (terms.percent_off) {
    auto const rest = Fraction{1, 1} - percent(*terms.percent_off);
    for (auto& item : items) item.amount = item.amount * rest;
  } else if (terms.amount_off && lower_case(terms.currency.value_or("")) == currency) {
    Fraction total;
    for (auto const& item : items) total = total + item.amount;
    if (total.numerator == 0) return;
    auto const rest = (total - Fraction{*terms.amount_off, 1}) / total;
    for (auto& item : items) item.amount = item.amount * rest;
  }
}

/// Discounts that a subscription or an item names, as far as their terms are known.
std::vector<Terms const*> named(Object const& object, TermsById const& terms) {
  std::vector<Terms const*> out;
  for (auto const& id : discount_ids(object))
    if (auto const known = terms.find(id); known != terms.end()) out.push_back(&known->second);
  return out;
}

std::vector<Terms const*> discounts_of_customer(TermsById const& terms) {
  std::vector<Terms const*> out;
  for (auto const& [_, known] : terms)
    if (known.is_of_customer()) out.push_back(&known);
  return out;
}

/// Those of the subscription; the customer's where it has none of its own. A customer has one at a
/// time: another one that begins is in its place, and stays there when it has ended.
std::vector<Terms const*> discounts_of(Object const& subscription, TermsById const& terms,
                                       Time at) {
  if (!discount_ids(subscription).empty()) return named(subscription, terms);
  Terms const* newest = nullptr;
  for (auto const* known : discounts_of_customer(terms)) {
    if (known->starts && *known->starts > at) continue;
    if (!newest || known->starts >= newest->starts) newest = known;
  }
  if (!newest) return {};
  return {newest};
}

boost::json::array const* items_of(Object const& subscription) {
  auto const* items = stripe::find(subscription, "items.data");
  return items ? items->if_array() : nullptr;
}

bool is_counted(Object const& subscription) {
  auto const status = stripe::text(subscription, "status");
  auto const* paused = stripe::find(subscription, "pause_collection");
  return (status == "active" || status == "past_due") && !(paused && paused->is_object());
}

struct Place {
  std::string item_id, price_id, currency;
  Policy policy;
  auto operator<=>(Place const&) const = default;
};
using Levels = std::map<Place, std::int64_t>;

void add_levels(Levels& out, Object const& subscription, TermsById const& terms, Policy policy,
                Time at) {
  auto const* all = items_of(subscription);
  if (!all || !is_counted(subscription)) return;
  auto const currency = currency_of(subscription);
  if (money::currency(currency)) return;  // without one its numbers are no money
  std::vector<Item> items;
  for (auto const& entry : *all) {
    auto const& object = entry.as_object();
    // What is metered is known when it was used, not before.
    if (stripe::text(object, priced(object, "recurring.usage_type", "usage_type")) == "metered")
      continue;
    items.push_back({&object, price_of(object) * Fraction{quantity_of(object), 1}});
    for (auto const* discount : named(object, terms))
      if (counts(*discount, policy, at)) take_off({&items.back(), 1}, *discount, currency);
  }
  for (auto const* discount : discounts_of(subscription, terms, at))
    if (counts(*discount, policy, at)) take_off(items, *discount, currency);
  for (auto const& [object, amount] : items) {
    auto const interval_count = std::max<std::int64_t>(
        stripe::integer(*object, priced(*object, "recurring.interval_count", "interval_count")), 1);
    auto const net = amount / (Fraction{1, 1} + tax_within(*object, subscription));
    auto const month =
        net * months_of(stripe::text(*object, priced(*object, "recurring.interval", "interval"))) *
        Fraction{1, interval_count};
    auto const rounded =
        money::divide(month.numerator, month.denominator, money::Rounding::half_up);
    if (rounded != 0)
      out[{stripe::text(*object, "id"), stripe::text(*object, priced(*object, "id", "id")),
           currency, policy}] += rounded;
  }
}

/// When discounts begin and end by themselves while this state lasts.
std::set<Time> turns_of(Object const& subscription, TermsById const& terms) {
  std::set<Time> out;
  auto const add = [&](std::vector<Terms const*> const& discounts) {
    for (auto const* discount : discounts)
      for (auto const& turn : {discount->starts, discount->ends})
        if (turn) out.insert(*turn);
  };
  add(discount_ids(subscription).empty() ? discounts_of_customer(terms)
                                         : named(subscription, terms));
  if (auto const* items = items_of(subscription))
    for (auto const& item : *items) add(named(item.as_object(), terms));
  return out;
}
}  // namespace

std::string currency_of(Object const& subscription) {
  return lower_case(stripe::text(subscription, "currency"));
}

std::int64_t mrr_of(Object const& subscription, TermsById const& terms, Policy policy, Time at) {
  Levels levels;
  add_levels(levels, subscription, terms, policy, at);
  std::int64_t total = 0;
  for (auto const& [_, amount] : levels) total = money::add(total, amount);
  return total;
}

std::vector<Step> steps_of(std::vector<Snapshot> const& snapshots, TermsById const& terms) {
  auto const states = in_order(snapshots);
  std::vector<Step> out;
  Levels stands;
  for (std::size_t i = 0; i < states.size(); ++i) {
    auto const& [begins, snapshot] = states[i];
    std::vector<Time> instants{begins};
    for (auto const& turn : turns_of(snapshot->state, terms))
      if (turn > begins && (i + 1 == states.size() || turn < states[i + 1].at))
        instants.push_back(turn);
    for (auto const& at : instants) {
      Levels next;
      for (auto const policy : policies) add_levels(next, snapshot->state, terms, policy, at);
      auto const step = [&, at = at, from = snapshot](Place const& place, std::int64_t delta) {
        if (delta != 0)
          out.push_back({at, place.item_id, place.price_id, place.currency, place.policy, delta,
                         from->event_id});
      };
      for (auto const& [place, amount] : stands)
        if (!next.contains(place)) step(place, -amount);
      for (auto const& [place, amount] : next) {
        auto const known = stands.find(place);
        step(place, known == stands.end() ? amount : money::subtract(amount, known->second));
      }
      stands = std::move(next);
    }
  }
  return out;
}

}  // namespace ledger
