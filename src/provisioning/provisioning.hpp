#pragma once
// Makes the world match a tenant's row: step by step, each checked before and after, with the
// ledger for undoing. A crash anywhere is followed by the same work again.
#include "platform/haproxy/front_door.hpp"
#include "platform/vault/vault.hpp"
#include "provisioning/driver.hpp"
#include "provisioning/follower.hpp"
#include "provisioning/jobs.hpp"
#include "provisioning/samples.hpp"
#include "provisioning/starting.hpp"
#include "tenants/jobs.hpp"
#include "tenants/operations/operations.hpp"
#include "tenants/steps.hpp"

namespace http {
class Api;
}

namespace provisioning {

/// How often building is tried before it is given up and undone.
inline constexpr int maximum_attempts = 5;

inline constexpr ProblemType world_unreachable{Kind::unavailable, "world_unreachable",
                                               "The machine that holds the tenant does not answer"};

/// What those who keep backups do at the turns of a tenant's life.
struct Keeper {
  /// Makes sure that a verified backup of today's data exists; throws jobs::Retry until it does.
  std::function<void(jobs::Context&, Instance const&, std::string_view reason)> keep_last;
  /// Whether the tenant waits for data: a clone, or one whose place was lost.
  std::function<bool(db::Connection&, tenants::Tenant const&)> has_data_to_restore;
  /// From now on it waits for its newest verified backup; throws NeedsPerson when there is none.
  std::function<void(db::Connection&, tenants::Tenant const&)> want_newest;
  std::function<void(db::Connection&, Instance const&)> restore_data;
  /// Has a backup looked at again that a finding says is lost.
  std::function<void(db::Connection&, std::string const& name)> look_again;
  /// Removes an archive that a finding showed then; false when it is a backup's, or another one.
  std::function<bool(db::Connection&, std::string const& name, Time shown_at)> remove_stray;
  /// A place that holds no backups although some should lie there is the right one from now on.
  std::function<void(db::Connection&, std::string const& name)> settle_in;
  /// Works off an operation of a kind that is not ours.
  std::function<void(jobs::Context&, tenants::Operation const&)> run;
};

/// What the verbs of this room work with, on one node.
struct World {
  config::Settings const& settings;
  blueprints::Catalogue const& catalogue;
  Driver& driver;
  /// Without one this node answers questions about tenants and, where they live elsewhere and it
  /// works jobs off, builds them; their addresses and archives are left to a node that has one.
  haproxy::FrontDoor* front_door;
  Keeper keeper{};  // set before jobs run
  Starting starting{};
  Samples samples{};
};

void add_workers(World& world, jobs::Engine& engine);
void add_endpoints(World& world, http::Api& api);
/// Before the doors open: the front door's map as the rows say; who is to run is shown as starting.
void start_up(World& world, db::Connection& connection);
/// Starts the tenants' applications side by side on threads of world.starting, and shows each as
/// soon as it runs. Jobs may run meanwhile.
void start_tenants(World& world);
/// The front door leads where other nodes have put tenants, while this lives; none where there are
/// no such nodes.
[[nodiscard]] std::unique_ptr<Follower> follow(World& world, realtime::Hub& hub);

[[nodiscard]] std::vector<std::string_view> step_names(World const& world,
                                                       std::string_view blueprint);
/// A fresh address that makes whoever opens it first the owner.
[[nodiscard]] std::string owner_link(World& world, db::Connection& connection,
                                     tenants::TenantId id);
/// The same for the customer who comes from the sign-up's own page, as often as they come: it never
/// replaces a password that its owner has seen already, and leads to the tenant's address then.
/// Throws Problem{world_unreachable}.
[[nodiscard]] std::string customer_link(World& world, db::Connection& connection,
                                        vault::Vault& vault, tenants::TenantId id);

/// Shows a notice at the tenant's addresses (maintenance, starting) until show_tenant().
void show_notice(World& world, db::Connection& connection, tenants::TenantId id,
                 std::string const& notice);
/// Its addresses lead where its row says.
void show_tenant(World& world, db::Connection& connection, tenants::TenantId id);
/// Waits until the application answers; throws Transient.
void wait_for_application(World& world, db::Connection& connection, Instance const& instance);

/// The exception being handled, classified; what does not belong to a step (the database is away,
/// the lease is lost) is thrown on. Only for use in a catch block.
[[nodiscard]] StepFailure present_failure();

/// After the database was set back: ready places may be somebody's by now, so none is given away.
void leave_pool(db::Tx& tx);

/// The tenant and what its application is told about its owner.
[[nodiscard]] Instance load_instance(db::Connection& connection, tenants::TenantId id);

}  // namespace provisioning
