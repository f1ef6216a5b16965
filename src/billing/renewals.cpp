// A row is written before Stripe is asked, and carries the key of the request: a retry gets the
// same page.
#include "billing/renewals.hpp"

#include "billing/endings.hpp"
#include "billing/following.hpp"
#include "billing/owed.hpp"
#include "billing/plan_moves.hpp"
#include "billing/refunds.hpp"
#include "platform/mail/mail.hpp"
#include "platform/money/money.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/plans.hpp"

namespace billing {

namespace {
mail::Declared const goes_back{
    "renewal_refunded",
    {"Your payment for {address} is on its way back",
     "Hello {name},\n\nyou paid for a new subscription of {address} while it was being ended. That "
     "subscription has ended, too, and we give {amount} back to where it came from; banks need up "
     "to ten days.\n\nWas the end not what you wanted? Write to {support}\n"},
    {"Te devolvemos el pago de {address}",
     "Hola, {name}:\n\nPagaste una suscripción nueva de {address} justo cuando se daba de baja. "
     "Esa "
     "suscripción también ha terminado y devolvemos {amount} por el mismo medio; los bancos tardan "
     "hasta diez días.\n\n¿No querías darla de baja? Escribe a {support}\n"}};

constexpr auto columns =
    "id, stripe_session_id, url, amount, quantity, currency, interval, interval_count, expires_at";
db::Query const load_open{"billing.open_renewal", std::string{"SELECT "} + columns +
                                                      " FROM tenant_renewals WHERE tenant_id = $1 "
                                                      "AND closed_at IS NULL"};
db::Query const insert_renewal{"billing.insert_renewal", std::string{R"sql(
  INSERT INTO tenant_renewals (tenant_id, amount, quantity, currency, interval, interval_count,
                               expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING )sql"} + columns};
db::Query const write_page{"billing.write_renewal_page", R"sql(
  UPDATE tenant_renewals SET stripe_session_id = $2, url = $3 WHERE id = $1
)sql"};
db::Query const close_row{"billing.close_renewal_row", R"sql(
  UPDATE tenant_renewals SET closed_at = now() WHERE id = $1 AND closed_at IS NULL
)sql"};
struct Last {
  std::string stripe_subscription_id, currency;
};
db::Query const last_subscription{"billing.last_subscription", R"sql(
  SELECT stripe_subscription_id, currency FROM subscriptions
   WHERE tenant_id = $1 AND stripe_subscription_id IS NOT NULL
     AND status NOT IN ('incomplete', 'incomplete_expired')
   ORDER BY coalesce(ended_at, 'infinity') DESC, id DESC LIMIT 1
)sql"};
// Beside one that runs these would only wait, and might bill again one day.
db::Query const waiting_subscriptions{"billing.waiting_subscriptions", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE tenant_id = $1 AND ended_at IS NULL AND status IN ('paused', 'unpaid')
     AND EXISTS (SELECT 1 FROM subscriptions
                  WHERE tenant_id = $1 AND status IN ('active', 'trialing', 'past_due'))
)sql"};

/// Stripe closes a page after a day at most.
constexpr auto page_lives = std::chrono::hours{23};
/// Less than this is no time to pay in.
constexpr auto too_short = std::chrono::minutes{30};

struct Facts {
  tenants::Tenant tenant;
  std::string plan_name;
  std::optional<std::string> stripe_customer;
  std::optional<Last> subscription;
  std::optional<Renewal> open;
};
Facts facts_of(db::Connection& connection, tenants::TenantId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  Facts out{.tenant = tenants::get(tx, id),
            .plan_name = {},
            .stripe_customer = {},
            .subscription = tx.maybe<Last>(last_subscription, id),
            .open = tx.maybe<Renewal>(load_open, id)};
  out.stripe_customer = customers::get(tx, out.tenant.customer_id).stripe_customer_id;
  out.plan_name = out.tenant.plan_id;
  for (auto const& plan : tenants::plans_for_sale(tx))
    if (plan.id == out.tenant.plan_id) out.plan_name = plan.name;
  return out;
}

/// Ends the page at Stripe. What somebody has begun there, "" where that is nothing yet; none when
/// nobody has paid.
std::optional<std::string> end_page(db::Connection& connection, stripe::Client const& client,
                                    Renewal const& renewal, tenants::TenantId tenant) {
  if (!renewal.stripe_session_id) return {};
  auto const path = "/v1/checkout/sessions/" + *renewal.stripe_session_id;
  try {
    client.post(path + "/expire", {}, stripe::key_once("expire-" + *renewal.stripe_session_id));
    return {};
  } catch (stripe::Refused const&) {  // paid, or over already
  }
  auto const session = client.get(path);
  auto made = stripe::id_of(session, "subscription");
  if (!made.empty()) follow_subscription(connection, client, made, tenant);
  if (stripe::text(session, "status") != "complete") return {};
  return made;
}

void close(db::Connection& connection, Renewal const& renewal) {
  db::transact(connection, [&](db::Tx& tx) { tx.exec(close_row, renewal.id); });
}

/// None where no price is known: nothing is sold for nothing.
std::optional<Renewal> begin(db::Connection& connection, stripe::Client const& client,
                             tenants::Tenant const& tenant, Last const& last) {
  stripe::Object subscription;
  try {
    subscription = client.get("/v1/subscriptions/" + last.stripe_subscription_id);
  } catch (stripe::Refused const& refused) {
    if (refused.status != 404) throw;  // forgotten by Stripe: a month at a time, as most are
  }
  auto const& currency = last.currency;
  auto rhythm = stripe::text(subscription, "items.data.0.price.recurring.interval");
  if (rhythm.empty()) rhythm = "month";
  auto const count = std::max<std::int64_t>(
      1, stripe::integer(subscription, "items.data.0.price.recurring.interval_count"));
  return db::transact(connection, [&](db::Tx& tx) -> std::optional<Renewal> {
    auto amount = stripe::integer(subscription, "items.data.0.price.unit_amount");
    if (auto const interval = enum_from<tenants::Interval>(rhythm); interval && count == 1)
      if (auto const offer = tenants::offer_of(tx, tenant.plan_id, *interval, currency))
        amount = offer->amount;
    if (amount <= 0) return {};
    return tx.one<Renewal>(insert_renewal, tenant.id, amount, tenant.plan_quantity, currency,
                           rhythm, count, clock_source::now() + page_lives);
  });
}

retention::Kept const kept_tenant_renewals{"tenant_renewals", "which page asked for which money"};
}  // namespace

std::optional<Renewal> offer_renewal(db::Connection& connection, stripe::Client const& client,
                                     config::Settings const& settings, tenants::TenantId id) {
  auto facts = facts_of(connection, id);
  if (!facts.subscription || !facts.stripe_customer) return {};
  if (facts.open && facts.open->expires_at < clock_source::now() + too_short) {
    bool const is_paid = end_page(connection, client, *facts.open, id).has_value();
    close(connection, *facts.open);
    if (is_paid) return {};
    facts.open.reset();
  }
  if (facts.open && facts.open->url) return facts.open;
  auto begun = facts.open ? std::move(facts.open)
                          : begin(connection, client, facts.tenant, *facts.subscription);
  if (!begun) return {};
  auto& renewal = *begun;
  ensure_plan_product(client, facts.tenant.plan_id, facts.plan_name);
  auto const home = tenants::url_of(settings, facts.tenant.subdomain);
  http_client::Form form;
  form.add("mode", "subscription")
      .add("customer", *facts.stripe_customer)
      .add("success_url", settings.public_url + "/pay/" + facts.tenant.subdomain + "?paid")
      .add("cancel_url", home)
      .add("expires_at", clock_source::unix_seconds(renewal.expires_at))
      .add("line_items[0][quantity]", renewal.quantity)
      .add("line_items[0][price_data][currency]", renewal.currency)
      .add("line_items[0][price_data][unit_amount]", renewal.amount)
      .add("line_items[0][price_data][recurring][interval]", renewal.interval)
      .add("line_items[0][price_data][recurring][interval_count]", renewal.interval_count)
      .add("line_items[0][price_data][product]", plan_product(facts.tenant.plan_id))
      .add("metadata[tenant_id]", id.text())
      .add("subscription_data[metadata][tenant_id]", id.text())
      .add("subscription_data[metadata][subdomain]", facts.tenant.subdomain);
  auto const session = client.post("/v1/checkout/sessions", form,
                                   stripe::key_of("renewal-" + std::to_string(renewal.id), form));
  renewal.stripe_session_id = stripe::text(session, "id");
  renewal.url = stripe::text(session, "url");
  db::transact(connection, [&](db::Tx& tx) {
    tx.exec(write_page, renewal.id, renewal.stripe_session_id, renewal.url);
  });
  return begun;
}

void close_renewal_later(db::Tx& tx, tenants::TenantId id) {
  if (tx.maybe<Renewal>(load_open, id))
    jobs::enqueue(tx, CloseRenewal{id.value}, {.dedupe_key = std::to_string(id.value)});
}

namespace {
std::string owed_for(tenants::TenantId id) { return "renewal:" + id.text(); }

/// Paid while its tenant was being ended: it never runs for that, so all of it goes back.
void give_back(jobs::Context& job, stripe::Client const& client, tenants::Tenant const& tenant,
               Renewal const& renewal, std::string const& subscription,
               config::Settings const& settings) {
  db::SessionLock const turn{job.connection, turn_of(subscription)};
  auto const path = "/v1/subscriptions/" + subscription;
  auto present = client.get(path);
  if (!stripe::time(present, "ended_at")) present = client.cancel(path);
  http_client::Form query;
  query.add("expand[0]", "payments.data.payment.payment_intent");
  auto const invoice =
      client.get("/v1/invoices/" + stripe::id_of(present, "latest_invoice"), query);
  auto const tried = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return times_tried(tx, owed_for(tenant.id));
  }();
  // A debit that is still under way is given back when it has come, as a payment that is late.
  auto const given_back =
      refund_invoice(client, invoice, stripe::integer(invoice, "amount_paid"),
                     {"renewal-refund-" + subscription, tried}, {.tenant_id = tenant.id.text()})
          .now;
  job.transact([&](db::Tx& tx) {
    apply_subscription(tx, present, clock_source::now(), tenant.id);
    auto const owner = customers::get(tx, tenant.customer_id);
    money::Amount const back{stripe::text(invoice, "currency"), given_back};
    if (given_back > 0) {
      mail::send_once(tx, "renewal/" + subscription + "/goes_back", goes_back, owner.locale,
                      owner.email,
                      {{"name", owner.name},
                       {"address", tenant.subdomain + "." + settings.tenant_domain},
                       {"amount", money::text(back, owner.locale)},
                       {"support", settings.support_email}},
                      {owner.id, tenant.id});
      tenants::note(tx, tenant.id, "billing",
                    activity::Refunded{.subscription = subscription, .refunded = {back}});
    }
    settle_owed(tx, owed_for(tenant.id));
    tx.exec(close_row, renewal.id);
  });
}

void close_renewal(jobs::Context& job, tenants::TenantId id, config::Settings const& settings) {
  stripe::Client const client{settings};
  auto const [tenant, open, waiting] = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return std::tuple{tenants::get(tx, id), tx.maybe<Renewal>(load_open, id),
                      tx.all<std::string>(waiting_subscriptions, id)};
  }();
  if (open) {
    auto const made = end_page(job.connection, client, *open, id);
    if (made && !made->empty() && is_ending(tenant))
      give_back(job, client, tenant, *open, *made, settings);
    else
      close(job.connection, *open);
  }
  for (auto const& subscription : waiting) {
    db::SessionLock const turn{job.connection, turn_of(subscription)};
    auto const ended = client.cancel("/v1/subscriptions/" + subscription);
    job.transact([&](db::Tx& tx) { apply_subscription(tx, ended, clock_source::now(), id); });
  }
}
}  // namespace

void add_renewal_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<CloseRenewal>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](CloseRenewal const& args) {
            return "billing.tenant:" + std::to_string(args.tenant_id);
          },
      .run =
          [&settings](jobs::Context& job, CloseRenewal const& args) {
            with_stripe(job,
                        [&] { close_renewal(job, tenants::TenantId{args.tenant_id}, settings); });
          },
      .dead =
          [](db::Tx& tx, CloseRenewal const& args, std::string const& error) {
            tenants::TenantId const id{args.tenant_id};
            write_owed(tx, owed_for(id), id, gave_up(error), args);
          }});
}

}  // namespace billing
