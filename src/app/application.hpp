#pragma once
// The parts of the program, wired together: what `serve` runs and what the tests start in-process.
#include "backups/backups.hpp"
#include "billing/events.hpp"
#include "domains/domains.hpp"
#include "identity/factors/second_factors.hpp"
#include "logs/writer.hpp"
#include "monitoring/dashboard.hpp"
#include "platform/db/hold.hpp"
#include "platform/http/server.hpp"
#include "platform/settings/groups.hpp"
#include "platform/vault/vault.hpp"
#include "provisioning/session_guard.hpp"
#include "signup/signup.hpp"

namespace app {

/// Everything about HTTP and jobs; the embedded services around it are embedded.hpp's.
class Application {
 public:
  enum class Role { server, worker };
  /// `settings` must be complete: database_url, stripe_*, public_url. The others outlive it.
  /// Without a front door this node holds no tenants. A worker builds them all the same where they
  /// live elsewhere.
  Application(config::Settings const& settings, vault::MasterKey master_key,
              process::Supervisor& supervisor, haproxy::FrontDoor* front_door,
              Role role = Role::server);
  ~Application();

  enum class Jobs { run, leave };
  /// Throws a sentence when the database was sealed with another key: call it before anything is
  /// written.
  void require_master_key();
  /// Of the node that holds tenants, before it touches anything outside: who we are, and that no
  /// other node would tear at the same tenants. Throws std::runtime_error with what to do. `lost`
  /// is called when another node took them while the database was away.
  void hold_tenants(std::function<void()> lost);
  /// Listens, then works jobs off. Throws std::runtime_error with what to do.
  void start(http::ServerSettings const& server, Jobs jobs = Jobs::run);
  /// Works jobs off and does not listen.
  void start_worker();
  /// Tries what lies outside from now on, and watches over what tenants do in our PostgreSQL.
  void start_checks();
  /// Within a bounded time. False when something does not end by itself: the process must go.
  bool stop();

  http::Api& api() { return api_; }
  http::Server& server() { return *server_; }
  jobs::Engine& engine() { return engine_; }
  /// The engine while it works jobs off by itself, else null.
  [[nodiscard]] jobs::Engine const* working() const { return jobs_run_ ? &engine_ : nullptr; }
  provisioning::World& world() { return world_; }
  domains::Domains& domains() { return domains_; }
  backups::Backups& backups() { return backups_; }
  signup::Signups& signups() { return signups_; }
  readiness::Watch& readiness() { return readiness_; }
  vault::Vault& vault() { return vault_; }
  settings::Groups& groups() { return groups_; }

 private:
  friend void add_everything(Application& application);
  void start_common();

  config::Settings const& settings_;
  std::string node_;
  realtime::Hub hub_;
  vault::Vault vault_;
  http::Api api_;
  settings::Groups groups_;
  jobs::Engine engine_;
  identity::Directory directory_;
  identity::factors::SecondFactors factors_;
  blueprints::Catalogue blueprints_;
  std::unique_ptr<provisioning::Driver> driver_;
  domains::Domains domains_;
  provisioning::World world_;
  backups::Backups backups_;
  billing::Events events_;
  signup::Signups signups_;
  std::unique_ptr<provisioning::SessionGuard> session_guard_;
  monitoring::Dashboard dashboard_;
  std::unique_ptr<db::Hold> hold_;
  readiness::Watch readiness_;
  std::unique_ptr<logs::Writer> log_writer_;
  std::unique_ptr<realtime::Listener> listener_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<provisioning::Follower> follower_;
  std::atomic<bool> jobs_run_ = false;
};

/// Every capability on one screen (catalogue.cpp).
void add_everything(Application& application);

}  // namespace app
