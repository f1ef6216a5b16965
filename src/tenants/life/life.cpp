// The end of a tenant's life, and the way back from the archive.
#include "platform/jobs/jobs.hpp"
#include "tenants/jobs.hpp"
#include "tenants/life/endings.hpp"

namespace tenants {

namespace {
db::Query const mark_deletion{"tenants.mark_deletion", R"sql(
  UPDATE tenants SET delete_requested_at = now() WHERE id = $1 AND delete_requested_at IS NULL
)sql"};
db::Query const unmark_deletion{"tenants.unmark_deletion",
                                "UPDATE tenants SET delete_requested_at = NULL, billing_ends = "
                                "NULL, billing_refund = NULL WHERE id = $1"};

db::Query const write_kept{"tenants.write_kept", R"sql(
  UPDATE tenants SET kept_until = coalesce($2::timestamptz, 'infinity'),
         state_deadline = CASE WHEN state = 'archived' THEN $2::timestamptz ELSE state_deadline END
   WHERE id = $1 AND kept_until IS DISTINCT FROM coalesce($2::timestamptz, 'infinity')
)sql"};

struct Chosen {
  std::optional<BillingEnd> billing_ends;
  std::optional<Refund> billing_refund;
};
db::Query const load_choice{"tenants.load_end_choice",
                            "SELECT billing_ends, billing_refund FROM tenants WHERE id = $1"};
db::Query const write_choice{
    "tenants.write_end_choice",
    "UPDATE tenants SET billing_ends = $2, billing_refund = $3 WHERE id = $1"};

// A debit that is under way counts, and so does what has gone back.
struct Paid {
  bool is_paid, is_back;
};
db::Query const load_paid{"tenants.paid_by_customer", R"sql(
  SELECT EXISTS (SELECT 1 FROM signups WHERE tenant_id = $1
                    AND (payment IN ('processing', 'paid', 'refunded')
                         OR return_begun_at IS NOT NULL))
         OR EXISTS (SELECT 1 FROM subscriptions s WHERE s.tenant_id = $1
                       AND (s.status IN ('active', 'trialing')
                            OR EXISTS (SELECT 1 FROM billing_invoices
                                        WHERE subscription_id = s.id AND amount_paid > 0)))
           AS is_paid,
         EXISTS (SELECT 1 FROM signups WHERE tenant_id = $1 AND payment = 'refunded') AS is_back
)sql"};

// Canceled, never begun and not at Stripe (the demo's) charge nobody; everything else may.
db::Query const bills{"tenants.is_billed", R"sql(
  SELECT EXISTS (SELECT 1 FROM subscriptions
                  WHERE tenant_id = $1 AND stripe_subscription_id IS NOT NULL
                    AND ended_at IS NULL AND status NOT IN ('canceled', 'incomplete_expired'))
)sql"};

Tenant lock_in(db::Tx& tx, TenantId id, State needed, std::string_view what) {
  auto tenant = lock(tx, id);
  if (tenant.state != needed)
    throw Problem{state_conflict, "It is " + std::string{name_of(tenant.state)} +
                                      "; only what is " + std::string{name_of(needed)} +
                                      " can be " + std::string{what} + "."}
        .with("state", json::text(tenant.state));
  return tenant;
}

void wake_worker(db::Tx& tx, TenantId id) {
  jobs::enqueue(tx, Reconcile{id.value},
                {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
}

void end_billing(db::Tx& tx, TenantId id, std::string_view actor, MoneyChoice const& money) {
  // Also where nothing bills: a page for a new subscription may be open and is closed.
  jobs::enqueue(tx, EndBilling{id.value, money.ends, money.refund}, {.max_attempts = 25});
  if (!is_billed(tx, id)) return;
  tx.exec(write_choice, id, money.ends, money.refund);
  note(tx, id, actor,
       activity::BillingEndRequested{std::string{name_of(money.ends)},
                                     std::string{name_of(money.refund)}});
}

/// An end now cannot become a later one, nor another sum: it is on its way to Stripe. One with the
/// period may still become one now.
void require_choice(db::Tx& tx, TenantId id, MoneyChoice const& money) {
  auto const chosen = tx.one<Chosen>(load_choice, id);
  if (chosen.billing_ends != BillingEnd::now || !is_billed(tx, id)) return;
  if (money.ends == BillingEnd::now && money.refund == chosen.billing_refund) return;
  throw Problem{end_chosen, "Its subscription ends now" +
                                std::string{chosen.billing_refund == Refund::unused
                                                ? ", and the unused time is given back."
                                                : ", and nothing is given back."}}
      .with("ends", json::text(*chosen.billing_ends))
      .with("refund", json::text(*chosen.billing_refund));
}
}  // namespace

void require_unpaid(db::Tx& tx, Tenant const& tenant) {
  if (tenant.state != State::rolled_back) return;
  auto const paid = tx.one<Paid>(load_paid, tenant.id);
  if (!paid.is_paid) return;
  throw Problem{order_over,
                std::string{paid.is_back ? "What was paid for it has gone back to its customer."
                                         : "What was paid for it goes back to its customer."} +
                    " It needs a new order, or make a tenant yourself."};
}

bool is_billed(db::Tx& tx, TenantId id) { return tx.one<bool>(bills, id); }

void archive(db::Tx& tx, TenantId id, std::string_view actor, MoneyChoice const& money) {
  auto tenant = lock_in(tx, id, State::suspended, "archived");
  require_choice(tx, id, money);
  move(tx, tenant, State::archiving, actor);
  end_billing(tx, id, actor, money);
}

void restore_from_archive(db::Tx& tx, TenantId id, std::string_view actor) {
  auto tenant = lock_in(tx, id, State::archived, "restored");
  // These stand for "somebody wanted it gone", which this takes back.
  for (auto const reason : {Hold::admin, Hold::customer}) release_hold(tx, id, reason, actor);
  auto left = holds(tx, id);
  bool const owes = std::erase(left, Hold::billing) > 0;
  if (!left.empty())
    throw Problem{still_held, "Release first what keeps it from running."}.with("holds",
                                                                                json::text(left));
  tx.exec(unmark_deletion, id);
  move(tx, tenant, State::resuming, actor);
  // It leaves the archive and stands still: what it owes can be paid.
  if (owes) move(tx, tenant, State::suspending, actor);
  jobs::enqueue(tx, KeepBilling{id.value}, {.max_attempts = 25});
}

void keep_archive_until(db::Tx& tx, TenantId id, std::optional<Time> until) {
  tx.exec(write_kept, id, until);
}

void purge(db::Tx& tx, TenantId id, std::string_view actor) {
  auto tenant = lock_in(tx, id, State::archived, "purged");
  // An end now that was chosen stands, with what it gives back.
  if (is_billed(tx, id) && tx.one<Chosen>(load_choice, id).billing_ends != BillingEnd::now)
    end_billing(tx, id, actor, {BillingEnd::now, Refund::none});
  move(tx, tenant, State::purging, actor);
}

void request_deletion(db::Tx& tx, TenantId id, std::string_view actor, MoneyChoice const& money) {
  auto tenant = lock(tx, id);
  if (tenant.state == State::reserved || tenant.state == State::awaiting_payment) {
    tx.exec(mark_deletion, id);
    release(tx, id, actor);
    // Its payment page closes at once, and a debit under way is given back.
    jobs::enqueue(tx, RolledBack{id.value}, {.max_attempts = 25});
    return;
  }
  if (is_final(tenant.state))
    throw Problem{state_conflict, "It is gone already."}.with("state", json::text(tenant.state));
  // What is being built is given back whole by its roll-back.
  if (!is_pending(tenant.state)) {
    require_choice(tx, id, money);
    end_billing(tx, id, actor, money);
  }
  if (tx.exec(mark_deletion, id) > 0) note(tx, id, actor, activity::DeletionRequested{});
  if (is_pending(tenant.state)) return wake_worker(tx, id);
  if (tenant.state == State::archived || tenant.state == State::purging ||
      tenant.state == State::archiving)
    return;
  place_hold(tx, id, Hold::admin, actor);
  if (tenant = lock(tx, id); tenant.state == State::suspended)
    move(tx, tenant, State::archiving, actor);
}

}  // namespace tenants
