#include "billing/keeping.hpp"

#include "billing/ending_mails.hpp"
#include "billing/endings.hpp"
#include "billing/following.hpp"
#include "billing/payment_links.hpp"
#include "billing/rights.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
db::Query const ends_with_period{"billing.ends_with_period", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE tenant_id = $1 AND ended_at IS NULL AND cancel_at_period_end
)sql"};
/// What the owner was told of the end that is taken back now; not told: nothing.
struct Told {
  bool told;
  std::int64_t dropped, given_back;
  std::optional<std::string> currency;
};
db::Query const told_of_end{"billing.told_of_end", R"sql(
  SELECT count(*) > 0 AS told, coalesce(sum(greatest(dropped, 0)), 0)::bigint AS dropped,
         coalesce(sum(given_back), 0)::bigint AS given_back, max(currency) AS currency
    FROM billing_endings
   WHERE tenant_id = $1
     AND done_at > coalesce((SELECT max(at) FROM activity
                              WHERE tenant_id = $1 AND kind = 'end_taken_back'), '-infinity')
)sql"};

std::string sentence(Told const& told, bool runs, i18n::Locale locale) {
  bool const spanish = locale == i18n::Locale::es;
  std::string text =
      runs ? (spanish ? "Todo sigue como antes, también su suscripción."
                      : "It goes on as before, and so does its subscription.")
           : (spanish ? "Pero su suscripción ya ha terminado: en otro correo te explicamos cómo "
                        "iniciar una nueva, y entonces volverá a funcionar."
                      : "But its subscription has ended: another mail says where to start a new "
                        "one, and then it runs again.");
  auto const money = [&](std::int64_t amount) {
    return money::text(amount, told.currency.value_or(""), locale);
  };
  if (told.dropped > 0)
    text += spanish ? " Los " + money(told.dropped) +
                          " de un cambio de plan que quedaban por cobrar ya no se cobran."
                    : " The " + money(told.dropped) +
                          " of a change of plan that had not been charged yet are not charged any "
                          "more.";
  if (told.given_back > 0)
    text += spanish ? " Los " + money(told.given_back) + " que te devolvimos siguen siendo tuyos."
                    : " The " + money(told.given_back) + " that we gave back stay yours.";
  return text;
}

/// Who read that it ends reads that it does not.
void tell_that_it_goes_on(db::Tx& tx, tenants::TenantId id, config::Settings const& settings) {
  auto const told = tx.one<Told>(told_of_end, id);
  if (!told.told) return;
  auto const tenant = tenants::get(tx, id);
  auto const owner = customers::get(tx, tenant.customer_id);
  bool const runs = right_of(tx, id) == Right::runs;
  mail::send(tx, tenant_goes_on, owner.locale, owner.email,
             {{"name", owner.name},
              {"address", tenant.subdomain + "." + settings.tenant_domain},
              {"money", sentence(told, runs, owner.locale)},
              {"support", settings.support_email}},
             {owner.id, id});
  auto const amounts = [&](std::int64_t amount) {
    money::Sums sums;
    if (amount > 0) sums.add(told.currency.value_or(""), amount);
    return sums.amounts();
  };
  tenants::note(tx, id, "billing",
                activity::EndTakenBack{runs, amounts(told.dropped), amounts(told.given_back)});
}
}  // namespace

void keep_billing(jobs::Context& job, tenants::TenantId id, config::Settings const& settings) {
  stripe::Client const client{settings};
  auto const ending = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    if (is_ending(tenants::get(tx, id))) return std::vector<std::string>{};
    return tx.all<std::string>(ends_with_period, id);
  }();
  for (auto const& subscription : ending) {
    db::SessionLock const turn{job.connection, turn_of(subscription)};
    auto const path = "/v1/subscriptions/" + subscription;
    auto const present = client.get(path);
    if (stripe::text(present, "metadata.ended_with_tenant") != "true" ||
        stripe::time(present, "ended_at"))
      continue;
    http_client::Form form;
    form.add("cancel_at_period_end", "false").add(ended_with_tenant, "");
    auto const kept = client.post(path, form, stripe::key_once("keep-" + subscription));
    job.transact([&](db::Tx& tx) {
      apply_subscription(tx, kept, clock_source::now(), id);
      tenants::note(tx, id, "billing", activity::BillingKept{subscription});
    });
  }
  // What ended for good meanwhile has to be paid anew; its owner hears where.
  job.transact([&](db::Tx& tx) {
    if (!is_ending(tenants::lock(tx, id))) {
      follow_right(tx, id);
      tell_that_it_goes_on(tx, id, settings);
      if (right_of(tx, id) != Right::runs) enqueue_payment_link(tx, id, Occasion::stopped);
    }
    job.finish(tx);
  });
}

}  // namespace billing
