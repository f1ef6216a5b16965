#pragma once
// What the files of this room do for each other. Other rooms need provisioning.hpp only.
#include <set>

#include "provisioning/provisioning.hpp"

namespace provisioning {

[[nodiscard]] inline blueprints::Blueprint const& blueprint_of(World const& world,
                                                               tenants::Tenant const& tenant) {
  return world.catalogue.at(tenant.blueprint);
}

// ---- handing_over.cpp ----
/// Thrown where the rest is for a node with a front door; at a step of building, or none.
struct ForServer {
  std::string_view step;
};
/// Throws ForServer where there is no front door.
void require_front_door(World const& world, std::string_view step = {});
[[nodiscard]] bool is_for_server(World const& world, tenants::Tenant const& tenant);

// ---- building.cpp ----
/// What came of asking an application whether it is well.
struct Probe {
  bool reached = false;  // something spoke HTTP there
  bool answers = false;  // as a healthy application does
  std::chrono::milliseconds latency{};
};
/// At `address` ("127.0.0.1:8080", or a unix socket), with the Host header when `host` is not
/// empty.
[[nodiscard]] Probe probe(blueprints::Health const& health, std::string const& address,
                          std::string const& host, tenants::TenantId id);

enum class For { all, process, image, with_data };
struct Step {
  std::string_view name;
  For whom;
  /// True when nothing is left to do; may look at the world.
  bool (*check)(World&, db::Connection&, Instance const&);
  void (*apply)(World&, db::Connection&, Instance const&);
  bool needs_front_door = false;
};
/// All steps, in order.
[[nodiscard]] std::vector<Step> const& pipeline();
[[nodiscard]] bool applies(World const& world, Step const& step,
                           blueprints::Blueprint const& blueprint, bool with_data);
void build(World& world, jobs::Context& job, Instance& instance);
[[nodiscard]] bool is_configured(World& world, db::Connection& connection,
                                 Instance const& instance);
void make_configured(World& world, db::Connection& connection, Instance const& instance);
void open_route(World& world, db::Connection& connection, Instance const& instance);

// ---- reconcile.cpp ----
void reconcile(World& world, jobs::Context& job, tenants::TenantId id);

// ---- life.cpp ----
void suspend(World& world, jobs::Context& job, Instance& instance);
/// Every step that is not done yet. A place that was lost is built again with its newest data.
void bring_up(World& world, db::Connection& connection, Instance const& instance);
void resume(World& world, jobs::Context& job, Instance& instance);
void settle(World& world, jobs::Context& job, Instance& instance);
void archive(World& world, jobs::Context& job, Instance& instance);
void purge(World& world, jobs::Context& job, Instance& instance);
void operate(World& world, jobs::Context& job, tenants::OperationId id);

// ---- routes.cpp ----
/// Host → where it leads.
using Routes = haproxy::Runtime::Map;
[[nodiscard]] std::string host_of(World const& world, tenants::Tenant const& tenant);
/// For every address of the tenant, as its row says.
[[nodiscard]] Routes wanted_routes(World& world, db::Connection& connection,
                                   tenants::Tenant const& tenant);
/// Every front door shows the tenant as its row says, this node's at once.
void show(World& world, db::Connection& connection, tenants::Tenant const& tenant);
/// After the commit they look at its row.
void tell_others(World& world, db::Tx& tx, tenants::TenantId id);
/// This node's front door shows what another node has changed.
void take_over_routes(World& world, db::Connection& connection, tenants::TenantId id);
/// True when something had to be changed.
bool set_routes(World& world, Routes const& wanted, Routes const& present);
void remove_routes(World& world, db::Connection& connection, tenants::Tenant const& tenant);

// ---- pool.cpp ----
/// One that is ready, or a new one.
void take_place(World& world, db::Connection& connection, Instance const& instance);
void refill(World& world, jobs::Context& job);
void add_pool_endpoint(http::Api& api);

// ---- watch.cpp, measure.cpp, inspect.cpp ----
void watch(World& world, jobs::Context& job);
void measure(World& world, jobs::Context& job);
void inspect(World& world, jobs::Context& job);
void resolve(World& world, jobs::Context& job, ResolveFinding const& decision);

}  // namespace provisioning
