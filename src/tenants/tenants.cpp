// Each change of a tenant is one function, with its SQL beside it.
#include "tenants/tenants.hpp"

#include "analytics/rollups.hpp"
#include "platform/realtime/hub.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/jobs.hpp"
#include "tenants/places.hpp"
#include "tenants/subdomains.hpp"

namespace tenants {

namespace {
using namespace std::chrono_literals;

constexpr auto columns = R"sql(
  id, customer_id, subdomain, plan_id, plan_quantity, state, max_users, storage_limit_mib, memory_limit_mib,
  cpu_limit_percent, process_limit, provisioner, blueprint, attempt, queued_at, version,
  settled_version, applied_limits, limits_message, maintenance, maintenance_from,
  maintenance_until, maintenance_message, delete_requested_at, cloned_from
)sql";

db::Query const lock_row{
    "tenants.lock", std::string{"SELECT "} + columns + " FROM tenants WHERE id = $1 FOR UPDATE"};
db::Query const lock_free_rows{
    "tenants.lock_free",
    "SELECT id FROM tenants WHERE id = ANY ($1::bigint[]) FOR UPDATE SKIP LOCKED"};
db::Query const load_row{"tenants.load",
                         std::string{"SELECT "} + columns + " FROM tenants WHERE id = $1"};

// One reservation at a time, so that two people cannot both take the last place.
db::Query const lock_capacity{"tenants.lock_capacity",
                              "SELECT pg_advisory_xact_lock(hashtext('tenants.capacity'))::text"};
db::Query const insert_tenant{"tenants.insert", std::string{R"sql(
  INSERT INTO tenants (customer_id, subdomain, plan_id, state_deadline, max_users,
                       storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner,
                       blueprint)
  SELECT $1, $2, plans.id, $4, plans.max_users, plans.storage_limit_mib, plans.memory_limit_mib,
         plans.cpu_limit_percent, $5, $6
    FROM plans WHERE plans.id = $3 AND for_sale
  RETURNING )sql"} + columns};

db::Query const rewrite_reservation{"tenants.rewrite_reservation", std::string{R"sql(
  UPDATE tenants SET
         subdomain = $2,
         (plan_id, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent) =
         (SELECT id, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent
            FROM plans WHERE id = $3)
   WHERE id = $1 AND EXISTS (SELECT 1 FROM plans WHERE id = $3 AND for_sale)
  RETURNING )sql"} + columns};

db::Query const write_deadline{"tenants.write_deadline", R"sql(
  UPDATE tenants SET state_deadline = $2
   WHERE id = $1 AND state IN ('reserved', 'awaiting_payment')
)sql"};

db::Query const write_state{"tenants.write_state", R"sql(
  UPDATE tenants SET
         state = $2::tenant_state, state_since = now(),
         state_deadline = CASE WHEN $2::tenant_state = 'archived' AND kept_until IS NOT NULL
                               THEN nullif(kept_until, 'infinity') ELSE $3::timestamptz END,
         kept_until = CASE WHEN $2::tenant_state <> 'resuming' THEN kept_until END,
         failure_code = $4, failure_detail = $5, retry_at = $6,
         attempt = CASE WHEN $2::tenant_state = 'provisioning' THEN attempt + 1
                        WHEN $2::tenant_state = 'live' OR $7 THEN 0 ELSE attempt END,
         queued_at = CASE WHEN $2::tenant_state = 'queued' AND ($7 OR queued_at IS NULL) THEN now()
                          ELSE queued_at END,
         live_at = CASE WHEN $2::tenant_state = 'live' THEN coalesce(live_at, now()) ELSE live_at END,
         archived_at = CASE $2::tenant_state WHEN 'archived' THEN now() WHEN 'resuming' THEN NULL
                       ELSE archived_at END
   WHERE id = $1
  RETURNING now()
)sql"};

db::Query const write_health{"tenants.write_health", R"sql(
  UPDATE tenants SET health = $2, health_since = now() WHERE id = $1 AND health <> $2
)sql"};

db::Query const forget_steps{"tenants.forget_steps",
                             "DELETE FROM provisioning_steps WHERE tenant_id = $1"};
db::Query const forget_deletion{"tenants.forget_deletion",
                                "UPDATE tenants SET delete_requested_at = NULL, billing_ends = "
                                "NULL, billing_refund = NULL WHERE id = $1"};

db::Query const forget_failure{"tenants.forget_failure", R"sql(
  UPDATE tenants SET failure_code = NULL, failure_detail = NULL, retry_at = NULL
   WHERE id = $1 AND failure_code IS NOT NULL
     AND state IN ('suspending', 'resuming', 'archiving', 'purging')
)sql"};

// Names of tenants that are gone are free again, and one that is taken anew has no old owner.
db::Query const drop_aliases{"tenants.drop_aliases",
                             "DELETE FROM tenant_aliases WHERE tenant_id = $1"};
db::Query const drop_expired_alias{"tenants.drop_expired_alias", R"sql(
  DELETE FROM tenant_aliases WHERE subdomain = $1 AND expires_at <= now()
)sql"};

/// How long a state may last before the overdue sweep looks at it.
std::optional<std::chrono::seconds> timeout_of(State state) {
  switch (state) {
    case State::reserved:
    case State::awaiting_payment:
      return 60min;  // the caller gives the lease instead
    case State::queued:
      return 5min;
    case State::provisioning:
      return 15min;
    case State::suspending:
    case State::resuming:
    case State::archiving:
    case State::purging:
      return 10min;
    case State::provision_failed:
      return 30min;
    case State::archived:
      return std::chrono::days{30};
    case State::live:
    case State::suspended:
    case State::purged:
    case State::rolled_back:
      return {};
  }
  return {};
}

bool needs_work(State state) {
  switch (state) {
    case State::queued:
    case State::suspending:
    case State::resuming:
    case State::archiving:
    case State::purging:
      return true;
    default:
      return false;
  }
}

void announce_change(db::Tx& tx, TenantId id) {
  realtime::announce(tx, "tenant:" + std::to_string(id.value));
  realtime::announce(tx, "dashboard");
}

retention::Kept const kept_tenants{"tenants",
                                   "invoices, backups and names that were given away lead to them"};
}  // namespace

Tenant lock(db::Tx& tx, TenantId id) {
  auto tenant = tx.maybe<Tenant>(lock_row, id);
  if (!tenant) throw Problem{tenant_not_found};
  return std::move(*tenant);
}

std::vector<TenantId> lock_free(db::Tx& tx, std::vector<TenantId> const& ids) {
  return tx.all<TenantId>(lock_free_rows, ids);
}

Tenant get(db::Tx& tx, TenantId id) {
  auto tenant = tx.maybe<Tenant>(load_row, id);
  if (!tenant) throw Problem{tenant_not_found};
  return std::move(*tenant);
}

void take_turn_to_reserve(db::Tx& tx) { tx.exec(lock_capacity); }

Tenant reserve(db::Tx& tx, config::Settings const& settings, customers::CustomerId customer,
               std::string_view subdomain, std::string_view plan, std::string_view actor,
               Time lease_until) {
  take_turn_to_reserve(tx);
  auto const check = check_subdomain(tx, own_names(settings), subdomain);
  if (check.status != SubdomainStatus::free)
    throw Problem{subdomain_taken}.with("suggestions", json::text(check.suggestions));
  require_place(tx, settings);
  auto tenant = tx.maybe<Tenant>(insert_tenant, customer, subdomain, plan, lease_until,
                                 name_of(settings.provisioner), settings.blueprint);
  if (!tenant) throw Problem{plan_not_for_sale};
  tx.exec(drop_expired_alias, subdomain);
  activity::record(tx, {.tenant = tenant->id}, actor,
                   activity::StateChanged{.to_state = std::string{name_of(State::reserved)}});
  announce_change(tx, tenant->id);
  return std::move(*tenant);
}

Tenant reserve_anew(db::Tx& tx, config::Settings const& settings, TenantId id,
                    std::string_view subdomain, std::string_view plan, std::string_view actor) {
  take_turn_to_reserve(tx);
  auto const before = lock(tx, id);
  if (before.state != State::reserved && before.state != State::awaiting_payment)
    throw Problem{state_conflict}.with("state", json::text(before.state));
  if (subdomain == before.subdomain && plan == before.plan_id) return before;
  if (subdomain != before.subdomain) {
    auto const check = check_subdomain(tx, own_names(settings), subdomain, id.value);
    if (check.status != SubdomainStatus::free)
      throw Problem{subdomain_taken}.with("suggestions", json::text(check.suggestions));
  }
  auto tenant = tx.maybe<Tenant>(rewrite_reservation, id, subdomain, plan);
  if (!tenant) throw Problem{plan_not_for_sale};
  tx.exec(drop_expired_alias, subdomain);
  note(tx, id, actor,
       activity::ReservationChanged{before.subdomain, before.plan_id, tenant->subdomain,
                                    tenant->plan_id});
  return std::move(*tenant);
}

void keep_until(db::Tx& tx, TenantId id, Time deadline) { tx.exec(write_deadline, id, deadline); }

void move(db::Tx& tx, Tenant& tenant, State to, std::string_view actor,
          std::optional<Failure> const& failure, std::optional<Time> deadline) {
  auto const from = tenant.state;
  if (!may_follow(from, to))
    throw Problem{state_conflict, "It is " + std::string{name_of(from)} + " and cannot become " +
                                      std::string{name_of(to)} + "."}
        .with("state", json::text(from));
  if (!deadline)
    if (auto const timeout = timeout_of(to)) deadline = clock_source::now() + *timeout;
  // A new life after a roll-back starts its counters afresh.
  bool const afresh = from == State::rolled_back;
  auto const now = tx.one<Time>(
      write_state, tenant.id, to, deadline, failure ? std::optional{failure->code} : std::nullopt,
      failure ? std::optional{failure->detail} : std::nullopt,
      failure && to == State::provision_failed ? std::optional{failure->retry_at} : std::nullopt,
      afresh);
  activity::record(tx, {.tenant = tenant.id}, actor,
                   activity::StateChanged{std::string{name_of(from)}, std::string{name_of(to)},
                                          failure ? std::optional{failure->code} : std::nullopt});

  using analytics::Metric;
  analytics::add(tx, Metric::tenants_live, "", now, (to == State::live) - (from == State::live));
  analytics::add(tx, Metric::tenants_pending, "", now, is_pending(to) - is_pending(from));

  tenant.state = to;
  if (to == State::provisioning) ++tenant.attempt;
  if (needs_work(to) || (to == State::provision_failed && failure)) {
    jobs::Options options{.dedupe_key = std::to_string(tenant.id.value), .max_attempts = 25};
    if (to == State::provision_failed) options.run_at = failure->retry_at;
    jobs::enqueue(tx, Reconcile{tenant.id.value}, options);
  }
  if (to == State::live && from == State::provisioning)
    jobs::enqueue(tx, WentLive{tenant.id.value});
  if (to == State::rolled_back && is_pending(from))
    jobs::enqueue(tx, RolledBack{tenant.id.value}, {.max_attempts = 25});
  if (is_final(to)) tx.exec(drop_aliases, tenant.id);
  announce_change(tx, tenant.id);
}

bool start_provisioning(db::Tx& tx, TenantId id, std::string_view actor) {
  auto tenant = lock(tx, id);
  if (tenant.state != State::reserved && tenant.state != State::awaiting_payment) return false;
  move(tx, tenant, State::queued, actor);
  return true;
}

bool try_again(db::Tx& tx, TenantId id) {
  if (tx.exec(forget_failure, id) == 0) return false;
  // Beside one that waits for its next turn: whichever comes first leaves nothing to the other.
  jobs::enqueue(tx, Reconcile{id.value},
                {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
  announce_change(tx, id);
  return true;
}

void retry(db::Tx& tx, config::Settings const& settings, TenantId id, std::string_view actor) {
  take_turn_to_reserve(tx);
  auto tenant = lock(tx, id);
  if (try_again(tx, id)) return;
  if (tenant.state == State::rolled_back) {
    // Its name and its place were given back: it asks for both like everybody.
    if (check_subdomain(tx, own_names(settings), tenant.subdomain).status != SubdomainStatus::free)
      throw Problem{subdomain_taken};
    require_place(tx, settings);
    tx.exec(forget_steps, id);
    tx.exec(forget_deletion, id);
  }
  move(tx, tenant, State::queued, actor);
}

void release(db::Tx& tx, TenantId id, std::string_view actor) {
  auto tenant = lock(tx, id);
  if (tenant.state != State::reserved && tenant.state != State::awaiting_payment) return;
  move(tx, tenant, State::rolled_back, actor);
}

void set_health(db::Tx& tx, TenantId id, Health health) {
  if (tx.exec(write_health, id, health) == 0) return;
  note(tx, id, "monitoring", activity::HealthChanged{std::string{name_of(health)}});
}

void note(db::Tx& tx, TenantId id, std::string_view actor, activity::Fact const& fact) {
  activity::record(tx, {.tenant = id}, actor, fact);
  announce_change(tx, id);
}

}  // namespace tenants
