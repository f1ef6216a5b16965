// Reading Stripe's discounts and coupons.
#include "ledger/discounts.hpp"

#include <charconv>

namespace ledger {

namespace {
std::optional<std::string> maybe(std::string text) {
  if (text.empty()) return {};
  return text;
}
}  // namespace

std::optional<std::string> decimal_of(boost::json::value const* number) {
  if (!number) return {};
  if (auto const* text = number->if_string()) return std::string{*text};
  if (auto const* whole = number->if_int64()) return std::to_string(*whole);
  if (auto const* whole = number->if_uint64()) return std::to_string(*whole);
  auto const* real = number->if_double();
  if (!real) return {};
  // Readers may miss the nearest number by its last bit; nobody writes more places than these.
  constexpr int places = 6;
  char text[64];
  auto const [end, error] =
      std::to_chars(text, text + sizeof text, *real, std::chars_format::fixed, places);
  if (error != std::errc{}) return {};
  return std::string{text, end};
}

Reduction reduction_of(stripe::Object const& coupon) {
  Reduction out{.coupon_id = stripe::text(coupon, "id"),
                .duration = stripe::text(coupon, "duration"),
                .percent_off = decimal_of(stripe::find(coupon, "percent_off"))};
  if (auto const* amount = stripe::find(coupon, "amount_off"); amount && amount->is_number())
    out.amount_off = stripe::integer(coupon, "amount_off");
  out.currency = maybe(stripe::text(coupon, "currency"));
  return out;
}

void take(Reduction const& reduction, Terms& terms) {
  terms.coupon_id = reduction.coupon_id;
  terms.duration = maybe(reduction.duration);
  terms.percent_off = reduction.percent_off;
  terms.amount_off = reduction.amount_off;
  terms.currency = reduction.currency;
}

Terms terms_of(stripe::Object const& discount) {
  Terms out{.discount_id = stripe::text(discount, "id"),
            .subscription_id = maybe(stripe::id_of(discount, "subscription")),
            .item_id = maybe(stripe::id_of(discount, "subscription_item")),
            .starts = stripe::time(discount, "start"),
            .ends = stripe::time(discount, "end")};
  for (auto const* name : {"invoice", "invoice_item", "checkout_session"})
    if (!stripe::id_of(discount, name).empty()) out.is_of_invoice = true;
  // It moved from `coupon` to `source` in 2025-09-30.clover.
  for (auto const* path : {"source.coupon", "coupon"}) {
    if (auto const* coupon = stripe::find(discount, path); coupon && coupon->is_object())
      take(reduction_of(coupon->get_object()), out);
    else if (out.coupon_id.empty())
      out.coupon_id = stripe::text(discount, path);
  }
  return out;
}

std::string coupon_of(stripe::Object const& discount) { return terms_of(discount).coupon_id; }

std::vector<Terms> terms_in(stripe::Object const& subscription) {
  std::vector<Terms> out;
  auto const add = [&](boost::json::value const& entry, std::string const& item) {
    if (!entry.is_object()) return;
    auto terms = terms_of(entry.get_object());
    if (terms.discount_id.empty()) return;
    terms.subscription_id = maybe(stripe::text(subscription, "id"));
    terms.item_id = maybe(item);
    out.push_back(std::move(terms));
  };
  auto const add_all = [&](stripe::Object const& object, std::string const& item) {
    if (auto const* list = stripe::find(object, "discounts"); list && list->is_array())
      for (auto const& entry : list->get_array()) add(entry, item);
    if (auto const* one = stripe::find(object, "discount")) add(*one, item);
  };
  add_all(subscription, {});
  if (auto const* items = stripe::find(subscription, "items.data"); items && items->is_array())
    for (auto const& item : items->get_array())
      add_all(item.as_object(), stripe::text(item.as_object(), "id"));
  return out;
}

std::vector<std::string> discount_ids(stripe::Object const& object) {
  std::vector<std::string> out;
  auto const add = [&](boost::json::value const& entry) {
    if (auto const* id = entry.if_string()) out.emplace_back(*id);
    if (auto const* whole = entry.if_object()) out.push_back(stripe::text(*whole, "id"));
  };
  if (auto const* list = stripe::find(object, "discounts"); list && list->is_array())
    for (auto const& entry : list->get_array()) add(entry);
  if (out.empty())
    if (auto const* one = stripe::find(object, "discount"); one && one->is_object()) add(*one);
  return out;
}

}  // namespace ledger
