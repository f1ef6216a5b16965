// Every few seconds: states that last too long, windows and holds that end, and whether each live
// tenant runs, answers and stays within its limits.
#include "platform/log/log.hpp"
#include "provisioning/mails.hpp"
#include "provisioning/provisioning.hpp"
#include "tenants/jobs.hpp"

namespace provisioning {

namespace {
using tenants::State;

constexpr auto actor = "monitoring";
constexpr double quota_warning = 0.9;  // share of the storage limit
constexpr int quota_days = 14;

db::Query const live_tenants{"provisioning.live_tenants", R"sql(
  SELECT id FROM tenants WHERE state = 'live' AND provisioner = $1 ORDER BY id
)sql"};
db::Query const overdue{"provisioning.overdue", R"sql(
  SELECT id FROM tenants WHERE state_deadline < now() AND provisioner = $1 ORDER BY state_deadline
   LIMIT 100
)sql"};
db::Query const operation_runs{"provisioning.operation_runs", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenant_operations WHERE tenant_id = $1 AND state = 'running')
)sql"};
db::Query const postpone{"provisioning.postpone", R"sql(
  UPDATE tenants SET state_deadline = now() + interval '2 minutes' WHERE id = $1
)sql"};
db::Query const count_probe{"provisioning.count_probe", R"sql(
  INSERT INTO tenant_uptime (tenant_id, day, probes, down, degraded)
  VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 1, $2::integer, $3::integer)
  ON CONFLICT (tenant_id, day) DO UPDATE
  SET probes = tenant_uptime.probes + 1, down = tenant_uptime.down + excluded.down,
      degraded = tenant_uptime.degraded + excluded.degraded
)sql"};
db::Query const write_latency{"provisioning.write_latency",
                              "UPDATE tenants SET latency_ms = $2 WHERE id = $1"};
db::Query const insert_usage{"provisioning.insert_usage", R"sql(
  INSERT INTO tenant_health (tenant_id, cpu, ram, disk, network_in, network_out, processes)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
)sql"};
db::Query const needs_usage{"provisioning.needs_usage", R"sql(
  SELECT NOT EXISTS (SELECT 1 FROM tenant_health
                      WHERE tenant_id = $1 AND "timestamp" > now() - interval '55 seconds')
)sql"};
db::Query const prune_usage{"provisioning.prune_usage", R"sql(
  DELETE FROM tenant_health WHERE "timestamp" < now() - interval '48 hours'
     AND NOT EXISTS (SELECT 1 FROM tenant_holds h
                      WHERE h.tenant_id = tenant_health.tenant_id AND reason = 'quota')
)sql"};
// What a held tenant used when it was stopped, against the limit that it has now.
db::Query const has_space_again{"provisioning.has_space_again", R"sql(
  SELECT t.id FROM tenant_holds h JOIN tenants t ON t.id = h.tenant_id
    JOIN LATERAL (SELECT disk FROM tenant_health WHERE tenant_id = t.id
                   ORDER BY "timestamp" DESC LIMIT 1) AS last ON true
   WHERE reason = 'quota' AND provisioner = $1
     AND last.disk < $2::float * storage_limit_mib * 1024 * 1024
)sql"};

struct Quota {
  std::optional<Time> warned_at;
  bool is_over;
  static constexpr auto fields() {
    return ::fields(field("warned_at", &Quota::warned_at), field("is_over", &Quota::is_over));
  }
};
db::Query const load_quota{"provisioning.load_quota", R"sql(
  SELECT quota_warned_at AS warned_at, coalesce(quota_deadline < now(), false) AS is_over
    FROM tenants WHERE id = $1
)sql"};
db::Query const warn_quota{"provisioning.warn_quota", R"sql(
  UPDATE tenants SET quota_warned_at = now(), quota_deadline = now() + make_interval(days => $2)
   WHERE id = $1 AND quota_warned_at IS NULL
)sql"};
db::Query const forget_quota{"provisioning.forget_quota", R"sql(
  UPDATE tenants SET quota_warned_at = NULL, quota_deadline = NULL
   WHERE id = $1 AND quota_warned_at IS NOT NULL
)sql"};
}  // namespace

void Provisioning::watch(jobs::Context& job) {
  auto& connection = job.connection;
  watch_overdue(connection);
  db::transact(connection, [&](db::Tx& tx) {
    tenants::expire_holds(tx);
    for (auto const id : tx.all<tenants::TenantId>(has_space_again, name_of(settings_.provisioner),
                                                   quota_warning)) {
      tx.exec(forget_quota, id);
      tenants::release_hold(tx, id, tenants::Hold::quota, actor);
    }
  });
  auto const live = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(live_tenants, name_of(settings_.provisioner));
  }();
  // Once for all of them, and after the list: whoever is on it had its route before it was live.
  auto const routes = front_door_->routes();
  for (auto const id : live) {
    try {
      watch_tenant(connection, id, routes);
    } catch (db::Unavailable const&) {
      throw;
    } catch (std::exception const& error) {
      // One tenant in trouble must not keep the watch from the others.
      logging::warning("provisioning", "{}: {}", id.text(), error.what());
      db::transact(connection,
                   [&](db::Tx& tx) { tenants::set_health(tx, id, tenants::Health::down); });
    }
  }
  db::transact(connection, [](db::Tx& tx) { tx.exec(prune_usage); });
}

