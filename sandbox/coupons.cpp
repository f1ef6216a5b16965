// A coupon says how much and how long; a discount is its use by one customer or subscription.
#include "sandbox/coupons.hpp"

#include <cmath>

#include "sandbox/api.hpp"
#include "sandbox/calendar.hpp"

namespace sandbox {

namespace {
double percent_of(Object const& coupon) {
  auto const* percent = at(coupon, "percent_off");
  if (!percent) return 0;
  return percent->is_double() ? percent->get_double() : double(percent->get_int64());
}

Object create_coupon(Call& call) {
  auto& store = call.store;
  bool const has_percent = has(call.parameters, "percent_off"),
             has_amount = has(call.parameters, "amount_off");
  if (has_percent == has_amount)
    throw invalid("You must pass exactly one of percent_off or amount_off.");
  if (has_amount && call.given("currency").empty()) throw missing_parameter("currency");
  auto const duration = has(call.parameters, "duration") ? call.given("duration") : "once";
  if (duration == "repeating" && !has(call.parameters, "duration_in_months"))
    throw missing_parameter("duration_in_months");
  auto id = call.given("id");
  if (!id.empty() && store.find(id))
    throw invalid("Coupon already exists.", "id", "resource_already_exists");
  if (id.empty()) id = new_id("", 8);
  Object coupon{{"id", id},
                {"object", "coupon"},
                {"amount_off", nullptr},
                {"created", store.now},
                {"currency", nullptr},
                {"duration", duration},
                {"duration_in_months", nullptr},
                {"livemode", false},
                {"max_redemptions", nullptr},
                {"metadata", Object{}},
                {"name", nullptr},
                {"percent_off", nullptr},
                {"redeem_by", nullptr},
                {"times_redeemed", 0},
                {"valid", true}};
  apply(coupon, call.parameters,
        {"amount_off", "currency", "duration_in_months", "max_redemptions", "name", "percent_off",
         "redeem_by"});
  if (auto const percent = percent_of(coupon); has_percent && (percent <= 0 || percent > 100))
    throw invalid("Invalid percent_off: must be greater than 0 and at most 100.", "percent_off");
  merge_metadata(coupon, call.parameters);
  store.insert(coupon);
  store.emit("coupon.created", coupon);
  return coupon;
}

Object retrieve_coupon(Call& call) { return call.store.load("coupon", call.id()); }

Object update_coupon(Call& call) {
  auto coupon = call.store.load("coupon", call.id());
  apply(coupon, call.parameters, {"name"});
  merge_metadata(coupon, call.parameters);
  call.store.save_and_emit(coupon, "coupon.updated");
  return coupon;
}

Object delete_coupon(Call& call) {
  auto const coupon = call.store.load("coupon", call.id());
  call.store.remove(call.id());
  call.store.emit("coupon.deleted", coupon);
  return {{"id", call.id()}, {"object", "coupon"}, {"deleted", true}};
}

Object list_coupons(Call& call) { return answer_list(call, "coupon", {}); }

Object create_code(Call& call) {
  auto& store = call.store;
  // "coupon" beside "promotion" is how older versions (and the official CLI's fixtures) say it.
  auto coupon_id = call.given("promotion.coupon");
  if (coupon_id.empty()) coupon_id = call.given("coupon");
  if (coupon_id.empty()) throw missing_parameter("promotion[coupon]");
  store.load("coupon", coupon_id, "promotion[coupon]");
  auto code = call.given("code");
  if (code.empty()) code = new_id("", 8);
  if (store.newest("promotion_code", {{"code", code}, {"active", true}}))
    throw invalid("An active promotion code with `code: " + code + "` already exists.", "code",
                  "resource_already_exists");
  Object promotion{{"id", new_id("promo_1")},
                   {"object", "promotion_code"},
                   {"active", true},
                   {"code", code},
                   {"created", store.now},
                   {"customer", nullptr},
                   {"customer_account", nullptr},
                   {"expires_at", nullptr},
                   {"livemode", false},
                   {"max_redemptions", nullptr},
                   {"metadata", Object{}},
                   {"promotion", Object{{"coupon", coupon_id}, {"type", "coupon"}}},
                   {"restrictions", Object{{"first_time_transaction", false},
                                           {"minimum_amount", nullptr},
                                           {"minimum_amount_currency", nullptr}}},
                   {"times_redeemed", 0}};
  apply(promotion, call.parameters, {"active", "customer", "expires_at", "max_redemptions"});
  merge_metadata(promotion, call.parameters);
  store.insert(promotion);
  store.emit("promotion_code.created", promotion);
  return promotion;
}

Object retrieve_code(Call& call) { return call.store.load("promotion_code", call.id()); }

Object update_code(Call& call) {
  auto promotion = call.store.load("promotion_code", call.id());
  apply(promotion, call.parameters, {"active"});
  merge_metadata(promotion, call.parameters);
  call.store.save_and_emit(promotion, "promotion_code.updated");
  return promotion;
}

Object list_codes(Call& call) {
  Object filter;
  for (auto const name : {"active", "code", "coupon", "customer"})
    if (auto const* value = call.parameters.if_contains(name)) filter[name] = *value;
  return answer_list(call, "promotion_code", filter);
}
}  // namespace

Object coupon_of_entry(Store& store, Object const& entry) {
  std::string coupon_id = text(entry, "coupon");
  if (auto const code_id = text(entry, "promotion_code"); !code_id.empty()) {
    auto const code = store.load("promotion_code", code_id, "discounts[0][promotion_code]");
    if (!truth(code, "active"))
      throw invalid("This promotion code is not active.", "discounts[0][promotion_code]",
                    "promotion_code_expired");
    coupon_id = text(code, "promotion.coupon");
  }
  auto const coupon = store.load("coupon", coupon_id, "discounts[0][coupon]");
  bool const spent = has(coupon, "max_redemptions") &&
                     number(coupon, "times_redeemed") >= number(coupon, "max_redemptions");
  bool const late = has(coupon, "redeem_by") && number(coupon, "redeem_by") < store.now;
  if (spent || late)
    throw invalid("Coupon expired: " + coupon_id, "discounts[0][coupon]", "coupon_expired");
  return coupon;
}

Array make_discounts(Store& store, Array const& given, std::string const& customer,
                     std::string const& subscription, std::string const& session) {
  Array ids;
  for (auto const& entry : given) {
    if (auto const kept = text(entry.as_object(), "discount"); !kept.empty()) {
      ids.push_back(text_or_null(kept));
      continue;
    }
    auto coupon = coupon_of_entry(store, entry.as_object());
    std::optional<std::int64_t> end;
    if (text(coupon, "duration") == "repeating")
      end = add_intervals(store.now, {"month", 1}, number(coupon, "duration_in_months"));
    auto const id = new_id("di_1");
    Object const discount{
        {"id", id},
        {"object", "discount"},
        {"checkout_session", text_or_null(session)},
        {"customer", text_or_null(customer)},
        {"customer_account", nullptr},
        {"end", number_or_null(end)},
        {"invoice", nullptr},
        {"invoice_item", nullptr},
        {"promotion_code", text_or_null(text(entry.as_object(), "promotion_code"))},
        {"source", Object{{"coupon", text(coupon, "id")}, {"type", "coupon"}}},
        {"start", store.now},
        {"subscription", text_or_null(subscription)},
        {"subscription_item", nullptr}};
    store.insert(discount);
    store.emit("customer.discount.created", discount);
    coupon["times_redeemed"] = number(coupon, "times_redeemed") + 1;
    store.save(coupon);
    ids.push_back(Value(id));
  }
  return ids;
}

std::int64_t reduction(Object const& coupon, std::int64_t amount) {
  if (amount <= 0) return 0;
  if (has(coupon, "amount_off")) return std::min(amount, number(coupon, "amount_off"));
  return std::min<std::int64_t>(amount, std::llround(double(amount) * percent_of(coupon) / 100));
}

std::int64_t discount_lines(Store& store, Object& invoice) {
  std::int64_t sum = 0;
  Array totals;
  auto& lines = invoice["lines"].as_object()["data"].as_array();
  for (auto& line : lines) line.as_object()["discount_amounts"] = Array{};
  for (auto const& id : items(invoice, "discounts")) {
    auto const discount = store.find(std::string_view{id.as_string()});
    if (!discount) continue;
    auto const coupon = store.find(text(*discount, "source.coupon"));
    if (!coupon) continue;
    std::int64_t base = 0, taken = 0;
    for (auto const& line : lines)
      if (truth(line.as_object(), "discountable")) base += number(line.as_object(), "amount");
    auto const whole = reduction(*coupon, base);
    for (auto& line : lines) {
      if (!truth(line.as_object(), "discountable") || base <= 0) continue;
      auto const share = prorated(whole, number(line.as_object(), "amount"), base);
      line.as_object()["discount_amounts"].as_array().push_back(
          Object{{"amount", share}, {"discount", id}});
      taken += share;
    }
    if (!taken && !whole) continue;
    totals.push_back(Object{{"amount", whole}, {"discount", id}});
    sum += whole;
  }
  invoice["total_discount_amounts"] = std::move(totals);
  return sum;
}

Array discounts_left(Store& store, Array const& discounts, std::int64_t at_time) {
  Array left;
  for (auto const& id : discounts) {
    auto const discount = store.find(std::string_view{id.as_string()});
    if (!discount) continue;
    auto const coupon = store.find(text(*discount, "source.coupon"));
    bool const once = coupon && text(*coupon, "duration") == "once";
    bool const over = has(*discount, "end") && number(*discount, "end") <= at_time;
    if (!once && !over)
      left.push_back(id);
    else
      store.emit("customer.discount.deleted", *discount);
  }
  return left;
}

std::vector<Endpoint> coupon_endpoints() {
  return {
      {"POST",
       "/v1/coupons",
       {{"id"},
        {"amount_off", Kind::amount},
        {"currency"},
        {"duration", Kind::text, Need::optional, "forever|once|repeating"},
        {"duration_in_months", Kind::count},
        {"max_redemptions", Kind::count},
        {"metadata", Kind::metadata},
        {"name"},
        {"percent_off", Kind::percent},
        {"redeem_by", Kind::integer}},
       create_coupon},
      {"GET", "/v1/coupons", {}, list_coupons, Shape::list},
      {"GET", "/v1/coupons/{id}", {}, retrieve_coupon},
      {"POST", "/v1/coupons/{id}", {{"metadata", Kind::metadata}, {"name"}}, update_coupon},
      {"DELETE", "/v1/coupons/{id}", {}, delete_coupon},
      {"POST",
       "/v1/promotion_codes",
       {{"promotion.coupon"},
        {"promotion.type", Kind::text, Need::optional, "coupon"},
        {"coupon"},
        {"active", Kind::boolean},
        {"code"},
        {"customer"},
        {"expires_at", Kind::integer},
        {"max_redemptions", Kind::count},
        {"metadata", Kind::metadata}},
       create_code},
      {"GET",
       "/v1/promotion_codes",
       {{"active", Kind::boolean}, {"code"}, {"coupon"}, {"customer"}},
       list_codes,
       Shape::list},
      {"GET", "/v1/promotion_codes/{id}", {}, retrieve_code},
      {"POST",
       "/v1/promotion_codes/{id}",
       {{"active", Kind::boolean}, {"metadata", Kind::metadata}},
       update_code},
  };
}

}  // namespace sandbox
