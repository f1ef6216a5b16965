// The process driver: who gets in, the tenant's data in an archive and back, and what there is.
#include <fstream>
#include <set>

#include "platform/crypto/crypto.hpp"
#include "platform/db/url.hpp"
#include "platform/files/files.hpp"
#include "platform/installation/installation.hpp"
#include "platform/postgres/programs.hpp"
#include "platform/process/run.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/process_driver.hpp"
#include "provisioning/process_names.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto owner_link_days = 7;
constexpr auto installations = "/usr/lib/postgresql";
constexpr auto copying_patience = 30min;

db::Query const own_database{"provisioning.database_of_ours", "SELECT current_database()"};
db::Query const databases_like{"provisioning.databases_like", R"sql(
  SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY datname
)sql"};
db::Query const roles_like{"provisioning.roles_like", R"sql(
  SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY rolname
)sql"};

/// A directory of its own that is gone at the end, whatever happens.
struct Workbench {
  explicit Workbench(fs::path const& at) : path{at} {
    fs::remove_all(path);
    files::make_directory(path, 0700);
  }
  ~Workbench() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
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

void run_or_throw(process::Launch launch, std::string const& code) {
  auto const what = fs::path{launch.executable}.filename().string();
  auto const finished = process::run(launch, copying_patience);
  if (finished.ending.success()) return;
  if (finished.output.find("No space left on device") != std::string::npos)
    throw NeedsPerson{"disk_full", what + ": " + finished.output};
  throw Transient{code, what + ": " + finished.ending.text() + ": " + finished.output};
}

std::optional<tenants::TenantId> tenant_in(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  auto const digits = name.substr(0, name.find_first_not_of("0123456789"));
  if (digits.empty() || digits.size() > 15) return {};
  return tenants::TenantId{std::stoll(std::string{digits})};
}
}  // namespace

std::string ProcessDriver::owner_link(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const name = database_name(connection, tenant.id);
  auto const token = crypto::random_token(24);
  db::Connection tenant_database{
      db::with_role(database_url_, name, name, password_of(connection, tenant.id))};
  tenant_database.execute("INSERT INTO owner_access (token_hash, expires_at) VALUES (" +
                          db::quoted_text(crypto::hex(crypto::sha256(token))) +
                          ", now() + interval '" + std::to_string(owner_link_days) + " days')");
  return tenants::url_of(settings_, tenant.subdomain) + "/access/" + token;
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
  auto const id = instance.tenant.id;
  auto const name = database_name(connection, id);
  Workbench const bench{archive.string() + ".work"};
  // The password goes through the environment: a command line is visible to everybody.
  run_or_throw({.executable = program("pg_dump"),
                .arguments = {"--format=custom", "--no-owner", "--no-privileges", "--file",
                              (bench.path / "database.dump").string()},
                .environment = db::environment_of(
                    db::with_role(database_url_, name, name, password_of(connection, id)))},
               "backup_failed");
  fs::create_directory(bench.path / "files");
  for (auto const& entry : fs::directory_iterator{directory_of(id)})
    if (entry.path().filename() != "app.json")  // made anew at each start; holds the password
      fs::copy(entry.path(), bench.path / "files" / entry.path().filename(),
               fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  run_or_throw({.executable = "/usr/bin/tar",
                .arguments = {"--zstd", "-cf", archive.string(), "-C", bench.path.string(),
                              "database.dump", "files"}},
               "backup_failed");
}

void ProcessDriver::restore(db::Connection& connection, Instance const& instance,
                            fs::path const& archive) {
  auto const& tenant = instance.tenant;
  auto const name = database_name(connection, tenant.id);
  auto const label = label_of(connection, tenant.id);
  auto const restoring = name + restoring_suffix, replaced = name + replaced_suffix;
  Workbench const bench{settings_.data_dir + "/tenants/" + std::to_string(tenant.id.value) +
                        ".restoring"};
  run_or_throw({.executable = "/usr/bin/tar",
                .arguments = {"--zstd", "-xf", archive.string(), "-C", bench.path.string(),
                              "--no-same-owner"}},
               "archive_damaged");
  auto const dump = (bench.path / "database.dump").string();
  run_or_throw({.executable = program("pg_restore"), .arguments = {"--list", dump}},
               "archive_damaged");

  // Read into a database beside the present one, so that a dump that breaks off changes nothing.
  drop_database(connection, restoring, label);
  create_empty_database(connection, restoring, name, label);
  run_or_throw({.executable = program("pg_restore"),
                .arguments = {"--no-owner", "--no-privileges", "--exit-on-error", "--dbname",
                              restoring, dump},
                .environment = db::environment_of(db::with_role(
                    database_url_, restoring, name, password_of(connection, tenant.id)))},
               "archive_damaged");

  stop(connection, tenant);
  drop_database(connection, replaced, label);
  auto const rename = [&](std::string const& from, std::string const& to) {
    return "ALTER DATABASE " + db::quoted_name(from) + " RENAME TO " + db::quoted_name(to);
  };
  if (is_there(connection, "DATABASE", name, label)) {
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " +
                       db::quoted_text(name));
    connection.execute("BEGIN; " + rename(name, replaced) + "; " + rename(restoring, name) +
                       "; COMMIT");
  } else {
    connection.execute(rename(restoring, name));
  }
  if (auto const owner = owner_of(tenant.id))
    for (auto const& entry : fs::recursive_directory_iterator{bench.path / "files"})
      if (::lchown(entry.path().c_str(), owner->user, owner->group) != 0)
        throw NeedsPerson{"directory_failed",
                          files::sentence("give the tenant", entry.path(), errno)};
  for (auto const& entry : fs::directory_iterator{bench.path / "files"}) {
    auto const target = fs::path{directory_of(tenant.id)} / entry.path().filename();
    fs::remove_all(target);
    fs::rename(entry.path(), target);  // the workbench lies on the same file system
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
  for (auto const& entry : fs::directory_iterator{settings_.data_dir + "/tenants", absent})
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
    if (is_there(connection, "ROLE", found.name, {}))
      connection.execute("DROP ROLE IF EXISTS " + db::quoted_name(found.name));
  } else if (found.subject == "directory" && tenant_in(found.name, "")) {
    fs::remove_all(fs::path{settings_.data_dir} / "tenants" / found.name);
  }
}

}  // namespace provisioning
