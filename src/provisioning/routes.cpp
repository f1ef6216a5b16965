// Which host names lead where, as a tenant's row says; the front door's map is made equal to it.
#include "domains/routes.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/addresses.hpp"
#include "tenants/demo.hpp"

namespace provisioning {

namespace {
using tenants::State;

db::Query const former_names{"provisioning.former_names", R"sql(
  SELECT subdomain FROM tenant_aliases WHERE tenant_id = $1 AND expires_at > now()
)sql"};
db::Query const restoring_now{"provisioning.restoring_now", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenant_operations
                  WHERE tenant_id = $1 AND kind = 'restore' AND state = 'running'
                    AND stage = 'restoring')  -- while it only checks, the tenant is not touched
)sql"};
db::Query const name_is_taken{"provisioning.name_is_taken", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenants
                  WHERE subdomain = $1 AND state NOT IN ('purged', 'rolled_back'))
      OR EXISTS (SELECT 1 FROM tenant_aliases WHERE subdomain = $1 AND expires_at > now())
)sql"};

std::string own_route(World& world, db::Connection& connection, tenants::Tenant const& tenant) {
  switch (tenant.state) {
    case State::live: {
      db::Tx tx{connection, db::Mode::autocommit};
      if (tenant.in_maintenance() || tx.one<bool>(restoring_now, tenant.id)) return "maintenance";
      return world.starting.contains(tenant.id) ? "starting"
                                                : world.driver.address(connection, tenant);
    }
    case State::suspending:
    case State::suspended:
    case State::archiving:
    case State::archived:
      return "suspended";
    case State::queued:
    case State::provisioning:
    case State::provision_failed:
    case State::resuming:
      return "starting";
    case State::reserved:
    case State::awaiting_payment:
    case State::purging:
    case State::purged:
    case State::rolled_back:
      return {};
  }
  return {};
}
}  // namespace

std::string host_of(World const& world, tenants::Tenant const& tenant) {
  return tenant.subdomain + "." + world.settings.tenant_domain;
}

Routes wanted_routes(World& world, db::Connection& connection, tenants::Tenant const& tenant) {
  Routes routes;
  auto const own = own_route(world, connection, tenant);
  if (own.empty()) return routes;
  auto const host = host_of(world, tenant);
  routes[host] = own;
  db::Tx tx{connection, db::Mode::autocommit};
  auto const target =
      haproxy::redirect_prefix + tenants::authority_of(world.settings, tenant.subdomain);
  for (auto const& name : tx.all<std::string>(former_names, tenant.id))
    routes[name + "." + world.settings.tenant_domain] = target;
  routes.merge(domains::routes_of(tx, tenant, own, world.settings));
  return routes;
}

void tell_others(World& world, db::Tx& tx, tenants::TenantId id) {
  // A tenant that is a process has one front door, that of its own server.
  if (world.settings.provisioner != config::Provisioner::process) announce_routes(tx, id);
}

void show(World& world, db::Connection& connection, tenants::Tenant const& tenant) {
  if (tenants::is_demo(tenant)) return;
  if (world.front_door)
    set_routes(world, wanted_routes(world, connection, tenant), world.front_door->routes());
  db::transact(connection, [&](db::Tx& tx) { tell_others(world, tx, tenant.id); });
}

void take_over_routes(World& world, db::Connection& connection, tenants::TenantId id) {
  auto const tenant = load_instance(connection, id).tenant;
  if (tenants::is_final(tenant.state)) {
    bool const has_new_owner = [&] {
      db::Tx tx{connection, db::Mode::autocommit};
      return tx.one<bool>(name_is_taken, tenant.subdomain);
    }();
    if (!has_new_owner) remove_routes(world, connection, tenant);
    return;
  }
  auto const wanted = wanted_routes(world, connection, tenant);
  auto const present = world.front_door->routes();
  auto const host = host_of(world, tenant);
  auto leads_to = [&](Routes const& routes, auto const& is_meant) {
    auto const found = routes.find(host);
    return found != routes.end() && is_meant(found->second);
  };
  // Its address is opened just before it is live: whoever looks between the two closes nothing.
  if (leads_to(wanted, [](auto const& value) { return value == "starting"; }) &&
      leads_to(present, [](auto const& value) { return value.find(':') != std::string::npos; }))
    return;
  set_routes(world, wanted, present);
}

bool set_routes(World& world, Routes const& wanted, Routes const& present) {
  bool has_changed = false;
  for (auto const& [host, value] : wanted)
    if (auto const found = present.find(host); found == present.end() || found->second != value) {
      world.front_door->route(host, value);
      has_changed = true;
    }
  return has_changed;
}

void remove_routes(World& world, db::Connection& connection, tenants::Tenant const& tenant) {
  world.front_door->remove(host_of(world, tenant));
  db::Tx tx{connection, db::Mode::autocommit};
  for (auto const& name : tx.all<std::string>(former_names, tenant.id))
    world.front_door->remove(name + "." + world.settings.tenant_domain);
  for (auto const& domain : domains::of_tenant(tx, tenant.id)) {
    world.front_door->remove(domain.domain);
    world.front_door->certificates().remove(domain.domain);
  }
}

void show_notice(World& world, db::Connection& connection, tenants::TenantId id,
                 std::string const& notice) {
  world.front_door->route(host_of(world, load_instance(connection, id).tenant), notice);
  db::transact(connection, [&](db::Tx& tx) { tell_others(world, tx, id); });
}

void show_tenant(World& world, db::Connection& connection, tenants::TenantId id) {
  show(world, connection, load_instance(connection, id).tenant);
}

}  // namespace provisioning
