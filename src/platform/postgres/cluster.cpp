// Layout below the data directory: secrets/postgres_password (ours), postgres/data,
// postgres/socket, postgres/new (an initdb under way), logs/postgresql.log.
#include "platform/postgres/cluster.hpp"

#include <libpq-fe.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/db/db.hpp"
#include "platform/log/log.hpp"
#include "platform/postgres/programs.hpp"
#include "platform/process/run.hpp"

namespace postgres {

namespace {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
constexpr auto patience = 120s;  // without a sign that it repairs itself
constexpr auto pause = 20ms;

std::string conninfo_value(std::string_view text) {
  std::string out = "'";
  for (char const c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + '\'';
}

std::optional<int> major_of(fs::path const& data) {
  auto const text = files::read(data / "PG_VERSION");
  int major = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), major).ec != std::errc{})
    return {};
  return major;
}

/// The postmaster that works in this data directory, 0 when there is none. Its working directory
/// tells it from an unrelated process that was given the same number.
pid_t postmaster_of(fs::path const& data) {
  auto const file = files::read(data / "postmaster.pid");
  pid_t pid = 0;
  if (!file || std::from_chars(file->data(), file->data() + file->size(), pid).ec != std::errc{})
    return 0;
  std::error_code error;
  auto const directory = fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", error);
  return !error && directory == fs::weakly_canonical(data, error) ? pid : 0;
}

/// A back-end in the middle of a long statement does not notice that its postmaster was killed, and
/// no new one starts beside it. SIGQUIT ends it at once and leaves the files as a crash would.
void end_orphans(fs::path const& data) {
  if (postmaster_of(data)) return;
  std::error_code error;
  auto const home = fs::weakly_canonical(data, error);
  for (auto const& entry : fs::directory_iterator{"/proc", error}) {
    auto const name = entry.path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{}) continue;
    std::error_code gone;
    if (fs::read_symlink(entry.path() / "cwd", gone) == home && !gone) ::kill(pid, SIGQUIT);
  }
}

