// A child's user tells which programs it may be, and where.
#include "platform/root/policy.hpp"

#include <csignal>
#include <limits>

namespace root {

namespace {
namespace fs = std::filesystem;
using process::Identity;
using process::Launch;

constexpr std::string_view postgresql = "/usr/lib/postgresql/";
constexpr std::size_t longest = 4096;

void require(bool fits, std::string const& what) {
  if (!fits) throw Refused{what};
}

bool is_plain_path(std::string const& path) {
  return path.starts_with('/') && path.size() < longest && path.find('\0') == std::string::npos &&
         fs::path{path}.lexically_normal() == fs::path{path};
}

bool is_same_user(std::optional<Identity> const& one, Identity const& other) {
  return one && one->user == other.user && one->group == other.group && one->groups == other.groups;
}

/// /usr/lib/postgresql/15/bin/pg_dump
bool is_database_program(std::string const& path, std::string_view name) {
  std::string_view rest{path};
  if (!rest.starts_with(postgresql)) return false;
  rest.remove_prefix(postgresql.size());
  auto const digits = rest.substr(0, rest.find('/'));
  return !digits.empty() && digits.size() < 4 &&
         digits.find_first_not_of("0123456789") == std::string_view::npos &&
         rest.substr(digits.size()) == "/bin/" + std::string{name};
}

bool is_own_command(Launch const& launch, std::string_view command) {
  return launch.executable == process::this_program && !launch.arguments.empty() &&
         launch.arguments[0] == command;
}

bool is_tar(Launch const& launch) { return launch.executable == "/usr/bin/tar"; }

bool is_database(Policy const& policy, Launch const& launch) {
  return is_same_user(policy.database, *launch.run_as) && !launch.binds_low_ports &&
         !launch.listener && is_database_program(launch.executable, "postgres") &&
         launch.directory == policy.data_dir / "postgres" && launch.writes_below.empty();
}

bool is_front_door(Policy const& policy, Launch const& launch) {
  return is_same_user(policy.front_door, *launch.run_as) && !launch.listener &&
         launch.executable == "/usr/sbin/haproxy" &&
         launch.directory == policy.data_dir / "front_door" && launch.writes_below.empty();
}

bool is_sandbox(Policy const& policy, Launch const& launch) {
  return is_same_user(policy.sandbox, *launch.run_as) && !launch.binds_low_ports &&
         !launch.listener && is_own_command(launch, "sandbox") && launch.directory == "/" &&
         launch.writes_below.empty();
}

/// Looks into archives.
bool is_reader(Policy const& policy, Launch const& launch) {
  return is_same_user(policy.reader, *launch.run_as) && !launch.binds_low_ports &&
         !launch.listener && launch.directory == "/" && launch.writes_below.empty() &&
         (is_tar(launch) || is_database_program(launch.executable, "pg_restore"));
}

bool is_tenant(rooms::Rooms const* tenants, Launch const& launch) {
  if (!tenants || launch.binds_low_ports || !launch.run_as->groups.empty()) return false;
  auto const first = tenants->owner(0)->user;
  auto const number = std::int64_t(launch.run_as->user) - std::int64_t(first);
  if (number < 0 || number >= rooms::Rooms::most || launch.run_as->group != launch.run_as->user)
    return false;
  auto const is_its_own = [&](std::string const& path) {
    using rooms::Place;
    for (auto const place : {Place::present, Place::saving, Place::restoring})
      if (path == tenants->path(number, place)) return true;
    return false;
  };
  for (auto const& path : launch.writes_below)
    if (!is_its_own(path)) return false;
  return is_its_own(launch.directory) && (is_own_command(launch, "sample-app") || is_tar(launch) ||
                                          is_database_program(launch.executable, "pg_dump") ||
                                          is_database_program(launch.executable, "pg_restore"));
}

void require_name(std::string const& group) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  require(group.size() <= 64 && !group.starts_with('.') &&
              group.find_first_not_of(allowed) == std::string::npos,
          "that is no name for a control group");
}

void require_variables(Launch const& launch) {
  for (auto const& [name, value] : launch.environment)
    require(
        !name.empty() && !name.starts_with("LD_") &&
            name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos &&
            value.find('\0') == std::string::npos,
        "the variable " + name.substr(0, 64) + " is not given to anybody");
}

void add(process::Message& message, std::optional<Identity> const& who) {
  message.add(std::int64_t(who.has_value()));
  if (!who) return;
  message.add(who->name);
  message.add(std::int64_t(who->user));
  message.add(std::int64_t(who->group));
  message.add(std::int64_t(who->groups.size()));
  for (auto const group : who->groups) message.add(std::int64_t(group));
}

std::optional<Identity> identity_in(process::Message& message) {
  constexpr auto most = std::int64_t(std::numeric_limits<uid_t>::max());
  if (message.number(0, 1) == 0) return {};
  Identity who;
  who.name = message.text(longest);
  who.user = uid_t(message.number(1, most));
  who.group = gid_t(message.number(1, most));
  who.groups.resize(std::size_t(message.number(0, 1024)));
  for (auto& group : who.groups) group = gid_t(message.number(1, most));
  return who;
}
}  // namespace

void add(process::Message& message, Policy const& policy) {
  message.add(policy.data_dir.string());
  message.add(std::int64_t(policy.readable.size()));
  for (auto const& file : policy.readable) message.add(file);
  message.add(std::int64_t(policy.program));
  message.add(std::int64_t(policy.program_group));
  for (auto const* who : {&policy.database, &policy.front_door, &policy.sandbox, &policy.reader})
    add(message, *who);
}

Policy policy_in(process::Message& message) {
  Policy policy;
  policy.data_dir = message.text(longest);
  policy.readable.resize(std::size_t(message.number(0, 16)));
  for (auto& file : policy.readable) file = message.text(longest);
  policy.program = pid_t(message.number(1, std::numeric_limits<pid_t>::max()));
  policy.program_group = gid_t(message.number(1, std::numeric_limits<gid_t>::max()));
  for (auto* who : {&policy.database, &policy.front_door, &policy.sandbox, &policy.reader})
    *who = identity_in(message);
  return policy;
}

void require_allowed(Policy const& policy, rooms::Rooms const* tenants, Launch const& launch,
                     std::string const& group) {
  require(launch.run_as.has_value() && launch.run_as->user != 0 && launch.run_as->group != 0,
          "nobody is started as root");
  require(launch.executable == process::this_program || is_plain_path(launch.executable),
          "the program has no plain path");
  require(is_plain_path(launch.directory), "the directory has no plain path");
  require(launch.death_signal == SIGKILL || launch.death_signal == SIGTERM ||
              launch.death_signal == SIGINT,
          "that signal does not end a child");
  for (auto const& word : launch.arguments)
    require(word.find('\0') == std::string::npos, "an argument holds a zero byte");
  require_name(group);
  require_variables(launch);
  require(is_database(policy, launch) || is_front_door(policy, launch) ||
              is_sandbox(policy, launch) || is_reader(policy, launch) || is_tenant(tenants, launch),
          "user " + std::to_string(launch.run_as->user) + " does not run " +
              launch.executable.substr(0, 200) + " here");
}

}  // namespace root
