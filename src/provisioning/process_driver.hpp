#pragma once
// Tenants as supervised processes of this machine: each with its own directory, loopback port,
// PostgreSQL role and database, user id (when started by root) and limits.
#include "platform/vault/vault.hpp"
#include "provisioning/driver.hpp"

namespace provisioning {

class ProcessDriver : public Driver {
 public:
  /// `database_url` belongs to a role that may create roles and databases.
  ProcessDriver(config::Settings const& settings, std::string database_url,
                process::Supervisor& supervisor, vault::Vault& vault);

  void create(db::Connection& connection, Instance const& instance) override;
  void create_database(db::Connection& connection, Instance const& instance) override;
  void start(db::Connection& connection, Instance const& instance) override;
  void stop(db::Connection& connection, tenants::Tenant const& tenant) override;
  void destroy(db::Connection& connection, tenants::Tenant const& tenant) override;
  InstanceState state(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::string address(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::optional<Usage> usage(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::string owner_link(db::Connection& connection, tenants::Tenant const& tenant) override;
  std::string last_words(tenants::Tenant const& tenant) override;

 private:
  std::string database_name(db::Connection& connection, tenants::TenantId id) const;
  std::string password_of(db::Connection& connection, tenants::TenantId id) const;
  std::string directory_of(tenants::TenantId id) const;
  /// A port that another program has taken meanwhile is exchanged for a free one.
  void leave_taken_port(db::Connection& connection, tenants::Tenant const& tenant);
  void remove(db::Connection& connection, tenants::Tenant const& tenant,
              struct Resource const& resource);

  config::Settings const& settings_;
  std::string database_url_;
  process::Supervisor& supervisor_;
  vault::Vault& vault_;
};

}  // namespace provisioning
