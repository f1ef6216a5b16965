// The standby pool: places that were built before anybody asked, per blueprint and plan. A new
// tenant takes one that is ready; the others are replaced in the background.
#include "platform/http/endpoint.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
struct Place {
  std::int64_t id;
};

struct PlanLimits {
  std::string plan_id;
  std::int64_t storage_limit_mib, memory_limit_mib, cpu_limit_percent;
};

// The tenant's limits are the plan's unless staff changed them; claim() applies the row's anyway.
db::Query const claim_place{"provisioning.claim_place", R"sql(
  UPDATE tenant_pool SET state = 'claimed', tenant_id = $1, claimed_at = now()
   WHERE id = (SELECT id FROM tenant_pool
                WHERE state = 'ready' AND provisioner = $2 AND blueprint = $3 AND plan_id = $4
                  AND image = $5
                ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING id
)sql"};
db::Query const claimed_place{"provisioning.claimed_place", R"sql(
  SELECT id FROM tenant_pool WHERE tenant_id = $1 AND state = 'claimed'
)sql"};
db::Query const lacking_plans{"provisioning.lacking_plans", R"sql(
  SELECT p.id AS plan_id, storage_limit_mib, memory_limit_mib, cpu_limit_percent FROM plans p
   WHERE for_sale
     AND (SELECT count(*) FROM tenant_pool
           WHERE plan_id = p.id AND provisioner = $1 AND blueprint = $2 AND image = $3
             AND state IN ('ready', 'building')) < $4
   ORDER BY position
)sql"};
db::Query const insert_place{"provisioning.insert_place", R"sql(
  INSERT INTO tenant_pool (provisioner, blueprint, plan_id, image) VALUES ($1, $2, $3, $4)
  RETURNING id
)sql"};
db::Query const mark_ready{"provisioning.mark_ready", R"sql(
  UPDATE tenant_pool SET state = 'ready', ready_at = now() WHERE id = $1 AND state = 'building'
)sql"};
// What nobody can use any more: another image, a plan that is not sold, more than are wanted, and
// what was being built when this stopped.
db::Query const retire{"provisioning.retire_places", R"sql(
  UPDATE tenant_pool SET state = 'retiring'
   WHERE provisioner = $1 AND state IN ('ready', 'building')
     AND (blueprint <> $2 OR image <> $3 OR $4 = 0 OR state = 'building'
          OR plan_id NOT IN (SELECT id FROM plans WHERE for_sale))
)sql"};
db::Query const retire_all{"provisioning.retire_all_places", R"sql(
  UPDATE tenant_pool SET state = 'retiring' WHERE state IN ('ready', 'building')
)sql"};
db::Query const list_retiring{"provisioning.list_retiring", R"sql(
  SELECT id FROM tenant_pool WHERE provisioner = $1 AND state = 'retiring' ORDER BY id
)sql"};
db::Query const mark_place_gone{"provisioning.mark_place_gone",
                                "UPDATE tenant_pool SET state = 'gone' WHERE id = $1"};

struct PoolRow {
  std::string blueprint, plan;
  std::int64_t ready, building, target;
  std::optional<double> p95_pooled_seconds, p95_cold_seconds;
  static constexpr auto rules() {
    return ::rules(
        rule(&PoolRow::p95_pooled_seconds,
             {.doc = "Payment to live, 95th percentile of the last 100 that took a ready place"}),
        rule(&PoolRow::p95_cold_seconds, {.doc = "The same of those that were built anew"}));
  }
};
db::Query const list_pool{"provisioning.list_pool", R"sql(
  SELECT $2::text AS blueprint, p.id AS plan,
         (SELECT count(*) FROM tenant_pool t WHERE t.plan_id = p.id AND t.provisioner = $1
             AND t.blueprint = $2 AND t.state = 'ready') AS ready,
         (SELECT count(*) FROM tenant_pool t WHERE t.plan_id = p.id AND t.provisioner = $1
             AND t.blueprint = $2 AND t.state = 'building') AS building,
         $3::bigint AS target, speed.p95_pooled_seconds, speed.p95_cold_seconds
    FROM plans p CROSS JOIN LATERAL (
      SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE from_pool)
               AS p95_pooled_seconds,
             percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE NOT from_pool)
               AS p95_cold_seconds
        FROM (SELECT from_pool, extract(epoch FROM live_at - queued_at)::float AS seconds,
                     row_number() OVER (PARTITION BY from_pool ORDER BY live_at DESC) AS age
                FROM (SELECT from_pool, live_at, queued_at FROM tenants
                       WHERE provisioner = $1 AND blueprint = $2 AND plan_id = p.id
                         AND live_at IS NOT NULL AND queued_at IS NOT NULL
                       ORDER BY live_at DESC LIMIT 1000) AS recent) AS aged
       WHERE age <= 100) AS speed
   WHERE for_sale ORDER BY position
)sql"};

