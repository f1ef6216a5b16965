#pragma once
// Discounts as terms: how much, from when, until when. A coupon may be gone when somebody asks.
#include "stripe/stripe.hpp"

namespace ledger {

/// What a coupon takes off.
struct Reduction {
  std::string coupon_id;
  std::string duration{};                    // once, repeating, forever; empty: nobody has told yet
  std::optional<std::string> percent_off{};  // decimal
  std::optional<std::int64_t> amount_off{};  // minor units
  std::optional<std::string> currency{};
};

struct Terms {
  std::string discount_id;
  /// Stripe's; without either it is the customer's, for subscriptions that have none of their own.
  std::optional<std::string> subscription_id{}, item_id{};
  std::string coupon_id{};
  std::optional<std::string> duration{}, percent_off{};
  std::optional<std::int64_t> amount_off{};
  std::optional<std::string> currency{};
  std::optional<Time> starts{}, ends{};  // the end is exclusive
  /// It came with an invoice or a payment page, so it is not all of the customer's.
  bool is_of_invoice = false;
  [[nodiscard]] bool is_of_customer() const {
    return !subscription_id && !item_id && !is_of_invoice;
  }
};

/// The terms of a discount as Stripe describes it, in its present shape or the former one, with as
/// much of its coupon as stands in it.
[[nodiscard]] Terms terms_of(stripe::Object const& discount);
[[nodiscard]] Reduction reduction_of(stripe::Object const& coupon);
void take(Reduction const& reduction, Terms& terms);
/// Of all discounts that stand expanded in a subscription and its items.
[[nodiscard]] std::vector<Terms> terms_in(stripe::Object const& subscription);
/// A JSON number as the decimal that it was written as.
[[nodiscard]] std::optional<std::string> decimal_of(boost::json::value const* number);
/// The id of a discount's coupon.
[[nodiscard]] std::string coupon_of(stripe::Object const& discount);
/// Ids of the discounts of a subscription or an item, in their order.
[[nodiscard]] std::vector<std::string> discount_ids(stripe::Object const& object);

}  // namespace ledger
