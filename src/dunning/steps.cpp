// One round a minute: who has something due is asked once, and each step is decided anew in the
// transaction that takes it. Whoever paid a moment before is spared.
#include "dunning/cases.hpp"
#include "dunning/dunning.hpp"
#include "dunning/mails.hpp"
#include "platform/installation/installation.hpp"
#include "platform/jobs/jobs.hpp"
#include "platform/log/log.hpp"

namespace dunning {

namespace {
constexpr int at_a_time = 200;

db::Query const due_cases{"dunning.due", R"sql(
  SELECT tenant_id FROM dunning_cases WHERE closed_at IS NULL AND next_at <= $1
   ORDER BY next_at, id LIMIT $2
)sql"};
// What no change told us of: failures from before there were cases.
db::Query const without_case{"dunning.without_case", R"sql(
  SELECT DISTINCT t.id
    FROM billing_invoices i JOIN subscriptions s ON s.id = i.subscription_id
    JOIN tenants t ON t.id = s.tenant_id JOIN customers c ON c.id = t.customer_id
   WHERE i.status = 'open' AND i.first_failed_at IS NOT NULL AND NOT c.is_demo
     AND NOT EXISTS (SELECT FROM billing_plan_orders AS p
                      WHERE p.stripe_subscription_id = s.stripe_subscription_id
                        AND p.state = 'awaiting_payment'
                        AND (p.stripe_invoice_id = i.stripe_invoice_id
                             OR p.stripe_invoice_id IS NULL AND i.date >= p.created_at
                                AND p.created_at > $1::timestamptz - interval '1 hour'))
     AND t.state IN ('live', 'suspending', 'suspended', 'resuming')
     AND t.delete_requested_at IS NULL
     AND (s.ended_at IS NULL
          OR NOT EXISTS (SELECT 1 FROM subscriptions o WHERE o.tenant_id = t.id
                            AND (o.status IN ('active', 'trialing')
                                 OR EXISTS (SELECT 1 FROM billing_invoices
                                             WHERE subscription_id = o.id AND late_until > $1))))
     AND NOT EXISTS (SELECT 1 FROM dunning_cases
                      WHERE tenant_id = t.id AND closed_at IS NULL)
   LIMIT $2
)sql"};

db::Query const put_off{"dunning.put_off", R"sql(
  UPDATE dunning_cases SET next_at = $2 WHERE tenant_id = $1 AND closed_at IS NULL
)sql"};

/// False: what it needs is still on its way.
bool take_away(db::Tx& tx, Look const& look, Step step) {
  using tenants::State;
  auto const id = look.standing.id;
  switch (step) {
    case Step::hold:
      tenants::place_hold(tx, id, tenants::Hold::billing, "dunning");
      return true;
    case Step::archive:
      if (look.standing.state != State::suspended) return false;
      tenants::archive(tx, id, "dunning", {tenants::BillingEnd::now, tenants::Refund::none});
      return true;
    case Step::purge:
      if (look.standing.state == State::archiving) return false;
      if (look.standing.state == State::archived) tenants::purge(tx, id, "dunning");
      return true;
    default:
      return true;
  }
}

/// What is due of one tenant, if it still is.
void act(db::Tx& tx, tenants::TenantId id, config::Settings const& settings) {
  auto const now = clock_source::now();
  auto look = brought_up(tx, id, now);
  // After a pause it is suspended again; what another invoice was suspended for runs.
  if (look.wants_hold(now) != look.standing.held_since.has_value())
    jobs::enqueue(tx, RightChanged{id.value}, {.dedupe_key = std::to_string(id.value)});
  if (!look.open || look.debts.empty()) return;
  auto const [step, late] = decide(plan(look.facts(look.open->ladder), now), now);
  if (!step) return;
  if (!take_away(tx, look, *step))
    return look_again(tx, look.open->id, now + std::chrono::minutes{1});
  for (auto const skipped : late) take(tx, look, {skipped, Outcome::skipped, now}, {});
  // The mail says how it is now that the step is taken.
  look.taken.push_back({*step, Outcome::done, now});
  if (*step == Step::hold) look.standing.held_since = now;
  if (*step == Step::archive) look.standing.state = tenants::State::archiving;
  auto const mail = write_to_owner(tx, settings, *step, look, now);
  look.taken.pop_back();
  take(tx, look, {*step, Outcome::done, now}, mail);
  if (*step == Step::purge) return close(tx, look.open->id, "purged", now);
  write_next(tx, look, now);
}

void act_by_itself(db::Connection& connection, tenants::TenantId id,
                   config::Settings const& settings) {
  std::string why;
  try {
    return db::transact(connection, [&](db::Tx& tx) { act(tx, id, settings); });
  } catch (Problem const& problem) {
    why = problem.what();
  } catch (db::Failure const& failure) {
    why = failure.what();
  } catch (db::Busy const& busy) {  // somebody holds this tenant
    why = busy.what();
  }
  // One that cannot be done keeps nobody else waiting.
  logging::warning("dunning", "the step of {} is tried again in an hour: {}", id.text(), why);
  db::transact(connection, [&](db::Tx& tx) {
    tx.exec(put_off, id, clock_source::now() + std::chrono::hours{1});
  });
}

/// One that cannot be looked at keeps nobody else waiting: then each is looked at by itself.
std::vector<tenants::TenantId> with_something_due(db::Connection& connection,
                                                  std::vector<tenants::TenantId> const& ids) {
  try {
    return db::transact(connection,
                        [&](db::Tx& tx) { return put_off_quiet(tx, ids, clock_source::now()); });
  } catch (Problem const&) {
    return ids;
  } catch (db::Failure const&) {
    return ids;
  } catch (db::Busy const&) {
    return ids;
  }
}

bool is_copy(db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  return installation::is_copy(tx);
}

void walk(jobs::Context& job, config::Settings const& settings) {
  if (is_copy(job.connection)) return;  // the original writes to its customers itself
  auto const some = [&](db::Query const& query) {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(query, clock_source::now(), at_a_time);
  };
  auto const act_on = [&](std::vector<tenants::TenantId> const& ids) {
    for (auto const id : ids) act_by_itself(job.connection, id, settings);
  };
  act_on(some(without_case));
  auto const patience = std::chrono::steady_clock::now() + std::chrono::minutes{2};
  for (auto ids = some(due_cases); !ids.empty(); ids = some(due_cases)) {
    act_on(with_something_due(job.connection, ids));
    if (std::ssize(ids) < at_a_time || std::chrono::steady_clock::now() > patience) break;
  }
}
}  // namespace

void add_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<Round>{
      .timeout = jobs::Seconds{300},
      .run = [&settings](jobs::Context& job, Round const&) { walk(job, settings); }});
  engine.schedule<Round>(jobs::Seconds{60});
}

}  // namespace dunning