struct Pool {
  std::vector<PoolRow> data;
  static constexpr auto rules() {
    return ::rules(rule(&Pool::data, {.doc = "Empty when no pool is kept"}));
  }
};

retention::Rule const gone_places{{.table = "tenant_pool",
                                   .column = "created_at",
                                   .keep = std::chrono::days{90},
                                   .least = std::chrono::days{1},
                                   .only = "t.state = 'gone'",
                                   .why = "places that nobody got"}};
}  // namespace

void take_place(World& world, db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const place = db::transact(connection, [&](db::Tx& tx) {
    if (auto const known = tx.maybe<Place>(claimed_place, tenant.id)) return known;
    auto claimed =
        tx.maybe<Place>(claim_place, tenant.id, name_of(world.settings.provisioner),
                        tenant.blueprint, tenant.plan_id, blueprint_of(world, tenant).image());
    if (claimed) tenants::note_from_pool(tx, tenant.id);
    return claimed;
  });
  if (place)
    world.driver.claim(connection, place->id, instance);
  else
    world.driver.create(connection, instance);
}

void leave_pool(db::Tx& tx) { tx.exec(retire_all); }

void refill(World& world, jobs::Context& job) {
  auto& connection = job.connection;
  auto const provisioner = name_of(world.settings.provisioner);
  auto const& blueprint = world.catalogue.at(world.settings.blueprint);
  auto const target = world.driver.can_pool() ? world.settings.pool_size : 0;
  auto const gone = db::transact(connection, [&](db::Tx& tx) {
    tx.exec(retire, provisioner, blueprint.name, blueprint.image(), target);
    return tx.all<Place>(list_retiring, provisioner);
  });
  if (!gone.empty()) {
    auto const things = world.driver.list(connection);
    for (auto const& place : gone) {
      for (auto const& found : things)
        if (found.pool == place.id) world.driver.destroy_stray(connection, found);
      job.transact([&](db::Tx& tx) { tx.exec(mark_place_gone, place.id); });
    }
  }
  while (true) {
    auto const lacking = [&] {
      db::Tx tx{connection, db::Mode::autocommit};
      return tx.all<PlanLimits>(lacking_plans, provisioner, blueprint.name, blueprint.image(),
                                target);
    }();
    if (lacking.empty()) return;
    for (auto const& plan : lacking) {
      auto const id = job.transact([&](db::Tx& tx) {
        return tx.one<std::int64_t>(insert_place, provisioner, blueprint.name, plan.plan_id,
                                    blueprint.image());
      });
      tenants::Tenant limits{};
      limits.blueprint = blueprint.name;
      limits.plan_id = plan.plan_id;
      limits.storage_limit_mib = plan.storage_limit_mib;
      limits.memory_limit_mib = plan.memory_limit_mib;
      limits.cpu_limit_percent = plan.cpu_limit_percent;
      limits.process_limit = blueprint.processes;
      world.driver.create_pooled(connection, id, limits);
      job.transact([&](db::Tx& tx) { tx.exec(mark_ready, id); });
    }
  }
}

void add_pool_endpoint(http::Api& api) {
  api.add(http::Endpoint<http::Nothing, Pool>{
      .route = "GET /api/tenants/pool",
      .summary = "Show the places that are ready before anybody asks, and what they save",
      .tag = "Tenants",
      .scope = "tenants:read",
      .handle =
          [](http::Context& context, http::Nothing const&) {
            auto const& settings = context.settings;
            Pool out;
            if (settings.pool_size > 0)
              out.data = context.tx.all<PoolRow>(list_pool, name_of(settings.provisioner),
                                                 settings.blueprint, settings.pool_size);
            return out;
          },
  });
}

}  // namespace provisioning
