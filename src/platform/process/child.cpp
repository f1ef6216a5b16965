// fork and exec. Between the two only async-signal-safe calls are made, because the server has
// other threads; so everything is laid out before.
#include "platform/process/child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "platform/process/helper.hpp"
#include "platform/process/shown_time.hpp"

namespace process {

namespace {
enum class Stage : int {
  session,
  output,
  control_group,
  limits,
  groups,
  user,
  privileges,
  death_signal,
  directory,
  writes,
  listener,
  exec
};
constexpr std::array<std::string_view, 12> stage_names{
    "open a session",      "connect its output",  "enter its control group", "set its limits",
    "set its groups",      "become its user",     "give up privileges",      "arm its death signal",
    "enter its directory", "confine its writing", "hand over its socket",    "execute it"};

/// What comes next to standard input, output and error when a socket is handed over:
/// sd_listen_fds(3).
constexpr int first_handed_over = 3;
/// Descriptors of our own stay above it.
constexpr int first_of_ours = 10;
constexpr std::string_view pid_variable = "LISTEN_PID=";

struct Report {
  Stage stage;
  int error;
};

/// What the child needs, laid out as the kernel wants it.
struct Prepared {
  Launch const& launch;
  Confinement const& confinement;
  char* const* arguments;
  char* const* environment;
  int program;  // -1: launch.executable is a path that the child can reach
  int output, null, report;
  int writing;      // a Landlock ruleset, or -1
  char* pid_value;  // where the child's number goes in its environment, or null
  pid_t parent;
};

/// Digits of a number, without what may allocate.
void write_number(char* to, unsigned number) {
  std::array<char, 12> reversed{};
  std::size_t count = 0;
  do {
    reversed[count++] = char('0' + number % 10);
    number /= 10;
  } while (number);
  while (count) *to++ = reversed[--count];
  *to = '\0';
}

void limit(int resource, rlim_t value, bool& fine) {
  rlimit const both{value, value};
  fine &= ::setrlimit(__rlimit_resource_t(resource), &both) == 0;
}

/// Of everything that root may, only to bind ports below 1024; it outlives exec.
bool keep_low_ports() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> kept{};
  constexpr auto bit = 1U << CAP_NET_BIND_SERVICE;
  kept[0] = {bit, bit, bit};
  return ::syscall(SYS_capset, &header, kept.data()) == 0 &&
         ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
}

[[noreturn]] void become(Prepared const& prepared) {
  auto const& launch = prepared.launch;
  auto require = [&](bool fine, Stage stage) {
    if (fine) return;
    Report const report{stage, errno};
    (void)!::write(prepared.report, &report, sizeof report);
    ::_exit(127);
  };
  for (int number = 1; number < 65; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // A session of its own: Ctrl-C on the terminal reaches the server only, which then stops its
  // children in order.
  require(::setsid() >= 0, Stage::session);
  require(::dup2(launch.input >= 0 ? launch.input : prepared.null, 0) >= 0 &&
              ::dup2(launch.output >= 0 ? launch.output : prepared.output, 1) >= 0 &&
              ::dup2(prepared.output, 2) >= 0,
          Stage::output);
  for (auto const& group : prepared.confinement.groups)
    require(::write(group.get(), "0", 1) == 1, Stage::control_group);
  bool fine = true;
  limit(RLIMIT_CORE, 0, fine);
  if (launch.limits.open_files) limit(RLIMIT_NOFILE, launch.limits.open_files, fine);
  if (launch.limits.file_bytes) limit(RLIMIT_FSIZE, launch.limits.file_bytes, fine);
  // RLIMIT_DATA counts what can be written to (heap, stacks, private mappings); RLIMIT_AS would
  // also count every library and reserved range, which says little about memory.
  auto const& applied = prepared.confinement.applied;
  if (applied.memory == Enforcement::rlimit) limit(RLIMIT_DATA, launch.limits.memory_bytes, fine);
  if (applied.processes == Enforcement::rlimit) limit(RLIMIT_NPROC, launch.limits.processes, fine);
  require(fine, Stage::limits);
  ::umask(0077);
  if (launch.run_as) {
    auto const& who = *launch.run_as;
    require(::setgroups(who.groups.size(), who.groups.data()) == 0, Stage::groups);
    require(!launch.binds_low_ports || ::prctl(PR_SET_KEEPCAPS, 1) == 0, Stage::user);
    require(::setresgid(who.group, who.group, who.group) == 0 &&
                ::setresuid(who.user, who.user, who.user) == 0,
            Stage::user);
    require(!launch.binds_low_ports || keep_low_ports(), Stage::privileges);
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, Stage::privileges);
  }
  // After the change of user, which clears it. The parent may be gone already: then nobody would
  // send the signal any more.
  require(::prctl(PR_SET_PDEATHSIG, launch.death_signal) == 0, Stage::death_signal);
  if (::getppid() != prepared.parent) ::_exit(127);
  require(::chdir(launch.directory.c_str()) == 0, Stage::directory);
  if (prepared.writing >= 0)
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                ::syscall(SYS_landlock_restrict_self, prepared.writing, 0) == 0,
            Stage::writes);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (launch.listener) {
    // dup2() leaves the mark that closes it when both are the same.
    require(::dup2(launch.listener->get(), first_handed_over) >= 0 &&
                ::fcntl(first_handed_over, F_SETFD, 0) == 0,
            Stage::listener);
    write_number(prepared.pid_value, unsigned(::getpid()));
  }
  if (prepared.program >= 0)
    ::execveat(prepared.program, "", prepared.arguments, prepared.environment, AT_EMPTY_PATH);
  else
    ::execve(launch.executable.c_str(), prepared.arguments, prepared.environment);
  require(false, Stage::exec);
  ::_exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// Everything that changes what lies on a disk, as far as this kernel knows it.
std::uint64_t kinds_of_writing(long version) {
  std::uint64_t kinds = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                        LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                        LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  constexpr std::uint64_t refer = 1ULL << 13, truncate = 1ULL << 14;  // versions 2 and 3
  if (version >= 2) kinds |= refer;
  if (version >= 3) kinds |= truncate;
  return kinds;
}

/// A ruleset that allows writing beneath these directories only; none where the kernel has none.
files::Descriptor confine_writes(std::vector<std::string> const& directories) {
  auto const version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (directories.empty() || version < 1) return {};
  landlock_ruleset_attr kinds{};
  kinds.handled_access_fs = kinds_of_writing(version);
  files::Descriptor ruleset{
      int(::syscall(SYS_landlock_create_ruleset, &kinds, sizeof kinds.handled_access_fs, 0))};
  auto const allow = [&](char const* path, std::uint64_t what) {
    files::Descriptor const at{::open(path, O_PATH | O_CLOEXEC)};
    landlock_path_beneath_attr rule{};
    rule.allowed_access = what;
    rule.parent_fd = at.get();
    return at && ::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule,
                           0) == 0;
  };
  bool fine = ruleset && allow("/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
  for (auto const& directory : directories)
    fine = fine && allow(directory.c_str(), kinds.handled_access_fs);
  if (!fine)
    throw std::runtime_error{std::string{"cannot confine where a child writes: "} +
                             std::strerror(errno)};
  return ruleset;
}

/// The same descriptor, out of the way of those that a child is given.
files::Descriptor moved_up(files::Descriptor from) {
  return from ? files::Descriptor{::fcntl(from.get(), F_DUPFD_CLOEXEC, first_of_ours)}
              : std::move(from);
}

std::string_view signal_name(int number) {
  char const* const name = ::sigabbrev_np(number);
  return name ? name : "?";
}
}  // namespace

