// What people change of a tenant that stands: its name, plan, limits and maintenance.
#include "platform/jobs/jobs.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/detail.hpp"
#include "tenants/jobs.hpp"
#include "tenants/plans.hpp"
#include "tenants/subdomains.hpp"

namespace tenants {

namespace {
constexpr std::int64_t mib = 1024 * 1024;

db::Query const limits_of_plan{"tenants.limits_of_plan", R"sql(
  SELECT max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent
    FROM plans WHERE id = $1 AND (for_sale OR $2)
)sql"};

db::Query const write_config{"tenants.write_config", R"sql(
  UPDATE tenants SET subdomain = $2, plan_id = $3, max_users = $4, storage_limit_mib = $5,
         memory_limit_mib = $6, cpu_limit_percent = $7, process_limit = $8, plan_quantity = $9,
         version = version + 1
   WHERE id = $1
)sql"};

// The new name may be an old one of the same tenant, or one that nobody keeps any more.
db::Query const drop_alias{"tenants.drop_alias", "DELETE FROM tenant_aliases WHERE subdomain = $1"};
db::Query const insert_alias{"tenants.insert_alias", R"sql(
  INSERT INTO tenant_aliases (subdomain, tenant_id, expires_at)
  VALUES ($1, $2, now() + interval '90 days')
)sql"};

db::Query const write_maintenance{"tenants.write_maintenance", R"sql(
  UPDATE tenants SET maintenance = $2, maintenance_from = $3, maintenance_until = $4,
         maintenance_message = $5, version = version + 1
   WHERE id = $1
     AND (maintenance, maintenance_from, maintenance_until, maintenance_message)
         IS DISTINCT FROM ($2::boolean, $3::timestamptz, $4::timestamptz, $5::text)
)sql"};

void require_changeable(Tenant const& tenant) {
  if (!may_be_changed(tenant.state))
    throw Problem{state_conflict,
                  "It is " + std::string{name_of(tenant.state)} + "; change it when it stands."}
        .with("state", json::text(tenant.state));
}

void follow(db::Tx& tx, TenantId id) {
  jobs::enqueue(tx, Reconcile{id.value},
                {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
}

/// Writes the activity of a change, unless nothing changes.
template <class Fact, class T>
bool replace(db::Tx& tx, TenantId id, std::string_view actor, T& present,
             std::optional<T> const& wanted) {
  if (!wanted || *wanted == present) return false;
  note(tx, id, actor, Fact{present, *wanted});
  present = *wanted;
  return true;
}

void require_free(db::Tx& tx, std::string const& subdomain, TenantId id) {
  auto const check = check_subdomain(tx, {}, subdomain, id.value);
  if (check.status != SubdomainStatus::free)
    throw Problem{subdomain_taken}.with("suggestions", json::text(check.suggestions));
}

retention::Rule const old_aliases{
    {.table = "tenant_aliases",
     .column = "expires_at",
     .keep = std::chrono::hours{1},
     .why = "nobody is led there any more; the name is free at its end already"}};
}  // namespace

bool may_be_changed(State state) {
  switch (state) {
    case State::live:
    case State::suspending:
    case State::suspended:
    case State::resuming:
    case State::archived:
      return true;
    default:
      return false;
  }
}

bool change(db::Tx& tx, TenantId id, Changes const& changes, std::string_view actor) {
  if (changes.subdomain) take_turn_to_reserve(tx);
  auto tenant = lock(tx, id);
  auto const before = tenant;
  auto wanted = changes;
  auto const plan_id = wanted.plan.value_or(tenant.plan_id);
  auto const quantity = wanted.plan_quantity.value_or(tenant.plan_quantity);
  if (plan_id != tenant.plan_id || quantity != tenant.plan_quantity) {
    auto const one = tx.maybe<Limits>(limits_of_plan, plan_id, wanted.plan_is_paid_for);
    if (!one || (!wanted.plan_is_paid_for && is_too_large(*one, quantity)))
      throw Problem{plan_not_for_sale};
    auto const all = times(*one, quantity);
    auto fill = [](auto& value, std::int64_t from_plan) { value = value.value_or(from_plan); };
    fill(wanted.max_users, all.max_users);
    fill(wanted.storage_limit_mib, all.storage_limit_mib);
    fill(wanted.memory_limit_mib, all.memory_limit_mib);
    fill(wanted.cpu_limit_percent, all.cpu_limit_percent);
  }
  if (wanted.subdomain && *wanted.subdomain != tenant.subdomain)
    require_free(tx, *wanted.subdomain, id);

  using namespace activity;
  auto& t = tenant;
  bool const renamed = replace<SubdomainChanged>(tx, id, actor, t.subdomain, wanted.subdomain);
  bool const replanned = replace<activity::PlanChanged>(tx, id, actor, t.plan_id, wanted.plan);
  bool const multiplied =
      replace<PlanQuantityChanged>(tx, id, actor, t.plan_quantity, wanted.plan_quantity);
  bool changed = renamed || replanned || multiplied;
  changed |= replace<MaxUsersChanged>(tx, id, actor, t.max_users, wanted.max_users);
  changed |=
      replace<StorageLimitChanged>(tx, id, actor, t.storage_limit_mib, wanted.storage_limit_mib);
  changed |=
      replace<MemoryLimitChanged>(tx, id, actor, t.memory_limit_mib, wanted.memory_limit_mib);
  changed |= replace<CpuLimitChanged>(tx, id, actor, t.cpu_limit_percent, wanted.cpu_limit_percent);
  changed |= replace<ProcessLimitChanged>(tx, id, actor, t.process_limit, wanted.process_limit);
  if (!changed) return false;

  require_changeable(before);
  if (tenant.storage_limit_mib < before.storage_limit_mib && !wanted.plan_is_paid_for)
    if (auto const used = disk_in_use(tx, id); used && *used > tenant.storage_limit_mib * mib)
      throw Problem{storage_below_use,
                    "It uses " + std::to_string((*used + mib - 1) / mib) + " MiB now."};
  tx.exec(write_config, id, tenant.subdomain, tenant.plan_id, tenant.max_users,
          tenant.storage_limit_mib, tenant.memory_limit_mib, tenant.cpu_limit_percent,
          tenant.process_limit, tenant.plan_quantity);
  if (renamed) {
    tx.exec(drop_alias, tenant.subdomain);
    tx.exec(insert_alias, before.subdomain, id);
  }
  follow(tx, id);
  if ((replanned || multiplied) && !wanted.plan_is_paid_for)
    jobs::enqueue(tx,
                  PlanChanged{id.value, wanted.plan_quoted_at, tenant.plan_id, tenant.plan_quantity,
                              wanted.plan_price},
                  {.max_attempts = 25});
  return true;
}

void set_maintenance(db::Tx& tx, TenantId id, Maintenance const& window, std::string_view actor) {
  require_changeable(lock(tx, id));
  if (tx.exec(write_maintenance, id, true, window.from, window.until, window.message) == 0) return;
  note(tx, id, actor, activity::MaintenanceSet{window.from, window.until});
  follow(tx, id);
}

void clear_maintenance(db::Tx& tx, TenantId id, std::string_view actor) {
  static_cast<void>(lock(tx, id));
  std::optional<Time> const never;
  if (tx.exec(write_maintenance, id, false, never, never, std::nullopt) == 0) return;
  note(tx, id, actor, activity::MaintenanceEnded{});
  follow(tx, id);
}

}  // namespace tenants
