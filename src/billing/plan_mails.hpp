#pragma once
// What a customer is told of another plan.
#include "platform/config/config.hpp"
#include "platform/money/money.hpp"
#include "tenants/tenants.hpp"

namespace billing {

/// "€49.00 a month"
[[nodiscard]] std::string price_text(money::Amount const& price, std::string_view interval,
                                     i18n::Locale locale);

// `plan` is its name, with how many times it is: "2 × Team".

/// One that begins with the next period; once for each order.
struct OrderedPlan {
  std::int64_t order;
  tenants::TenantId tenant;
  std::string plan;
  Time begins;
};
void tell_plan_ordered(db::Tx& tx, config::Settings const& settings, OrderedPlan const& ordered,
                       money::Amount const& price, std::string_view interval);
/// It does not begin then, because somebody has thought better of it.
void tell_plan_order_over(db::Tx& tx, config::Settings const& settings, OrderedPlan const& ordered);
void tell_plan_changed(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                       std::string const& plan);
/// It could not begin: what is stored does not fit.
void tell_plan_stays(db::Tx& tx, config::Settings const& settings, tenants::TenantId id,
                     std::string const& plan);

}  // namespace billing
