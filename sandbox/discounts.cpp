// A discount keeps its coupon's terms: the coupon may be deleted, and what it gave goes on.
#include "sandbox/discounts.hpp"

#include <cmath>

#include "platform/money/money.hpp"
#include "sandbox/calendar.hpp"

namespace sandbox {

namespace {
/// Percentages have a few decimal places: counted in millionths, exactly.
constexpr std::int64_t hundred_percent = 100'000'000;

std::int64_t millionths_of_percent(Object const& coupon) {
  auto const* percent = at(coupon, "percent_off");
  if (!percent) return 0;
  if (percent->is_int64()) return percent->get_int64() * 1'000'000;
  return std::llround(percent->get_double() * 1'000'000);
}

bool runs_at(Object const& discount, std::int64_t moment) {
  return !has(discount, "end") || moment < number(discount, "end");
}

/// One discount as the lines of one invoice see it.
struct Reducer {
  Value id;
  Object coupon;
};

std::vector<Reducer> running(Store& store, Array const& ids, std::int64_t moment) {
  std::vector<Reducer> out;
  for (auto const& id : ids) {
    // A preview's are nowhere else.
    auto const discount = id.is_object() ? std::optional{id.as_object()}
                                         : store.find(std::string_view{id.as_string()});
    if (discount && runs_at(*discount, moment))
      out.push_back({discount->at("id"), part(*discount, "_coupon")});
  }
  return out;
}

void take(Object& line, Value const& id, std::int64_t amount) {
  line["discount_amounts"].as_array().push_back(Object{{"amount", amount}, {"discount", id}});
}

/// The sum goes over the lines in proportion: each has got its rounded share of all so far.
void spread(Array& lines, Reducer const& reducer) {
  std::int64_t base = 0;
  for (auto const& line : lines)
    if (truth(line.as_object(), "discountable")) base += net_of(line.as_object());
  auto const whole = reduction(reducer.coupon, base);
  if (base <= 0) return;
  std::int64_t before = 0, taken = 0;
  for (auto& entry : lines) {
    auto& line = entry.as_object();
    if (!truth(line, "discountable")) continue;
    before += net_of(line);
    auto const so_far = prorated(whole, before, base);
    take(line, reducer.id, so_far - taken);
    taken = so_far;
  }
}

void write_totals(Object& invoice) {
  Array totals, credits;
  for (auto const& line : items(invoice, "lines.data"))
    for (auto const& entry : items(line.as_object(), "discount_amounts")) {
      auto const& cut = entry.as_object();
      if (number(cut, "amount") == 0) continue;
      auto const known = std::find_if(totals.begin(), totals.end(), [&](Value const& total) {
        return total.as_object().at("discount") == cut.at("discount");
      });
      if (known == totals.end())
        totals.push_back(cut);
      else
        known->as_object()["amount"] = number(known->as_object(), "amount") + number(cut, "amount");
    }
  for (auto total : totals) {
    total.as_object()["type"] = "discount";
    credits.push_back(std::move(total));
  }
  invoice["total_discount_amounts"] = std::move(totals);
  invoice["total_pretax_credit_amounts"] = std::move(credits);
}

/// Without those that were for one invoice and have reduced this one, and those that are over.
Array discounts_left(Store& store, Array const& discounts, Object const& invoice) {
  auto const& used = items(invoice, "total_discount_amounts");
  auto const has_reduced = [&](Value const& id) {
    return std::any_of(used.begin(), used.end(),
                       [&](Value const& total) { return total.as_object().at("discount") == id; });
  };
  Array left;
  for (auto const& id : discounts) {
    auto const discount = store.find(std::string_view{id.as_string()});
    if (!discount) continue;
    bool const once = text(*discount, "_coupon.duration") == "once";
    if (!(once && has_reduced(id)) && runs_at(*discount, store.now)) left.push_back(id);
  }
  announce_removed(store, discounts, left);
  return left;
}
}  // namespace

Object coupon_of_entry(Store& store, Object const& entry, std::string_view currency,
                       std::string const& shown) {
  std::string coupon_id = text(entry, "coupon");
  auto param = shown + "[coupon]";
  if (auto const code_id = text(entry, "promotion_code"); !code_id.empty()) {
    param = shown + "[promotion_code]";
    auto const code = store.load("promotion_code", code_id, param);
    bool const spent = has(code, "max_redemptions") &&
                       number(code, "times_redeemed") >= number(code, "max_redemptions");
    bool const late = has(code, "expires_at") && number(code, "expires_at") < store.now;
    if (!truth(code, "active") || spent || late)
      throw invalid("This promotion code is not active.", param, "promotion_code_expired");
    coupon_id = text(code, "promotion.coupon");
  }
  auto const coupon = store.load("coupon", coupon_id, param);
  bool const spent = has(coupon, "max_redemptions") &&
                     number(coupon, "times_redeemed") >= number(coupon, "max_redemptions");
  bool const late = has(coupon, "redeem_by") && number(coupon, "redeem_by") < store.now;
  if (spent || late) throw invalid("Coupon expired: " + coupon_id, param, "coupon_expired");
  if (auto const own = text(coupon, "currency"); !own.empty() && own != currency)
    throw invalid("The coupon `" + coupon_id + "` takes off an amount in " + own +
                      " and cannot be used for what is charged in " + std::string{currency} + ".",
                  param);
  return coupon;
}

std::int64_t reduction(Object const& coupon, std::int64_t amount) {
  if (amount <= 0) return 0;
  if (has(coupon, "amount_off")) return std::min(amount, number(coupon, "amount_off"));
  return money::share(amount, millionths_of_percent(coupon), hundred_percent,
                      money::Rounding::half_up);
}

Array make_discounts(Store& store, Array const& given, DiscountOwner const& owner,
                     std::string const& shown) {
  Array ids;
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const& entry = given[i].as_object();
    auto const here = shown + "[" + std::to_string(i) + "]";
    if (auto const kept = text(entry, "discount"); !kept.empty()) {
      ids.push_back(Value(text(store.load("discount", kept, here + "[discount]"), "id")));
      continue;
    }
    auto coupon = coupon_of_entry(store, entry, owner.currency, here);
    std::optional<std::int64_t> end;
    if (text(coupon, "duration") == "repeating")
      end = add_intervals(store.now, {"month", 1}, number(coupon, "duration_in_months"));
    auto const id = new_id("di_1");
    Object const discount{{"id", id},
                          {"object", "discount"},
                          {"checkout_session", text_or_null(owner.session)},
                          {"customer", text_or_null(owner.customer)},
                          {"customer_account", nullptr},
                          {"end", number_or_null(end)},
                          {"invoice", nullptr},
                          {"invoice_item", nullptr},
                          {"promotion_code", text_or_null(text(entry, "promotion_code"))},
                          {"source", Object{{"coupon", text(coupon, "id")}, {"type", "coupon"}}},
                          {"start", store.now},
                          {"subscription", text_or_null(owner.subscription)},
                          {"subscription_item", text_or_null(owner.subscription_item)},
                          {"_coupon", coupon}};
    store.insert(discount);
    if (owner.replaces.empty()) {
      store.emit("customer.discount.created", discount);
    } else {
      Object before;
      for (auto const* member : {"end", "id", "source", "start"})
        before[member] = owner.replaces.at(member);
      store.emit("customer.discount.updated", discount, before);
    }
    coupon["times_redeemed"] = number(coupon, "times_redeemed") + 1;
    store.save(coupon);
    if (auto const used = text(entry, "promotion_code"); !used.empty()) {
      auto code = store.load("promotion_code", used);
      code["times_redeemed"] = number(code, "times_redeemed") + 1;
      store.save(code);
    }
    ids.push_back(Value(id));
  }
  return ids;
}