void Provisioning::watch_overdue(db::Connection& connection) {
  auto const late = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(overdue, name_of(settings_.provisioner));
  }();
  for (auto const id : late) {
    db::transact(connection, [&](db::Tx& tx) {
      auto tenant = tenants::lock(tx, id);
      if (tenant.state == State::reserved || tenant.state == State::awaiting_payment)
        return tenants::release(tx, id, "timeout");
      if (tenant.state == State::archived) return tenants::move(tx, tenant, State::purging, actor);
      logging::warning("provisioning", "{} has been {} for too long", tenant.subdomain,
                       name_of(tenant.state));
      if (tenant.state != State::provisioning) tx.exec(postpone, id);
      jobs::enqueue(tx, tenants::Reconcile{id.value},
                    {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
    });
  }
}

void Provisioning::watch_tenant(db::Connection& connection, tenants::TenantId id,
                                Routes const& routes) {
  auto const instance = load_instance(connection, id);
  auto const& tenant = instance.tenant;
  if (tenant.state != State::live) return;
  auto state = driver_.state(connection, tenant);
  bool const in_operation = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.one<bool>(operation_runs, id);
  }();
  if (!in_operation && (state == InstanceState::stopped || state == InstanceState::absent)) {
    driver_.start(connection, instance);
    state = driver_.state(connection, tenant);
  }
  set_routes(wanted_routes(connection, tenant), routes);
  if (!in_operation && !tenant.in_maintenance()) watch_health(connection, tenant, state);
  watch_usage(connection, tenant);
}

void Provisioning::watch_health(db::Connection& connection, tenants::Tenant const& tenant,
                                InstanceState state) {
  using tenants::Health;
  auto const& expected = blueprint_of(tenant).health;
  auto const seen = probe(expected, "127.0.0.1:" + std::to_string(settings_.tenant_port),
                          host_of(tenant), tenant.id);
  auto const health =
      state == InstanceState::crashing || state == InstanceState::absent ? Health::down
      : seen.answers                                                     ? Health::healthy
      : state == InstanceState::running &&
              probe(expected, driver_.address(connection, tenant), "", tenant.id).answers
          ? Health::degraded  // it runs, but its address does not lead to it
          : Health::down;
  db::transact(connection, [&](db::Tx& tx) {
    tenants::set_health(tx, tenant.id, health);
    tx.exec(count_probe, tenant.id, int(health == Health::down), int(health == Health::degraded));
    if (seen.answers) tx.exec(write_latency, tenant.id, std::int64_t(seen.latency.count()));
  });
}

void Provisioning::watch_usage(db::Connection& connection, tenants::Tenant const& tenant) {
  {
    db::Tx tx{connection, db::Mode::autocommit};
    if (!tx.one<bool>(needs_usage, tenant.id)) return;
  }
  auto const usage = driver_.usage(connection, tenant);
  if (!usage) return;
  // Per cent of a core, and bytes, since the last look of this process.
  auto const now = std::chrono::steady_clock::now();
  double percent = 0;
  std::int64_t in = 0, out = 0;
  {
    std::scoped_lock lock{samples_mutex_};
    auto& last = samples_[tenant.id.value];
    auto const seconds = std::chrono::duration<double>(now - last.at).count();
    if (last.cpu_seconds >= 0 && usage->cpu_seconds >= last.cpu_seconds && seconds > 0) {
      percent = (usage->cpu_seconds - last.cpu_seconds) / seconds * 100;
      in = std::max<std::int64_t>(0, usage->network_in - last.network_in);
      out = std::max<std::int64_t>(0, usage->network_out - last.network_out);
    }
    last = {now, usage->cpu_seconds, usage->network_in, usage->network_out};
  }
  db::transact(connection, [&](db::Tx& tx) {
    tx.exec(insert_usage, tenant.id, percent, usage->memory, usage->disk, in, out,
            usage->processes);
  });
  watch_quota(connection, tenant, usage->disk);
}

void Provisioning::watch_quota(db::Connection& connection, tenants::Tenant const& tenant,
                               std::int64_t disk) {
  auto const limit = tenant.storage_limit_mib * 1024 * 1024;
  bool const is_full = double(disk) >= quota_warning * double(limit);
  db::transact(connection, [&](db::Tx& tx) {
    auto const quota = tx.one<Quota>(load_quota, tenant.id);
    if (!is_full) {
      if (tx.exec(forget_quota, tenant.id) == 0) return;
      tenants::note(tx, tenant.id, "quota_fine", actor, std::to_string(disk));
      return;
    }
    if (!quota.warned_at) {
      tx.exec(warn_quota, tenant.id, quota_days);
      tenants::note(tx, tenant.id, "quota_warned", actor, std::to_string(disk));
      auto const owner = customers::get(tx, tenant.customer_id);
      mail::send(tx, storage_nearly_full, owner.locale, owner.email,
                 {{"name", owner.name},
                  {"address", host_of(tenant)},
                  {"used", std::to_string(disk / 1024 / 1024)},
                  {"limit", std::to_string(tenant.storage_limit_mib)},
                  {"days", std::to_string(quota_days)},
                  {"support", settings_.support_email}});
    } else if (quota.is_over) {
      tenants::place_hold(tx, tenant.id, tenants::Hold::quota, actor);
    }
  });
}

}  // namespace provisioning
