// Each subscription is a row before Stripe is asked, and what waits to be charged is in that row
// before it is dropped: a job that was cut off in between goes on where it was.
#include "billing/endings.hpp"

#include <deque>

#include "audit/audit.hpp"
#include "billing/ending_mails.hpp"
#include "billing/following.hpp"
#include "billing/keeping.hpp"
#include "billing/owed.hpp"
#include "billing/payment_links.hpp"
#include "billing/renewals.hpp"
#include "billing/rights.hpp"
#include "billing/unused_time.hpp"
#include "dunning/dunning.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/jobs.hpp"

namespace billing {

bool is_ending(tenants::Tenant const& tenant) {
  using tenants::State;
  return tenant.delete_requested_at || tenant.state == State::archiving ||
         tenant.state == State::archived || tenant.state == State::purging ||
         tenant.state == State::purged;
}

namespace {
using tenants::BillingEnd;
using tenants::Refund;

// A second wish replaces one that is not done.
db::Query const begin_endings{"billing.begin_endings", R"sql(
  INSERT INTO billing_endings (tenant_id, stripe_subscription_id, ends, refund)
  SELECT tenant_id, stripe_subscription_id, $2, $3 FROM subscriptions
   WHERE tenant_id = $1 AND stripe_subscription_id IS NOT NULL AND ended_at IS NULL
     AND status NOT IN ('canceled', 'incomplete_expired')
  ON CONFLICT (stripe_subscription_id) WHERE done_at IS NULL
  DO UPDATE SET ends = excluded.ends, refund = excluded.refund
)sql"};

struct Ending {
  std::int64_t id;
  std::string stripe_subscription_id;
  BillingEnd ends;
  Refund refund;
  std::int64_t given_back;
  std::optional<std::int64_t> dropped;
  std::string stripe_customer_id, currency;
  bool is_demo;
  static constexpr auto fields() {
    return ::fields(field("id", &Ending::id),
                    field("stripe_subscription_id", &Ending::stripe_subscription_id),
                    field("stripe_customer_id", &Ending::stripe_customer_id),
                    field("currency", &Ending::currency), field("is_demo", &Ending::is_demo),
                    field("ends", &Ending::ends), field("refund", &Ending::refund),
                    field("given_back", &Ending::given_back), field("dropped", &Ending::dropped));
  }
};
db::Query const under_way{"billing.endings_under_way", R"sql(
  SELECT e.id, e.stripe_subscription_id, e.ends, e.refund, e.given_back, e.dropped,
         c.stripe_customer_id, s.currency, c.is_demo
    FROM billing_endings e JOIN subscriptions s USING (stripe_subscription_id)
    JOIN customers c ON c.id = s.customer_id
   WHERE e.tenant_id = $1 AND e.done_at IS NULL ORDER BY e.id
)sql"};
db::Query const write_money{"billing.write_ending_money",
                            "UPDATE billing_endings SET given_back = $2, "
                            "dropped = $3, currency = $4 WHERE id = $1"};
db::Query const end_ending{"billing.end_ending", R"sql(
  UPDATE billing_endings SET ends_at = $2, currency = $3, done_at = now() WHERE id = $1
)sql"};
db::Query const forget_ending{
    "billing.forget_ending",
    "DELETE FROM billing_endings WHERE tenant_id = $1 AND done_at IS NULL"};

struct Outcome {
  stripe::Object subscription;
  Time ends_at{};
  std::int64_t given_back = 0, dropped = 0;
  std::string currency;
  bool is_forgotten = false;  // by Stripe: there is no money to look for
};

std::string owed_for(tenants::TenantId id) { return "end:" + id.text(); }

Outcome end_at_stripe(stripe::Client const& client, Ending const& ending) {
  auto const path = "/v1/subscriptions/" + ending.stripe_subscription_id;
  Outcome out{.subscription = {},
              .given_back = ending.given_back,
              .dropped = ending.dropped.value_or(0),
              .currency = ending.currency};
  try {
    out.subscription = client.get(path);
  } catch (stripe::Refused const& refused) {
    if (refused.status != 404) throw;
    if (!ending.is_demo && !knows_customer(client, ending.stripe_customer_id))
      throw jobs::Retry{"Stripe knows neither " + ending.stripe_subscription_id +
                        " nor its customer: is stripe_secret_key of another account?"};
    // Stripe has forgotten it: it bills nobody any more.
    out.ends_at = clock_source::now();
    out.is_forgotten = true;
    out.subscription = {{"id", ending.stripe_subscription_id},
                        {"customer", ending.stripe_customer_id},
                        {"status", "canceled"},
                        {"currency", ending.currency},
                        {"ended_at", clock_source::unix_seconds(out.ends_at)}};
    return out;
  }
  auto const status = stripe::text(out.subscription, "status");
  bool const is_over = status == "canceled" || status == "incomplete_expired";
  // One that is not paid for has no period to run out.
  bool const is_paid = status == "active" || status == "trialing";
  if (!is_over && is_paid && ending.ends == BillingEnd::period_end) {
    if (!stripe::boolean(out.subscription, "cancel_at_period_end")) {
      http_client::Form form;
      form.add("cancel_at_period_end", "true").add(ended_with_tenant, "true");
      out.subscription =
          client.post(path, form, stripe::key_once("end-" + ending.stripe_subscription_id));
    }
    auto const until = stripe::time(out.subscription, "items.data.0.current_period_end");
    out.ends_at = until.value_or(clock_source::now());
    return out;
  }
  if (!is_over) out.subscription = client.cancel(path);
  out.ends_at = stripe::time(out.subscription, "ended_at").value_or(clock_source::now());
  return out;
}

/// What remains is given back where it was told so, and what waits to be charged is dropped.
void settle_money(jobs::Context& job, stripe::Client const& client, tenants::TenantId tenant,
                  Ending const& ending, std::int64_t tried, Outcome& out) {
  auto const pending = pending_of(client, out.subscription, out.ends_at);
  bool const gives_back =
      ending.refund == Refund::unused && stripe::text(out.subscription, "status") == "canceled";
  if (!ending.dropped) out.dropped = pending.to_drop(gives_back);
  if (gives_back && out.given_back == 0)
    out.given_back =
        give_back_unused(client, out.subscription, out.ends_at, pending.overpaid(),
                         {"end-refund-" + std::to_string(ending.id), tried}, tenant.text());
  job.transact([&](db::Tx& tx) {
    tx.exec(write_money, ending.id, out.given_back, out.dropped, out.currency);
  });
  drop(client, pending, out.dropped);
}

struct Dropped {
  std::string subscription, currency;
  std::int64_t amount;
  static constexpr auto fields() {
    return ::fields(field("subscription", &Dropped::subscription),
                    field("amount", &Dropped::amount), field("currency", &Dropped::currency));
  }
};
void note_dropped(db::Tx& tx, tenants::TenantId id, Outcome const& outcome) {
  if (outcome.dropped == 0) return;
  auto const subscription = stripe::text(outcome.subscription, "id");
  tenants::note(tx, id, "billing",
                activity::ProrationsDropped{subscription, outcome.currency, outcome.dropped});
  audit::write_by_system(
      tx, "billing", "billing.prorations_dropped", id.text(),
      RawJson{json::text(Dropped{subscription, outcome.currency, outcome.dropped})});
}

std::string sentence(std::vector<Outcome> const& outcomes, i18n::Locale locale) {
  bool const spanish = locale == i18n::Locale::es;
  std::string text;
  for (auto const& outcome : outcomes) {
    auto const day = clock_source::rfc3339(outcome.ends_at).substr(0, 10);
    bool const is_over = stripe::text(outcome.subscription, "status") == "canceled";
    if (!text.empty()) text += ' ';
    if (is_over)
      text += spanish ? "Su suscripción terminó el " + day + "."
                      : "Its subscription ended on " + day + ".";
    else if (stripe::text(outcome.subscription, "status") == "trialing")
      text += spanish ? "Su suscripción termina el " + day + ", con el periodo de prueba."
                      : "Its subscription ends on " + day + ", with its trial.";
    else
      text += spanish ? "Su suscripción termina el " + day + ", con el periodo que está pagado."
                      : "Its subscription ends on " + day + ", with the period that is paid.";
    if (outcome.given_back > 0) {
      auto const money = money::text(outcome.given_back, outcome.currency, locale);
      text += spanish ? " Devolvemos " + money +
                            " por el tiempo no usado, por el mismo medio; los bancos tardan hasta "
                            "diez días."
                      : " We give " + money +
                            " back for the time that was not used, to where it came from; banks "
                            "need up to ten days.";
    }
  }
  return text;
}

void end_billing(jobs::Context& job, tenants::EndBilling const& args,
                 config::Settings const& settings) {
  tenants::TenantId const id{args.tenant_id};
  stripe::Client const client{settings};
  auto const [endings, tried] = job.transact([&](db::Tx& tx) {
    std::vector<Ending> begun;
    auto const earlier = times_tried(tx, owed_for(id));
    // Taken back before we came to it.
    if (!is_ending(tenants::lock(tx, id))) {
      tx.exec(forget_ending, id);
    } else {
      tx.exec(begin_endings, id, args.ends, args.refund);
      close_renewal_later(tx, id);
      begun = tx.all<Ending>(under_way, id);
    }
    if (begun.empty()) settle_owed(tx, owed_for(id));
    return std::pair{std::move(begun), earlier};
  });
  if (endings.empty()) return;
  std::deque<db::SessionLock> turns;
  std::vector<Outcome> outcomes;
  for (auto const& ending : endings) {
    turns.emplace_back(job.connection, turn_of(ending.stripe_subscription_id));
    outcomes.push_back(end_at_stripe(client, ending));
    settle_money(job, client, id, ending, tried, outcomes.back());
  }
  job.transact([&](db::Tx& tx) {
    settle_owed(tx, owed_for(id));
    for (std::size_t i = 0; i < endings.size(); ++i) {
      auto const& outcome = outcomes[i];
      apply_subscription(tx, outcome.subscription, clock_source::now(), id);
      tx.exec(end_ending, endings[i].id, outcome.ends_at, outcome.currency);
      note_dropped(tx, id, outcome);
      money::Sums given_back;
      if (outcome.given_back) given_back.add(outcome.currency, outcome.given_back);
      tenants::note(tx, id, "billing",
                    activity::BillingEnded{endings[i].stripe_subscription_id, outcome.ends_at,
                                           given_back.amounts()});
    }
    auto const tenant = tenants::get(tx, id);
    if (tenant.state != tenants::State::purging && tenant.state != tenants::State::purged &&
        !dunning::has_archived(tx, id)) {
      auto const owner = customers::get(tx, tenant.customer_id);
      mail::send(tx, tenant_ends, owner.locale, owner.email,
                 {{"name", owner.name},
                  {"address", tenant.subdomain + "." + settings.tenant_domain},
                  {"money", sentence(outcomes, owner.locale)},
                  {"support", settings.support_email}},
                 {owner.id, id});
    }
    job.finish(tx);
  });
}

retention::Kept const kept_billing_endings{"billing_endings",
                                           "what became of a bill and of money that went back"};
}  // namespace

void add_ending_workers(jobs::Engine& engine, config::Settings const& settings) {
  auto serialise = [](auto const& args) {
    return "billing.tenant:" + std::to_string(args.tenant_id);
  };
  engine.add(jobs::Worker<tenants::EndBilling>{
      .timeout = jobs::Seconds{300},
      .serialise = serialise,
      .run =
          [&settings](jobs::Context& job, tenants::EndBilling const& args) {
            with_stripe(job, [&] { end_billing(job, args, settings); });
          },
      .dead =
          [](db::Tx& tx, tenants::EndBilling const& args, std::string const& error) {
            tenants::TenantId const id{args.tenant_id};
            tenants::note(tx, id, "billing", activity::BillingEndFailed{error});
            write_owed(tx, owed_for(id), id, gave_up(error), args);
          }});
  engine.add(jobs::Worker<tenants::KeepBilling>{
      .timeout = jobs::Seconds{120},
      .serialise = serialise,
      .run = [&settings](jobs::Context& job, tenants::KeepBilling const& args) {
        with_stripe(job, [&] { keep_billing(job, tenants::TenantId{args.tenant_id}, settings); });
      }});
}

}  // namespace billing
