#pragma once
// Discounts: coupons in use, by a customer, a subscription, an item or one invoice.
#include "sandbox/store.hpp"

namespace sandbox {

/// What new discounts belong to; `currency` is that of what they reduce.
struct DiscountOwner {
  std::string customer = {}, currency = {}, subscription = {}, subscription_item = {}, session = {};
  Object replaces = {};  // a discount that ends with it
};

/// The coupon that an entry of `discounts[]` names, by coupon or promotion_code; checks that it
/// may be used now, for that currency. `shown` names the entry in refusals.
[[nodiscard]] Object coupon_of_entry(Store& store, Object const& entry, std::string_view currency,
                                     std::string const& shown);
/// What the coupon takes off an amount.
[[nodiscard]] std::int64_t reduction(Object const& coupon, std::int64_t amount);

/// Discounts, inserted, for `discounts[]` of a request; answers their ids. `shown` names the
/// parameter in refusals.
[[nodiscard]] Array make_discounts(Store& store, Array const& given, DiscountOwner const& owner,
                                   std::string const& shown = "discounts");
/// Those of an invoice that is only looked at: used for nothing else, and kept nowhere.
[[nodiscard]] Array preview_discounts(Store& store, Array const& given, std::string_view currency);
/// Those of `before` that are not in `after` are over: says so.
void announce_removed(Store& store, Array const& before, Array const& after);

/// Writes what the lines' own discounts take from them: those that run when the invoice is made.
void discount_lines(Store& store, Object& invoice);
/// Then what those of the whole invoice take, in their order, and the totals.
void discount_invoice(Store& store, Object& invoice);
/// What a line costs after its discounts.
[[nodiscard]] std::int64_t net_of(Object const& line);
/// The discounts of what a subscription bills: its own, or else the customer's.
[[nodiscard]] Array discounts_of(Store& store, Object const& subscription);
/// Takes from the subscription, its items and its customer the discounts that were for one invoice
/// and have reduced this one, and those whose time is over. The subscription is not saved.
void drop_used_discounts(Store& store, Object& subscription, Object const& invoice);

}  // namespace sandbox
