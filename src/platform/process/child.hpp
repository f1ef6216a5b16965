#pragma once
// One child process: everything that happens between fork and exec. The supervisor and run() build
// on it; nothing else forks. Children of other users are the root helper's where there is one.
#include <signal.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "platform/files/files.hpp"
#include "platform/process/identity.hpp"

namespace process {

/// Upper bounds of one child; 0 means none.
struct Limits {
  std::uint64_t memory_bytes = 0;
  std::uint64_t processes = 0;
  std::uint64_t cpu_percent = 0;  // of one core
  std::uint64_t open_files = 0;
  std::uint64_t file_bytes = 0;  // largest file it may write

  bool operator==(Limits const&) const = default;
};

/// Stands for this very program as `executable`. It is opened through /proc/self/exe, so a child
/// may start it even when it lies in a directory that its user cannot enter.
inline constexpr std::string_view this_program = "self";

struct Launch {
  std::string executable;              // absolute path, or this_program
  std::vector<std::string> arguments;  // without the program's own name
  /// The child's whole environment beside PATH and LANG, which it inherits, and the time that it is
  /// shown.
  std::map<std::string, std::string> environment;
  std::string directory = "/";
  std::optional<Identity> run_as;  // only root can give one
  /// Sent by the kernel when the thread that launched ends, also by kill -9.
  int death_signal = SIGKILL;
  Limits limits;
  int input = -1;   // standard input; -1: /dev/null
  int output = -1;  // standard output; -1: with its errors to whoever launched it
  /// A bound socket that it is to accept from, handed over as systemd does (descriptor 3,
  /// LISTEN_FDS). Ours for as long as anybody holds it: nobody else gets its address meanwhile.
  std::shared_ptr<files::Descriptor const> listener{};
  /// The only directories beneath which it may write, beside /dev/null; empty: wherever its user
  /// may. Kernels without Landlock do not enforce it.
  std::vector<std::string> writes_below{};
  /// Also ports below 1024, which only root may bind otherwise.
  bool binds_low_ports = false;

  bool operator==(Launch const&) const = default;
};

/// What enforces a limit on this machine.
enum class Enforcement { none, rlimit, cgroup };
constexpr auto names_of(Enforcement) {
  return std::array<std::string_view, 3>{"none", "rlimit", "cgroup"};
}

struct Applied {
  Enforcement memory = Enforcement::none, processes = Enforcement::none, cpu = Enforcement::none;
};

/// How the limits of one launch are enforced.
struct Confinement {
  Applied applied;
  /// cgroup.procs files, open for writing: the child puts itself in before it drops privileges.
  std::vector<files::Descriptor> groups;
};
/// Without control groups: rlimits, as far as they reach.
[[nodiscard]] Confinement confine_by_rlimits(Limits const& limits);

struct Child {
  pid_t pid = -1;
  files::Descriptor handle;  // pidfd: readable once the child has ended
  files::Descriptor output;  // standard output and error, non-blocking
  bool is_the_helpers = false;
};

/// Starts a child in a session of its own. The calling thread must outlive it. Throws
/// std::runtime_error when it cannot be started ("cannot start /usr/sbin/x: No such file…").
[[nodiscard]] Child launch(Launch const& launch, Confinement const& confinement);

struct Ending {
  bool by_signal = false;
  int code = 0;  // exit status, or the signal's number

  bool success() const { return !by_signal && code == 0; }
  /// "exit status 1", "killed by SIGKILL".
  std::string text() const;
};
/// Reaps an ended child after killing what is left of its process group.
[[nodiscard]] Ending reap(Child const& child);

enum class To { child, group };
/// Fine when it has ended.
void signal(Child const& child, int number, To to = To::child);

/// The same by this process itself.
namespace here {
[[nodiscard]] Child launch(Launch const& launch, Confinement const& confinement);
[[nodiscard]] Ending reap(Child const& child);
}  // namespace here

}  // namespace process
