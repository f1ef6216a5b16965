#pragma once
// Another plan that waits: for the end of a period, or for a payment. One a tenant
// (docs/adr/0041).
#include "billing/plan_preview.hpp"
#include "platform/jobs/jobs.hpp"

namespace billing {

enum class PlanOrderState { scheduled, awaiting_payment, done, dropped };
constexpr auto names_of(PlanOrderState) {
  return std::array<std::string_view, 4>{"scheduled", "awaiting_payment", "done", "dropped"};
}

/// What is told of one that waits.
struct PlanOrderView {
  std::string plan, plan_name;
  std::int64_t quantity;
  PlanOrderState state;
  std::optional<Time> takes_effect_at;
  std::optional<std::string> pay_url;
  std::int64_t amount;
  std::string currency;
  Time asked_at;
  static constexpr auto rules() {
    using V = PlanOrderView;
    return ::rules(rule(&V::plan, {.doc = "Id of the plan"}),
                   rule(&V::state, {.doc = "done: it runs on that plan now"}),
                   rule(&V::takes_effect_at, {.doc = "null: as soon as it is paid"}),
                   rule(&V::quantity, {.doc = "So many times the plan and its limits"}),
                   rule(&V::amount, {.doc = "Minor units of the whole for each interval"}),
                   rule(&V::pay_url, {.doc = "Stripe's page on which the difference can be paid"}));
  }
};
[[nodiscard]] std::optional<PlanOrderView> open_plan_order(db::Tx& tx, tenants::TenantId id);

inline constexpr ProblemType plan_order_unpaid{
    Kind::conflict, "plan_order_unpaid", "Another plan waits for its payment: pay or take it back"};
inline constexpr ProblemType plan_change_impossible{Kind::conflict, "plan_change_impossible",
                                                    "This plan cannot be changed to at the moment"};
using tenants::quote_over;
inline constexpr ProblemType no_plan_order{Kind::conflict, "no_plan_order",
                                           "No other plan waits here"};
inline constexpr ProblemType plan_refused{Kind::conflict, "plan_refused",
                                          "Stripe does not take this change"};
[[nodiscard]] std::vector<ProblemType> plan_order_problems();

struct PlanWish {
  tenants::TenantId tenant;
  std::string plan;
  std::optional<std::int64_t> quantity;  // none: as it is
  Moment moment;
  std::optional<Time> quoted_at;
  std::optional<std::int64_t> amount;   // an interval, as it was shown; another one is refused
  std::optional<std::int64_t> due_now;  // likewise, what is charged at once
  std::string asked_by;
};
/// For the end of the period, or at once: then it is paid for before anything changes. The answer
/// is done, or how it waits. Throws Problem, of plan_order_problems().
[[nodiscard]] PlanOrderView order_plan(http::Context& context, PlanWish const& wish);
/// The customer or staff have thought better of it. Throws Problem{no_plan_order}, also where it
/// has begun meanwhile.
void take_back_plan_order(http::Context& context, tenants::TenantId id, std::string_view actor);

/// Something was heard of the subscription: whether it concerns an order is looked up by a job.
void look_at_plan_order(db::Tx& tx, std::string_view stripe_subscription_id);
/// The tenant has got a plan by another way.
void replace_plan_orders(db::Tx& tx, config::Settings const& settings, tenants::TenantId id);

void add_plan_order_worker(jobs::Engine& engine, config::Settings const& settings);
void add_plan_order_endpoints(http::Api& api);

}  // namespace billing
