// The process driver. The ledger is written before each thing is made, so undoing needs nothing
// but the ledger.
#include "provisioning/process_driver.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platform/db/url.hpp"
#include "platform/files/foreign.hpp"
#include "platform/installation/installation.hpp"
#include "platform/json/write.hpp"
#include "platform/log/log.hpp"
#include "platform/process/helper.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/process_names.hpp"
#include "provisioning/provisioning.hpp"
#include "provisioning/user_ids.hpp"

namespace provisioning {

namespace {
struct Rights {
  std::string role;
  bool roles, databases;
};
db::Query const own_rights{"provisioning.own_rights", R"sql(
  SELECT rolname AS role, rolsuper OR rolcreaterole AS roles, rolsuper OR rolcreatedb AS databases
    FROM pg_roles WHERE rolname = current_user
)sql"};
db::Query const beyond_us{"provisioning.roles_beyond_us", R"sql(
  SELECT rolname FROM pg_roles
   WHERE starts_with(rolname::text, $1) AND NOT pg_has_role(oid, 'USAGE')
     AND NOT (pg_has_role('pg_signal_backend', 'USAGE') AND pg_has_role('pg_read_all_stats', 'USAGE'))
   ORDER BY rolname LIMIT 1
)sql"};
db::Query const database_size{"provisioning.database_size", R"sql(
  SELECT coalesce((SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1), 0)
)sql"};

constexpr std::int64_t mib = 1024 * 1024;

/// The first of the tenants' user ids, which the root helper looks up and keeps to.
uid_t settled_by_helper(std::string const& place) {
  process::Message question;
  question.add(place);
  try {
    return uid_t(process::helper()
                     ->ask(process::Request::settle_tenants, std::move(question))
                     .number(1, std::numeric_limits<uid_t>::max()));
  } catch (std::runtime_error const& error) {
    throw NeedsPerson{"no_user_ids", error.what()};
  }
}

template <class Work>
auto in_rooms(Work&& work) {
  try {
    return work();
  } catch (StepFailure const&) {
    throw;
  } catch (std::runtime_error const& error) {
    throw NeedsPerson{"directory_failed", error.what()};
  }
}

template <class Work>
auto in_transaction(db::Connection& connection, Work&& work) {
  return db::transact(connection, std::forward<Work>(work));
}

}  // namespace

ProcessDriver::ProcessDriver(config::Settings const& settings, std::string database_url,
                             process::Supervisor& supervisor, vault::Vault& vault)
    : settings_{settings},
      database_url_{std::move(database_url)},
      supervisor_{supervisor},
      vault_{vault} {}

std::vector<readiness::Check> ProcessDriver::checks() {
  auto const rights = [this] {
    db::Connection connection{database_url_, "onboarding readiness"};
    db::Tx tx{connection, db::Mode::autocommit};
    auto const own = tx.one<Rights>(own_rights);
    if (own.roles && own.databases) return;
    auto const missing = std::string{own.roles ? "" : " CREATEROLE"} +  //
                         (own.databases ? "" : " CREATEDB");
    auto const command = "ALTER ROLE " + db::quoted_name(own.role) + missing;
    throw readiness::Failed{{.code = "database_rights_missing",
                             .parameters = {{"role", own.role}, {"command", command}},
                             .detail = "the role " + own.role + " may not create " +
                                       (own.roles ? "databases" : "roles") +
                                       (own.roles || own.databases ? "" : " and databases") +
                                       ", which every tenant needs",
                             .setting = "database_url",
                             .advice = "As a superuser: " + command}};
  };
  auto const sessions = [this] {
    db::Connection connection{database_url_, "onboarding readiness"};
    db::Tx tx{connection, db::Mode::autocommit};
    auto const out_of_reach = tx.maybe<std::string>(beyond_us, role_prefix(tx));
    if (!out_of_reach) return;
    auto const command = "GRANT pg_signal_backend, pg_read_all_stats TO " +
                         db::quoted_name(tx.one<Rights>(own_rights).role);
    throw readiness::Failed{{.code = "tenant_sessions_out_of_reach",
                             .parameters = {{"role", *out_of_reach}, {"command", command}},
                             .detail = "sessions of " + *out_of_reach +
                                       " cannot be ended, however much they take of PostgreSQL",
                             .setting = "database_url",
                             .advice = "As a superuser: " + command}};
  };
  constexpr std::string_view advice = "Look whether PostgreSQL runs and database_url leads there";
  return {
      {.name = "database_rights",
       .setting = "database_url",
       .advice = advice,
       .building = true,
       .probe = rights},
      {.name = "tenant_sessions", .setting = "database_url", .advice = advice, .probe = sessions}};
}

rooms::Rooms const& ProcessDriver::rooms() {
  std::call_once(rooms_found_, [this] {
    std::optional<uid_t> first;
    if (process::may_change_user()) {
      auto const place = installation::place_of(settings_.data_dir).value_or(settings_.data_dir);
      first =
          process::helper() ? settled_by_helper(place) : first_user_of(place, settings_.data_dir);
    }
    rooms_.emplace(directory_of_tenants(), first);
  });
  return *rooms_;
}

std::string ProcessDriver::directory_of_tenants() const { return settings_.data_dir + "/tenants"; }

std::string ProcessDriver::directory_of(tenants::TenantId id) const {
  return directory_of_tenants() + "/" + std::to_string(id.value);
}

std::optional<process::Identity> ProcessDriver::identity_of(tenants::TenantId id) {
  if (id.value >= rooms::Rooms::most)
    throw Hopeless{"no_user_id", id.text() + " is beyond the user ids of this installation"};
  auto const owner = rooms().owner(id.value);
  if (!owner) return {};
  return process::Identity{
      .name = name_of_process(id), .user = owner->user, .group = owner->group, .groups = {}};
}

void ProcessDriver::create(db::Connection& connection, Instance const& instance) {
  auto const id = instance.tenant.id;
  auto const path = directory_of(id);
  auto const directory =
      in_transaction(connection, [&](db::Tx& tx) { return plan(tx, id, "directory", path); });
  if (!directory) throw Hopeless{"directory_taken", path + " belongs to another tenant"};
  (void)identity_of(id);  // refuses numbers that have none
  in_rooms([&] { rooms().make(id.value, rooms::Place::present); });

  in_transaction(connection, [&](db::Tx& tx) {
    mark_present(tx, directory->id);
    if (!find(tx, id, "port")) ports_.choose(tx, id);
  });
}

std::string ProcessDriver::app_config(db::Connection& connection, Instance const& instance) const {
  auto const& tenant = instance.tenant;
  auto const name = database_name(connection, tenant.id);
  struct AppConfig {
    std::string tenant_id, subdomain, company, locale, url, listen, database_url;
  };
  return json::text(AppConfig{
      tenant.id.text(), tenant.subdomain, instance.company, std::string{name_of(instance.locale)},
      tenants::url_of(settings_, tenant.subdomain), ports_.address(connection, tenant.id),
      db::with_role(database_url_, name, name, password_of(connection, tenant.id))});
}

void ProcessDriver::start(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const directory = directory_of(tenant.id);
  process::Spec spec;
  spec.launch.listener = ports_.hold(connection, tenant.id);
  in_rooms([&] { rooms().give(tenant.id.value); });
  ensure_role(connection, tenant, database_name(connection, tenant.id));
  auto const configuration = app_config(connection, instance);
  if (std::error_code error; !std::filesystem::exists(directory, error) && !error)
    throw Transient{"directory_missing", directory + " is not there"};
  in_rooms([&] { rooms().write_configuration(tenant.id.value, configuration); });
  spec.name = name_of_process(tenant.id);
  spec.launch.executable = process::this_program;
  spec.launch.arguments = {"sample-app", "--config", directory + "/app.json"};
  spec.launch.directory = directory;
  spec.launch.run_as = identity_of(tenant.id);
  spec.launch.writes_below = {directory};
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
  ports_.hand_over(tenant.id);
  in_transaction(connection, [&](db::Tx& tx) { mark_present(tx, ledger->id); });
}

void ProcessDriver::configure(db::Connection& connection, Instance const& instance) {
  auto const wanted = app_config(connection, instance);
  if (in_rooms([&] { return rooms().read_configuration(instance.tenant.id.value); }) == wanted)
    return;
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
  // Its address may be on its way to visitors: nobody else answers there while it stands still.
  ports_.keep(tenant.id);
  supervisor_.stop(name_of_process(tenant.id));
  end_the_rest(tenant.id);
}

void ProcessDriver::end_the_rest(tenants::TenantId id) {
  try {
    rooms().end_processes(id.value);
  } catch (std::runtime_error const& error) {
    logging::warning("provisioning", "{}: {}", id.text(), error.what());
  }
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
    stop(connection, tenant);
  } else if (resource.kind == "database") {
    for (auto const& name : names_of(connection, tenant.id, resource))
      for (auto const* suffix : {"", restoring_suffix, replaced_suffix})
        if (is_ours(connection, "DATABASE", name + suffix, tenant.id))
          drop_database(connection, name + suffix, label_of(connection, tenant.id));
  } else if (resource.kind == "role") {
    for (auto const& name : names_of(connection, tenant.id, resource))
      if (is_ours(connection, "ROLE", name, tenant.id)) drop_role(connection, name);
  } else if (resource.kind == "directory") {
    in_rooms([&] {
      using rooms::Place;
      for (auto const place : {Place::present, Place::saving, Place::restoring})
        rooms().remove(tenant.id.value, place);
    });
  } else if (resource.kind == "port") {
    ports_.forget(tenant.id);
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
  // Nobody is sent to a port that could be somebody else's.
  auto const held = ports_.hold(connection, tenant.id);
  if (!supervisor_.status(name_of_process(tenant.id))) ports_.keep(tenant.id);
  return ports_.address(connection, tenant.id);
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
  return Usage{double(user + system) / double(::sysconf(_SC_CLK_TCK)),
               resident * ::sysconf(_SC_PAGESIZE),
               size_of(connection, tenant),
               0,
               0,
               1};
}

std::int64_t ProcessDriver::size_of(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const in_database = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const database = find(tx, tenant.id, "database");
    return database ? tx.one<std::int64_t>(database_size, database->name) : 0;
  }();
  return in_database + rooms().disk_use(tenant.id.value, 2 * tenant.storage_limit_mib * mib);
}

std::string ProcessDriver::last_words(tenants::Tenant const& tenant) {
  auto const status = supervisor_.status(name_of_process(tenant.id));
  if (!status) return {};
  return status->last_exit + (status->last_output.empty() ? "" : ": " + status->last_output);
}

}  // namespace provisioning