Array preview_discounts(Store& store, Array const& given, std::string_view currency) {
  Array out;
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const coupon = coupon_of_entry(store, given[i].as_object(), currency,
                                        "discounts[" + std::to_string(i) + "]");
    out.push_back(Object{{"id", new_id("di_1")}, {"_coupon", coupon}});
  }
  return out;
}

void announce_removed(Store& store, Array const& before, Array const& after) {
  for (auto const& id : before)
    if (std::find(after.begin(), after.end(), id) == after.end())
      if (auto const discount = store.find(std::string_view{id.as_string()}))
        store.emit("customer.discount.deleted", *discount);
}

std::int64_t net_of(Object const& line) {
  auto net = number(line, "amount");
  for (auto const& cut : items(line, "discount_amounts")) net -= number(cut.as_object(), "amount");
  return net;
}

void discount_lines(Store& store, Object& invoice) {
  auto const moment = number(invoice, "created");
  auto& lines = invoice["lines"].as_object()["data"].as_array();
  for (auto& entry : lines) {
    auto& line = entry.as_object();
    line["discount_amounts"] = Array{};
    bool const own = truth(line, "discountable");
    // A proration has taken what its discounts take already: it only names them.
    for (auto const& reducer : running(store, items(line, "discounts"), moment))
      take(line, reducer.id, own ? reduction(reducer.coupon, net_of(line)) : 0);
  }
}

void discount_invoice(Store& store, Object& invoice) {
  auto& lines = invoice["lines"].as_object()["data"].as_array();
  for (auto const& reducer :
       running(store, items(invoice, "discounts"), number(invoice, "created")))
    spread(lines, reducer);
  for (auto& entry : lines) {
    auto& line = entry.as_object();
    Array credits;
    for (auto cut : items(line, "discount_amounts")) {
      if (number(cut.as_object(), "amount") == 0) continue;
      cut.as_object()["type"] = "discount";
      credits.push_back(std::move(cut));
    }
    line["pretax_credit_amounts"] = std::move(credits);
  }
  write_totals(invoice);
}

Array discounts_of(Store& store, Object const& subscription) {
  if (auto const& own = items(subscription, "discounts"); !own.empty()) return own;
  auto const customer = store.find(text(subscription, "customer"));
  if (!customer || !has(*customer, "discount")) return {};
  return {Value(text(*customer, "discount.id"))};
}

void drop_used_discounts(Store& store, Object& subscription, Object const& invoice) {
  subscription["discounts"] = discounts_left(store, items(subscription, "discounts"), invoice);
  for (auto& item : subscription["items"].as_object()["data"].as_array())
    item.as_object()["discounts"] =
        discounts_left(store, items(item.as_object(), "discounts"), invoice);
  auto customer = store.find(text(subscription, "customer"));
  if (!customer || !has(*customer, "discount")) return;
  if (!discounts_left(store, {Value(text(*customer, "discount.id"))}, invoice).empty()) return;
  customer->insert_or_assign("discount", nullptr);
  store.save_and_emit(*customer, "customer.updated");
}

}  // namespace sandbox
