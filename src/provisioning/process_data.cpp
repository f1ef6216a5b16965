// The process driver: who gets in, the tenant's data in an archive and back, and what there is.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "platform/crypto/crypto.hpp"
#include "platform/db/databases.hpp"
#include "platform/db/url.hpp"
#include "platform/installation/installation.hpp"
#include "platform/postgres/programs.hpp"
#include "platform/process/run.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/process_driver.hpp"
#include "provisioning/process_names.hpp"
#include "tenants/addresses.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto owner_link_days = 7;
constexpr auto installations = "/usr/lib/postgresql";
constexpr std::int64_t mib = 1024 * 1024;
/// Slower than any disk that is worth having.
constexpr std::int64_t bytes_a_second = 2 * mib;
constexpr std::chrono::seconds least_patience = 2min, longest_patience = 90min;
/// A tenant may lock its own tables for as long as it likes.
constexpr std::string_view lock_patience = "60s";

/// A tenant's role and database may ask something else of every session that begins.
constexpr std::string_view plain_session =
    "-c role=none -c local_preload_libraries= -c default_transaction_read_only=off "
    "-c statement_timeout=0 -c idle_session_timeout=0 -c lock_timeout=";

db::Query const own_database{"provisioning.database_of_ours", "SELECT current_database()"};
db::Query const databases_like{"provisioning.databases_like", R"sql(
  SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY datname
)sql"};
db::Query const roles_like{"provisioning.roles_like", R"sql(
  SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY rolname
)sql"};

/// A directory in which the tenant's user works for us: its own, gone at the end, whatever happens.
struct Workbench {
  Workbench(rooms::Rooms const& all, tenants::TenantId id, rooms::Place at)
      : rooms{all}, number{id.value}, place{at}, path{all.path(number, place)} {
    rooms.remove(number, place);
    rooms.make(number, place);
  }
  ~Workbench() {
    try {
      rooms.remove(number, place);
    } catch (std::runtime_error const&) {  // the next one on this place tries again
    }
  }
  Workbench(Workbench const&) = delete;
  Workbench& operator=(Workbench const&) = delete;
  rooms::Rooms const& rooms;
  std::int64_t number;
  rooms::Place place;
  fs::path path;
};

std::string program(std::string_view name) {
  auto const installed = postgres::installed_programs(installations);
  if (installed.empty())
    throw NeedsPerson{"postgresql_programs_missing",
                      std::string{"no programs of PostgreSQL lie below "} + installations +
                          ": run `apt install postgresql-client`"};
  return (installed.rbegin()->second / name).string();
}

using Deadline = std::chrono::steady_clock::time_point;
Deadline deadline_for(std::int64_t bytes) {
  return std::chrono::steady_clock::now() + copying_patience(bytes);
}

enum class Accept { success, changed_meanwhile };

void run_or_throw(process::Launch const& launch, Deadline deadline, tenants::FailureCode code,
                  Accept accepted = Accept::success) {
  auto const what = fs::path{launch.executable}.filename().string();
  auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  auto const finished = process::run(launch, std::max(left, 1ms));
  auto const& ending = finished.ending;
  if (ending.success()) return;
  // tar says 1 for files that were written to while it read them.
  if (accepted == Accept::changed_meanwhile && !ending.by_signal && ending.code == 1) return;
  if (finished.output.find("No space left on device") != std::string::npos)
    throw NeedsPerson{"disk_full", what + ": " + finished.output};
  throw Transient{code, what + ": " + ending.text() + ": " + finished.output};
}

/// A file of ours that a child of somebody else writes to or reads from: it gets the descriptor.
files::Descriptor open_ours(fs::path const& path, int flags) {
  files::Descriptor file{::open(path.c_str(), flags | O_CLOEXEC, 0600)};
  if (!file) throw NeedsPerson{"directory_failed", files::sentence("open", path, errno)};
  return file;
}

std::optional<tenants::TenantId> tenant_in(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  auto const digits = name.substr(0, name.find_first_not_of("0123456789"));
  if (digits.empty() || digits.size() > 15) return {};
  return tenants::TenantId{std::stoll(std::string{digits})};
}
}  // namespace

std::chrono::seconds copying_patience(std::int64_t bytes) {
  return std::min(least_patience + std::chrono::seconds{bytes / bytes_a_second}, longest_patience);
}

std::map<std::string, std::string> ProcessDriver::environment_for(
    db::Connection& connection, tenants::Tenant const& tenant, std::string const& database) const {
  auto const role = database_name(connection, tenant.id);
  auto environment = db::environment_of(
      db::with_role(database_url_, database, role, password_of(connection, tenant.id)));
  auto& options = environment["PGOPTIONS"];
  options += (options.empty() ? "" : " ") + std::string{plain_session} + std::string{lock_patience};
  return environment;
}

