#pragma once
// Makes the world match a tenant's row: step by step, each checked before and after, with the
// ledger for undoing. A crash anywhere is followed by the same work again.
#include <set>
#include <thread>

#include "platform/haproxy/front_door.hpp"
#include "platform/vault/vault.hpp"
#include "provisioning/driver.hpp"
#include "provisioning/follower.hpp"
#include "provisioning/jobs.hpp"
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

/// Thrown where the rest is for a node with a front door; at a step of building, or none.
struct ForServer {
  std::string_view step;
};

class Provisioning {
 public:
  /// Without a front door this node answers questions about tenants and, where they live elsewhere
  /// and it works jobs off, builds them; their addresses and archives are left to a node that has
  /// one.
  Provisioning(config::Settings const& settings, blueprints::Catalogue const& catalogue,
               Driver& driver, haproxy::FrontDoor* front_door)
      : settings_{settings}, catalogue_{catalogue}, driver_{driver}, front_door_{front_door} {}

  /// Before jobs run.
  void set_keeper(Keeper keeper) { keeper_ = std::move(keeper); }
  void add_workers(jobs::Engine& engine);
  void add_endpoints(http::Api& api);
  /// Before the doors open: the front door's map as the rows say; who is to run is shown as
  /// starting.
  void start_up(db::Connection& connection);
  /// Starts the tenants' applications side by side on threads of its own, and shows each as soon as
  /// it runs. Jobs may run meanwhile.
  void start_tenants();
  /// Returns when start_tenants() is done with all of them.
  void wait_for_tenants();
  /// The front door leads where other nodes have put tenants, from now on.
  void follow(realtime::Hub& hub);
  /// No more tenants are started, and nobody is followed.
  void stop();

  [[nodiscard]] std::vector<std::string_view> step_names(std::string_view blueprint) const;
  /// A fresh address that makes whoever opens it first the owner.
  [[nodiscard]] std::string owner_link(db::Connection& connection, tenants::TenantId id);
  /// The same for the customer who comes from the sign-up's own page, as often as they come: it
  /// never replaces a password that its owner has seen already, and leads to the tenant's address
  /// then. Throws Problem{world_unreachable}.
  [[nodiscard]] std::string customer_link(db::Connection& connection, vault::Vault& vault,
                                          tenants::TenantId id);

  /// Shows a notice at the tenant's addresses (maintenance, starting) until show_tenant().
  void show_notice(db::Connection& connection, tenants::TenantId id, std::string const& notice);
  /// Its addresses lead where its row says.
  void show_tenant(db::Connection& connection, tenants::TenantId id);
  /// Waits until the application answers; throws Transient.
  void wait_for_application(db::Connection& connection, Instance const& instance);

  Driver& driver() { return driver_; }

 private:
  enum class For { all, process, image, with_data };
  struct Step {
    std::string_view name;
    For whom;
    /// True when nothing is left to do; may look at the world.
    bool (Provisioning::*check)(db::Connection&, Instance const&);
    void (Provisioning::*apply)(db::Connection&, Instance const&);
    bool needs_front_door = false;
  };
  static std::vector<Step> const& pipeline();
  [[nodiscard]] bool applies(Step const& step, blueprints::Blueprint const& blueprint,
                             bool with_data) const;

  // handing_over.cpp
  void add_server_workers(jobs::Engine& engine);
  [[nodiscard]] bool is_for_server(tenants::Tenant const& tenant) const;
  void reconcile_or_hand_over(jobs::Context& job, tenants::TenantId id);
  void hand_over(jobs::Context& job, tenants::TenantId id, std::string_view step);
  /// False when this node does it.
  bool hand_over_operation(jobs::Context& job, tenants::Operate const& args);
  /// Throws ForServer where there is none.
  void require_front_door(std::string_view step = {}) const {
    if (!front_door_) throw ForServer{step};
  }

  // building.cpp
  void build(jobs::Context& job, Instance& instance);
  bool was_paid(db::Connection& connection, Instance const& instance);
  bool is_reserved(db::Connection& connection, Instance const& instance);
  bool has_place(db::Connection& connection, Instance const& instance);
  bool has_database(db::Connection& connection, Instance const& instance);
  bool application_answers(db::Connection& connection, Instance const& instance);
  [[nodiscard]] bool is_up(db::Connection& connection, Instance const& instance,
                           std::string const& address);
  bool has_its_data(db::Connection& connection, Instance const& instance);
  bool is_configured(db::Connection& connection, Instance const& instance);
  bool has_route(db::Connection& connection, Instance const& instance);
  bool address_answers(db::Connection& connection, Instance const& instance);
  void nothing(db::Connection& connection, Instance const& instance);
  void make_place(db::Connection& connection, Instance const& instance);
  void make_database(db::Connection& connection, Instance const& instance);
  void start_application(db::Connection& connection, Instance const& instance);
  void bring_data(db::Connection& connection, Instance const& instance);
  void make_configured(db::Connection& connection, Instance const& instance);
  void open_route(db::Connection& connection, Instance const& instance);
  void wait_for_address(db::Connection& connection, Instance const& instance);

