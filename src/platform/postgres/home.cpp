// Layout below the data directory: secrets/postgres_password (ours), postgres/data,
// postgres/socket, postgres/new (an initdb under way), logs/postgresql.log.
#include "platform/postgres/home.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <fstream>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/postgres/orphans.hpp"
#include "platform/postgres/programs.hpp"
#include "platform/process/helper.hpp"
#include "platform/process/run.hpp"

namespace postgres {

namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
constexpr auto pause = 20ms;

std::optional<int> major_of(fs::path const& data) {
  auto const text = files::read(data / "PG_VERSION");
  int major = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), major).ec != std::errc{})
    return {};
  return major;
}

bool contains(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The newest line that says why PostgreSQL gave up.
std::string reason_in(std::string const& output) {
  for (std::string_view const word : {"FATAL:", "PANIC:", "error:", "ERROR:"})
    if (auto const at = output.rfind(word); at != std::string::npos)
      return output.substr(at, output.find('\n', at) - at);
  auto const end = output.find_last_not_of('\n');
  if (end == std::string::npos) return "it printed nothing";
  auto const start = output.rfind('\n', end);
  return output.substr(start == std::string::npos ? 0 : start + 1, end - (start + 1) + 1);
}
}  // namespace

Home::Home(ClusterSettings settings) : settings_{std::move(settings)} {
  settings_.data_dir = fs::absolute(settings_.data_dir).lexically_normal();
  home_ = settings_.data_dir / "postgres";
  data_ = home_ / "data";
  socket_ = home_ / "socket";
  log_ = settings_.data_dir / "logs" / "postgresql.log";
}

std::filesystem::path Home::password_file() const {
  return settings_.data_dir / "secrets" / "postgres_password";
}

std::string Home::password() const { return files::read(password_file()).value_or(""); }

void Home::prepare(Progress const& progress) {
  choose_identity();
  prepare_directories();
  choose_programs();
  if (!major_of(data_)) {
    if (progress) progress("making the database cluster (once, some seconds)");
    initialise();
  }
  if (!files::read(password_file()))
    throw std::runtime_error{
        "the database's password is missing: restore " + password_file().string() +
        " from a backup, or write a new one there and set it with `echo \"ALTER ROLE onboarding "
        "PASSWORD '…'\" | " +
        (programs_ / "postgres").string() + " --single -D " + data_.string() + " postgres` as " +
        (identity_ ? identity_->name : "this user")};
  wait_for_previous(progress);
  write_settings();
  is_prepared_ = true;
}

void Home::choose_identity() {
  identity_ = process::service_user(settings_.run_as, "postgres");
  struct stat now {};
  if (!identity_ || ::stat(data_.c_str(), &now) != 0 || now.st_uid == identity_->user) return;
  // PostgreSQL refuses data of another user. When nobody chose one, the data's own user is right.
  auto const owner = process::find_user(now.st_uid);
  if (settings_.run_as.empty() && owner && owner->user != 0) {
    identity_ = owner;
    return;
  }
  throw std::runtime_error{"the database in " + data_.string() + " belongs to " +
                           (owner ? owner->name : std::to_string(now.st_uid)) + ", not to " +
                           identity_->name + ": set embedded_user accordingly, or run `chown -R " +
                           identity_->name + ": " + home_.string() + '`'};
}

void Home::prepare_directories() {
  auto const longest = (socket_ / ".s.PGSQL.5432").string();
  if (longest.size() > 100)
    throw std::runtime_error{"the path " + longest +
                             " is too long for a unix socket (100 bytes at most): choose a "
                             "shorter data_dir"};
  std::optional<files::Owner> owner;
  if (identity_) owner = files::Owner{identity_->user, identity_->group};
  // Others pass through to the socket (tenants run as users of their own) but cannot look around.
  struct stat now {};
  if (::stat(settings_.data_dir.c_str(), &now) != 0)
    files::make_directory(settings_.data_dir, 0711);
  files::make_directory(settings_.data_dir / "secrets", 0700);
  files::make_directory(log_.parent_path(), 0700);
  files::make_directory(home_, 0711, owner);
  files::make_directory(socket_, 0755, owner);
  if (!identity_) return;
  if (auto const closed = process::closed_directory(home_, *identity_))
    throw std::runtime_error{"the user " + identity_->name + " cannot enter " + closed->string() +
                             ", which lies on the way to the database: run `chmod o+x " +
                             closed->string() + "`, or set data_dir to another place"};
}

void Home::choose_programs() {
  programs_ = programs_for(installed_programs(settings_.installations), major_of(data_), data_);
}

