// The rows of sign-ups and of their payment pages.
#include "signup/signup.hpp"

#include "analytics/rollups.hpp"
#include "platform/http/network.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/places.hpp"

namespace signup {

namespace {
using namespace std::chrono_literals;

constexpr auto columns = R"sql(
  id, tenant_id, customer_id, plan_id, interval, currency, amount, payment, stripe_session_id,
  stripe_session_url, session_attempt, lease_until, created_at, paid_subscription_id, refusal,
  stripe_key, return_begun_at, trial_days, refused_trial
)sql";
constexpr auto page_columns =
    " session_id, signup_id, interval, currency, amount, subscription_id, trial_days ";

db::Query const lock_row{
    "signup.lock", std::string{"SELECT "} + columns + " FROM signups WHERE id = $1 FOR UPDATE"};
db::Query const load_row{"signup.load",
                         std::string{"SELECT "} + columns + " FROM signups WHERE id = $1"};
db::Query const by_tenant{"signup.by_tenant",
                          std::string{"SELECT "} + columns + " FROM signups WHERE tenant_id = $1"};

// From another address it is somebody else, whatever the form says.
db::Query const same_visitor{"signup.same_visitor", std::string{"SELECT "} + columns + R"sql(
    FROM signups WHERE id = (
      SELECT s.id FROM signups s JOIN tenants t ON t.id = s.tenant_id
                                 JOIN customers c ON c.id = s.customer_id
       WHERE t.subdomain = $1 AND t.state IN ('reserved', 'awaiting_payment')
         AND lower(c.email) = lower($2) AND s.address = $3
         AND s.payment NOT IN ('processing', 'paid', 'refunded') LIMIT 1)
)sql"};

db::Query const insert_row{"signup.insert", std::string{R"sql(
  INSERT INTO signups (tenant_id, customer_id, plan_id, interval, currency, amount, trial_days,
                       lease_until, address, network)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING )sql"} +
                                                columns};

db::Query const rewrite_row{"signup.rewrite", R"sql(
  UPDATE signups SET plan_id = $2, interval = $3, currency = $4, amount = $5, trial_days = $6,
         lease_until = $7, payment = 'none', stripe_session_id = NULL, stripe_session_url = NULL,
         session_attempt = session_attempt + 1
   WHERE id = $1
)sql"};

db::Query const insert_page{"signup.insert_page", R"sql(
  INSERT INTO signup_pages (session_id, signup_id, interval, currency, amount, trial_days)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (session_id) DO NOTHING
)sql"};

db::Query const set_session{"signup.set_session", R"sql(
  UPDATE signups SET stripe_session_id = $2, stripe_session_url = $3,
                     payment = CASE WHEN payment IN ('none', 'failed', 'expired')
                                    THEN 'open' ELSE payment END
   WHERE id = $1
)sql"};

db::Query const set_payment{"signup.set_payment",
                            "UPDATE signups SET payment = $2::payment_state WHERE id = $1"};
db::Query const set_paid{"signup.set_paid", R"sql(
  UPDATE signups SET payment = 'paid', paid_at = now(), paid_subscription_id = nullif($2, ''),
         method_fingerprint = nullif($3, '')
   WHERE id = $1
)sql"};
db::Query const set_refused_trial{"signup.set_refused_trial", R"sql(
  UPDATE signups SET refused_trial = $2, trial_days = 0,
         payment = CASE WHEN payment IN ('paid', 'refunded') THEN payment ELSE 'expired' END
   WHERE id = $1
)sql"};
db::Query const set_refusal{"signup.set_refusal", "UPDATE signups SET refusal = $2 WHERE id = $1"};

db::Query const set_return_begun{"signup.set_return_begun", R"sql(
  UPDATE signups SET return_begun_at = now() WHERE id = $1 AND return_begun_at IS NULL
)sql"};

db::Query const count_page{"signup.count_page", R"sql(
  UPDATE signups SET session_attempt = session_attempt + 1, payment = 'none', lease_until = $2
   WHERE id = $1
)sql"};

db::Query const set_lease{"signup.set_lease", "UPDATE signups SET lease_until = $2 WHERE id = $1"};

db::Query const load_page{"signup.load_page", std::string{"SELECT"} + page_columns +
                                                  "FROM signup_pages WHERE session_id = $1"};
db::Query const page_of_subscription{
    "signup.page_of_subscription",
    std::string{"SELECT"} + page_columns + "FROM signup_pages WHERE subscription_id = $1"};
db::Query const load_pages{"signup.load_pages",
                           std::string{"SELECT"} + page_columns +
                               "FROM signup_pages WHERE signup_id = $1 AND ended_at IS NULL "
                               "ORDER BY created_at, session_id"};
db::Query const set_subscription{"signup.set_subscription", R"sql(
  UPDATE signup_pages SET subscription_id = $2
   WHERE session_id = $1 AND subscription_id IS DISTINCT FROM $2
)sql"};
db::Query const set_ended{"signup.set_page_ended",
                          "UPDATE signup_pages SET ended_at = now() WHERE session_id = $1"};

retention::Kept const kept_signups{"signups", "one a tenant: what was asked for and paid"};
retention::Kept const kept_signup_pages{
    "signup_pages", "the amount that each page asked for; nothing else counts as paid"};
}  // namespace