Confinement confine_by_rlimits(Limits const& limits) {
  Confinement confinement;
  if (limits.memory_bytes) confinement.applied.memory = Enforcement::rlimit;
  if (limits.processes) confinement.applied.processes = Enforcement::rlimit;
  return confinement;
}

namespace here {
Child launch(Launch const& launch, Confinement const& confinement) {
  bool const is_this_program = launch.executable == this_program;
  auto fail = [&](std::string const& why) {
    throw std::runtime_error{"cannot start " +
                             (is_this_program ? "this program again" : launch.executable) + ": " +
                             why};
  };
  files::Descriptor program;
  if (is_this_program) {
    program = moved_up(files::Descriptor{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)});
    if (!program) fail(std::strerror(errno));
  }
  files::Descriptor const null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  int output_ends[2], report_ends[2];
  if (!null || ::pipe2(output_ends, O_CLOEXEC) != 0) fail(std::strerror(errno));
  files::Descriptor output{output_ends[0]}, output_writer{output_ends[1]};
  if (::pipe2(report_ends, O_CLOEXEC) != 0) fail(std::strerror(errno));
  files::Descriptor const report_reader{report_ends[0]};
  files::Descriptor report_writer = moved_up(files::Descriptor{report_ends[1]});
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);

  std::vector<std::string> arguments{is_this_program ? "onboarding" : launch.executable};
  arguments.insert(arguments.end(), launch.arguments.begin(), launch.arguments.end());
  std::vector<std::string> environment;
  auto inherit = [&](std::string const& name, std::string const& otherwise) {
    if (launch.environment.contains(name)) return;
    char const* const value = std::getenv(name.c_str());
    environment.push_back(name + '=' + (value && *value ? value : otherwise));
  };
  inherit("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  inherit("LANG", "C.UTF-8");
  for (auto const& [name, value] : launch.environment) environment.push_back(name + '=' + value);
  for (auto const& [name, value] : variables_of_shown_time())
    environment.push_back(name + '=' + value);
  if (launch.listener) {
    environment.push_back("LISTEN_FDS=1");
    auto& pid = environment.emplace_back(pid_variable);
    pid.resize(pid.size() + 12);
  }
  auto const writing = confine_writes(launch.writes_below);
  auto const argument_list = pointers(arguments);
  auto const environment_list = pointers(environment);
  Prepared const prepared{
      launch,
      confinement,
      argument_list.data(),
      environment_list.data(),
      program.get(),
      output_writer.get(),
      null.get(),
      report_writer.get(),
      writing.get(),
      launch.listener ? environment.back().data() + pid_variable.size() : nullptr,
      ::getpid()};

  // A handler of the server must not run in the child, so signals wait until it has reset them.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto const pid = ::fork();
  int const fork_error = errno;
  if (pid == 0) become(prepared);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) fail(std::strerror(fork_error));

  Child child{pid, files::Descriptor{int(::syscall(SYS_pidfd_open, pid, 0))}, std::move(output)};
  report_writer.reset();
  Report report{};
  ssize_t got = 0;
  do {
    got = ::read(report_reader.get(), &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  bool const failed = got == ssize_t(sizeof report);
  if (failed || !child.handle) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    fail(failed ? "could not " + std::string{stage_names[std::size_t(report.stage)]} + ": " +
                      std::strerror(report.error)
                : std::string{"no pidfd"});
  }
  return child;
}

Ending reap(Child const& child) {
  siginfo_t info{};
  // Kill the group while the leader is still a zombie: its number cannot have been given to others.
  while (::waitid(P_PIDFD, id_t(child.handle.get()), &info, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  ::kill(-child.pid, SIGKILL);
  while (::waitid(P_PIDFD, id_t(child.handle.get()), &info, WEXITED) != 0 && errno == EINTR) {
  }
  return {info.si_code != CLD_EXITED, info.si_status};
}
}  // namespace here

Child launch(Launch const& launch, Confinement const& confinement) {
  if (auto* const root = helper(); root && launch.run_as) return root->launch(launch, {}).child;
  return here::launch(launch, confinement);
}

Ending reap(Child const& child) {
  return child.is_the_helpers ? helper()->reap(child).ending : here::reap(child);
}

void signal(Child const& child, int number, To to) {
  bool const whole_group = to == To::group;
  if (child.is_the_helpers)
    helper()->signal(child, number, whole_group);
  else
    ::kill(whole_group ? -child.pid : child.pid, number);
}

std::string Ending::text() const {
  if (!by_signal) return "exit status " + std::to_string(code);
  return "killed by SIG" + std::string{signal_name(code)};
}

}  // namespace process