void say(Cluster::Progress const& progress, std::string_view text) {
  if (progress) progress(text);
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

Cluster::Cluster(ClusterSettings settings, process::Supervisor& supervisor)
    : settings_{std::move(settings)}, supervisor_{supervisor} {
  settings_.data_dir = fs::absolute(settings_.data_dir).lexically_normal();
  home_ = settings_.data_dir / "postgres";
  data_ = home_ / "data";
  socket_ = home_ / "socket";
  log_ = settings_.data_dir / "logs" / "postgresql.log";
  // Commands connect to a cluster that another process started.
  password_ = files::read(settings_.data_dir / "secrets" / "postgres_password").value_or("");
}

void Cluster::start(Progress const& progress) {
  choose_identity();
  prepare_directories();
  choose_programs();
  if (!major_of(data_)) {
    say(progress, "making the database cluster (once, some seconds)");
    initialise();
  }
  auto const secret = files::read(settings_.data_dir / "secrets" / "postgres_password");
  if (!secret)
    throw std::runtime_error{
        "the database's password is missing: restore " +
        (settings_.data_dir / "secrets" / "postgres_password").string() +
        " from a backup, or write a new one there and set it with `echo \"ALTER ROLE onboarding "
        "PASSWORD '…'\" | " +
        (programs_ / "postgres").string() + " --single -D " + data_.string() + " postgres` as " +
        (identity_ ? identity_->name : "this user")};
  password_ = *secret;
  wait_for_previous(progress);
  write_settings();
  say(progress, "starting the database");
  launch(progress);
  create_database();
}

void Cluster::choose_identity() {
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

void Cluster::prepare_directories() {
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

void Cluster::choose_programs() {
  programs_ = programs_for(installed_programs(settings_.installations), major_of(data_), data_);
}

void Cluster::initialise() {
  auto const fresh = home_ / "new";
  std::error_code error;
  fs::remove_all(fresh, error);  // an initdb that was killed
  if (fs::exists(data_) && !fs::is_empty(data_, error))
    throw std::runtime_error{"the directory " + data_.string() +
                             " is not empty and is no database (PG_VERSION is missing): restore it "
                             "from a backup, or move it away to begin anew"};
  fs::remove(data_, error);

  // The password is on disk before the cluster that needs it exists.
  auto const kept = settings_.data_dir / "secrets" / "postgres_password";
  auto password = files::read(kept);
  if (!password) {
    password = crypto::random_token(24);
    files::write_atomically(kept, *password, 0600);
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

void Cluster::write_settings() const {
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

void Cluster::wait_for_previous(Progress const& progress) const {
  auto const begun = Steady::now();
  bool told = false, asked = false;
  while (auto const pid = postmaster_of(data_)) {
    if (auto const own = supervisor_.status(std::string{process_name}); own && own->pid == pid)
      return;
    if (!std::exchange(told, true)) say(progress, "waiting for the previous database to finish");
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

void Cluster::launch(Progress const& progress) {
  program_stamp_ = stamp_of(programs_);
  end_orphans(data_);
  auto const name = std::string{process_name};
  supervisor_.start({.name = name,
                     .launch = {.executable = programs_ / "postgres",
                                .arguments = {"-D", data_.string(), "-k", socket_.string(), "-h",
                                              "", "-p", "5432"},
                                .directory = home_,
                                .run_as = identity_,
                                .death_signal = SIGINT},
                     .longest_pause = 2s,
                     .layer = 0,
                     .stop_signal = SIGINT,
                     .grace = 60s,
                     .log_file = log_,
                     .before_restart = [data = data_] { end_orphans(data); }});
  auto end = Steady::now() + patience;
  bool told = false;
  while (true) {
    auto const ping = PQping(url("postgres").c_str());
    if (ping == PQPING_OK) break;
    // Recovery takes as long as it takes; stopping it would only make it begin anew.
    if (ping == PQPING_REJECT) end = Steady::now() + patience;
    auto const status = supervisor_.status(name);
    auto const output = status ? status->last_output : std::string{};
    bool const gave_up = !status || status->state != process::State::running;
    // Back-ends of a postmaster that was killed need a moment to leave; the supervisor tries again.
    bool const passing = contains(output, "still in use") || contains(output, "already exists");
    if ((gave_up && !passing) || Steady::now() > end) {
      supervisor_.stop(name);
      refuse(output);
    }
    if (contains(output, "automatic recovery in progress") && !std::exchange(told, true))
      say(progress, "the database was not stopped cleanly and repairs itself");
    std::this_thread::sleep_for(pause);
  }
}

void Cluster::refuse(std::string const& output) const {
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

void Cluster::create_database() {
  db::Connection connection{url("postgres"), "onboarding set-up"};
  auto const found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'onboarding'");
  if (PQntuples(found.get()) == 0) connection.execute("CREATE DATABASE onboarding");
  // Tenants have roles of their own in this cluster: they must not look into our database.
  connection.execute(
      "REVOKE CONNECT, TEMPORARY ON DATABASE onboarding, postgres, template1 FROM PUBLIC");
}

void Cluster::stop() { supervisor_.stop(std::string{process_name}); }

bool Cluster::answers() const { return PQping(url("postgres").c_str()) == PQPING_OK; }

bool Cluster::restart_if_upgraded() {
  auto const now = stamp_of(programs_);
  if (program_stamp_.empty() || now.empty() || now == program_stamp_) return false;
  if (std::exchange(new_stamp_, now) != now) return false;
  logging::info("postgresql", "its program was replaced; starting it again");
  stop();
  launch({});
  return true;
}

std::string Cluster::url(std::string const& database) const {
  // Commands ask for the address of a cluster that another process has started.
  return url(database, "onboarding",
             password_.empty()
                 ? files::read(settings_.data_dir / "secrets/postgres_password").value_or("")
                 : password_);
}

std::string Cluster::url(std::string const& database, std::string const& role,
                         std::string const& password) const {
  return "host=" + conninfo_value(socket_.string()) +
         " port=5432 dbname=" + conninfo_value(database) + " user=" + conninfo_value(role) +
         " password=" + conninfo_value(password) + " connect_timeout=5";
}

}  // namespace postgres
