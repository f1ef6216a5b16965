// The tenants after a start of the program: shown as starting at once, started side by side behind
// open doors.
#include "platform/log/log.hpp"
#include "provisioning/verbs.hpp"

namespace provisioning {

namespace {
using tenants::State;

db::Query const tenants_with_addresses{"provisioning.tenants_with_addresses", R"sql(
  SELECT id FROM tenants
   WHERE state NOT IN ('reserved', 'awaiting_payment', 'purging', 'purged', 'rolled_back')
     AND provisioner = $1
   ORDER BY id
)sql"};
// The key of the jobs that change a tenant: none of them runs while it is started, or the other way
// round.
db::Query const take_turn{"provisioning.take_turn",
                          "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"};
db::Query const end_turn{"provisioning.end_turn",
                         "SELECT pg_advisory_unlock(hashtextextended($1, 0))"};

void start_tenant(World& world, db::Connection& connection, tenants::TenantId id) {
  logging::Scope const ids{"", id.text(), ""};
  auto const turn = "tenant:" + std::to_string(id.value);
  {
    db::Tx tx{connection, db::Mode::autocommit};
    // A job works on it, and leaves it as its row says.
    if (!tx.one<bool>(take_turn, turn)) return;
  }
  auto const give_back = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    (void)tx.one<bool>(end_turn, turn);
  };
  try {
    auto const instance = load_instance(connection, id);
    if (instance.tenant.state == State::live) {
      world.driver.start(connection, instance);
      world.starting.done(id);
      show_tenant(world, connection, id);
    }
  } catch (...) {
    connection.drop();  // the turn goes with its session
    throw;
  }
  give_back();
}

void start_next(World& world) {
  db::Connection connection{world.settings.database_url, "onboarding start"};
  while (auto const id = world.starting.next()) {
    try {
      start_tenant(world, connection, *id);
    } catch (std::exception const& error) {
      // One tenant that cannot start must not keep the others down; the watch looks after it.
      logging::error("provisioning", "{} cannot be started: {}", id->text(), error.what());
    }
    world.starting.done(*id);
  }
}
}  // namespace

void start_up(World& world, db::Connection& connection) {
  auto const ids = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(tenants_with_addresses, name_of(world.settings.provisioner));
  }();
  std::vector<tenants::Tenant> all;
  std::vector<tenants::TenantId> live;
  for (auto const id : ids) {
    all.push_back(load_instance(connection, id).tenant);
    if (all.back().state == State::live) live.push_back(id);
  }
  world.starting.plan(live);
  Routes routes;
  for (auto const& tenant : all) routes.merge(wanted_routes(world, connection, tenant));
  world.front_door->replace_all(routes);
}

void start_tenants(World& world) {
  world.starting.start([&world] { start_next(world); });
}

std::unique_ptr<Follower> follow(World& world, realtime::Hub& hub) {
  if (!world.front_door || world.settings.provisioner == config::Provisioner::process) return {};
  return std::make_unique<Follower>(world.settings.database_url, hub,
                                    [&world](db::Connection& connection, tenants::TenantId id) {
                                      take_over_routes(world, connection, id);
                                    });
}

}  // namespace provisioning
