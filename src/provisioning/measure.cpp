// Once a minute: what each live tenant uses, and whether that still fits its limits.
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"
#include "provisioning/mails.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
constexpr auto actor = "monitoring";
constexpr double quota_warning = 0.9;  // share of the storage limit
constexpr int quota_days = 14;
constexpr std::int64_t least_slack = 16 * 1024 * 1024;  // a database grows before it shrinks

db::Query const insert_usage{"provisioning.insert_usage", R"sql(
  INSERT INTO tenant_health (tenant_id, cpu, ram, disk, network_in, network_out, processes)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
)sql"};
db::Query const not_measured{"provisioning.not_measured", R"sql(
  SELECT id FROM tenants t WHERE state = 'live' AND provisioner = $1
     AND NOT EXISTS (SELECT 1 FROM tenant_health
                      WHERE tenant_id = t.id AND "timestamp" > now() - interval '55 seconds')
   ORDER BY id
)sql"};
// Whole hours at a time, so that an hour is one row.
db::Query const condense_usage{"provisioning.condense_usage", R"sql(
  WITH minutes AS (
    DELETE FROM tenant_health
     WHERE NOT is_hour AND "timestamp" < date_trunc('hour', now() - interval '48 hours')
    RETURNING *)
  INSERT INTO tenant_health
    (tenant_id, cpu, ram, disk, network_in, network_out, processes, "timestamp", is_hour)
  SELECT tenant_id, avg(cpu), max(ram), max(disk), sum(network_in), sum(network_out),
         max(processes), date_trunc('hour', "timestamp"), true
    FROM minutes GROUP BY tenant_id, date_trunc('hour', "timestamp")
)sql"};
// What a held tenant used when it was stopped, against the limit that it has now.
db::Query const has_space_again{"provisioning.has_space_again", R"sql(
  SELECT t.id FROM tenant_holds h JOIN tenants t ON t.id = h.tenant_id
    JOIN LATERAL (SELECT disk FROM tenant_health WHERE tenant_id = t.id
                   ORDER BY "timestamp" DESC LIMIT 1) AS last ON true
   WHERE reason = 'quota' AND provisioner = $1
     AND last.disk < $2::float * storage_limit_mib * 1024 * 1024
)sql"};

// What it used when it was warned or, before that, when it was looked at last.
db::Query const used_before{"provisioning.used_before", R"sql(
  SELECT h.disk FROM tenant_health h JOIN tenants t ON t.id = h.tenant_id
   WHERE t.id = $1 AND h."timestamp" <= coalesce(t.quota_warned_at, now())
   ORDER BY h."timestamp" DESC LIMIT 1
)sql"};

struct Quota {
  std::optional<Time> warned_at;
  bool is_over;
};
db::Query const load_quota{"provisioning.load_quota", R"sql(
  SELECT quota_warned_at AS warned_at, coalesce(quota_deadline < now(), false) AS is_over
    FROM tenants WHERE id = $1
)sql"};

retention::Rule const old_usage{
    {.table = "tenant_health",
     .column = "timestamp",
     .keep = std::chrono::days{90},
     .least = std::chrono::days{7},
     .only = "t.is_hour",
     .why = "the graphs show 90 days; minutes become hours after two days"}};

void check_quota(World& world, db::Connection& connection, tenants::Tenant const& tenant,
                 std::int64_t disk, std::int64_t before) {
  auto const limit = tenant.storage_limit_mib * 1024 * 1024;
  // Whoever was beyond the limit when it was lowered has time; nobody grows on from there.
  auto const most = std::max(limit, before) + std::max(limit / 10, least_slack);
  bool const is_full = double(disk) >= quota_warning * double(limit);
  bool const has_grown_over = !world.driver.bounds_storage() && disk > most;
  db::transact(connection, [&](db::Tx& tx) {
    auto const quota = tx.one<Quota>(load_quota, tenant.id);
    if (!is_full) {
      if (!tenants::forget_quota_warning(tx, tenant.id)) return;
      tenants::note(tx, tenant.id, actor, activity::QuotaFine{disk});
      return;
    }
    auto const tell = [&](mail::Template const& text) {
      auto const owner = customers::get(tx, tenant.customer_id);
      mail::send(tx, text, owner.locale, owner.email,
                 {{"name", owner.name},
                  {"address", host_of(world, tenant)},
                  {"used", std::to_string(disk / 1024 / 1024)},
                  {"limit", std::to_string(tenant.storage_limit_mib)},
                  {"days", std::to_string(quota_days)},
                  {"support", world.settings.support_email}},
                 {tenant.customer_id, tenant.id});
    };
    if (has_grown_over) {
      if (tenants::place_hold(tx, tenant.id, tenants::Hold::quota, actor)) tell(storage_full);
    } else if (!quota.warned_at) {
      tenants::warn_of_quota(tx, tenant.id, quota_days);
      tenants::note(tx, tenant.id, actor, activity::QuotaWarned{disk});
      tell(storage_nearly_full);
    } else if (quota.is_over) {
      tenants::place_hold(tx, tenant.id, tenants::Hold::quota, actor);
    }
  });
}

void measure_usage(World& world, db::Connection& connection, tenants::Tenant const& tenant) {
  auto const usage = world.driver.usage(connection, tenant);
  if (!usage) return;
  auto const rates = world.samples.since_last_look(tenant.id, *usage);
  auto const before = db::transact(connection, [&](db::Tx& tx) {
    auto const known = tx.maybe<std::int64_t>(used_before, tenant.id);
    tx.exec(insert_usage, tenant.id, rates.cpu_percent, usage->memory, usage->disk,
            rates.network_in, rates.network_out, usage->processes);
    return known.value_or(usage->disk);
  });
  check_quota(world, connection, tenant, usage->disk, before);
}
}  // namespace

void measure(World& world, jobs::Context& job) {
  auto& connection = job.connection;
  db::transact(connection, [&](db::Tx& tx) {
    for (auto const id : tx.all<tenants::TenantId>(
             has_space_again, name_of(world.settings.provisioner), quota_warning)) {
      tenants::forget_quota_warning(tx, id);
      tenants::release_hold(tx, id, tenants::Hold::quota, actor);
    }
  });
  auto const due = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(not_measured, name_of(world.settings.provisioner));
  }();
  for (auto const id : due) {
    try {
      auto const instance = load_instance(connection, id);
      if (instance.tenant.state == tenants::State::live)
        measure_usage(world, connection, instance.tenant);
    } catch (db::Unavailable const&) {
      throw;
    } catch (std::exception const& error) {
      // One tenant in trouble must not keep the others from being measured.
      logging::warning("provisioning", "{}: {}", id.text(), error.what());
    }
  }
  db::transact(connection, [](db::Tx& tx) { tx.exec(condense_usage); });
}

}  // namespace provisioning
