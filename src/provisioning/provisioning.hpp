#pragma once
// Makes the world match a tenant's row: step by step, each checked before and after, with the
// ledger for undoing. A crash anywhere is followed by the same work again.
#include "platform/haproxy/front_door.hpp"
#include "platform/jobs/jobs.hpp"
#include "provisioning/driver.hpp"
#include "tenants/steps.hpp"

namespace provisioning {

/// How often building is tried before it is given up and undone.
inline constexpr int maximum_attempts = 5;

/// Looks after states that last too long, after health, and after usage.
struct Watch {
  static constexpr std::string_view kind = "provisioning.watch";
  static constexpr auto fields() { return ::fields(); }
};

class Provisioning {
 public:
  /// Without a front door this node holds no tenants: it answers questions about them and leaves
  /// building and watching them to the node that has one.
  Provisioning(config::Settings const& settings, Driver& driver, haproxy::FrontDoor* front_door)
      : settings_{settings}, driver_{driver}, front_door_{front_door} {}

  void add_workers(jobs::Engine& engine);
  /// After a start: the tenants' processes and the front door's map as the rows say.
  void start_up(db::Connection& connection);

  [[nodiscard]] std::vector<std::string_view> step_names(std::string_view blueprint) const;
  [[nodiscard]] std::string owner_link(db::Connection& connection, tenants::Tenant const& tenant) {
    return driver_.owner_link(connection, tenant);
  }

 private:
  struct Step {
    std::string_view name;
    /// True when nothing is left to do; may look at the world.
    bool (Provisioning::*check)(db::Connection&, Instance const&);
    void (Provisioning::*apply)(db::Connection&, Instance const&);
  };
  static std::vector<Step> const& pipeline();

  void reconcile(jobs::Context& job, tenants::TenantId id);
  void build(jobs::Context& job, Instance& instance);
  void undo(jobs::Context& job, tenants::Tenant& tenant, tenants::Failure const& failure);
  void fail(jobs::Context& job, Instance& instance, std::string const& code,
            std::string const& detail, bool hopeless);
  void suspend(jobs::Context& job, tenants::Tenant& tenant);
  void resume(jobs::Context& job, Instance& instance);
  void watch(jobs::Context& job);
  void watch_health(db::Connection& connection, tenants::Tenant const& tenant);
  void watch_usage(db::Connection& connection, tenants::Tenant const& tenant);

  bool was_paid(db::Connection& connection, Instance const& instance);
  bool is_reserved(db::Connection& connection, Instance const& instance);
  bool has_place(db::Connection& connection, Instance const& instance);
  bool has_database(db::Connection& connection, Instance const& instance);
  bool application_answers(db::Connection& connection, Instance const& instance);
  bool has_route(db::Connection& connection, Instance const& instance);
  bool address_answers(db::Connection& connection, Instance const& instance);
  void nothing(db::Connection& connection, Instance const& instance);
  void make_place(db::Connection& connection, Instance const& instance);
  void make_database(db::Connection& connection, Instance const& instance);
  void start_application(db::Connection& connection, Instance const& instance);
  void open_route(db::Connection& connection, Instance const& instance);
  void wait_for_address(db::Connection& connection, Instance const& instance);

  [[nodiscard]] std::string host_of(tenants::Tenant const& tenant) const;

  config::Settings const& settings_;
  Driver& driver_;
  haproxy::FrontDoor* front_door_;

  struct Sample {
    std::chrono::steady_clock::time_point at{};
    double cpu_seconds = -1;
  };
  std::mutex samples_mutex_;
  std::map<std::int64_t, Sample> samples_;
};

/// The tenant and what its application is told about its owner.
[[nodiscard]] Instance load_instance(db::Connection& connection, tenants::TenantId id);

}  // namespace provisioning