// Whatever lies there can make it do no more than the tenant may anyway.
process::Launch ProcessDriver::in_its_name(tenants::Tenant const& tenant, fs::path const& bench) {
  process::Launch launch;
  launch.directory = bench;
  launch.run_as = identity_of(tenant.id);
  launch.writes_below = {bench};
  // An archive and a dump are smaller than what they hold, unless somebody wants to fill our disk.
  launch.limits.file_bytes = (4 * std::uint64_t(tenant.storage_limit_mib) + 256) * mib;
  return launch;
}

std::string ProcessDriver::owner_link(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const name = database_name(connection, tenant.id);
  auto const token = crypto::random_token(24);
  ensure_role(connection, tenant, name);
  db::Connection tenant_database{
      db::with_role(database_url_, name, name, password_of(connection, tenant.id))};
  tenant_database.execute("SET statement_timeout = '" + std::string{lock_patience} +
                          "'; SET default_transaction_read_only = off");
  tenant_database.execute("INSERT INTO owner_access (token_hash, expires_at) VALUES (" +
                          db::quoted_text(crypto::hex(crypto::sha256(token))) +
                          ", now() + interval '" + std::to_string(owner_link_days) + " days')");
  return tenants::private_url_of(settings_, tenant.subdomain) + "/access/" + token;
}

std::vector<std::string> ProcessDriver::log(db::Connection&, tenants::Tenant const& tenant,
                                            std::size_t lines) {
  constexpr std::streamoff most = 256 * 1024;
  std::ifstream file{settings_.data_dir + "/logs/" + name_of_process(tenant.id) + ".log"};
  std::vector<std::string> found;
  if (!file) return found;
  file.seekg(0, std::ios::end);
  auto const size = std::streamoff(file.tellg());
  file.seekg(std::max<std::streamoff>(0, size - most));
  std::string line;
  if (size > most) std::getline(file, line);  // the middle of a line
  while (std::getline(file, line)) found.push_back(std::move(line));
  if (found.size() > lines) found.erase(found.begin(), found.end() - std::ptrdiff_t(lines));
  return found;
}

void ProcessDriver::backup(db::Connection& connection, Instance const& instance,
                           fs::path const& archive) {
  auto const& tenant = instance.tenant;
  auto const name = database_name(connection, tenant.id);
  ensure_role(connection, tenant, name);
  auto const deadline = deadline_for(size_of(connection, tenant));
  Workbench const bench{rooms(), tenant.id, rooms::Place::saving};
  // The password goes through the environment: a command line is visible to everybody.
  auto dump = in_its_name(tenant, bench.path);
  dump.executable = program("pg_dump");
  dump.arguments = {"--format=custom", "--no-owner",
                    "--no-privileges", "--lock-wait-timeout=" + std::string{lock_patience},
                    "--file",          "database.dump"};
  dump.environment = environment_for(connection, tenant, name);
  run_or_throw(dump, deadline, "backup_failed");

  auto const file = open_ours(archive, O_WRONLY | O_CREAT | O_TRUNC);
  auto pack = in_its_name(tenant, bench.path);
  pack.executable = "/usr/bin/tar";
  // app.json is made anew at each start, and holds the password.
  pack.arguments = {"--zstd",
                    "--sparse",
                    "--ignore-failed-read",
                    "--exclude=./app.json",
                    "--exclude=./app.json.[0-9]*",
                    "--transform=flags=rSh;s,^\\.,files,",
                    "-cf",
                    "-",
                    "database.dump",
                    "-C",
                    directory_of(tenant.id),
                    "."};
  pack.output = file.get();
  run_or_throw(pack, deadline, "backup_failed", Accept::changed_meanwhile);
}

