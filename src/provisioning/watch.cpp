// Every few seconds: states that last too long, windows and holds that end, and whether each live
// tenant answers at its own address. Only who does not is looked at more closely.
#include <algorithm>
#include <atomic>
#include <thread>

#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/jobs.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
using tenants::State;

constexpr auto actor = "monitoring";
constexpr std::size_t most_askers = 16;

struct Live {
  tenants::TenantId id;
  std::string subdomain, blueprint;
  tenants::Health health;
  bool is_special;  // in maintenance, or somebody works on it: an answer alone says too little
  std::vector<std::string> other_hosts;  // former names, and domains of the customer's own
};
db::Query const live_tenants{"provisioning.live_tenants", R"sql(
  SELECT id, subdomain, blueprint, health,
         maintenance OR EXISTS (SELECT 1 FROM tenant_operations
                                 WHERE tenant_id = t.id AND state = 'running') AS is_special,
         ARRAY(SELECT subdomain || '.' || $2 FROM tenant_aliases
                WHERE tenant_id = t.id AND expires_at > now()
               UNION ALL SELECT domain FROM tenant_domains WHERE tenant_id = t.id) AS other_hosts
    FROM tenants t WHERE state = 'live' AND provisioner = $1 ORDER BY id
)sql"};
db::Query const overdue{"provisioning.overdue", R"sql(
  SELECT id FROM tenants WHERE state_deadline < now() AND provisioner = $1 ORDER BY state_deadline
   LIMIT 100
)sql"};
db::Query const operation_runs{"provisioning.operation_runs", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenant_operations WHERE tenant_id = $1 AND state = 'running')
)sql"};
db::Query const count_probe{"provisioning.count_probe", R"sql(
  INSERT INTO tenant_uptime (tenant_id, day, probes, down, degraded)
  VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 1, $2::integer, $3::integer)
  ON CONFLICT (tenant_id, day) DO UPDATE
  SET probes = tenant_uptime.probes + 1, down = tenant_uptime.down + excluded.down,
      degraded = tenant_uptime.degraded + excluded.degraded
)sql"};
// One statement for everybody who answered.
db::Query const count_answers{"provisioning.count_answers", R"sql(
  INSERT INTO tenant_uptime (tenant_id, day, probes, down, degraded)
  SELECT id, (now() AT TIME ZONE 'UTC')::date, 1, 0, 0 FROM unnest($1::bigint[]) AS answers (id)
  ON CONFLICT (tenant_id, day) DO UPDATE SET probes = tenant_uptime.probes + 1
)sql"};

/// Calls ask(i) for each i below `count`, some at a time.
template <class Ask>
void side_by_side(std::size_t count, Ask const& ask) {
  std::atomic<std::size_t> next = 0;
  auto const work = [&] {
    for (auto i = next++; i < count; i = next++) ask(i);
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min(most_askers, count); ++i) others.emplace_back(work);
  work();
}

retention::Rule const old_uptime{
    {.table = "tenant_uptime",
     .column = "day",
     .keep = std::chrono::days{400},
     .least = std::chrono::days{90},
     .why = "shares of 90 days are shown, a year is asked for by customers"}};

