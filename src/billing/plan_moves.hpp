#pragma once
// From one plan to another at Stripe: the subscription's one item, the price that it moves to, and
// how the rest of the period is reckoned.
#include "platform/money/money.hpp"
#include "stripe/stripe.hpp"
#include "tenants/detail.hpp"
#include "tenants/plans.hpp"

namespace billing {

/// Prices of a subscription name a product; ours have ids that say which plan they are.
[[nodiscard]] std::string plan_product(std::string_view plan_id);
void ensure_plan_product(stripe::Client const& client, std::string_view plan_id,
                         std::string const& name,
                         stripe::Patience patience = stripe::Patience::background);

/// The one item of a subscription as it is, and the price that the plan has there.
struct Move {
  std::string subscription, item, currency, interval, product;
  std::int64_t present_amount, present_quantity;
  std::optional<std::int64_t> amount;  // of one; none: the plan is not sold this way
  std::int64_t quantity;
  bool is_present_plan;  // two plans of one price have two names on the bill
  std::optional<Time> period_start, period_end;

  bool is_done() const {
    return is_present_plan && present_amount == amount && present_quantity == quantity;
  }
  /// What an interval costs, before discounts and taxes.
  std::int64_t present_whole() const { return money::times(present_amount, present_quantity); }
  std::optional<std::int64_t> whole() const {
    return amount ? std::optional{money::times(*amount, quantity)} : std::nullopt;
  }
  bool is_dearer() const { return amount && *whole() > present_whole(); }
  /// Moments of the present period are exact to the second (metrics: D16); Stripe refuses others.
  bool covers(Time at) const {
    return period_start && period_end && *period_start <= at && at < *period_end;
  }
};
[[nodiscard]] Move move_of(db::Connection& connection, stripe::Object const& subscription,
                           tenants::Plan const& plan, std::int64_t quantity);
/// The same without a price: nobody has asked the list.
[[nodiscard]] Move move_to(stripe::Object const& subscription, std::string_view plan_id,
                           std::int64_t quantity);
/// The same after the change, as Stripe answered to it.
[[nodiscard]] Move move_of_answer(Move const& before, stripe::Object const& changed);
/// The item at its new price: `prefix` is "items", or where a preview takes them.
void add_item(http_client::Form& form, std::string const& prefix, Move const& move);

/// The same at a price that was shown before, whatever the list says by now.
[[nodiscard]] Move move_at(Move move, std::int64_t amount);
/// A tenant, the plan that is wanted, how often, and the subscription that pays for it: of several
/// the one that runs best.
struct Wanted {
  tenants::Tenant tenant;
  std::optional<tenants::Plan> plan;  // none: not for sale
  std::int64_t quantity;
  std::optional<std::string> subscription;  // none: nobody pays for it
};
[[nodiscard]] Wanted wanted(db::Connection& connection, tenants::TenantId id,
                            std::optional<std::string> const& plan_id,
                            std::optional<std::int64_t> quantity = {});
/// The subscription that pays for a tenant.
[[nodiscard]] std::optional<std::string> paying_subscription(db::Tx& tx, tenants::TenantId id);

}  // namespace billing
