// Starting what lies on the disk, and keeping it running.
#include "platform/postgres/cluster.hpp"

#include <libpq-fe.h>
#include <signal.h>

#include <thread>

#include "platform/db/db.hpp"
#include "platform/log/log.hpp"
#include "platform/postgres/programs.hpp"

namespace postgres {

namespace {
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

void say(Progress const& progress, std::string_view text) {
  if (progress) progress(text);
}

bool contains(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

Cluster::Cluster(ClusterSettings settings, process::Supervisor& supervisor)
    : Cluster{Home{std::move(settings)}, supervisor} {}

Cluster::Cluster(Home home, process::Supervisor& supervisor)
    : home_{std::move(home)}, supervisor_{supervisor} {}

void Cluster::start(Progress const& progress) {
  if (!home_.is_prepared()) home_.prepare(progress);
  say(progress, "starting the database");
  launch(progress);
  create_database();
}

void Cluster::launch(Progress const& progress) {
  program_stamp_ = stamp_of(home_.programs());
  home_.end_orphans();
  auto const name = std::string{process_name};
  supervisor_.start({.name = name,
                     .launch = {.executable = home_.programs() / "postgres",
                                .arguments = {"-D", home_.data().string(), "-k",
                                              home_.socket().string(), "-h", "", "-p", "5432"},
                                .directory = home_.directory(),
                                .run_as = home_.identity(),
                                .death_signal = SIGINT},
                     .longest_pause = 2s,
                     .layer = 0,
                     .stop_signal = SIGINT,
                     .grace = 60s,
                     .log_file = home_.log(),
                     .before_restart = [home = home_] { home.end_orphans(); }});
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
      home_.refuse(output);
    }
    if (contains(output, "automatic recovery in progress") && !std::exchange(told, true))
      say(progress, "the database was not stopped cleanly and repairs itself");
    std::this_thread::sleep_for(pause);
  }
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
  auto const now = stamp_of(home_.programs());
  if (program_stamp_.empty() || now.empty() || now == program_stamp_) return false;
  if (std::exchange(new_stamp_, now) != now) return false;
  logging::info("postgresql", "its program was replaced; starting it again");
  stop();
  launch({});
  return true;
}

std::string Cluster::url(std::string const& database) const {
  return url(database, "onboarding", home_.password());
}

std::string Cluster::url(std::string const& database, std::string const& role,
                         std::string const& password) const {
  return "host=" + conninfo_value(home_.socket().string()) +
         " port=5432 dbname=" + conninfo_value(database) + " user=" + conninfo_value(role) +
         " password=" + conninfo_value(password) + " connect_timeout=5";
}

}  // namespace postgres
