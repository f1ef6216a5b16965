// One trial a person, known by e-mail and by what they pay with. The card is known when Stripe's
// page has taken it, so that is when it is asked: nothing was charged by then, and the sign-up's
// page offers the plan without a trial. Nobody learns before that who is a customer.
#include "billing/trials.hpp"
#include "activity/activity.hpp"
#include "signup/checkout.hpp"

namespace signup {

namespace {
// Two orders of one person at the same moment: the second sees what the first has got.
db::Query const take_turn{"signup.take_turn_to_try",
                          "SELECT pg_advisory_xact_lock(hashtext('signup.trials')) IS NULL"};

// What was given back, or never paid, was not had. Staff's own tenants have no sign-up.
db::Query const had_subscription{"signup.had_subscription", R"sql(
  SELECT EXISTS (
           SELECT FROM customers c LEFT JOIN signups s ON s.customer_id = c.id
            WHERE lower(c.email) = lower($2) AND c.id <> $1
              AND CASE WHEN s.id IS NULL
                       THEN EXISTS (SELECT FROM subscriptions
                                     WHERE customer_id = c.id
                                       AND status NOT IN ('incomplete', 'incomplete_expired'))
                       ELSE s.payment = 'paid'
                            OR EXISTS (SELECT FROM subscriptions
                                        WHERE customer_id = c.id
                                          AND tenant_id IS DISTINCT FROM s.tenant_id
                                          AND status NOT IN ('incomplete', 'incomplete_expired'))
                       END)
      OR EXISTS (SELECT FROM signups
                  WHERE method_fingerprint = nullif($3, '') AND customer_id <> $1
                    AND payment = 'paid')
)sql"};
}  // namespace

std::int64_t promised_days(Signup const& signup, Form const& form, tenants::Offer const& offer) {
  if (signup.refused_trial) return 0;
  return form.plan == signup.plan_id ? signup.trial_days : offer.trial_days;
}

std::string fingerprint_of(stripe::Object const& subscription) {
  auto const type = stripe::text(subscription, "default_payment_method.type");
  return type.empty()
             ? ""
             : stripe::text(subscription, "default_payment_method." + type + ".fingerprint");
}

bool may_try(db::Tx& tx, Signup const& signup, stripe::Object const& subscription) {
  tx.one<bool>(take_turn);
  return !tx.one<bool>(had_subscription, signup.customer_id,
                       customers::get(tx, signup.customer_id).email, fingerprint_of(subscription));
}

std::optional<Time> trial_of(db::Tx& tx, Signup const& signup) {
  if (!signup.paid_subscription_id) return {};
  return billing::trial_end_of(tx, *signup.paid_subscription_id);
}

void Signups::refuse_trial(db::Tx& tx, Signup const& signup,
                           std::string const& subscription) const {
  bool const goes_on = is_open(signup, tenants::get(tx, signup.tenant_id).state);
  // Where nothing can be paid any more, the mail is that of a page that was closed.
  if (goes_on) write_refused_trial(tx, signup.id, subscription);
  jobs::enqueue(tx, ReturnSecondPayment{signup.id.value, subscription},
                {.dedupe_key = subscription, .max_attempts = 25});
  tenants::note(tx, signup.tenant_id, "signup", activity::TrialRefused{subscription});
  if (goes_on) {
    auto const until = next_lease(signup);
    write_lease(tx, signup, until);
    enqueue_lease_end(tx, signup.id, until);
  }
  realtime::announce(tx, "tenant:" + std::to_string(signup.tenant_id.value));
}

}  // namespace signup
