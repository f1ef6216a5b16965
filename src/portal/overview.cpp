// What a customer has, in their words: tenants with their subscriptions, what comes next, and what
// is charged.
#include "billing/plan_orders.hpp"
#include "billing/tax_ids.hpp"
#include "dunning/calendar.hpp"
#include "portal/doors.hpp"
#include "portal/sessions.hpp"
#include "portal/win_back.hpp"

namespace portal {

namespace {
using tenants::State;

/// A page of Stripe's lives for an hour, and we look for as long again.
constexpr std::chrono::hours card_page_life{2};

/// How it stands, as its owner would say it.
enum class Standing {
  setting_up,
  runs,
  maintenance,
  unpaid,     // suspended: an invoice is open
  ended,      // suspended: its subscription has ended
  suspended,  // for another reason, which support tells
  archived,
  leaving,  // it is being deleted
};
constexpr auto names_of(Standing) {
  return std::array<std::string_view, 8>{"setting_up", "runs",      "maintenance", "unpaid",
                                         "ended",      "suspended", "archived",    "leaving"};
}

struct Subscription {
  std::string status, currency;
  std::optional<std::int64_t> amount;
  std::optional<std::string> interval;
  std::optional<std::int64_t> interval_count;
  std::optional<Time> period_ends_at, ends_at;
  bool may_cancel, may_resume;
  static constexpr auto rules() {
    using S = Subscription;
    return ::rules(
        rule(&S::status, {.doc = "Stripe's word"}),
        rule(&S::amount, {.doc = "Minor units per interval, before discounts and taxes; null: "
                                 "it has no single price"}),
        rule(&S::ends_at, {.doc = "It is told to end then; null: it goes on"}),
        rule(&S::may_resume, {.doc = "The end can be taken back"}));
  }
};

struct NextStep {
  dunning::What what;
  std::optional<Time> at;
  std::optional<std::string> invoice, currency;
  std::optional<std::int64_t> amount;
  static constexpr auto rules() {
    return ::rules(rule(&NextStep::at, {.doc = "null: a payment is under way, or we wait"}));
  }
};

struct TenantView {
  tenants::TenantId id;
  std::string subdomain, url, plan_id, plan;
  std::int64_t plan_quantity;
  bool may_change_plan;
  std::optional<billing::PlanOrderView> plan_order;
  Standing standing;
  std::optional<Time> last_backup_at;
  std::optional<Subscription> subscription;
  std::optional<StayOffer> stay_offer;
  std::vector<NextStep> next;
  static constexpr auto rules() {
    return ::rules(
        rule(&TenantView::plan, {.doc = "Its name"}),
        rule(&TenantView::plan_quantity, {.doc = "It has the plan so many times"}),
        rule(&TenantView::may_change_plan, {.doc = "Another plan can be chosen now"}),
        rule(&TenantView::plan_order, {.doc = "The plan that it waits for; null: none"}),
        rule(&TenantView::last_backup_at, {.doc = "null: none was made yet"}),
        rule(&TenantView::stay_offer,
             {.doc = "What whoever is about to cancel is offered instead; null: nothing"}),
        rule(&TenantView::next, {.doc = "What happens if nobody does anything, by time"}));
  }
};

struct MethodView {
  std::string type;
  std::optional<std::string> brand, last4;
  std::optional<std::int64_t> expiry_year, expiry_month;
  bool is_default;
  static constexpr auto rules() {
    return ::rules(rule(&MethodView::type, {.doc = "Stripe's word: card, sepa_debit"}),
                   rule(&MethodView::is_default, {.doc = "It is charged next"}));
  }
};

struct Overview {
  customers::CustomerId customer_id;
  std::string company, name, email, support_email;
  bool sends_mail;
  Time as_of, closes_at;
  std::vector<TenantView> tenants;
  std::vector<MethodView> payment_methods;
  std::vector<billing::TaxId> tax_ids;
  bool may_change_card, is_card_awaited, is_card_given;
  static constexpr auto rules() {
    using O = Overview;
    return ::rules(
        rule(&O::closes_at, {.doc = "When the page closes by itself"}),
        rule(&O::may_change_card, {.doc = "False: nothing was ever paid through Stripe"}),
        rule(&O::is_card_awaited, {.doc = "One was begun to be given on Stripe's page"}),
        rule(&O::is_card_given,
             {.doc = "One was given on the last page of Stripe's, and is charged"}));
  }
};

struct TenantRow {
  tenants::TenantId id;
  std::string subdomain, plan_id, plan;
  std::int64_t plan_quantity;
  State state;
  bool is_leaving, owes, is_over, is_held, maintenance;
  std::optional<Time> last_backup_at;
};
// What was never paid for, and what is gone, is not theirs to look at.
db::Query const list_tenants{"portal.tenants", R"sql(
  SELECT t.id, t.subdomain, t.plan_id, coalesce(p.name, t.plan_id) AS plan, t.plan_quantity,
         t.state,
         t.delete_requested_at IS NOT NULL AS is_leaving,
         EXISTS (SELECT FROM tenant_holds WHERE tenant_id = t.id
                    AND reason IN ('billing', 'trial_ended')) AS owes,
         NOT EXISTS (SELECT FROM subscriptions WHERE tenant_id = t.id AND ended_at IS NULL
                        AND status IN ('trialing', 'active', 'past_due', 'unpaid')) AS is_over,
         EXISTS (SELECT FROM tenant_holds WHERE tenant_id = t.id
                    AND reason NOT IN ('billing', 'trial_ended')) AS is_held,
         t.maintenance AND coalesce(t.maintenance_from <= $2, true)
           AND coalesce($2 < t.maintenance_until, true) AS maintenance,
         (SELECT max(coalesce(finished_at, started_at)) FROM tenant_backups
           WHERE tenant_id = t.id AND state IN ('stored', 'verified')) AS last_backup_at
    FROM tenants AS t LEFT JOIN plans AS p ON p.id = t.plan_id
   WHERE t.customer_id = $1
     AND t.state NOT IN ('reserved', 'awaiting_payment', 'rolled_back', 'purged')
   ORDER BY t.id DESC LIMIT 50
)sql"};

// Of several the one that runs best, with its price where all of its items have one and recur
// alike; the tenant ends when all of them do.
db::Query const subscription_of{"portal.subscription", R"sql(
  SELECT s.status, s.currency, price.amount, price.interval, price.interval_count,
         s.current_period_end AS period_ends_at,
         CASE WHEN bool_and(own.ends_at IS NOT NULL) OVER () THEN max(own.ends_at) OVER () END AS ends_at,
         bool_or(own.stands AND own.ends_at IS NULL) OVER () AS may_cancel,
         bool_or(own.stands AND s.cancel_at_period_end) OVER () AS may_resume
    FROM subscriptions AS s CROSS JOIN LATERAL (
         SELECT CASE WHEN s.cancel_at_period_end THEN s.current_period_end ELSE s.cancel_at END AS ends_at,
                s.status IN ('active', 'trialing', 'past_due')
                  AND s.stripe_subscription_id IS NOT NULL AS stands) AS own
         LEFT JOIN LATERAL (
         SELECT sum(coalesce(i.quantity, 1) * p.unit_amount)::bigint AS amount,
                min(p.interval) AS interval, min(p.interval_count)::bigint AS interval_count
           FROM subscription_items AS i JOIN stripe_prices AS p ON p.id = i.price_id
          WHERE i.stripe_subscription_id = s.stripe_subscription_id
         HAVING count(*) = count(p.unit_amount) AND count(DISTINCT (p.interval, p.interval_count)) = 1)
         AS price ON true
   WHERE s.tenant_id = $1 AND s.customer_id = $2 AND s.ended_at IS NULL
     AND s.status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
   ORDER BY array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused']
                           ::subscription_status[], s.status), s.id DESC
   LIMIT 1
)sql"};

db::Query const list_methods{"portal.payment_methods", R"sql(
  SELECT type, brand, last4, extract(year FROM expires)::bigint AS expiry_year,
         extract(month FROM expires)::bigint AS expiry_month, "default" AS is_default
    FROM payment_methods WHERE customer_id = $1 ORDER BY "default" DESC, id DESC LIMIT 10
)sql"};
db::Query const awaits_card{"portal.awaits_card", R"sql(
  SELECT EXISTS (SELECT FROM portal_card_pages
                  WHERE customer_id = $1 AND closed_at IS NULL AND created_at > $2)
)sql"};
db::Query const has_given_card{"portal.has_given_card", R"sql(
  SELECT coalesce((SELECT given_at IS NOT NULL FROM portal_card_pages WHERE customer_id = $1
                    ORDER BY created_at DESC, stripe_session_id LIMIT 1), false)
)sql"};

Standing standing_of(TenantRow const& row) {
  switch (row.state) {
    case State::archiving:
    case State::archived:
      return Standing::archived;
    case State::purging:
      return Standing::leaving;
    case State::live:
    case State::suspending:
    case State::suspended:
    case State::resuming:
      if (row.is_leaving) return Standing::leaving;
      if (row.is_held) return Standing::suspended;
      if (row.owes) return row.is_over ? Standing::ended : Standing::unpaid;
      if (row.state == State::suspended) return Standing::suspended;
      return row.maintenance ? Standing::maintenance : Standing::runs;
    default:
      return Standing::setting_up;
  }
}

/// What was done already, and the staff's own reasons, are theirs alone.
std::vector<NextStep> next_of(db::Tx& tx, tenants::TenantId id) {
  std::vector<NextStep> out;
  auto all = dunning::what_happens_next(tx, id);
  for (auto& event : all.data)
    if (event.progress == dunning::Progress::coming || event.progress == dunning::Progress::waiting)
      out.push_back({event.what, event.at, std::move(event.invoice), std::move(event.currency),
                     event.amount});
  return out;
}

Overview overview(http::Context& context, http::Nothing const&) {
  auto const session = session_of(context);
  db::Tx tx{context.worker.connection, db::Mode::snapshot};
  auto const id = session.customer_id;
  auto const customer = customers::get(tx, id);
  auto const now = clock_source::now();
  Overview out{.customer_id = id,
               .company = customer.company,
               .name = customer.name,
               .email = customer.email,
               .support_email = context.settings.support_email,
               .sends_mail = !context.settings.smtp_url.empty(),
               .as_of = now,
               .closes_at = session.expires_at,
               .tenants = {},
               .payment_methods = tx.all<MethodView>(list_methods, id),
               .tax_ids = billing::tax_ids_of(tx, id),
               .may_change_card = customer.stripe_customer_id.has_value(),
               .is_card_awaited = tx.one<bool>(awaits_card, id, now - card_page_life),
               .is_card_given = tx.one<bool>(has_given_card, id)};
  auto const win_back = win_back_now(tx);
  for (auto const& row : tx.all<TenantRow>(list_tenants, id, now)) {
    auto subscription = tx.maybe<Subscription>(subscription_of, row.id, id);
    // Staff have ended it: what becomes of its bill was chosen with that.
    if (subscription && (row.is_leaving || row.state == State::archived))
      subscription->may_cancel = subscription->may_resume = false;
    auto plan_order = billing::open_plan_order(tx, row.id);
    // It begins only if the end is taken back.
    if (subscription && subscription->ends_at) plan_order.reset();
    bool const may_change_plan = subscription && !row.is_leaving &&
                                 tenants::may_be_changed(row.state) && subscription->may_cancel &&
                                 subscription->status != "past_due";
    bool const may_cancel = subscription && subscription->may_cancel;
    out.tenants.push_back(
        {.id = row.id,
         .subdomain = row.subdomain,
         .url = tenants::url_of(context.settings, row.subdomain),
         .plan_id = row.plan_id,
         .plan = row.plan,
         .plan_quantity = row.plan_quantity,
         .may_change_plan = may_change_plan,
         .plan_order = std::move(plan_order),
         .standing = standing_of(row),
         .last_backup_at = row.last_backup_at,
         .subscription = std::move(subscription),
         .stay_offer = may_cancel ? stay_offer_for(tx, row.id, win_back) : std::nullopt,
         .next = next_of(tx, row.id)});
  }
  return out;
}
}  // namespace

void add_overview_endpoint(http::Api& api) {
  api.add(http::Endpoint<http::Nothing, Overview>{
      .route = "GET /api/portal",
      .summary = "Read what the customer whose page is open has",
      .tag = "Portal",
      .limit = http::per_minute(120),
      .problems = {session_over},
      .handle = overview,
  });
}

}  // namespace portal
