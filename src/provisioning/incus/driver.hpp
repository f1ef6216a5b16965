#pragma once
// Tenants as Incus containers, on this machine or in a cluster. An instance says in its own
// configuration whose it is (user.onboarding.*); one that does not name us is never touched.
#include "platform/vault/vault.hpp"
#include "provisioning/incus/client.hpp"

namespace provisioning {

/// What a container may use, and what it is made from.
struct ContainerPlan {
  std::string name;
  std::string image;
  std::int64_t memory_mib, cpu_percent, processes, storage_mib;
  std::map<std::string, std::string> keys{};  // user.onboarding.<key>
};

class IncusDriver : public Driver {
 public:
  IncusDriver(config::Settings const& settings, vault::Vault& vault,
              blueprints::Catalogue const& catalogue, incus::Patience patience = {});

  void create(db::Connection& connection, Instance const& instance) override;
  /// Nothing to do: the image brings its own.
  void create_database(db::Connection& connection, Instance const& instance) override;
  void start(db::Connection& connection, Instance const& instance) override;
  void configure(db::Connection& connection, Instance const& instance) override;
  void stop(db::Connection& connection, tenants::Tenant const& tenant) override;
  /// What lies on a machine that is down stays in the ledger; destroy_stray() finishes it later.
  void destroy(db::Connection& connection, tenants::Tenant const& tenant) override;
  void set_limits(db::Connection& connection, tenants::Tenant const& tenant) override;
  void move(db::Connection& connection, tenants::Tenant const& tenant,
            std::string const& member) override;

  InstanceState state(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::string address(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::optional<Usage> usage(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::string last_words(tenants::Tenant const& tenant) override;
  std::vector<std::string> log(db::Connection& connection, tenants::Tenant const& tenant,
                               std::size_t lines) override;
  std::vector<Found> list(db::Connection& connection) override;
  void destroy_stray(db::Connection& connection, Found const& found) override;

  std::string owner_link(db::Connection& connection, Instance const& instance) override;
  /// A container that stands still is started for it (nothing leads to it) and stopped again.
  void backup(db::Connection& connection, Instance const& instance,
              std::filesystem::path const& archive) override;
  void restore(db::Connection& connection, Instance const& instance,
               std::filesystem::path const& archive) override;

  // ---- the standby pool ----
  bool can_pool() const override { return true; }
  void create_pooled(db::Connection& connection, std::int64_t pool_id,
                     tenants::Tenant const& limits) override;
  void claim(db::Connection& connection, std::int64_t pool_id, Instance const& instance) override;

 private:
  /// Its present description when it is there and ours; throws when it is somebody else's.
  std::optional<boost::json::value> find_ours(std::string const& name, std::string const& key,
                                              std::string const& owner);
  /// Makes it unless it is there; a half-made one is made anew.
  void build(ContainerPlan const& plan, std::string const& key, std::string const& owner);
  boost::json::object description(ContainerPlan const& plan);
  void start_named(std::string const& name);
  void stop_named(std::string const& name);
  std::string address_of(std::string const& name, int port);
  void wait_until_it_answers(std::string const& name, blueprints::Blueprint const& blueprint);
  /// False when it lies on a machine that is down.
  bool delete_named(std::string const& name);
  bool is_running(std::string const& name);
  boost::json::object state_of(std::string const& name);
  /// Bytes that cannot be taken from it.
  std::int64_t firm_memory(std::string const& name);
  void refuse_below_use(std::string const& name, tenants::Tenant const& tenant);
  void require_applied(std::string const& name, tenants::Tenant const& tenant, bool running);
  bool member_is_down(std::string const& member);

  blueprints::Blueprint const& blueprint_of(tenants::Tenant const& tenant) const;
  /// Runs one of the blueprint's scripts; returns what it printed.
  std::string run_script(std::string const& name, std::filesystem::path const& script,
                         std::map<std::string, std::string> const& environment,
                         std::string const& verb, std::string const& owner_password = {});
  std::map<std::string, std::string> environment_of(Instance const& instance) const;

  /// What sets this installation apart from others on the same Incus.
  std::string installation(db::Connection& connection);
  /// The name that the ledger knows; none when nothing was planned.
  std::optional<std::string> name_in_ledger(db::Connection& connection, tenants::TenantId id);
  std::string name_of(db::Connection& connection, tenants::TenantId id);
  std::string only_pool();
  std::string only_network();

  config::Settings const& settings_;
  vault::Vault& vault_;
  blueprints::Catalogue const& catalogue_;
  incus::Client client_;
  std::mutex mutex_;  // for what was looked up once
  std::string installation_, pool_, network_;
  std::map<std::int64_t, std::string> names_;
};

}  // namespace provisioning