void ProcessDriver::restore(db::Connection& connection, Instance const& instance,
                            fs::path const& archive) {
  auto const& tenant = instance.tenant;
  auto const name = database_name(connection, tenant.id);
  auto const label = label_of(connection, tenant.id);
  auto const restoring = name + restoring_suffix, replaced = name + replaced_suffix;
  ensure_role(connection, tenant, name);
  auto const deadline = deadline_for(tenant.storage_limit_mib * mib);
  Workbench const bench{rooms(), tenant.id, rooms::Place::restoring};
  auto const unpack = [&](std::vector<std::string> what, int to) {
    auto const file = open_ours(archive, O_RDONLY);
    auto tar = in_its_name(tenant, bench.path);
    tar.executable = "/usr/bin/tar";
    tar.arguments = {"--zstd", "--no-same-owner", "--same-permissions", "-xf", "-"};
    tar.arguments.insert(tar.arguments.end(), what.begin(), what.end());
    tar.input = file.get();
    tar.output = to;
    run_or_throw(tar, deadline, "archive_damaged");
  };
  // The dump comes out as a file of ours, the files in a place of their own.
  auto const dump = open_ours(archive.string() + ".dump", O_RDWR | O_CREAT | O_TRUNC);
  ::unlink((archive.string() + ".dump").c_str());
  unpack({"--to-stdout", "database.dump"}, dump.get());
  auto const read_dump = [&](std::vector<std::string> arguments,
                             std::map<std::string, std::string> environment) {
    ::lseek(dump.get(), 0, SEEK_SET);
    auto restore = in_its_name(tenant, bench.path);
    restore.executable = program("pg_restore");
    restore.arguments = std::move(arguments);
    restore.environment = std::move(environment);
    restore.input = dump.get();
    run_or_throw(restore, deadline, "archive_damaged");
  };
  read_dump({"--list"}, {});

  // Read into a database beside the present one, so that a dump that breaks off changes nothing.
  drop_database(connection, restoring, label);
  create_empty_database(connection, restoring, name, label);
  read_dump({"--no-owner", "--no-privileges", "--exit-on-error", "--dbname", restoring},
            environment_for(connection, tenant, restoring));
  unpack({"--strip-components=1", "files"}, -1);

  stop(connection, tenant);
  drop_database(connection, replaced, label);
  auto const rename = [&](std::string const& from, std::string const& to) {
    return "ALTER DATABASE " + db::quoted_name(from) + " RENAME TO " + db::quoted_name(to);
  };
  if (db::is_half_removed(connection, name)) drop_database(connection, name, label);
  if (is_there(connection, "DATABASE", name, label)) {
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " +
                       db::quoted_text(name));
    connection.execute("BEGIN; " + rename(name, replaced) + "; " + rename(restoring, name) +
                       "; COMMIT");
  } else {
    connection.execute(rename(restoring, name));
  }
  try {
    rooms().exchange(tenant.id.value);
  } catch (std::runtime_error const& error) {
    throw NeedsPerson{"directory_failed", error.what()};
  }
  start(connection, instance);
  drop_database(connection, replaced, label);
}

std::vector<Found> ProcessDriver::list(db::Connection& connection) {
  std::vector<Found> found;
  std::set<std::int64_t> running;
  for (auto const& status : supervisor_.list())
    if (auto const id = tenant_in(status.name, process_prefix)) {
      running.insert(id->value);
      found.push_back({"instance",
                       status.name,
                       id,
                       {},
                       status.state == process::State::running  ? InstanceState::running
                       : status.state == process::State::exited ? InstanceState::stopped
                                                                : InstanceState::crashing});
    }
  auto const identity = installation::ensure(connection, vault_);
  db::Tx tx{connection, db::Mode::autocommit};
  auto const prefix = tx.one<std::string>(own_database).substr(0, 40) + "_tenant_";
  auto add = [&](char const* subject, std::string_view kind, std::string const& name) {
    auto const id = tenant_in(name, prefix);
    if (!id) return;
    Found one{subject, name, id, {}};
    if (installation::owner_of(tx, identity, kind, name) != installation::Owner::ours)
      one.stranger = "unknown";
    found.push_back(std::move(one));
  };
  for (auto const& name : tx.all<std::string>(databases_like, prefix))
    add("database", "DATABASE", name);
  for (auto const& name : tx.all<std::string>(roles_like, prefix)) add("role", "ROLE", name);
  std::error_code absent;
  for (auto const& entry : fs::directory_iterator{directory_of_tenants(), absent})
    if (auto const id = tenant_in(entry.path().filename().string(), ""))
      found.push_back({"directory", entry.path().filename().string(), id, {}});
  return found;
}

void ProcessDriver::destroy_stray(db::Connection& connection, Found const& found) {
  if (found.subject == "instance") {
    supervisor_.stop(found.name);
  } else if (found.subject == "database") {
    drop_database(connection, found.name, {});
  } else if (found.subject == "role") {
    if (is_there(connection, "ROLE", found.name, {})) drop_role(connection, found.name);
  } else if (found.subject == "directory") {
    using rooms::Place;
    for (auto const place : {Place::present, Place::saving, Place::restoring})
      if (auto const id = tenant_in(found.name, "");
          id && rooms().path(id->value, place).filename() == found.name)
        rooms().remove(id->value, place);
  }
}

}  // namespace provisioning
