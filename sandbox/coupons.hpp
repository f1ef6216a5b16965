#pragma once
// Reductions: coupons, the codes people type, and the discounts they become.
#include "sandbox/store.hpp"

namespace sandbox {

/// Discounts, inserted, for `discounts[]` of a request; answers their ids. `shown` names the
/// parameter in refusals.
[[nodiscard]] Array make_discounts(Store& store, Array const& given, std::string const& customer,
                                   std::string const& subscription,
                                   std::string const& session = {});
/// What the coupon takes off an amount.
[[nodiscard]] std::int64_t reduction(Object const& coupon, std::int64_t amount);
/// The coupon that an entry of `discounts[]` names, by coupon or promotion_code; checks it.
[[nodiscard]] Object coupon_of_entry(Store& store, Object const& entry);
/// Writes the discounts of the invoice into its lines and totals; answers their sum.
std::int64_t discount_lines(Store& store, Object& invoice);
/// Without the discounts whose time is over after this invoice.
[[nodiscard]] Array discounts_left(Store& store, Array const& discounts, std::int64_t at_time);

}  // namespace sandbox
