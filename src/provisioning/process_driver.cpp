// The process driver. The ledger is written before each thing is made, so undoing needs nothing
// but the ledger.
#include "provisioning/process_driver.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "platform/crypto/crypto.hpp"
#include "platform/db/url.hpp"
#include "platform/files/files.hpp"
#include "platform/installation/installation.hpp"
#include "platform/json/write.hpp"
#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/process_names.hpp"
#include "provisioning/provisioning.hpp"
#include "provisioning/user_ids.hpp"

namespace provisioning {

namespace {
// Below the kernel's ephemeral range, so that no outgoing connection takes a stopped tenant's port.
constexpr int first_port = 20'000, last_port = 31'999;

db::Query const own_database{"provisioning.current_database", "SELECT current_database()"};
db::Query const known_roles{"provisioning.known_roles", R"sql(
  SELECT tenant_id FROM tenant_resources WHERE kind = 'role' AND state = 'present' ORDER BY id
)sql"};
db::Query const says_nothing{"provisioning.role_says_nothing", R"sql(
  SELECT EXISTS (SELECT 1 FROM pg_roles
                  WHERE rolname = $1 AND shobj_description(oid, 'pg_authid') IS NULL)
)sql"};
db::Query const database_size{"provisioning.database_size", R"sql(
  SELECT coalesce((SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1), 0)
)sql"};

bool is_free(int port) {
  files::Descriptor const probe{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int const on = 1;
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

template <class Work>
auto in_transaction(db::Connection& connection, Work&& work) {
  return db::transact(connection, std::forward<Work>(work));
}

void choose_port(db::Tx& tx, tenants::TenantId id) {
  static thread_local std::mt19937 generator{std::random_device{}()};
  std::uniform_int_distribution<int> any{first_port, last_port};
  for (int attempt = 0; attempt < 200; ++attempt) {
    int const port = any(generator);
    if (!is_free(port)) continue;
    if (auto const taken = plan(tx, id, "port", std::to_string(port)))
      return mark_present(tx, taken->id);
  }
  throw NeedsPerson{"no_free_port", "no free port was found"};
}

std::int64_t size_of_directory(std::string const& path) {
  std::int64_t total = 0;
  std::error_code ignored;
  for (auto const& entry : std::filesystem::recursive_directory_iterator{
           path, std::filesystem::directory_options::skip_permission_denied, ignored})
    if (entry.is_regular_file(ignored)) total += std::int64_t(entry.file_size(ignored));
  return total;
}
}  // namespace

ProcessDriver::ProcessDriver(config::Settings const& settings, std::string database_url,
                             process::Supervisor& supervisor, vault::Vault& vault)
    : settings_{settings},
      database_url_{std::move(database_url)},
      supervisor_{supervisor},
      vault_{vault} {}

std::string ProcessDriver::directory_of(tenants::TenantId id) const {
  return settings_.data_dir + "/tenants/" + std::to_string(id.value);
}

std::string ProcessDriver::database_name(db::Connection& connection, tenants::TenantId id) const {
  // Roles belong to the whole server: another installation on it must not share our names.
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<std::string>(own_database).substr(0, 40) + "_tenant_" + std::to_string(id.value);
}

std::string ProcessDriver::password_of(db::Connection& connection, tenants::TenantId id) const {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const role = find(tx, id, "role");
  if (!role || !role->detail) throw Transient{"role_missing", "the tenant has no role yet"};
  return vault_.open(tx, *role->detail, id.text() + "/database_password");
}

std::optional<files::Owner> ProcessDriver::owner_of(tenants::TenantId id) {
  if (::geteuid() != 0) return {};
  std::call_once(users_found_, [this] {
    first_user_ =
        first_user_of(installation::place_of(settings_.data_dir).value_or(settings_.data_dir),
                      settings_.data_dir);
  });
  if (id.value >= users_of_a_place)
    throw Hopeless{"no_user_id", id.text() + " is beyond the user ids of this installation"};
  auto const user = first_user_ + uid_t(id.value);
  return files::Owner{user, user};
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
  return resource && is_there(connection, "DATABASE", database_name(connection, tenant.id),
                              label_of(connection, tenant.id));
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

void ProcessDriver::create(db::Connection& connection, Instance const& instance) {
  auto const id = instance.tenant.id;
  auto const path = directory_of(id);
  auto const directory =
      in_transaction(connection, [&](db::Tx& tx) { return plan(tx, id, "directory", path); });
  if (!directory) throw Hopeless{"directory_taken", path + " belongs to another tenant"};
  try {
    files::make_directory(settings_.data_dir + "/tenants", 0711);
    files::make_directory(path, 0700, owner_of(id));
  } catch (std::runtime_error const& error) {
    throw NeedsPerson{"directory_failed", error.what()};
  }

  in_transaction(connection, [&](db::Tx& tx) {
    mark_present(tx, directory->id);
    if (!find(tx, id, "port")) choose_port(tx, id);
  });
}

void ProcessDriver::create_database(db::Connection& connection, Instance const& instance) {
  auto const id = instance.tenant.id;
  auto const name = database_name(connection, id);
  auto const [role, database] = in_transaction(connection, [&](db::Tx& tx) {
    auto const sealed = vault_.seal(tx, crypto::random_token(), id.text() + "/database_password");
    auto planned_role = plan(tx, id, "role", name, sealed);
    return std::pair{std::move(planned_role), plan(tx, id, "database", name)};
  });
  if (!role || !database) throw Hopeless{"database_taken", name + " belongs to another tenant"};

  auto const password = password_of(connection, id);
  auto const label = label_of(connection, id);
  bool const has_role = is_there(connection, "ROLE", name, label);
  auto const identity = installation::ensure(connection, vault_);
  // The password is set in any case: a crash may have come between the ledger and the role.
  connection.execute((has_role ? "ALTER ROLE " : "CREATE ROLE ") + db::quoted_name(name) +
                     " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10 PASSWORD " +
                     db::quoted_text(db::scram_verifier(connection.raw(), name, password)) + "; " +
                     installation::label(identity, "ROLE", name, label));
  if (!is_there(connection, "DATABASE", name, label))
    create_empty_database(connection, name, name, label);
  in_transaction(connection, [&](db::Tx& tx) {
    mark_present(tx, role->id);
    mark_present(tx, database->id);
  });
}

void ProcessDriver::create_empty_database(db::Connection& connection, std::string const& name,
                                          std::string const& owner, std::string_view label) {
  connection.execute("GRANT " + db::quoted_name(owner) + " TO CURRENT_USER");
  // file_copy needs a checkpoint; wal_log does not and is quick for a small template.
  connection.execute("CREATE DATABASE " + db::quoted_name(name) + " OWNER " +
                     db::quoted_name(owner) + " TEMPLATE template0 STRATEGY wal_log");
  connection.execute("REVOKE CONNECT, TEMPORARY ON DATABASE " + db::quoted_name(name) +
                     " FROM PUBLIC");
  connection.execute(
      installation::label(installation::ensure(connection, vault_), "DATABASE", name, label));
}

void ProcessDriver::drop_database(db::Connection& connection, std::string const& name,
                                  std::string_view label) {
  if (!is_there(connection, "DATABASE", name, label)) return;
  connection.execute("DROP DATABASE IF EXISTS " + db::quoted_name(name) + " WITH (FORCE)");
}

void ProcessDriver::leave_taken_port(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const status = supervisor_.status(name_of_process(tenant.id));
  if (status && status->state == process::State::running) return;  // its own
  in_transaction(connection, [&](db::Tx& tx) {
    auto const port = find(tx, tenant.id, "port");
    if (!port || is_free(std::stoi(port->name))) return;
    mark_gone(tx, port->id);
    choose_port(tx, tenant.id);
  });
}

std::string ProcessDriver::app_config(db::Connection& connection, Instance const& instance) const {
  auto const& tenant = instance.tenant;
  auto const name = database_name(connection, tenant.id);
  struct AppConfig {
    std::string tenant_id, subdomain, company, locale, url, listen, database_url;
    static constexpr auto fields() {
      return ::fields(field("tenant_id", &AppConfig::tenant_id),
                      field("subdomain", &AppConfig::subdomain),
                      field("company", &AppConfig::company), field("locale", &AppConfig::locale),
                      field("url", &AppConfig::url), field("listen", &AppConfig::listen),
                      field("database_url", &AppConfig::database_url));
    }
  };
  return json::text(AppConfig{
      tenant.id.text(), tenant.subdomain, instance.company, std::string{name_of(instance.locale)},
      tenants::url_of(settings_, tenant.subdomain), address_of_port(connection, tenant.id),
      db::with_role(database_url_, name, name, password_of(connection, tenant.id))});
}

void ProcessDriver::start(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  leave_taken_port(connection, tenant);
  auto const directory = directory_of(tenant.id);
  process::Spec spec;
  if (auto const owner = owner_of(tenant.id)) give_to(directory, *owner);
  try {
    files::write_atomically(directory + "/app.json", app_config(connection, instance), 0400,
                            owner_of(tenant.id));
  } catch (std::runtime_error const& error) {
    throw NeedsPerson{"directory_failed", error.what()};
  }
  spec.name = name_of_process(tenant.id);
  spec.launch.executable = process::this_program;
  spec.launch.arguments = {"sample-app", "--config", directory + "/app.json"};
  spec.launch.directory = directory;
  if (auto const owner = owner_of(tenant.id))
    spec.launch.run_as = process::Identity{
        .name = spec.name, .user = owner->user, .group = owner->group, .groups = {}};
  spec.launch.limits = {.memory_bytes = std::uint64_t(tenant.memory_limit_mib) * 1024 * 1024,
                        .processes = std::uint64_t(tenant.process_limit),
                        .cpu_percent = std::uint64_t(tenant.cpu_limit_percent),
                        .open_files = 1024,
                        .file_bytes = std::uint64_t(tenant.storage_limit_mib) * 1024 * 1024};
  spec.layer = 3;
  spec.log_file = settings_.data_dir + "/logs/" + spec.name + ".log";

  auto const ledger = in_transaction(
      connection, [&](db::Tx& tx) { return plan(tx, tenant.id, "process", spec.name); });
  if (!ledger) throw Hopeless{"process_taken", spec.name + " belongs to another tenant"};
  try {
    supervisor_.start(std::move(spec));
  } catch (std::runtime_error const& error) {
    throw Transient{"start_failed", error.what()};
  }
  in_transaction(connection, [&](db::Tx& tx) { mark_present(tx, ledger->id); });
}

void ProcessDriver::configure(db::Connection& connection, Instance const& instance) {
  auto const written = files::read(directory_of(instance.tenant.id) + "/app.json");
  if (written == app_config(connection, instance)) return;
  stop(connection, instance.tenant);
  start(connection, instance);
}

void ProcessDriver::set_limits(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const status = supervisor_.status(name_of_process(tenant.id));
  if (status && status->state == process::State::running)
    start(connection, load_instance(connection, tenant.id));
}

void ProcessDriver::move(db::Connection&, tenants::Tenant const&, std::string const&) {
  throw Hopeless{"no_other_machine", "tenants of the provisioner process live on this machine"};
}

void ProcessDriver::stop(db::Connection&, tenants::Tenant const& tenant) {
  supervisor_.stop(name_of_process(tenant.id));
}

void ProcessDriver::destroy(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const resources = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return all(tx, tenant.id);
  }();
  for (auto const& resource : resources) {
    if (resource.kind == "route") continue;  // the front door's, removed by its owner
    remove(connection, tenant, resource);
    in_transaction(connection, [&](db::Tx& tx) { mark_gone(tx, resource.id); });
  }
}

void ProcessDriver::remove(db::Connection& connection, tenants::Tenant const& tenant,
                           Resource const& resource) {
  if (resource.kind == "process") {
    supervisor_.stop(resource.name);
  } else if (resource.kind == "database") {
    for (auto const& name : names_of(connection, tenant.id, resource))
      for (auto const* suffix : {"", restoring_suffix, replaced_suffix})
        if (is_ours(connection, "DATABASE", name + suffix, tenant.id))
          drop_database(connection, name + suffix, label_of(connection, tenant.id));
  } else if (resource.kind == "role") {
    for (auto const& name : names_of(connection, tenant.id, resource))
      if (is_ours(connection, "ROLE", name, tenant.id))
        connection.execute("DROP ROLE IF EXISTS " + db::quoted_name(name));
  } else if (resource.kind == "directory") {
    std::error_code error;
    std::filesystem::remove_all(directory_of(tenant.id), error);
    if (error) throw NeedsPerson{"directory_failed", error.message()};
  }
}

InstanceState ProcessDriver::state(db::Connection& connection, tenants::Tenant const& tenant) {
  if (auto const status = supervisor_.status(name_of_process(tenant.id))) {
    switch (status->state) {
      case process::State::running:
        return InstanceState::running;
      case process::State::backoff:
      case process::State::failed:
        return InstanceState::crashing;
      case process::State::exited:
        return InstanceState::stopped;
    }
  }
  db::Tx tx{connection, db::Mode::autocommit};
  std::error_code error;
  bool const is_lost = !std::filesystem::exists(directory_of(tenant.id), error) && !error;
  return find(tx, tenant.id, "directory") && !is_lost ? InstanceState::stopped
                                                      : InstanceState::absent;
}

std::string ProcessDriver::address(db::Connection& connection, tenants::Tenant const& tenant) {
  return address_of_port(connection, tenant.id);
}

std::string ProcessDriver::address_of_port(db::Connection& connection, tenants::TenantId id) const {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const port = find(tx, id, "port");
  if (!port) throw Transient{"port_missing", "the tenant has no port yet"};
  return "127.0.0.1:" + port->name;
}

std::optional<Usage> ProcessDriver::usage(db::Connection& connection,
                                          tenants::Tenant const& tenant) {
  auto const status = supervisor_.status(name_of_process(tenant.id));
  if (!status || status->pid == 0) return {};
  auto const proc = "/proc/" + std::to_string(status->pid);
  std::ifstream stat{proc + "/stat"}, statm{proc + "/statm"};
  std::string line;
  std::int64_t ignored = 0, resident = 0, user = 0, system = 0;
  if (!std::getline(stat, line) || !(statm >> ignored >> resident)) return {};
  // Fields 14 and 15 (utime, stime), counted after the name, which may contain spaces: proc(5).
  std::istringstream rest{line.substr(line.rfind(')') + 2)};
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  rest >> user >> system;
  auto const size = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const database = find(tx, tenant.id, "database");
    return database ? tx.one<std::int64_t>(database_size, database->name) : 0;
  }();
  return Usage{double(user + system) / double(::sysconf(_SC_CLK_TCK)),
               resident * ::sysconf(_SC_PAGESIZE),
               size + size_of_directory(directory_of(tenant.id)),
               0,
               0,
               1};
}

std::string ProcessDriver::last_words(tenants::Tenant const& tenant) {
  auto const status = supervisor_.status(name_of_process(tenant.id));
  if (!status) return {};
  return status->last_exit + (status->last_output.empty() ? "" : ": " + status->last_output);
}

}  // namespace provisioning
