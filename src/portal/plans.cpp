// Another plan, chosen by the customer: a dearer one at once, when it is paid; a cheaper one with
// the next period.
#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "billing/plan_orders.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"

namespace portal {

namespace {
struct Question {
  tenants::TenantId id;
  std::string plan;
  std::optional<std::int64_t> quantity;
  static constexpr auto rules() {
    return ::rules(
        rule(&Question::id, {.doc = "Id of the tenant"}),
        rule(&Question::plan, {.doc = "Id of the new plan", .min_length = 1, .max_length = 40}),
        rule(&Question::quantity, {.doc = "How many times; as it is where not told",
                                   .min = 1,
                                   .max = tenants::most_sold}));
  }
};
struct Choice {
  tenants::TenantId id;
  std::string plan;
  std::optional<std::int64_t> quantity;
  billing::Moment moment;
  std::optional<Time> quoted_at;
  std::int64_t amount;
  std::optional<std::int64_t> due_now;
  static constexpr auto rules() {
    return ::rules(
        rule(&Choice::id, {.doc = "Id of the tenant"}),
        rule(&Choice::plan, {.doc = "Id of the new plan", .min_length = 1, .max_length = 40}),
        rule(&Choice::quantity, {.doc = "How many times; as it is where not told",
                                 .min = 1,
                                 .max = tenants::most_sold}),
        rule(&Choice::moment, {.doc = "As the preview said"}),
        rule(&Choice::quoted_at,
             {.doc = "As the preview said: then Stripe charges what was shown"}),
        rule(&Choice::amount, {.doc = "As the preview said; when it costs something else by now, "
                                      "nothing is changed",
                               .min = 0}),
        rule(&Choice::due_now, {.doc = "Likewise, of what is charged at once", .min = 0}));
  }
};
struct OneTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant"}));
  }
};

db::Query const is_theirs{"portal.plan_of_theirs", R"sql(
  SELECT EXISTS (SELECT FROM tenants WHERE id = $1 AND customer_id = $2
                    AND delete_requested_at IS NULL)
)sql"};

void require_theirs(http::Context& context, Session const& session, tenants::TenantId id) {
  if (!context.tx.one<bool>(is_theirs, id, session.customer_id))
    throw Problem{tenants::tenant_not_found};
}
}  // namespace

void add_plan_endpoints(http::Api& api) {
  api.add(http::Endpoint<Question, billing::PlanPreview>{
      .route = "GET /api/portal/tenants/{id}/plan-change",
      .summary = "Tell what another plan would cost and when it would begin",
      .tag = "Portal",
      .limit = http::per_minute(30),
      .problems = {session_over, tenants::tenant_not_found, billing::stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [](http::Context& context, Question const& request) {
            require_theirs(context, session_of(context), request.id);
            return billing::preview_plan(context, {request.id, request.plan, request.quantity, {}});
          },
  });
  auto problems = billing::plan_order_problems();
  problems.push_back(session_over);
  api.add(http::Endpoint<Choice, billing::PlanOrderView>{
      .route = "POST /api/portal/tenants/{id}/plan-order",
      .summary = "Choose another plan for a tenant",
      .tag = "Portal",
      .audit = "portal.plan_ordered",
      .limit = http::per_minute(10),
      .problems = problems,
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [](http::Context& context, Choice const& request) {
            auto const session = session_to_change(context);
            require_theirs(context, session, request.id);
            context.audit_target = request.id.text();
            auto out =
                billing::order_plan(context, {request.id, request.plan, request.quantity,
                                              request.moment, request.quoted_at, request.amount,
                                              request.due_now, session.customer_id.text()});
            context.audit_after.text = json::text(out);
            return out;
          },
  });
  api.add(http::Endpoint<OneTenant, http::Nothing>{
      .route = "DELETE /api/portal/tenants/{id}/plan-order",
      .summary = "Take back a plan that has not begun",
      .tag = "Portal",
      .audit = "portal.plan_order_taken_back",
      .limit = http::per_minute(10),
      .problems = {session_over, tenants::tenant_not_found, billing::no_plan_order,
                   billing::plan_refused, billing::installation_is_copy, billing::stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [](http::Context& context, OneTenant const& request) {
            auto const session = session_to_change(context);
            require_theirs(context, session, request.id);
            context.audit_target = request.id.text();
            billing::take_back_plan_order(context, request.id, session.customer_id.text());
            return http::Nothing{};
          },
  });
}

}  // namespace portal
