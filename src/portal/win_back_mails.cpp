// One mail to who has cancelled, some time after the end: what they had is there, and how it runs
// again.
#include "billing/following.hpp"
#include "billing/rights.hpp"
#include "customers/customers.hpp"
#include "platform/mail/mail.hpp"
#include "portal/doors.hpp"
#include "portal/win_back.hpp"
#include "tenants/addresses.hpp"

namespace portal {

namespace {
mail::Declared const win_back{
    "win_back",
    {"{address} is still there",
     "Hello {name},\n\nyou cancelled the subscription of {address}, and it ended on {day}. Its "
     "data "
     "is still there. Would you like to go on where you left off? With a new subscription it runs "
     "again:\n\n{link}\n\nIf not, you need not do anything: nothing is charged, and this is the "
     "only mail about it. Questions, or something that we should know? {support}\n"},
    {"{address} sigue ahí",
     "Hola, {name}:\n\nCancelaste la suscripción de {address} y terminó el {day}. Sus datos siguen "
     "ahí. ¿Quieres continuar donde lo dejaste? Con una suscripción nueva vuelve a "
     "funcionar:\n\n{link}\n\nSi no, no tienes que hacer nada: no se cobra nada y este es el único "
     "correo que te mandamos sobre ello. ¿Preguntas, o algo que debamos saber? {support}\n"},
    true};

struct Left {
  std::string subscription;
  tenants::TenantId tenant_id;
  Time ended_at;
};
// Days that a server was down are made up for; nobody is written to of an end that is long past
// when this is switched on. What is owed is written about elsewhere.
db::Query const who_left{"portal.who_left", R"sql(
  SELECT s.stripe_subscription_id AS subscription, t.id AS tenant_id, s.ended_at
    FROM subscriptions AS s
    JOIN tenants AS t ON t.id = s.tenant_id AND t.customer_id = s.customer_id
    JOIN customers AS c ON c.id = t.customer_id AND NOT c.is_demo
   WHERE s.ended_at <= $1 AND s.ended_at > $1::timestamptz - interval '7 days'
     AND s.stripe_subscription_id IS NOT NULL
     AND NOT EXISTS (SELECT FROM subscriptions AS o
                      WHERE o.tenant_id = t.id AND o.id <> s.id
                        AND o.status NOT IN ('incomplete', 'incomplete_expired')
                        AND (o.ended_at IS NULL OR (o.ended_at, o.id) > (s.ended_at, s.id)))
     AND (SELECT kind = 'cancellation_requested' FROM activity
           WHERE tenant_id = t.id AND data ->> 'subscription' = s.stripe_subscription_id
             AND kind IN ('cancellation_requested', 'cancellation_taken_back')
           ORDER BY id DESC LIMIT 1)
     AND NOT EXISTS (SELECT FROM dunning_cases WHERE tenant_id = t.id AND closed_at IS NULL)
     AND NOT EXISTS (SELECT FROM mail_keys WHERE key = 'win_back/' || s.stripe_subscription_id)
   ORDER BY s.ended_at, s.id
)sql"};

void write(db::Tx& tx, config::Settings const& settings, Left const& left) {
  auto const tenant = tenants::lock(tx, left.tenant_id);
  // Nobody is led to a page where a payment would not bring it back.
  if (!billing::can_be_paid_for(tx, tenant) ||
      billing::right_of(tx, tenant.id) != billing::Right::over)
    return;
  auto const owner = customers::get(tx, tenant.customer_id);
  mail::send_once(tx, "win_back/" + left.subscription, win_back, owner.locale, owner.email,
                  {{"name", owner.name},
                   {"address", tenants::authority_of(settings, tenant.subdomain)},
                   {"day", clock_source::rfc3339(left.ended_at).substr(0, 10)},
                   {"link", settings.public_url + "/pay/" + tenant.subdomain},
                   {"support", settings.support_email}},
                  {owner.id, tenant.id});
}
}  // namespace

void add_win_back_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<WriteWinBack>{.run = [&settings](jobs::Context& job,
                                                           WriteWinBack const&) {
    billing::wait_while_copy(job);
    auto const all = [&] {
      db::Tx tx{job.connection, db::Mode::autocommit};
      auto const now = win_back_now(tx);
      if (!now.writes) return std::vector<Left>{};
      return tx.all<Left>(who_left, clock_source::now() - std::chrono::days{now.write_after_days});
    }();
    for (auto const& left : all) job.transact([&](db::Tx& tx) { write(tx, settings, left); });
  }});
  engine.schedule<WriteWinBack>(std::chrono::hours{24});
}

}  // namespace portal
