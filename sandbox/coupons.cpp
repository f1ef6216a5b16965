// Coupons, which say how much and how long, and the codes that people type.
#include "sandbox/api.hpp"
#include "sandbox/prices.hpp"

namespace sandbox {

namespace {
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
  if (!id.empty()) {
    auto const other = store.find(id);
    if (other && !truth(*other, "_retired"))
      throw invalid("Coupon already exists.", "id", "resource_already_exists");
    if (other) store.remove(id);
  }
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
  apply(
      coupon, call.parameters,
      {"amount_off", "duration_in_months", "max_redemptions", "name", "percent_off", "redeem_by"});
  if (has_amount) coupon["currency"] = currency_named(call.given("currency"), "currency");
  auto const percent = has_percent ? call.parameters.at("percent_off").as_double() : 1;
  if (percent <= 0 || percent > 100)
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
  auto coupon = call.store.load("coupon", call.id());
  call.store.emit("coupon.deleted", coupon);
  coupon["valid"] = false;
  call.store.retire(coupon);
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