void Home::initialise() {
  auto const fresh = home_ / "new";
  std::error_code error;
  fs::remove_all(fresh, error);  // an initdb that was killed
  if (fs::exists(data_) && !fs::is_empty(data_, error))
    throw std::runtime_error{"the directory " + data_.string() +
                             " is not empty and is no database (PG_VERSION is missing): restore it "
                             "from a backup, or move it away to begin anew"};
  fs::remove(data_, error);

  // The password is on disk before the cluster that needs it exists.
  auto password = files::read(password_file());
  if (!password) {
    password = crypto::random_token(24);
    files::write_atomically(password_file(), *password, 0600);
  }
  std::optional<files::Owner> owner;
  if (identity_) owner = files::Owner{identity_->user, identity_->group};
  auto const handed_over = home_ / "password";
  files::write_atomically(handed_over, *password, 0600, owner);

  process::Launch initdb{.executable = programs_ / "initdb",
                         .arguments = {"--pgdata=" + fresh.string(), "--username=onboarding",
                                       "--pwfile=" + handed_over.string(), "--auth=scram-sha-256",
                                       "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"},
                         .directory = home_,
                         .run_as = identity_};
  auto const made = process::run(initdb, 120s);
  fs::remove(handed_over, error);
  if (!made.ending.success()) {
    fs::remove_all(fresh, error);
    refuse(made.output);
  }
  // What stands below these lines in postgresql.conf is the operator's and wins.
  std::ofstream{fresh / "postgresql.conf", std::ios::app}
      << "\n# Written at each start; put settings of your own below this line.\n"
         "include_if_exists = 'onboarding.conf'\n";
  fs::rename(fresh, data_);
}

void Home::write_settings() const {
  std::string text =
      "# Written at each start of the server; put your own settings into postgresql.conf.\n"
      "fsync = on\n"
      "synchronous_commit = on\n"
      "full_page_writes = on\n"
      "shared_buffers = 64MB\n"
      "work_mem = 8MB\n"
      "maintenance_work_mem = 64MB\n"
      "max_wal_size = 512MB\n"
      "min_wal_size = 80MB\n"
      "wal_compression = on\n"
      // One tenant's session may hold a small part of all locks before it is ended.
      "max_locks_per_transaction = 256\n"
      // A connection that does not log in takes a place of everybody's for so long.
      "authentication_timeout = 15s\n"
      "jit = off\n"
      "autovacuum = on\n"
      "random_page_cost = 1.1\n"
      "timezone = 'UTC'\n"
      "log_timezone = 'UTC'\n"
      "lc_messages = 'C'\n"
      "log_destination = 'stderr'\n"
      "logging_collector = off\n"
      "log_checkpoints = off\n"
      "log_min_duration_statement = 1000\n"
      // Parameters hold what people entered, which is not for a log.
      "log_parameter_max_length = 0\n"
      "log_parameter_max_length_on_error = 0\n"
      // After a crash every file would be synced one by one: minutes with many tenants' databases.
      "recovery_init_sync_method = syncfs\n"
      "log_line_prefix = '%m [%p] %q%u@%d %a '\n";
  text += "max_connections = " + std::to_string(settings_.max_connections) + '\n';
  // Ours is the superuser: however many tenants take all that each of them may, we still get in.
  text +=
      "superuser_reserved_connections = " + std::to_string(settings_.reserved_connections) + '\n';
  if (fs::exists(programs_.parent_path() / "lib" / "pg_stat_statements.so"))
    text += "shared_preload_libraries = 'pg_stat_statements'\n";
  std::optional<files::Owner> owner;
  if (identity_) owner = files::Owner{identity_->user, identity_->group};
  files::write_atomically(data_ / "onboarding.conf", text, 0600, owner);
}

void Home::wait_for_previous(Progress const& progress) const {
  auto const begun = Steady::now();
  bool told = false, asked = false;
  while (auto const pid = postmaster_of(data_)) {
    if (!std::exchange(told, true) && progress)
      progress("waiting for the previous database to finish");
    auto const waited = Steady::now() - begun;
    // It was told to finish when its server died; asking again is for one that was started by hand.
    if (waited > 10s && !std::exchange(asked, true)) ::kill(pid, SIGINT);
    if (waited > 60s)
      throw std::runtime_error{"another PostgreSQL (pid " + std::to_string(pid) +
                               ") still works in " + data_.string() + ": end it with `kill -INT " +
                               std::to_string(pid) + "` and start again"};
    std::this_thread::sleep_for(pause);
  }
}

void Home::end_orphans() const {
  if (auto* const root = process::helper(); root && identity_)
    (void)root->ask(process::Request::end_database);
  else
    postgres::end_orphans(data_, identity_ ? identity_->user : ::geteuid());
}

void Home::refuse(std::string const& output) const {
  auto const reason = reason_in(output);
  std::string help = "see " + log_.string();
  if (contains(output, "No space left on device"))
    help = "the disk that holds " + settings_.data_dir.string() +
           " is full: free some space and start again";
  else if (contains(output, "Read-only file system"))
    help = "the file system of " + settings_.data_dir.string() +
           " is read-only: mount it writable, or set data_dir to another place";
  else if (contains(output, "already exists") || contains(output, "still in use"))
    help = "another PostgreSQL uses " + data_.string() + ": end it, then start again";
  else if (contains(output, "Permission denied") || contains(output, "invalid permissions") ||
           contains(output, "wrong ownership"))
    help = "give " + home_.string() + " to its user: `chown -R " +
           (identity_ ? identity_->name : "$USER") + ": " + home_.string() + "; chmod 700 " +
           data_.string() + '`';
  else if (contains(output, "could not map anonymous shared memory") ||
           contains(output, "could not resize shared memory"))
    help = "this machine (or container) has too little memory or /dev/shm for the database";
  throw std::runtime_error{"PostgreSQL did not start (" + reason + "): " + help};
}

}  // namespace postgres
