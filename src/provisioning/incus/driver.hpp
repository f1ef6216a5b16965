#pragma once
// Tenants as Incus containers, on this machine or in a cluster. An instance says in its own
// configuration whose it is (user.onboarding.*); one that does not name us is never touched.
#include "platform/installation/installation.hpp"
#include "provisioning/incus/client.hpp"

namespace provisioning {

/// What a container may use, and what it is made from.
struct ContainerPlan {
  std::string name;
  std::string blueprint, image;
  std::int64_t memory_mib, cpu_percent, processes, storage_mib;
  std::map<std::string, std::string> keys{};  // user.onboarding.<key>
  std::int64_t image_mib = 0;                 // counts against the quota, but is not the tenant's
};

class IncusDriver : public Driver {
 public:
  IncusDriver(config::Settings const& settings, vault::Vault& vault,
              blueprints::Catalogue const& catalogue, incus::Patience patience = {});

  std::vector<readiness::Check> checks() override;
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
  /// Its present description, or what others know of it when its machine is down.
  std::optional<boost::json::value> look(std::string const& name, std::string const& what);
  /// Its present description when it is there and ours; throws when it is somebody else's.
  std::optional<boost::json::value> find_ours(std::string const& name, std::string const& key,
                                              std::string const& owner);
  /// Makes it unless it is there; a half-made one is made anew.
  void build(ContainerPlan const& plan, std::string const& key, std::string const& owner);
  boost::json::object description(ContainerPlan plan);
  void start_named(std::string const& name);
  /// Runs for longer than an address takes, and has none: Incus was killed while it started, and
  /// its network card leads nowhere.
  bool is_cut_off(std::string const& name);
  void stop_named(std::string const& name);
  std::string address_of(std::string const& name, int port);
  void wait_until_it_answers(std::string const& name, blueprints::Blueprint const& blueprint);
  /// False when it lies on a machine that is down.
  bool delete_named(std::string const& name);
  bool is_running(std::string const& name);
  boost::json::object state_of(std::string const& name);
  /// Bytes that cannot be taken from it.
  std::int64_t firm_memory(std::string const& name);
  void refuse_below_use(std::string const& name, tenants::Tenant const& tenant,
                        boost::json::value const& before);
  void require_applied(std::string const& name, tenants::Tenant const& tenant, bool running);

  // ---- room.cpp: a tenant that has filled its storage can neither be started nor backed up ----
  /// Does `work`; where the tenant's own quota prevents it once more, with room lent for as long.
  template <class Work>
  auto with_room(std::string const& name, Work&& work) {
    try {
      return work();
    } catch (StepFailure const& failure) {
      if (failure.code != "tenant_disk_full") throw;
    }
    Loan const loan{*this, name};
    return work();
  }
  class Loan {
   public:
    Loan(IncusDriver& driver, std::string name);
    ~Loan();
    Loan(Loan const&) = delete;
    Loan& operator=(Loan const&) = delete;

   private:
    IncusDriver& driver_;
    std::string name_;
    std::int64_t before_mib_;
  };
  /// Its quota and what counts against it, in MiB; the image included.
  std::int64_t quota_of(boost::json::value const& instance) const;
  std::int64_t counted_use(std::string const& name, boost::json::value const& instance);
  [[nodiscard]] incus::Answer set_quota(std::string const& name, std::int64_t mib);
  void take_back(std::string const& name, std::int64_t wanted_mib);

  blueprints::Blueprint const& blueprint_of(tenants::Tenant const& tenant) const;
  /// Runs one of the blueprint's scripts; returns what it printed. Throws Transient{failed}.
  std::string run_script(std::string const& name, std::filesystem::path const& script,
                         std::map<std::string, std::string> const& environment,
                         std::string const& verb, tenants::FailureCode failed,
                         std::string const& owner_password = {});
  std::map<std::string, std::string> environment_of(Instance const& instance) const;

  /// What sets this installation apart from others on the same Incus.
  installation::Identity identity(db::Connection& connection);
  bool owns(std::string const& id) const;
  /// The name that the ledger knows; none when nothing was planned.
  std::optional<std::string> name_in_ledger(db::Connection& connection, tenants::TenantId id);
  /// The same, once Incus has shown that it is there and ours.
  std::string name_of(db::Connection& connection, tenants::TenantId id);
  bool is_ours(db::Connection& connection, boost::json::value const& instance,
               tenants::TenantId id);
  /// On a cluster: where it lies, for whoever looks at the tenant.
  void remember_member(db::Connection& connection, tenants::TenantId id, std::string const& name);
  std::string only_pool();
  std::string space_of_pool();
  std::string only_network();

  // ---- walls.cpp: what a container may reach ----
  /// Its network card, which sends with the container's own addresses only.
  boost::json::object network_card();
  /// Gives it to one that was made before there were such cards.
  void give_network_card(std::string const& name);
  /// Keeps containers from everything private, by an access list of their bridge. An operator who
  /// puts another one there decides instead.
  void close_network();
  /// What the list refuses: what never leads to the Internet, and what that machine is connected
  /// to.
  std::string private_networks();

  config::Settings const& settings_;
  vault::Vault& vault_;
  blueprints::Catalogue const& catalogue_;
  incus::Client client_;
  mutable std::mutex mutex_;  // for what was looked up
  installation::Identity identity_;
  std::string pool_, network_;
  std::chrono::steady_clock::time_point walls_stand_until_{};
  std::map<std::int64_t, std::string> names_;
};

}  // namespace provisioning
