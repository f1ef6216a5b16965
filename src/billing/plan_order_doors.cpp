// Another plan with the next period, by staff.
#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "billing/plan_orders.hpp"

namespace billing {

namespace {
struct StaffWish {
  tenants::TenantId id;
  std::string plan;
  std::optional<std::int64_t> quantity, amount;
  static constexpr auto rules() {
    return ::rules(
        rule(&StaffWish::id, {.doc = "Id of the tenant"}),
        rule(&StaffWish::plan, {.doc = "Id of the new plan", .min_length = 1, .max_length = 40}),
        rule(&StaffWish::quantity, {.doc = "How many times; as it is where not told",
                                    .min = 1,
                                    .max = tenants::most_sold}),
        rule(&StaffWish::amount, {.doc = "As the preview said; when it costs something else by "
                                         "now, nothing is changed",
                                  .min = 0}));
  }
};
struct OneTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant"}));
  }
};
struct OpenOrder {
  std::optional<PlanOrderView> order;
  static constexpr auto rules() {
    return ::rules(rule(&OpenOrder::order, {.doc = "null: no other plan waits"}));
  }
};
}  // namespace

void add_plan_order_endpoints(http::Api& api) {
  api.add(http::Endpoint<OneTenant, OpenOrder>{
      .route = "GET /api/tenants/{id}/plan-order",
      .summary = "Read the plan that a tenant waits for",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenants::tenant_not_found},
      .handle =
          [](http::Context& context, OneTenant const& request) {
            (void)tenants::get(context.tx, request.id);
            return OpenOrder{open_plan_order(context.tx, request.id)};
          },
  });
  api.add(http::Endpoint<StaffWish, PlanOrderView>{
      .route = "POST /api/tenants/{id}/plan-order",
      .summary = "Change a tenant's plan with its next period",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.plan_ordered",
      .limit = http::per_minute(30),
      .problems = plan_order_problems(),
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .handle =
          [](http::Context& context, StaffWish const& request) {
            context.audit_target = request.id.text();
            auto out = order_plan(context, {request.id,
                                            request.plan,
                                            request.quantity,
                                            Moment::period_end,
                                            {},
                                            request.amount,
                                            {},
                                            std::string{context.actor.label()}});
            context.audit_after.text = json::text(out);
            return out;
          },
  });
  api.add(http::Endpoint<OneTenant, http::Nothing>{
      .route = "DELETE /api/tenants/{id}/plan-order",
      .summary = "Take back the plan that a tenant waits for",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.plan_order_taken_back",
      .limit = http::per_minute(30),
      .problems = {tenants::tenant_not_found, no_plan_order, plan_refused, installation_is_copy,
                   stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [](http::Context& context, OneTenant const& request) {
            context.audit_target = request.id.text();
            take_back_plan_order(context, request.id, context.actor.label());
            return http::Nothing{};
          },
  });
}

}  // namespace billing
