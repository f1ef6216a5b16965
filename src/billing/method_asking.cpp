// Staff choose which payment method is charged, or take one away.
#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "billing/method_orders.hpp"
#include "billing/retries.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/installation/installation.hpp"

namespace billing {

namespace {
constexpr ProblemType method_not_found{Kind::not_found, "payment_method_not_found",
                                       "There is no such payment method any more"};
constexpr ProblemType method_not_at_stripe{Kind::conflict, "payment_method_not_at_stripe",
                                           "This payment method is not at Stripe"};
constexpr ProblemType method_is_charged{
    Kind::conflict, "payment_method_is_charged",
    "Subscriptions that run are charged with it: without it they cannot be collected"};

/// A minute later nobody waits for the answer any more.
constexpr std::chrono::minutes check_after{1};

struct Method {
  PaymentMethodId id;
  customers::CustomerId customer_id;
  std::string stripe_pm_id;
  bool is_at_stripe;
  std::int64_t charged_subscriptions;
};
// Two who ask about one customer have their turns.
db::Query const lock_method{"billing.lock_method", R"sql(
  SELECT m.id, m.customer_id, m.stripe_pm_id, c.stripe_customer_id IS NOT NULL AS is_at_stripe, )sql" +
                                                       charged_with_sql("m", "p") + R"sql(
           AS charged_subscriptions
    FROM payment_methods AS m JOIN customers AS c ON c.id = m.customer_id
    LEFT JOIN billing_profiles AS p ON p.customer_id = m.customer_id
   WHERE m.id = $1 FOR UPDATE OF c
)sql"};

struct DefaultRequest {
  PaymentMethodId id;
  static constexpr auto rules() {
    return ::rules(rule(&DefaultRequest::id, {.doc = "Id of the payment method"}));
  }
};
struct RemovalRequest {
  PaymentMethodId id;
  std::optional<bool> even_if_charged;
  static constexpr auto rules() {
    return ::rules(
        rule(&RemovalRequest::id, {.doc = "Id of the payment method"}),
        rule(&RemovalRequest::even_if_charged,
             {.doc = "Also when subscriptions that run are charged with it; they have nothing to "
                     "be charged with then"}));
  }
};
struct MethodAnswer {
  MethodOutcome outcome;
  std::optional<std::string> refusal;
  static constexpr auto rules() {
    return ::rules(rule(&MethodAnswer::outcome,
                        {.doc = "being_checked: Stripe has not answered yet, and it is done once; "
                                "gone: Stripe had it no more; overtaken: somebody wished otherwise "
                                "meanwhile"}),
                   rule(&MethodAnswer::refusal, {.doc = "Stripe's code for why it refused"}));
  }
};

Method locked(db::Tx& tx, PaymentMethodId id) {
  auto const method = tx.maybe<Method>(lock_method, id);
  if (!method) throw Problem{method_not_found};
  if (!method->is_at_stripe) throw Problem{method_not_at_stripe};
  if (installation::is_copy(tx)) throw Problem{installation_is_copy};
  return *method;
}

/// Written down, unless `require` throws.
template <class Require>
MethodOrderId begin(http::Context& context, PaymentMethodId id, MethodWish wish,
                    Require const& require) {
  return db::transact(context.worker.connection, [&](db::Tx& tx) {
    auto const method = locked(tx, id);
    require(tx, method);
    auto const begun = begin_method_order(tx, method.customer_id, method.stripe_pm_id, wish,
                                          context.actor.label());
    jobs::enqueue(tx, CheckMethodOrder{begun}, {.run_at = clock_source::now() + check_after});
    context.note_begun(tx, std::to_string(begun));
    return begun;
  });
}

MethodEnd carry_out(http::Context& context, MethodOrderId order) {
  stripe::Visit const visit;
  try {
    return carry_out_method_order(context.worker.connection, stripe::Client{context.settings},
                                  order, stripe::Patience::visitor);
  } catch (stripe::Unavailable const&) {
    return {MethodOutcome::being_checked};
  }
}

MethodAnswer answer(http::Context& context, PaymentMethodId id, MethodOrderId order) {
  context.audit_target = id.text();
  auto const end = carry_out(context, order);
  MethodAnswer out{.outcome = end.outcome, .refusal = {}};
  if (!end.refusal.empty()) out.refusal = end.refusal;
  context.audit_after = {json::text(out)};
  return out;
}

/// What could not be collected is tried with it, which moves money.
void require_may_try(http::Context& context, db::Tx& tx, Method const& method) {
  for (auto const& [currency, amount] :
       to_be_tried_with(tx, method.customer_id, method.stripe_pm_id))
    require_may_move(context, currency, amount);
}

MethodAnswer make_default(http::Context& context, DefaultRequest const& request) {
  auto const begun = context.begun();
  return answer(
      context, request.id,
      begun ? std::stoll(*begun)
            : begin(context, request.id, MethodWish::charge, [&](db::Tx& tx, Method const& method) {
                require_may_try(context, tx, method);
              }));
}

MethodAnswer remove(http::Context& context, RemovalRequest const& request) {
  return answer(
      context, request.id,
      begin(context, request.id, MethodWish::removal, [&](db::Tx& tx, auto const& method) {
        if (method.charged_subscriptions == 0) return;
        if (!request.even_if_charged.value_or(false))
          throw Problem{method_is_charged}.with("subscriptions",
                                                std::to_string(method.charged_subscriptions));
        identity::sessions::require_recent_confirmation(tx, context.actor);
      }));
}
}  // namespace

void add_method_endpoints(http::Api& api) {
  api.add(http::Endpoint<DefaultRequest, MethodAnswer>{
      .route = "POST /api/billing/payment-methods/{id}/default",
      .summary = "Charge this payment method from now on, and what could not be collected at once",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "payment_method.chosen",
      .limit = http::per_minute(60),
      .problems = {method_not_found, method_not_at_stripe, installation_is_copy,
                   http::step_up_required},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .handle = make_default,
  });
  api.add(http::Endpoint<RemovalRequest, MethodAnswer>{
      .route = "DELETE /api/billing/payment-methods/{id}",
      .summary = "Remove a payment method at Stripe",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "payment_method.removed",
      .limit = http::per_minute(60),
      .problems = {method_not_found, method_not_at_stripe, method_is_charged, installation_is_copy,
                   http::step_up_required},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = remove,
  });
}

}  // namespace billing
