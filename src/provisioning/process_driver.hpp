#pragma once
// Tenants as supervised processes of this machine: each with its own directory, loopback port,
// PostgreSQL role and database, user id (when started by root) and limits. Whatever is done in a
// tenant's directory is done with its user id, or by handles that lead nowhere else.
#include <set>

#include "platform/process/identity.hpp"
#include "platform/process/supervisor.hpp"
#include "platform/rooms/rooms.hpp"
#include "platform/vault/vault.hpp"
#include "provisioning/driver.hpp"
#include "provisioning/ports.hpp"

namespace provisioning {

/// How long all of saving or bringing back so much may take: whoever halts the programs that run in
/// its name keeps us waiting no longer.
[[nodiscard]] std::chrono::seconds copying_patience(std::int64_t bytes);

class ProcessDriver : public Driver {
 public:
  /// `database_url` belongs to a role that may create roles and databases.
  ProcessDriver(config::Settings const& settings, std::string database_url,
                process::Supervisor& supervisor, vault::Vault& vault);

  std::vector<readiness::Check> checks() override;
  void create(db::Connection& connection, Instance const& instance) override;
  void create_database(db::Connection& connection, Instance const& instance) override;
  void start(db::Connection& connection, Instance const& instance) override;
  /// The application reads its configuration at its start: what changed starts it again.
  void configure(db::Connection& connection, Instance const& instance) override;
  void stop(db::Connection& connection, tenants::Tenant const& tenant) override;
  void destroy(db::Connection& connection, tenants::Tenant const& tenant) override;
  /// Written into the running process by a restart: its limits belong to its launch.
  void set_limits(db::Connection& connection, tenants::Tenant const& tenant) override;
  [[nodiscard]] bool bounds_storage() const override { return false; }
  void move(db::Connection& connection, tenants::Tenant const& tenant,
            std::string const& member) override;
  InstanceState state(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::string address(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::optional<Usage> usage(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::string last_words(tenants::Tenant const& tenant) override;
  std::vector<std::string> log(db::Connection& connection, tenants::Tenant const& tenant,
                               std::size_t lines) override;
  std::vector<Found> list(db::Connection& connection) override;
  bool keeps_data(db::Connection& connection, tenants::Tenant const& tenant) override;
  void label_known(db::Connection& connection) override;
  void destroy_stray(db::Connection& connection, Found const& found) override;
  std::string owner_link(db::Connection& connection, Instance const& instance) override;
  void backup(db::Connection& connection, Instance const& instance,
              std::filesystem::path const& archive) override;
  void restore(db::Connection& connection, Instance const& instance,
               std::filesystem::path const& archive) override;

 private:
  std::string database_name(db::Connection& connection, tenants::TenantId id) const;
  std::string password_of(db::Connection& connection, tenants::TenantId id) const;
  /// The content of its app.json.
  std::string app_config(db::Connection& connection, Instance const& instance) const;
  std::string directory_of(tenants::TenantId id) const;
  std::string directory_of_tenants() const;
  rooms::Rooms const& rooms();
  /// What its role and databases say of themselves: its number could be given twice after the
  /// tables were set back, its password is never made a second time.
  std::string label_of(db::Connection& connection, tenants::TenantId id) const;
  /// Throws NeedsPerson{"name_taken"} when it is not this tenant's.
  bool is_there(db::Connection& connection, std::string_view kind, std::string const& name,
                std::string_view label);
  /// Whom a child is that works in the tenant's directory; none when that is ourselves.
  std::optional<process::Identity> identity_of(tenants::TenantId id);
  /// What its process has started apart from itself, and left behind.
  void end_the_rest(tenants::TenantId id);
  /// Files and database together.
  std::int64_t size_of(db::Connection& connection, tenants::Tenant const& tenant);
  /// Where a program connects as the tenant, whatever its role and database ask of sessions.
  std::map<std::string, std::string> environment_for(db::Connection& connection,
                                                     tenants::Tenant const& tenant,
                                                     std::string const& database) const;
  /// A program that works on what is the tenant's, in its name, and writes in `bench` only.
  process::Launch in_its_name(tenants::Tenant const& tenant, std::filesystem::path const& bench);
  /// Its role as it is to be, password and limits included; its database too, where there is one.
  void ensure_role(db::Connection& connection, tenants::Tenant const& tenant,
                   std::string const& name);
  void remove(db::Connection& connection, tenants::Tenant const& tenant,
              struct Resource const& resource);
  /// The same as an answer, for taking away: a stranger's is not ours.
  bool is_ours(db::Connection& connection, std::string_view kind, std::string const& name,
               tenants::TenantId id);
  std::set<std::string> names_of(db::Connection& connection, tenants::TenantId id,
                                 struct Resource const& resource) const;
  /// What the owner of a database may change, put right: who may connect, and how often.
  void ensure_database(db::Connection& connection, std::string const& name,
                       std::string const& owner, std::string_view label);
  void drop_database(db::Connection& connection, std::string const& name, std::string_view label);
  void drop_role(db::Connection& connection, std::string const& name);
  /// Closed to all others; one that is there and its own stays as it is.
  void create_empty_database(db::Connection& connection, std::string const& name,
                             std::string const& owner, std::string_view label);

  config::Settings const& settings_;
  std::string database_url_;
  process::Supervisor& supervisor_;
  vault::Vault& vault_;
  std::once_flag rooms_found_;
  std::optional<rooms::Rooms> rooms_;
  std::mutex roles_mutex_;  // PostgreSQL refuses two changes of a role at a time
  Ports ports_;
};

}  // namespace provisioning
