// The sign-up's row and what a Checkout Session does to it.
#include "signup/checkout.hpp"

#include "analytics/rollups.hpp"

namespace signup {

namespace {
using namespace std::chrono_literals;

constexpr auto columns = R"sql(
  id, tenant_id, customer_id, plan_id, interval, currency, amount, payment, stripe_session_id,
  stripe_session_url, session_attempt, lease_until
)sql";

db::Query const lock_row{
    "signup.lock", std::string{"SELECT "} + columns + " FROM signups WHERE id = $1 FOR UPDATE"};
db::Query const load_row{"signup.load",
                         std::string{"SELECT "} + columns + " FROM signups WHERE id = $1"};
db::Query const by_tenant{"signup.by_tenant",
                          std::string{"SELECT "} + columns + " FROM signups WHERE tenant_id = $1"};

db::Query const same_form{"signup.same_form", R"sql(
  SELECT s.id, tenant_id, s.customer_id, s.plan_id, interval, currency, amount, payment,
         stripe_session_id, stripe_session_url, session_attempt, lease_until
    FROM signups s JOIN tenants t ON t.id = tenant_id JOIN customers c ON c.id = s.customer_id
   WHERE t.subdomain = $1 AND t.state IN ('reserved', 'awaiting_payment')
     AND c.company = $2 AND c.name = $3 AND lower(c.email) = lower($4) AND c.country = $5
     AND s.plan_id = $6 AND interval = $7 AND currency = $8
   FOR UPDATE OF s
)sql"};

db::Query const insert_row{"signup.insert", std::string{R"sql(
  INSERT INTO signups (tenant_id, customer_id, plan_id, interval, currency, amount, lease_until)
  VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING )sql"} +
                                                columns};

db::Query const set_session{"signup.set_session", R"sql(
  UPDATE signups SET stripe_session_id = $2, stripe_session_url = $3,
                     payment = CASE WHEN payment IN ('none', 'failed', 'expired')
                                    THEN 'open' ELSE payment END
   WHERE id = $1
)sql"};

db::Query const set_payment{"signup.set_payment", R"sql(
  UPDATE signups SET payment = $2::payment_state, paid_at = CASE WHEN $2::payment_state = 'paid' THEN now() ELSE paid_at END
   WHERE id = $1
)sql"};

db::Query const count_session{"signup.count_session", R"sql(
  UPDATE signups SET session_attempt = session_attempt + 1, payment = 'none', lease_until = $2
   WHERE id = $1
)sql"};

db::Query const extend_lease{"signup.extend_lease",
                             "UPDATE signups SET lease_until = $2 WHERE id = $1"};
db::Query const extend_deadline{"signup.extend_deadline",
                                "UPDATE tenants SET state_deadline = $2 WHERE id = $1"};

/// A bank debit may take this long (Stripe: up to 14 business days).
constexpr auto delayed_payment_patience = std::chrono::days{21};

bool is_settled(Payment payment) {
  return payment == Payment::paid || payment == Payment::refunded;
}
}  // namespace

Signup lock(db::Tx& tx, SignupId id) { return tx.one<Signup>(lock_row, id); }
std::optional<Signup> find(db::Tx& tx, SignupId id) { return tx.maybe<Signup>(load_row, id); }
std::optional<Signup> find_by_tenant(db::Tx& tx, tenants::TenantId id) {
  return tx.maybe<Signup>(by_tenant, id);
}

std::optional<Signup> find_same(db::Tx& tx, Form const& form) {
  return tx.maybe<Signup>(same_form, form.subdomain, form.company, form.name, form.email,
                          form.country, form.plan, form.interval, form.currency);
}

Signup insert(db::Tx& tx, tenants::Tenant const& tenant, Form const& form, std::int64_t amount,
              Time lease_until) {
  analytics::add(tx, analytics::Metric::signups_started, "", clock_source::now(), 1);
  return tx.one<Signup>(insert_row, tenant.id, tenant.customer_id, form.plan, form.interval,
                        form.currency, amount, lease_until);
}

void write_session(db::Tx& tx, SignupId id, std::string_view session_id,
                   std::string_view session_url) {
  tx.exec(set_session, id, session_id, session_url);
}

void write_payment(db::Tx& tx, SignupId id, Payment payment) { tx.exec(set_payment, id, payment); }

void next_session(db::Tx& tx, SignupId id, Time lease_until) {
  tx.exec(count_session, id, lease_until);
}

bool apply_session(db::Tx& tx, std::string_view event_type, stripe::Object const& session,
                   billing::Origin const& origin) {
  auto const id = SignupId::parse(stripe::text(session, "client_reference_id"));
  if (!id || !find(tx, *id)) return false;
  auto signup = lock(tx, *id);
  auto const status = stripe::text(session, "status");
  auto const payment = stripe::text(session, "payment_status");
  auto const customer = stripe::id_of(session, "customer");
  if (!customer.empty()) customers::link_to_stripe(tx, signup.customer_id, customer);

  if (status == "complete" && (payment == "paid" || payment == "no_payment_required")) {
    if (is_settled(signup.payment)) return true;
    write_payment(tx, signup.id, Payment::paid);
    jobs::enqueue(tx, TellPayment{signup.id.value, true});
    analytics::add(tx, analytics::Metric::signups_paid, "", origin.at, 1);
    if (auto const* subscription = stripe::find(session, "subscription");
        subscription && subscription->is_object())
      billing::apply_subscription(tx, subscription->get_object(), origin, signup.tenant_id);
    auto tenant = tenants::lock(tx, signup.tenant_id);
    if (tenant.state == tenants::State::rolled_back) {
      // Paid after the name's lease had run out: taken again when it is still free, else refunded.
      try {
        tenants::retry(tx, tenant.id, "billing");
      } catch (Problem const&) {
        jobs::enqueue(tx, tenants::RolledBack{tenant.id.value}, {.max_attempts = 25});
      }
    } else {
      tenants::start_provisioning(tx, tenant.id, "billing");
    }
  } else if (is_settled(signup.payment) ||
             stripe::text(session, "id") != signup.stripe_session_id.value_or("")) {
    return true;  // an older page of the same sign-up: nothing to say any more
  } else if (status == "complete") {
    bool const failed = event_type.ends_with("async_payment_failed");
    if (failed && signup.payment != Payment::failed) {
      jobs::enqueue(tx, TellPayment{signup.id.value, false});
      write_payment(tx, signup.id, Payment::failed);
    } else if (signup.payment != Payment::processing && signup.payment != Payment::failed) {
      write_payment(tx, signup.id, Payment::processing);
      auto const until = clock_source::now() + delayed_payment_patience;
      tx.exec(extend_lease, signup.id, until);
      tx.exec(extend_deadline, signup.tenant_id, until + 1h);
    }
  } else if (status == "expired" && signup.payment != Payment::expired) {
    write_payment(tx, signup.id, Payment::expired);
  }
  realtime::announce(tx, "tenant:" + std::to_string(signup.tenant_id.value));
  return true;
}

}  // namespace signup