bool is_settled(Payment payment) {
  return payment == Payment::paid || payment == Payment::refunded;
}

bool is_open(Signup const& signup, tenants::State tenant) {
  return (tenant == tenants::State::reserved || tenant == tenants::State::awaiting_payment) &&
         !is_settled(signup.payment) && signup.payment != Payment::processing;
}

Signup lock(db::Tx& tx, SignupId id) { return tx.one<Signup>(lock_row, id); }
std::optional<Signup> find(db::Tx& tx, SignupId id) { return tx.maybe<Signup>(load_row, id); }
std::optional<Signup> find_by_tenant(db::Tx& tx, tenants::TenantId id) {
  return tx.maybe<Signup>(by_tenant, id);
}

std::optional<Signup> find_same(db::Tx& tx, Form const& form, std::string_view address) {
  return tx.maybe<Signup>(same_visitor, form.subdomain, form.email, address);
}

Signup insert(db::Tx& tx, tenants::Tenant const& tenant, Form const& form,
              tenants::Offer const& offer, Time lease_until, std::string_view address) {
  analytics::add(tx, analytics::Metric::signups_started, "", clock_source::now(), 1);
  return tx.one<Signup>(insert_row, tenant.id, tenant.customer_id, form.plan, form.interval,
                        form.currency, offer.amount, offer.trial_days, lease_until, address,
                        http::network_of(address));
}

void rewrite(db::Tx& tx, SignupId id, Form const& form, tenants::Offer const& offer,
             Time lease_until) {
  tx.exec(rewrite_row, id, form.plan, form.interval, form.currency, offer.amount, offer.trial_days,
          lease_until);
}

void write_page(db::Tx& tx, Signup const& signup, std::string_view session_id,
                std::string_view session_url) {
  tx.exec(insert_page, session_id, signup.id, signup.interval, signup.currency, signup.amount,
          signup.trial_days);
  tx.exec(set_session, signup.id, session_id, session_url);
}

void write_payment(db::Tx& tx, SignupId id, Payment payment) { tx.exec(set_payment, id, payment); }

void write_paid(db::Tx& tx, SignupId id, std::string_view subscription_id,
                std::string_view fingerprint) {
  tx.exec(set_paid, id, subscription_id, fingerprint);
}

void write_refused_trial(db::Tx& tx, SignupId id, std::string_view subscription_id) {
  tx.exec(set_refused_trial, id, subscription_id);
}

void write_refusal(db::Tx& tx, SignupId id, std::string_view code) {
  tx.exec(set_refusal, id, code);
}

void write_return_begun(db::Tx& tx, SignupId id) { tx.exec(set_return_begun, id); }

void write_lease(db::Tx& tx, Signup const& signup, Time lease_until) {
  tx.exec(set_lease, signup.id, lease_until);
  // The sweep of overdue tenants comes a while after the lease's own job, as a safety net.
  tenants::keep_until(tx, signup.tenant_id, lease_until + 30min);
}

void next_page(db::Tx& tx, SignupId id, Time lease_until) { tx.exec(count_page, id, lease_until); }

std::optional<Page> find_page(db::Tx& tx, std::string_view session_id) {
  return tx.maybe<Page>(load_page, session_id);
}

std::optional<Page> find_page_of(db::Tx& tx, std::string_view subscription_id) {
  return tx.maybe<Page>(page_of_subscription, subscription_id);
}

std::vector<Page> pages(db::Tx& tx, SignupId id) { return tx.all<Page>(load_pages, id); }

void write_subscription(db::Tx& tx, std::string_view session_id, std::string_view subscription_id) {
  tx.exec(set_subscription, session_id, subscription_id);
}

void end_page(db::Tx& tx, std::string_view session_id) { tx.exec(set_ended, session_id); }

}  // namespace signup