  // reconcile.cpp
  void reconcile(jobs::Context& job, tenants::TenantId id);
  void undo(jobs::Context& job, tenants::Tenant& tenant, tenants::Failure const& failure);
  void fail(jobs::Context& job, Instance& instance, StepFailure const& failure);

  // life.cpp
  void suspend(jobs::Context& job, Instance& instance);
  /// Every step that is not done yet. A place that was lost is built again with its newest data.
  void bring_up(db::Connection& connection, Instance const& instance);
  void resume(jobs::Context& job, Instance& instance);
  void settle(jobs::Context& job, Instance& instance);
  void archive(jobs::Context& job, Instance& instance);
  void purge(jobs::Context& job, Instance& instance);
  void restart(jobs::Context& job, tenants::Operation const& operation);
  void move_member(jobs::Context& job, tenants::Operation const& operation);
  void operate(jobs::Context& job, tenants::OperationId id);

  // routes.cpp
  using Routes = haproxy::Runtime::Map;
  /// Host → value for every address of the tenant, as its row says.
  [[nodiscard]] Routes wanted_routes(db::Connection& connection, tenants::Tenant const& tenant);
  [[nodiscard]] bool has_ledger_route(db::Connection& connection, tenants::Tenant const& tenant);
  /// Where the tenant's own name leads; empty: nowhere.
  [[nodiscard]] std::string own_route(db::Connection& connection, tenants::Tenant const& tenant);
  /// Every front door shows the tenant as its row says, this node's at once.
  void show(db::Connection& connection, tenants::Tenant const& tenant);
  /// After the commit they look at its row.
  void tell_others(db::Tx& tx, tenants::TenantId id);
  /// The same for what another node has changed.
  void take_over_routes(db::Connection& connection, tenants::TenantId id);
  /// True when something had to be changed.
  bool set_routes(Routes const& wanted, Routes const& present);
  void remove_routes(db::Connection& connection, tenants::Tenant const& tenant);

  // start_up.cpp
  void start_next();
  void start_tenant(db::Connection& connection, tenants::TenantId id);
  [[nodiscard]] bool is_starting(tenants::TenantId id);

  // watch.cpp
  void watch(jobs::Context& job);
  void watch_overdue(db::Connection& connection);
  [[nodiscard]] Probe probe_address(std::string const& blueprint, std::string const& subdomain,
                                    tenants::TenantId id) const;
  void look_after(db::Connection& connection, tenants::TenantId id, Probe seen,
                  Routes const& routes);
  void write_health(db::Connection& connection, tenants::Tenant const& tenant, InstanceState state,
                    Probe const& seen);

  // measure.cpp
  void measure(jobs::Context& job);
  void measure_usage(db::Connection& connection, tenants::Tenant const& tenant);
  void check_quota(db::Connection& connection, tenants::Tenant const& tenant, std::int64_t disk,
                   std::int64_t before);

  // pool.cpp
  void take_place(db::Connection& connection, Instance const& instance);
  void refill(jobs::Context& job);
  void add_pool_endpoint(http::Api& api);

  // inspect.cpp
  void inspect(jobs::Context& job);
  void resolve(jobs::Context& job, ResolveFinding const& decision);
  void carry_out(db::Connection& connection, Finding const& finding,
                 ResolveFinding const& decision);
  /// False when it is somebody's by now: days may lie between the finding and the decision.
  bool destroy(db::Connection& connection, Finding const& finding);
  bool is_nobodys(db::Connection& connection, Found const& found) const;
  std::set<std::string> hosts_of_tenants(db::Connection& connection) const;
  /// The row takes over the limits that the instance has.
  void adopt(db::Connection& connection, Finding const& finding, std::string const& actor);

  [[nodiscard]] std::string host_of(tenants::Tenant const& tenant) const;
  [[nodiscard]] blueprints::Blueprint const& blueprint_of(tenants::Tenant const& tenant) const {
    return catalogue_.at(tenant.blueprint);
  }

  config::Settings const& settings_;
  blueprints::Catalogue const& catalogue_;
  Driver& driver_;
  haproxy::FrontDoor* front_door_;
  Keeper keeper_;

  struct Sample {
    std::chrono::steady_clock::time_point at{};
    double cpu_seconds = -1;
    std::int64_t network_in = 0, network_out = 0;
  };
  std::mutex samples_mutex_;
  std::map<std::int64_t, Sample> samples_;

  std::mutex starting_mutex_;
  std::vector<std::int64_t> to_start_;  // whose turn has not come, last one first
  std::set<std::int64_t> starting_;     // those, and those that are being started
  std::vector<std::thread> starters_;
  std::unique_ptr<Follower> follower_;
};

/// The exception being handled, classified; what does not belong to a step (the database is away,
/// the lease is lost) is thrown on. Only for use in a catch block.
[[nodiscard]] StepFailure present_failure();

/// After the database was set back: ready places may be somebody's by now, so none is given away.
void leave_pool(db::Tx& tx);

/// The tenant and what its application is told about its owner.
[[nodiscard]] Instance load_instance(db::Connection& connection, tenants::TenantId id);

}  // namespace provisioning
