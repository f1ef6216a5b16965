// A tenant's role and its databases on the database server, which may hold others' of the same
// name: each says whose it is, and a stranger's is left alone.
#include "platform/crypto/crypto.hpp"
#include "platform/db/databases.hpp"
#include "platform/db/url.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/process_driver.hpp"
#include "provisioning/process_names.hpp"

namespace provisioning {

namespace {
db::Query const own_database{"provisioning.own_database", "SELECT current_database()"};
db::Query const known_roles{"provisioning.known_roles", R"sql(
  SELECT tenant_id FROM tenant_resources WHERE kind = 'role' AND state = 'present' ORDER BY id
)sql"};
db::Query const says_nothing{"provisioning.role_says_nothing", R"sql(
  SELECT EXISTS (SELECT 1 FROM pg_roles
                  WHERE rolname = $1 AND shobj_description(oid, 'pg_authid') IS NULL)
)sql"};
// What another tenant gave it in its own database would keep it from going.
db::Query const databases_with_rights{"provisioning.databases_with_rights", R"sql(
  SELECT DISTINCT d.datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
   WHERE s.refclassid = 'pg_authid'::regclass
     AND s.refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)
)sql"};

constexpr std::string_view insufficient_privilege = "42501";
constexpr int connections_of_a_tenant = 10;
}  // namespace

std::string role_prefix(db::Tx& tx) {
  // Roles belong to the whole server: another installation on it must not share our names.
  return tx.one<std::string>(own_database).substr(0, 40) + "_tenant_";
}

std::string ProcessDriver::database_name(db::Connection& connection, tenants::TenantId id) const {
  db::Tx tx{connection, db::Mode::autocommit};
  return role_prefix(tx) + std::to_string(id.value);
}

std::string ProcessDriver::password_of(db::Connection& connection, tenants::TenantId id) const {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const role = find(tx, id, "role");
  if (!role || !role->detail) throw Transient{"role_missing", "the tenant has no role yet"};
  return vault_.open(tx, *role->detail, id.text() + "/database_password");
}

std::string ProcessDriver::label_of(db::Connection& connection, tenants::TenantId id) const {
  return id.text() + " " +
         crypto::hex(crypto::sha256("label " + password_of(connection, id))).substr(0, 12);
}

bool ProcessDriver::is_there(db::Connection& connection, std::string_view kind,
                             std::string const& name, std::string_view label) {
  auto const identity = installation::ensure(connection, vault_);
  db::Tx tx{connection, db::Mode::autocommit};
  switch (installation::owner_of(tx, identity, kind, name, label)) {
    case installation::Owner::nobody:
      return false;
    case installation::Owner::ours:
      return true;
    case installation::Owner::stranger:
      break;
  }
  throw NeedsPerson{"name_taken", "the database server has a " + std::string{kind} + " " + name +
                                      " that is not this tenant's; rename it, it is left alone"};
}

bool ProcessDriver::is_ours(db::Connection& connection, std::string_view kind,
                            std::string const& name, tenants::TenantId id) {
  try {
    return is_there(connection, kind, name, label_of(connection, id));
  } catch (StepFailure const& failure) {
    // A stranger's of that name: what was ours is not there (any more).
    if (failure.code != "name_taken") throw;
    logging::warning("provisioning", "{}", failure.what());
    return false;
  }
}

std::set<std::string> ProcessDriver::names_of(db::Connection& connection, tenants::TenantId id,
                                              Resource const& resource) const {
  // In a copy of the tables the ledger has the original's name, and the copy made its own.
  return {resource.name, database_name(connection, id)};
}

bool ProcessDriver::keeps_data(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const resource = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return find(tx, tenant.id, "role");
  }();
  auto const name = database_name(connection, tenant.id);
  return resource && is_there(connection, "DATABASE", name, label_of(connection, tenant.id)) &&
         !db::is_half_removed(connection, name);
}

void ProcessDriver::label_known(db::Connection& connection) {
  auto const identity = installation::ensure(connection, vault_);
  auto const ids = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(known_roles);
  }();
  for (auto const id : ids) {
    auto const name = database_name(connection, id);
    bool const is_bare = [&] {
      db::Tx tx{connection, db::Mode::autocommit};
      return tx.one<bool>(says_nothing, name);
    }();
    // Its databases are its own, so that they need not say it too.
    if (is_bare)
      connection.execute(installation::label(identity, "ROLE", name, label_of(connection, id)));
  }
}

