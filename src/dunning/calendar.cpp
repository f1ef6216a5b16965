// What happens next to a tenant if nobody does anything: its subscription's days, Stripe's attempts
// and our own steps, by the same plan that is acted on.
#include "dunning/calendar.hpp"

#include <algorithm>

#include "dunning/cases.hpp"
#include "dunning/dunning.hpp"

namespace dunning {

namespace {
What what_of(Step step) { return *enum_from<What>(name_of(step)); }

struct OneTenant {
  tenants::TenantId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneTenant::id, {.doc = "Id of the tenant"}));
  }
};

struct Dated {
  What what;
  Time at;
  std::optional<std::string> invoice, currency, hold;
  std::optional<std::int64_t> amount;
};
// Stripe charges once more where a try has failed; a subscription that is told to end is not
// renewed.
db::Query const dated{"dunning.dated", R"sql(
  WITH standing AS (
    SELECT *, CASE WHEN cancel_at_period_end THEN current_period_end ELSE cancel_at END AS ends
      FROM subscriptions
     WHERE tenant_id = $1 AND ended_at IS NULL AND status IN ('active', 'trialing', 'past_due'))
  SELECT 'trial_end' AS what, trial_end AS at, NULL AS invoice, NULL AS currency, NULL AS hold,
         NULL::bigint AS amount
    FROM standing WHERE status = 'trialing' AND trial_end > $2
  UNION ALL
  SELECT 'renewal', current_period_end, NULL, NULL, NULL, NULL
    FROM standing WHERE current_period_end > $2 AND (ends IS NULL OR ends > current_period_end)
     AND NOT (status = 'trialing' AND trial_end = current_period_end)
  UNION ALL
  SELECT 'subscription_end', ends, NULL, NULL, NULL, NULL FROM standing WHERE ends > $2
  UNION ALL
  SELECT 'collection_resumes', pause_resumes_at, NULL, NULL, NULL, NULL
    FROM standing WHERE pause_resumes_at > $2
  UNION ALL
  SELECT 'payment_attempt', i.next_payment_attempt, coalesce(i.number, i.stripe_invoice_id),
         i.currency, NULL, coalesce(i.amount_remaining, i.amount - i.amount_paid)
    FROM standing s JOIN billing_invoices i ON i.subscription_id = s.id
   WHERE i.status = 'open' AND i.next_payment_attempt > $2
  UNION ALL
  SELECT 'hold_end', expires_at, NULL, NULL, reason::text, NULL
    FROM tenant_holds WHERE tenant_id = $1 AND expires_at > $2
  UNION ALL
  SELECT 'purge', state_deadline, NULL, NULL, NULL, NULL
    FROM tenants WHERE id = $1 AND state = 'archived' AND state_deadline IS NOT NULL
)sql"};

void add_steps(db::Tx& tx, Look const& look, Time now, std::vector<NextEvent>& out) {
  if (look.debts.empty()) return;
  auto const ladder =
      look.open ? look.open->ladder : settings_now(tx).ladder_for(look.standing.plan_id);
  auto const& oldest = look.debts.front();
  for (auto const& [step, progress, at] : plan(look.facts(ladder), now)) {
    // What is overdue is done with the next round.
    auto const shown = progress == Progress::coming ? std::optional{std::max(*at, now)} : at;
    out.push_back({.what = what_of(step),
                   .progress = progress,
                   .at = shown,
                   .invoice = oldest.number,
                   .currency = oldest.currency,
                   .amount = oldest.amount});
  }
}

}  // namespace

WhatHappensNext what_happens_next(db::Tx& tx, tenants::TenantId id) {
  static_cast<void>(tenants::get(tx, id));
  auto const now = clock_source::now();
  auto const look = look_at(tx, id, now);
  WhatHappensNext out{.tenant_id = id,
                      .customer_id = look.standing.customer_id,
                      .as_of = now,
                      .is_paused = look.standing.is_paused,
                      .not_before = look.standing.not_before,
                      .data = {}};
  add_steps(tx, look, now, out.data);
  bool const has_purge =
      std::ranges::any_of(out.data, [](NextEvent const& next) { return next.what == What::purge; });
  for (auto& [what, at, invoice, currency, hold, amount] : tx.all<Dated>(dated, id, now))
    if (what != What::purge || !has_purge)
      out.data.push_back({.what = what,
                          .progress = Progress::coming,
                          .at = at,
                          .invoice = std::move(invoice),
                          .currency = std::move(currency),
                          .hold = std::move(hold),
                          .amount = amount});
  std::ranges::stable_sort(
      out.data, {}, [](NextEvent const& next) { return next.at.value_or(clock_source::latest); });
  return out;
}

void add_calendar_endpoint(http::Api& api) {
  api.add(http::Endpoint<OneTenant, WhatHappensNext>{
      .route = "GET /api/tenants/{id}/what-happens-next",
      .summary = "Read what happens to a tenant by itself, and when",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenants::tenant_not_found},
      .handle = [](http::Context& context,
                   OneTenant const& request) { return what_happens_next(context.tx, request.id); },
  });
}

}  // namespace dunning
