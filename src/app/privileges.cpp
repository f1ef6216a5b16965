// From root to an unprivileged user and a helper.
#include "app/privileges.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "app/usable.hpp"
#include "blueprints/blueprints.hpp"
#include "platform/config/mistakes.hpp"
#include "platform/files/foreign.hpp"
#include "platform/process/shown_time.hpp"
#include "platform/root/server.hpp"
#include "provisioning/driver.hpp"
#include "provisioning/incus/client.hpp"
#include "provisioning/user_ids.hpp"

namespace app {

namespace {
namespace fs = std::filesystem;
using process::Identity;

constexpr int helpers_socket = 3;
// Where the machine has no users for them; below the tenants' ids. Installations of one machine
// share them, as they share a user, so that they can share a directory of backups.
constexpr uid_t program_id = 1'899'990'000, sandbox_id = 1'899'990'001;

Identity without_entry(uid_t id) { return {std::to_string(id), id, id, {}}; }

files::Owner owner_of(Identity const& who) { return {who.user, who.group}; }

/// Everything in the directory becomes the program's, when the directory itself is not yet.
void give(fs::path const& directory, mode_t mode, Identity const& program) {
  if (fs::exists(directory)) {
    struct stat now {};
    // A link there is the operator's: nobody else can make one.
    auto const place = fs::canonical(directory);
    if (::stat(place.c_str(), &now) == 0 && S_ISDIR(now.st_mode) && now.st_uid != program.user)
      if (auto const foreign = files::ForeignDirectory::open(place))
        foreign->give_to(owner_of(program));
  }
  files::make_directory(directory, mode, owner_of(program));
}

bool holds_backups_only(fs::path const& directory) {
  for (auto const& entry : fs::directory_iterator{directory})
    if (auto const name = entry.path().filename(); name != "archives" && name != "work")
      return false;
  return true;
}

/// What nobody else uses. Whether backups can be written is tried all the time (backup_target).
void give_backup_directory(config::Settings const& settings, Identity const& program) {
  if (settings.backup_dir.empty())
    return give(fs::path{settings.data_dir} / "backups", 0700, program);
  try {
    fs::path const directory{settings.backup_dir};
    struct stat now {};
    bool const is_there = ::stat(directory.c_str(), &now) == 0;
    if (!is_there || (now.st_uid == 0 && holds_backups_only(directory)))
      give(directory, is_there ? now.st_mode & 07777 : 0700, program);
  } catch (std::runtime_error const& error) {
    logging::warning("start", "backup_dir: {}", error.what());
  }
}

void give_data_directory(config::Settings const& settings, Identity const& program) {
  fs::path const data{settings.data_dir};
  for (auto const* name : {"secrets", "logs", "mails", "audit", "acme", "exports"})
    give(data / name, 0700, program);
  give(data / "tls", 0711, program);
  give(data / "front_door", 0700, program);
  give_backup_directory(settings, program);
  rooms::Rooms{data / "tenants", {}, program.group}.make_directory();
  if (::chown((data / "lock").c_str(), program.user, program.group) != 0 && errno != ENOENT)
    throw std::runtime_error{files::sentence("give away", data / "lock", errno)};
  if (auto const closed = process::closed_directory(data / "secrets", program))
    throw std::runtime_error{"the user " + program.name +
                             ", which the program runs as, cannot "
                             "enter " +
                             closed->string() + ": run `chmod o+x " + closed->string() +
                             "`, or set data_dir to another place"};
}

/// Blueprints may lie where only root gets to, as in root's own home: then they are reached by an
/// open descriptor.
void keep_blueprints(config::Settings& settings, Identity const& program) {
  auto const folder = settings.blueprints_dir.empty() ? blueprints::default_directory()
                                                      : fs::path{settings.blueprints_dir};
  if (!process::closed_directory(folder, program)) return;
  int const handle = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (handle >= 0) settings.blueprints_dir = "/proc/self/fd/" + std::to_string(handle);
}

/// The groups by which the program reaches what others have opened to them.
std::vector<gid_t> groups_of(config::Settings const& settings, Identity const& program,
                             std::optional<Identity> const& front_door) {
  auto groups = program.groups;
  if (front_door) groups.push_back(front_door->group);
  if (settings.provisioner != config::Provisioner::incus) return groups;
  if (auto const* const admins = ::getgrnam("incus-admin")) groups.push_back(admins->gr_gid);
  struct stat now {};
  auto const socket = provisioning::incus::socket_of(settings);
  if (!socket.empty() && ::stat(socket.c_str(), &now) == 0 && now.st_gid != 0)
    groups.push_back(now.st_gid);
  return groups;
}

[[noreturn]] void become_helper(int socket, fs::path const& data_dir) {
  // Ctrl-C and a stop are for the program, which then stops its children in order.
  ::setsid();
  for (int const number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  int const program = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int const nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  auto const variable = [](char const* name) {
    char const* const value = std::getenv(name);
    return std::string{name} + '=' + (value ? value : "");
  };
  std::vector<std::string> variables{variable("PATH"), variable("LANG")};
  for (auto const& [name, value] : process::variables_of_shown_time())
    variables.push_back(name + '=' + value);
  std::vector<char*> environment;
  for (auto& text : variables) environment.push_back(text.data());
  environment.push_back(nullptr);
  std::string name = "onboarding", command = "root-helper";
  char* const arguments[] = {name.data(), command.data(), nullptr};
  if (program > helpers_socket && nothing >= 0 && ::dup2(nothing, 0) == 0 && ::dup2(2, 1) == 1 &&
      ::chdir(data_dir.c_str()) == 0) {
    int const own = ::fcntl(program, F_DUPFD_CLOEXEC, 10);
    if (::dup2(socket, helpers_socket) == helpers_socket &&
        ::fcntl(helpers_socket, F_SETFD, 0) == 0 &&
        ::close_range(helpers_socket + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
      ::execveat(own, "", arguments, environment.data(), AT_EMPTY_PATH);
  }
  ::_exit(127);
}

void start_helper(root::Policy const& policy, config::Settings const& settings) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw std::runtime_error{std::string{"cannot make a socket: "} + std::strerror(errno)};
  files::Descriptor own{ends[0]}, theirs{ends[1]};
  auto const pid = ::fork();
  if (pid < 0)
    throw std::runtime_error{std::string{"cannot start the root helper: "} + std::strerror(errno)};
  if (pid == 0) become_helper(theirs.get(), policy.data_dir);
  theirs.reset();
  process::Message about;
  about.add(std::int64_t(settings.log_format));
  about.add(std::int64_t(settings.log_level));
  add(about, policy);
  files::Descriptor handle{int(::syscall(SYS_pidfd_open, pid, 0))};
  if (!handle || !process::send(own.get(), about) || !process::receive(own.get()))
    throw std::runtime_error{"the root helper did not start"};
  process::use_helper(std::make_unique<process::Helper>(std::move(own), std::move(handle)));
}

void drop(Identity const& program, std::vector<gid_t> const& groups) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct const nothing[2]{};
  bool const dropped = ::setgroups(groups.size(), groups.data()) == 0 &&
                       ::setresgid(program.group, program.group, program.group) == 0 &&
                       ::setresuid(program.user, program.user, program.user) == 0 &&
                       ::syscall(SYS_capset, &header, nothing) == 0 &&
                       ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                       ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
  if (!dropped || ::setresuid(0, 0, 0) == 0)
    throw std::runtime_error{std::string{"cannot give up root's rights: "} + std::strerror(errno)};
}
}  // namespace

Staff staff_of(config::Settings const& settings) {
  if (::geteuid() != 0) return {};
  auto const& wanted = settings.embedded_user;
  Staff staff;
  staff.program =
      wanted.empty() ? process::find_user("onboarding") : process::service_user(wanted, wanted);
  if (!staff.program) staff.program = without_entry(program_id);
  staff.sandbox = without_entry(sandbox_id);
  return staff;
}

void require_usable_by(Identity const& program, config::Settings const& settings) {
  std::vector<std::string> mistakes;
  auto const look = [&](std::string const& setting, std::string const& path) {
    if (path.empty() || !fs::exists(path) || process::may_use(path, R_OK, program)) return;
    mistakes.push_back(setting + " names " + path + ", which the user " + program.name +
                       " that the program runs as cannot read: give it to that user (chown " +
                       std::to_string(program.user) + " " + path +
                       "), and let that user pass through the directories on the way");
  };
  look("acme_ca_file", settings.acme_ca_file);
  look("incus_certificate_file", settings.incus_certificate_file);
  look("incus_key_file", settings.incus_key_file);
  look("incus_server_certificate_file", settings.incus_server_certificate_file);
  config::refuse(mistakes);
}

void give_up_root(config::Settings& settings, Staff const& staff,
                  std::optional<Identity> const& database) {
  if (!staff.program) return;
  auto const& program = *staff.program;
  require_usable_by(program, settings);
  give_data_directory(settings, program);
  keep_blueprints(settings, program);
  root::Policy policy;
  policy.data_dir = settings.data_dir;
  for (auto const& file : {settings.certificate_file, settings.master_key_file})
    if (!file.empty()) policy.readable.push_back(fs::absolute(file));
  if (!settings.master_key_file.empty())  // while it is rotated
    policy.readable.push_back(fs::absolute(settings.master_key_file).string() + ".next");
  policy.program = ::getpid();
  policy.program_group = program.group;
  policy.database = database;
  if (fs::exists("/usr/sbin/haproxy")) policy.front_door = process::service_user({}, "haproxy");
  policy.sandbox = staff.sandbox;
  policy.reader = process::service_user("nobody", "nobody");
  auto const groups = groups_of(settings, program, policy.front_door);
  start_helper(policy, settings);
  drop(program, groups);
}

std::string readable_afterwards(std::string const& path) {
  if (path.empty() || ::geteuid() != 0) return path;
  auto const text = files::read(path);
  if (!text) throw std::runtime_error{path + " is not there"};
  int const copy = ::memfd_create("copy", MFD_CLOEXEC);  // open until the process ends
  if (copy < 0 || ::write(copy, text->data(), text->size()) != ssize_t(text->size()))
    throw std::runtime_error{files::sentence("copy", path, errno)};
  return "/proc/self/fd/" + std::to_string(copy);
}

void stop_being_root() {
  if (::geteuid() != 0) return;
  auto const nobody = process::service_user("nobody", "nobody");
  drop(*nobody, {});
}

namespace {
/// Root without what nothing here needs: no mounts, no devices, no kernel modules, no raw network.
void keep_what_helps() {
  constexpr std::uint64_t kept =
      1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH |
      1ULL << CAP_FOWNER | 1ULL << CAP_KILL | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID |
      1ULL << CAP_NET_BIND_SERVICE | 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SYS_RESOURCE;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (::syscall(SYS_capget, &header, sets) != 0) return;
  for (int half = 0; half < 2; ++half) {
    auto const ours = std::uint32_t(kept >> (32 * half));
    sets[half] = {sets[half].effective & ours, sets[half].permitted & ours, 0};
  }
  ::syscall(SYS_capset, &header, sets);
}
}  // namespace

int help_as_root() {
  keep_what_helps();
  auto about = process::receive(helpers_socket);
  if (!about) return 1;
  auto const format = logging::Format(about->number(0, 1));
  logging::configure(format, logging::Level(about->number(0, 3)));
  auto policy = root::policy_in(*about);
  about->require_end();
  auto const data_dir = policy.data_dir;
  root::Server server{helpers_socket, std::move(policy), [&](std::string const& place) {
                        return provisioning::first_user_of(place, data_dir);
                      }};
  process::Message ready;
  ready.add(std::int64_t{1});
  process::send(helpers_socket, ready);
  server.run();
  return 0;
}

}  // namespace app