void ProcessDriver::create_database(db::Connection& connection, Instance const& instance) {
  auto const id = instance.tenant.id;
  auto const name = database_name(connection, id);
  auto const [role, database] = db::transact(connection, [&](db::Tx& tx) {
    auto const sealed = vault_.seal(tx, crypto::random_token(), id.text() + "/database_password");
    auto planned_role = plan(tx, id, "role", name, sealed);
    return std::pair{std::move(planned_role), plan(tx, id, "database", name)};
  });
  if (!role || !database) throw Hopeless{"database_taken", name + " belongs to another tenant"};

  ensure_role(connection, instance.tenant, name);
  auto const label = label_of(connection, id);
  if (db::is_half_removed(connection, name)) drop_database(connection, name, label);
  create_empty_database(connection, name, name, label);
  db::transact(connection, [&](db::Tx& tx) {
    mark_present(tx, role->id);
    mark_present(tx, database->id);
  });
}

void ProcessDriver::ensure_role(db::Connection& connection, tenants::Tenant const& tenant,
                                std::string const& name) {
  std::scoped_lock const lock{roles_mutex_};
  auto const password = password_of(connection, tenant.id);
  auto const label = label_of(connection, tenant.id);
  bool const has_role = is_there(connection, "ROLE", name, label);
  auto const identity = installation::ensure(connection, vault_);
  auto const role = db::quoted_name(name);
  // All of it each time: a crash may have come before, or its owner may have changed what it may.
  connection.execute((has_role ? "ALTER ROLE " : "CREATE ROLE ") + role +
                     " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT " +
                     std::to_string(connections_of_a_tenant) + " PASSWORD " +
                     db::quoted_text(db::scram_verifier(connection.raw(), name, password)) + "; " +
                     installation::label(identity, "ROLE", name, label));
  // The tenant may have taken it back; what cannot be loaded keeps its own application out, too.
  connection.execute("GRANT " + role + " TO CURRENT_USER; ALTER ROLE " + role +
                     " RESET local_preload_libraries");
  ensure_database(connection, name, name, label);
  // What holds locks and room of everybody's ends by itself, unless the tenant wants to do harm:
  // then the session guard ends it.
  connection.execute("ALTER ROLE " + role + " SET idle_in_transaction_session_timeout = '5min'; " +
                     "ALTER ROLE " + role + " SET statement_timeout = '1h'");
  // What a query needs for sorting lies in no database, so nothing else would bound it.
  try {
    connection.execute("ALTER ROLE " + role + " SET temp_file_limit = '" +
                       std::to_string(tenant.storage_limit_mib) + "MB'");
  } catch (db::Failure const& failure) {
    if (failure.sqlstate != insufficient_privilege) throw;  // a server of one's own decides itself
  }
}

void ProcessDriver::create_empty_database(db::Connection& connection, std::string const& name,
                                          std::string const& owner, std::string_view label) {
  // file_copy needs a checkpoint; wal_log does not and is quick for a small template.
  if (!is_there(connection, "DATABASE", name, label))
    connection.execute("CREATE DATABASE " + db::quoted_name(name) + " OWNER " +
                       db::quoted_name(owner) + " TEMPLATE template0 STRATEGY wal_log");
  // Also of one that is there: a crash may have come before this.
  connection.execute("REVOKE CONNECT, TEMPORARY ON DATABASE " + db::quoted_name(name) +
                     " FROM PUBLIC");
  connection.execute(
      installation::label(installation::ensure(connection, vault_), "DATABASE", name, label));
}

void ProcessDriver::ensure_database(db::Connection& connection, std::string const& name,
                                    std::string const& owner, std::string_view label) {
  if (!is_there(connection, "DATABASE", name, label) || db::is_half_removed(connection, name))
    return;
  auto const database = db::quoted_name(name);
  connection.execute("ALTER DATABASE " + database +
                     " WITH ALLOW_CONNECTIONS true CONNECTION LIMIT -1 IS_TEMPLATE false; "
                     "GRANT ALL ON DATABASE " +
                     database + " TO " + db::quoted_name(owner) + "; ALTER DATABASE " + database +
                     " RESET local_preload_libraries; ALTER ROLE " + db::quoted_name(owner) +
                     " IN DATABASE " + database + " RESET local_preload_libraries");
}

void ProcessDriver::drop_database(db::Connection& connection, std::string const& name,
                                  std::string_view label) {
  if (is_there(connection, "DATABASE", name, label)) db::drop_database(connection, name);
}

void ProcessDriver::drop_role(db::Connection& connection, std::string const& name) {
  auto const databases = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<std::string>(databases_with_rights, name);
  }();
  for (auto const& database : databases) {
    db::Connection there{db::with_database(database_url_, database), "onboarding provisioning"};
    there.execute("SET lock_timeout = '60s'");
    there.execute("DROP OWNED BY " + db::quoted_name(name));
  }
  connection.execute("DROP ROLE IF EXISTS " + db::quoted_name(name));
}

}  // namespace provisioning