void watch_overdue(World& world, db::Connection& connection) {
  auto const late = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(overdue, name_of(world.settings.provisioner));
  }();
  for (auto const id : late) {
    db::transact(connection, [&](db::Tx& tx) {
      auto tenant = tenants::lock(tx, id);
      if (tenant.state == State::reserved || tenant.state == State::awaiting_payment)
        return tenants::release(tx, id, "timeout");
      if (tenant.state == State::archived) return tenants::purge(tx, id, actor);
      logging::warning("provisioning", "{} has been {} for too long", tenant.subdomain,
                       name_of(tenant.state));
      if (tenant.state != State::provisioning) tenants::postpone(tx, id);
      jobs::enqueue(tx, tenants::Reconcile{id.value},
                    {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
    });
  }
}

Probe probe_address(World& world, std::string const& blueprint, std::string const& subdomain,
                    tenants::TenantId id) {
  return probe(world.catalogue.at(blueprint).health, world.front_door->probe_socket(),
               subdomain + "." + world.settings.tenant_domain, id);
}

void write_health(World& world, db::Connection& connection, tenants::Tenant const& tenant,
                  InstanceState state, Probe const& seen) {
  using tenants::Health;
  auto const& expected = blueprint_of(world, tenant).health;
  auto const health =
      state == InstanceState::crashing || state == InstanceState::absent ? Health::down
      : seen.answers                                                     ? Health::healthy
      : state == InstanceState::running &&
              probe(expected, world.driver.address(connection, tenant), "", tenant.id).answers
          ? Health::degraded  // it runs, but its address does not lead to it
          : Health::down;
  db::transact(connection, [&](db::Tx& tx) {
    tenants::set_health(tx, tenant.id, health);
    tx.exec(count_probe, tenant.id, int(health == Health::down), int(health == Health::degraded));
  });
}

void look_after(World& world, db::Connection& connection, tenants::TenantId id, Probe seen,
                Routes const& routes) {
  auto const instance = load_instance(connection, id);
  auto const& tenant = instance.tenant;
  if (tenant.state != State::live) return;
  auto state = world.driver.state(connection, tenant);
  bool const in_operation = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.one<bool>(operation_runs, id);
  }();
  if (!in_operation && state == InstanceState::absent &&
      world.settings.provisioner == config::Provisioner::process) {
    // Made again by a job of its own, from its backup where need be: that takes longer than others
    // can wait here.
    db::transact(connection, [&](db::Tx& tx) {
      jobs::enqueue(tx, tenants::Reconcile{id.value},
                    {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
    });
  } else if (!in_operation && (state == InstanceState::stopped || state == InstanceState::absent)) {
    world.driver.start(connection, instance);
    state = world.driver.state(connection, tenant);
  }
  bool const was_repaired = set_routes(world, wanted_routes(world, connection, tenant), routes);
  if (in_operation || tenant.in_maintenance()) return;
  if (was_repaired) seen = probe_address(world, tenant.blueprint, tenant.subdomain, id);
  write_health(world, connection, tenant, state, seen);
}
}  // namespace

void watch(World& world, jobs::Context& job) {
  auto& connection = job.connection;
  watch_overdue(world, connection);
  db::transact(connection, [](db::Tx& tx) { tenants::expire_holds(tx); });
  auto live = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<Live>(live_tenants, name_of(world.settings.provisioner),
                        world.settings.tenant_domain);
  }();
  // After a start of the program: their turn comes.
  std::erase_if(live, [&world](Live const& tenant) { return world.starting.contains(tenant.id); });
  // Once for all of them, and after the list: whoever is on it had its route before it was live.
  auto const routes = world.front_door->routes();
  std::vector<Probe> seen(live.size());
  side_by_side(live.size(), [&](std::size_t i) {
    try {
      seen[i] = probe_address(world, live[i].blueprint, live[i].subdomain, live[i].id);
    } catch (std::exception const&) {
      // A blueprint that was taken away, say: the closer look names it, and nobody else suffers.
    }
  });
  auto const has_route = [&](std::string const& host) { return routes.contains(host); };
  std::vector<std::int64_t> well, latencies;
  for (std::size_t i = 0; i < live.size(); ++i) {
    auto const& [id, subdomain, blueprint, health, is_special, other_hosts] = live[i];
    if (seen[i].answers && !is_special && std::ranges::all_of(other_hosts, has_route)) {
      well.push_back(id.value);
      latencies.push_back(seen[i].latency.count());
      if (health != tenants::Health::healthy)
        db::transact(connection,
                     [&](db::Tx& tx) { tenants::set_health(tx, id, tenants::Health::healthy); });
      continue;
    }
    try {
      look_after(world, connection, id, seen[i], routes);
    } catch (db::Unavailable const&) {
      throw;
    } catch (std::exception const& error) {
      // One tenant in trouble must not keep the watch from the others.
      logging::warning("provisioning", "{}: {}", id.text(), error.what());
      db::transact(connection,
                   [&](db::Tx& tx) { tenants::set_health(tx, id, tenants::Health::down); });
    }
  }
  db::transact(connection, [&](db::Tx& tx) {
    tx.exec(count_answers, well);
    tenants::note_latencies(tx, well, latencies);
  });
}

}  // namespace provisioning
