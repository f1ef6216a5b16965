// Reasons to stand still, each with who placed it, why, and until when.
#include "platform/jobs/jobs.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/jobs.hpp"
#include "tenants/tenants.hpp"

namespace tenants {

namespace {
// Says again what it says already: no row is touched.
db::Query const insert_hold{"tenants.insert_hold", R"sql(
  INSERT INTO tenant_holds AS hold (tenant_id, reason, placed_by, note, expires_at)
  VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (tenant_id, reason) DO UPDATE
     SET note = coalesce(excluded.note, hold.note),
         expires_at = coalesce(excluded.expires_at, hold.expires_at)
   WHERE coalesce(excluded.note, hold.note) IS DISTINCT FROM hold.note
      OR coalesce(excluded.expires_at, hold.expires_at) IS DISTINCT FROM hold.expires_at
  RETURNING xmax = 0
)sql"};
db::Query const delete_hold{"tenants.delete_hold",
                            "DELETE FROM tenant_holds WHERE tenant_id = $1 AND reason = $2"};
db::Query const list_holds{
    "tenants.list_holds",
    "SELECT reason FROM tenant_holds WHERE tenant_id = $1 ORDER BY placed_at, reason"};

struct Expired {
  TenantId tenant_id;
  Hold reason;
};
db::Query const expired_holds{"tenants.expired_holds", R"sql(
  SELECT tenant_id, reason FROM tenant_holds WHERE expires_at <= now()
   ORDER BY tenant_id, reason LIMIT 100
)sql"};
db::Query const is_expired{"tenants.hold_is_expired", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenant_holds
                  WHERE tenant_id = $1 AND reason = $2 AND expires_at <= now())
)sql"};

db::Query const take_back_deletion{"tenants.take_back_deletion", R"sql(
  UPDATE tenants SET delete_requested_at = NULL, billing_ends = NULL, billing_refund = NULL
   WHERE id = $1 AND delete_requested_at IS NOT NULL
)sql"};

void follow_holds(db::Tx& tx, Tenant& tenant, std::string_view actor) {
  bool const held = !holds(tx, tenant.id).empty();
  if (held && (tenant.state == State::live || tenant.state == State::resuming))
    move(tx, tenant, State::suspending, actor);
  else if (!held && (tenant.state == State::suspended || tenant.state == State::suspending))
    move(tx, tenant, State::resuming, actor);
}

bool is_standing(State state) {
  return state == State::live || state == State::suspending || state == State::suspended ||
         state == State::resuming;
}

retention::Kept const kept_tenant_holds{"tenant_holds", "present ones only"};
}  // namespace

void require_something_to_hold(Tenant const& tenant) {
  if (is_final(tenant.state))
    throw Problem{state_conflict, "It is gone already."}.with("state", json::text(tenant.state));
  if (is_unpaid(tenant.state)) throw Problem{not_paid_yet};
}

bool place_hold(db::Tx& tx, TenantId id, Hold reason, std::string_view actor,
                std::optional<std::string> const& note, std::optional<Time> expires_at) {
  auto tenant = lock(tx, id);
  if (is_final(tenant.state)) return false;
  auto const is_new = tx.maybe<bool>(insert_hold, id, reason, actor, note, expires_at);
  if (!is_new) return false;
  std::string const name{name_of(reason)};
  if (*is_new)
    tenants::note(tx, id, actor, activity::HoldPlaced{name, note});
  else
    tenants::note(tx, id, actor, activity::HoldChanged{name, note});
  follow_holds(tx, tenant, actor);
  return true;
}

bool release_hold(db::Tx& tx, TenantId id, Hold reason, std::string_view actor) {
  auto tenant = lock(tx, id);
  if (tx.exec(delete_hold, id, reason) == 0) return false;
  note(tx, id, actor, activity::HoldReleased{std::string{name_of(reason)}});
  if (reason == Hold::admin && is_standing(tenant.state) && tx.exec(take_back_deletion, id) > 0) {
    note(tx, id, actor, activity::DeletionTakenBack{});
    jobs::enqueue(tx, KeepBilling{id.value}, {.max_attempts = 25});
  }
  follow_holds(tx, tenant, actor);
  return true;
}

std::vector<Hold> holds(db::Tx& tx, TenantId id) { return tx.all<Hold>(list_holds, id); }

void expire_holds(db::Tx& tx) {
  for (auto const& hold : tx.all<Expired>(expired_holds)) {
    static_cast<void>(lock(tx, hold.tenant_id));
    // Somebody may have put its end off meanwhile.
    if (tx.one<bool>(is_expired, hold.tenant_id, hold.reason))
      release_hold(tx, hold.tenant_id, hold.reason, "timeout");
  }
}

}  // namespace tenants
