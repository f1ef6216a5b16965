// A case belongs to the oldest invoice that could not be collected: a second one does not begin it
// anew, and when the first is paid the second one's own days count, by the first one's settings.
#include "dunning/cases.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "dunning/dunning.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/life/endings.hpp"

namespace dunning {

namespace {
db::Query const is_concerned{"dunning.is_concerned", R"sql(
  SELECT EXISTS (SELECT 1 FROM dunning_cases WHERE tenant_id = $1 AND closed_at IS NULL)
         OR EXISTS (SELECT 1 FROM subscriptions s JOIN billing_invoices i ON i.subscription_id = s.id
                     WHERE s.tenant_id = $1 AND i.status = 'open' AND i.first_failed_at IS NOT NULL)
)sql"};

// The demo's money is at no Stripe, and nobody pays it.
db::Query const load_standing{"dunning.standing", R"sql(
  SELECT t.id, t.customer_id, t.plan_id, t.state, t.delete_requested_at IS NOT NULL AS is_ending,
         c.is_demo,
         EXISTS (SELECT 1 FROM subscriptions s WHERE s.tenant_id = t.id
                    AND (s.status IN ('active', 'trialing')
                         OR EXISTS (SELECT 1 FROM billing_invoices
                                     WHERE subscription_id = s.id AND late_until > $2)))
           AS is_paid_for,
         coalesce(x.is_paused, false) AS is_paused, x.not_before,
         (SELECT placed_at FROM tenant_holds WHERE tenant_id = t.id AND reason = 'billing')
           AS held_since
    FROM tenants t JOIN customers c ON c.id = t.customer_id
    LEFT JOIN dunning_exceptions x ON x.customer_id = t.customer_id
   WHERE t.id = ANY ($1::bigint[])
   ORDER BY array_position($1::bigint[], t.id)
)sql"};

// A debit that is under way at a bank is waited for, and so is a collection that Stripe pauses.
// What another plan waits for is no debt: unpaid, that plan does not begin.
db::Query const load_debts{"dunning.debts", R"sql(
  SELECT s.tenant_id, i.id, coalesce(i.number, i.stripe_invoice_id) AS number, i.currency,
         coalesce(i.amount_remaining, i.amount - i.amount_paid) AS amount,
         i.hosted_invoice_url AS address, i.first_failed_at,
         i.next_payment_attempt AS next_attempt,
         ARRAY (SELECT at FROM billing_attempts WHERE stripe_invoice_id = i.stripe_invoice_id
                   AND outcome = 'failed' ORDER BY at) AS attempts,
         EXISTS (SELECT 1 FROM billing_attempts WHERE stripe_invoice_id = i.stripe_invoice_id
                    AND outcome = 'pending') AS is_under_way,
         s.ended_at IS NOT NULL AS is_over,
         s.ended_at IS NULL AND s.pause_behavior IS NOT NULL
           AND coalesce(s.pause_resumes_at > $2, true) AS is_paused
    FROM subscriptions s JOIN billing_invoices i ON i.subscription_id = s.id
   WHERE s.tenant_id = ANY ($1::bigint[]) AND i.status = 'open' AND i.first_failed_at IS NOT NULL
     AND NOT EXISTS (SELECT FROM billing_plan_orders AS o
                      WHERE o.stripe_subscription_id = s.stripe_subscription_id
                        AND o.state = 'awaiting_payment'
                        AND (o.stripe_invoice_id = i.stripe_invoice_id
                             OR o.stripe_invoice_id IS NULL AND i.date >= o.created_at
                                AND o.created_at > $2::timestamptz - interval '1 hour'))
   ORDER BY i.first_failed_at, i.id
)sql"};

constexpr auto columns = "tenant_id, id, invoice_id, ladder, began_at, next_at";
db::Query const load_cases{"dunning.open_cases", std::string{"SELECT "} + columns +
                                                     " FROM dunning_cases WHERE tenant_id = ANY "
                                                     "($1::bigint[]) AND closed_at IS NULL"};
struct TakenOfCase {
  std::int64_t case_id;
  Step step;
  Outcome outcome;
  Time acted_at;
};
db::Query const load_taken{"dunning.taken", R"sql(
  SELECT case_id, step, outcome, acted_at FROM dunning_steps WHERE case_id = ANY ($1::bigint[])
)sql"};
// One that was replaced goes on where it was.
db::Query const open_case{"dunning.begin_case", std::string{R"sql(
  INSERT INTO dunning_cases (tenant_id, invoice_id, ladder, began_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (tenant_id, invoice_id) DO UPDATE SET closed_at = NULL, outcome = NULL
  RETURNING )sql"} + columns};
db::Query const close_case{"dunning.close_case", R"sql(
  UPDATE dunning_cases SET closed_at = $3, outcome = $2, next_at = NULL WHERE id = $1
)sql"};
db::Query const write_looks{"dunning.write_next_looks", R"sql(
  UPDATE dunning_cases AS c SET next_at = looks.next_at
    FROM unnest($1::bigint[], $2::timestamptz[]) AS looks (id, next_at) WHERE c.id = looks.id
)sql"};
db::Query const write_step{"dunning.write_step", R"sql(
  INSERT INTO dunning_steps (case_id, step, outcome, acted_at, mail_id)
  VALUES ($1, $2, $3, $4, $5)
)sql"};
db::Query const status_of{"dunning.invoice_status",
                          "SELECT status FROM billing_invoices WHERE id = $1"};
db::Query const has_done{"dunning.has_done", R"sql(
  SELECT EXISTS (SELECT 1 FROM dunning_cases c JOIN dunning_steps s ON s.case_id = c.id
                  WHERE c.tenant_id = $1 AND c.closed_at IS NULL
                    AND s.step = $2 AND s.outcome = 'done')
)sql"};

/// The step comes first, then what purges whatever was kept for long enough.
constexpr std::chrono::hours own_turn{1};
/// What a person decides about, or has decided anew.
constexpr std::chrono::days usual_archive{30};

retention::Rule const old_cases{
    {.table = "dunning_cases",
     .column = "closed_at",
     .keep = std::chrono::days{730},
     .least = std::chrono::days{90},
     .why = "how a debt was followed up is asked for as long as it is argued about"}};
retention::Kept const kept_steps{"dunning_steps", "they go with their case"};
retention::Kept const kept_exceptions{"dunning_exceptions", "one row a customer, as it is now"};

Place place_of(Standing const& standing, bool was_archived_here) {
  using tenants::State;
  switch (standing.state) {
    case State::live:
    case State::suspending:
    case State::suspended:
    case State::resuming:
      return standing.is_ending ? Place::elsewhere : Place::standing;
    case State::archiving:
    case State::archived:
    case State::purging:
    case State::purged:
      return was_archived_here && !standing.is_ending ? Place::archived : Place::elsewhere;
    default:
      return Place::elsewhere;
  }
}

/// A payment after the archive brings it back, unless something else than money keeps it there:
/// then a person has a month to decide. False: it is on its way there, so not yet.
bool bring_back(db::Tx& tx, Look const& look, Time now) {
  using tenants::Hold, tenants::State;
  auto const id = look.standing.id;
  if (look.standing.state == State::archiving) return false;
  if (look.standing.state != State::archived) return true;
  auto const holds = tenants::holds(tx, id);
  if (std::ranges::all_of(holds, [](Hold hold) { return hold == Hold::billing; }))
    tenants::restore_from_archive(tx, id, "dunning");
  else
    tenants::keep_archive_until(tx, id, now + usual_archive);
  return true;
}

std::string outcome_of(db::Tx& tx, std::int64_t invoice, std::string_view while_open) {
  auto const status = tx.one<std::string>(status_of, invoice);
  return status == "paid" ? "paid" : status == "open" ? std::string{while_open} : "dropped";
}

/// Nothing is open any more, or it is not ours to ask for.
void end(db::Tx& tx, Look& look, Time now) {
  auto const outcome = outcome_of(tx, look.open->invoice_id, "ended");
  bool const is_settled = outcome != "ended";
  if (is_settled && look.has(Step::archive) && !look.standing.is_ending &&
      !bring_back(tx, look, now))
    return look_again(tx, look.open->id, now + std::chrono::minutes{1});
  if (!is_settled && look.has(Step::archive))
    tenants::keep_archive_until(tx, look.standing.id, now + usual_archive);
  close(tx, look.open->id, outcome, now);
  look.open.reset();
  look.taken.clear();
}

void begin(db::Tx& tx, Look& look, Time now) {
  auto const ladder =
      look.open ? look.open->ladder : settings_now(tx).ladder_for(look.standing.plan_id);
  if (look.open) close(tx, look.open->id, outcome_of(tx, look.open->invoice_id, "replaced"), now);
  look.open = tx.one<Case>(open_case, look.standing.id, look.debts.front().id, ladder, now);
  look.taken.clear();
  for (auto const& one : tx.all<TakenOfCase>(load_taken, std::vector{look.open->id}))
    look.taken.push_back({one.step, one.outcome, one.acted_at});
}

/// What its case has archived it for is settled: it comes back before another one begins.
bool is_settled(Look const& look) {
  return look.debts.empty() ||
         (look.open && look.has(Step::archive) &&
          std::ranges::find(look.debts, look.open->invoice_id, &Debt::id) == look.debts.end());
}

bool wants_another_case(Look const& look) {
  return !look.open || (look.open->invoice_id != look.debts.front().id && !look.has(Step::archive));
}

bool is_archived(Look const& look) {
  return place_of(look.standing, look.has(Step::archive)) == Place::archived;
}

std::optional<Time> next_of(Look const& look, std::vector<Planned> const& planned, Time now) {
  auto const next = next_look(planned);
  // What a step has suspended runs until then.
  auto const until = look.standing.not_before;
  if (!until || *until <= now || !look.has(Step::hold)) return next;
  return next ? std::min(*next, *until) : *until;
}

void write_look(db::Tx& tx, std::int64_t case_id, std::optional<Time> at) {
  tx.exec(write_looks, std::vector{case_id}, std::vector{at});
}
}  // namespace

bool Look::wants_hold(Time now) const {
  return has(Step::hold) && !standing.is_paid_for && !standing.is_paused &&
         (!standing.not_before || *standing.not_before <= now);
}

bool Look::has(Step step) const {
  return std::ranges::any_of(
      taken, [&](Taken const& one) { return one.step == step && one.outcome == Outcome::done; });
}

Facts Look::facts(Ladder const& ladder) const {
  auto const& oldest = debts.front();
  return {.first_failed_at = oldest.first_failed_at,
          .began_at = open ? std::optional{open->began_at} : std::nullopt,
          .attempts = oldest.attempts,
          .next_attempt = oldest.next_attempt,
          .is_asked_for = !oldest.is_over,
          .is_paid_for = standing.is_paid_for,
          .held_since = standing.held_since,
          .waits = standing.is_paused || oldest.is_under_way || oldest.is_paused,
          .not_before = standing.not_before,
          .place = place_of(standing, has(Step::archive)),
          .ladder = ladder,
          .taken = taken};
}

std::vector<Look> looks_at(db::Tx& tx, std::vector<tenants::TenantId> const& ids, Time now) {
  std::map<std::int64_t, std::vector<Debt>> debts;
  std::map<std::int64_t, Case> cases;
  std::map<std::int64_t, std::vector<Taken>> taken;
  std::vector<std::int64_t> open;
  for (auto& debt : tx.all<Debt>(load_debts, ids, now)) debts[debt.tenant_id].push_back(debt);
  for (auto& one : tx.all<Case>(load_cases, ids)) {
    open.push_back(one.id);
    cases.emplace(one.tenant_id, std::move(one));
  }
  if (!open.empty())
    for (auto const& one : tx.all<TakenOfCase>(load_taken, open))
      taken[one.case_id].push_back({one.step, one.outcome, one.acted_at});
  std::vector<Look> out;
  for (auto& standing : tx.all<Standing>(load_standing, ids, now)) {
    auto const id = standing.id.value;
    Look look{.standing = std::move(standing), .debts = std::move(debts[id])};
    if (auto const found = cases.find(id); found != cases.end()) {
      look.open = std::move(found->second);
      look.taken = std::move(taken[look.open->id]);
    }
    bool const is_over = look.standing.is_demo ||
                         place_of(look.standing, look.has(Step::archive)) == Place::elsewhere;
    // Of a subscription that has ended nobody asks for money where another one pays.
    std::erase_if(look.debts, [&](Debt const& debt) {
      return is_over || (debt.is_over && look.standing.is_paid_for);
    });
    out.push_back(std::move(look));
  }
  return out;
}

Look look_at(db::Tx& tx, tenants::TenantId id, Time now) {
  return std::move(looks_at(tx, {id}, now).at(0));
}

Look brought_up(db::Tx& tx, tenants::TenantId id, Time now) {
  static_cast<void>(tenants::lock(tx, id));
  auto look = look_at(tx, id, now);
  if (is_settled(look)) {
    if (look.open) end(tx, look, now);
    return look;
  }
  if (wants_another_case(look)) begin(tx, look, now);
  write_next(tx, look, now);
  return look;
}

void write_next(db::Tx& tx, Look const& look, Time now) {
  auto const planned = plan(look.facts(look.open->ladder), now);
  auto const next = next_of(look, planned, now);
  if (next != look.open->next_at) write_look(tx, look.open->id, next);
  if (!is_archived(look)) return;
  auto const purge = std::ranges::find(planned, Step::purge, &Planned::step);
  std::optional<Time> until;
  if (purge != planned.end() && purge->at) until = *purge->at + own_turn;
  tenants::keep_archive_until(tx, look.standing.id, until);
}

std::vector<tenants::TenantId> put_off_quiet(db::Tx& tx, std::vector<tenants::TenantId> const& ids,
                                             Time now) {
  std::set<std::int64_t> quiet;
  std::vector<std::int64_t> cases;
  std::vector<std::optional<Time>> times;
  for (auto const& look : looks_at(tx, tenants::lock_free(tx, ids), now)) {
    if (is_settled(look) || wants_another_case(look) || is_archived(look) ||
        look.wants_hold(now) != look.standing.held_since.has_value())
      continue;
    auto const planned = plan(look.facts(look.open->ladder), now);
    if (decide(planned, now).act) continue;
    quiet.insert(look.standing.id.value);
    cases.push_back(look.open->id);
    times.push_back(next_of(look, planned, now));
  }
  if (!cases.empty()) tx.exec(write_looks, cases, times);
  auto busy = ids;
  std::erase_if(busy, [&](tenants::TenantId id) { return quiet.contains(id.value); });
  return busy;
}

void look_again(db::Tx& tx, std::int64_t case_id, Time at) { write_look(tx, case_id, at); }

void take(db::Tx& tx, Look& look, Taken const& taken, std::optional<std::int64_t> mail) {
  tx.exec(write_step, look.open->id, taken.step, taken.outcome, taken.acted_at, mail);
  look.taken.push_back(taken);
}

void close(db::Tx& tx, std::int64_t case_id, std::string_view outcome, Time now) {
  tx.exec(close_case, case_id, outcome, now);
}

bool concerns(db::Tx& tx, tenants::TenantId id) { return tx.one<bool>(is_concerned, id); }

void follow(db::Tx& tx, tenants::TenantId id) {
  if (concerns(tx, id)) static_cast<void>(brought_up(tx, id, clock_source::now()));
}

bool has_archived(db::Tx& tx, tenants::TenantId id) {
  return tx.one<bool>(has_done, id, Step::archive);
}

bool wants_hold(db::Tx& tx, tenants::TenantId id) {
  if (!tx.one<bool>(has_done, id, Step::hold)) return false;
  auto const now = clock_source::now();
  return look_at(tx, id, now).wants_hold(now);
}

}  // namespace dunning
