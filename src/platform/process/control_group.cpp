// The control group file system of Linux, both versions. Every failure here means "not enforced",
// never "not started": the limits are protection, and the caller shows which of them hold.
#include "platform/process/control_group.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>
#include <thread>

namespace process {

namespace {
namespace fs = std::filesystem;
constexpr std::string_view prefix = "onboarding-";

bool write_value(fs::path const& file, std::string const& value) {
  files::Descriptor const handle{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
  return handle && ::write(handle.get(), value.data(), value.size()) == ssize_t(value.size());
}

bool make(fs::path const& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  return !error;
}

std::string content(fs::path const& file) {
  try {
    return files::read(file).value_or("");
  } catch (std::runtime_error const&) {
    return {};
  }
}

std::vector<pid_t> members(fs::path const& group) {
  std::vector<pid_t> list;
  std::istringstream lines{content(group / "cgroup.procs")};
  // Processes of another pid namespace read as 0, which kill() would take for ourselves.
  for (pid_t pid = 0; lines >> pid;)
    if (pid > 1) list.push_back(pid);
  return list;
}

/// Directories in a control group file system hold files that cannot be deleted, so only rmdir.
bool end_group(fs::path const& group) {
  for (auto const pid : members(group)) ::kill(pid, SIGKILL);
  return ::rmdir(group.c_str()) == 0 || errno == ENOENT;
}

std::uint64_t number_after(std::string const& text, std::string_view word) {
  auto const at = text.find(word);
  std::uint64_t value = 0;
  if (at == std::string::npos) return value;
  auto const* const first = text.data() + at + word.size();
  std::from_chars(first, text.data() + text.size(), value);
  return value;
}

constexpr std::uint64_t period_microseconds = 100'000;
std::uint64_t quota(std::uint64_t percent) { return percent * period_microseconds / 100; }
}  // namespace

ControlGroups::ControlGroups(fs::path root, fs::path own_groups, pid_t beside)
    : instance_{std::string{prefix} + std::to_string(::getpid())}, beside_{beside} {
  find_trees(root, own_groups);
  for (auto const& tree : trees_) remove_leftovers(tree.base);
}

void ControlGroups::find_trees(fs::path const& root, fs::path const& own_groups) {
  std::istringstream lines{content(own_groups)};
  for (std::string line; std::getline(lines, line);) {
    auto const first = line.find(':');
    auto const second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    auto const controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    auto const own = fs::path{line.substr(second + 1)}.relative_path();
    if (controllers == ",,") {
      if (fs::exists(root / "cgroup.controllers")) return find_unified_tree(root / own);
      continue;
    }
    for (std::string const controller : {"memory", "pids", "cpu"}) {
      if (controllers.find(',' + controller + ',') == std::string::npos) continue;
      auto const base = root / controller / own;
      // A container without a namespace of its own sees a path that does not exist in its mount.
      trees_.push_back({controller, fs::is_directory(base) ? base : root / controller});
    }
  }
}

void ControlGroups::find_unified_tree(fs::path const& base) {
  std::string const wanted = "+memory +pids +cpu";
  if (!write_value(base / "cgroup.subtree_control", wanted)) {
    // A group with processes cannot have limited children. When it is ours alone (a unit with
    // Delegate=yes), we step down into a child of our own.
    auto const inside = members(base);
    for (auto const pid : inside)
      if (pid != ::getpid() && pid != beside_) return;
    auto const server = base / "server";
    if (!make(server)) return;
    for (auto const pid : inside)
      if (!write_value(server / "cgroup.procs", std::to_string(pid))) return;
    if (!write_value(base / "cgroup.subtree_control", wanted)) return;
  }
  trees_.push_back({"", base});
}

void ControlGroups::remove_leftovers(fs::path const& base) const {
  std::error_code error;
  std::vector<fs::path> stale;
  for (auto const& entry : fs::directory_iterator{base, error}) {
    auto const name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    pid_t owner = 0;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), owner);
    if (owner > 0 && (::kill(owner, 0) == 0 || errno != ESRCH) && owner != ::getpid()) continue;
    stale.push_back(entry.path());
  }
  for (auto const& group : stale) {
    for (auto const& child : fs::directory_iterator{group, error})
      if (child.is_directory(error)) end_group(child.path());
    end_group(group);
  }
}

Confinement ControlGroups::confine(std::string const& name, Limits const& limits) {
  auto confinement = confine_by_rlimits(limits);
  auto& applied = confinement.applied;
  std::erase_if(busy_, [](auto const& group) { return end_group(group); });
  for (auto const& tree : trees_) {
    auto const group = tree.base / instance_ / name;
    auto const is = [&](std::string_view controller) {
      return unified() || tree.controller == controller;
    };
    bool const wanted = (is("memory") && limits.memory_bytes) || (is("pids") && limits.processes) ||
                        (is("cpu") && limits.cpu_percent);
    if (!wanted || !make(group)) continue;
    std::erase(busy_, group);  // in use again
    if (unified())
      write_value(tree.base / instance_ / "cgroup.subtree_control", "+memory +pids +cpu");
    auto handle = files::Descriptor{::open((group / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)};
    if (!handle) continue;
    confinement.groups.push_back(std::move(handle));
    if (is("memory") && limits.memory_bytes) {
      auto const bytes = std::to_string(limits.memory_bytes);
      if (write_value(group / (unified() ? "memory.max" : "memory.limit_in_bytes"), bytes)) {
        applied.memory = Enforcement::cgroup;
        // Memory that may be swapped out is not limited memory; kernels without swap lack the file.
        if (unified())
          write_value(group / "memory.swap.max", "0");
        else
          write_value(group / "memory.memsw.limit_in_bytes", bytes);
      }
    }
    if (is("pids") && limits.processes &&
        write_value(group / "pids.max", std::to_string(limits.processes)))
      applied.processes = Enforcement::cgroup;
    if (is("cpu") && limits.cpu_percent) {
      auto const allowed = std::to_string(quota(limits.cpu_percent));
      auto const period = std::to_string(period_microseconds);
      bool const set = unified() ? write_value(group / "cpu.max", allowed + ' ' + period)
                                 : write_value(group / "cpu.cfs_period_us", period) &&
                                       write_value(group / "cpu.cfs_quota_us", allowed);
      if (set) applied.cpu = Enforcement::cgroup;
    }
  }
  return confinement;
}

std::uint64_t ControlGroups::memory_kills(std::string const& name) const {
  for (auto const& tree : trees_) {
    auto const group = tree.base / instance_ / name;
    if (unified()) return number_after(content(group / "memory.events"), "oom_kill ");
    if (tree.controller == "memory")
      return number_after(content(group / "memory.oom_control"), "oom_kill ");
  }
  return 0;
}

void ControlGroups::release(std::string const& name) {
  for (auto const& tree : trees_) {
    auto const group = tree.base / instance_ / name;
    if (fs::exists(group) && !end_group(group)) busy_.push_back(group);
  }
}

ControlGroups::~ControlGroups() {
  // A killed process leaves its group a moment later; a second is ample, and what stays is removed
  // by the next server.
  for (int i = 0; i < 100 && !busy_.empty(); ++i) {
    std::erase_if(busy_, [](auto const& group) { return end_group(group); });
    if (!busy_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  for (auto const& tree : trees_) ::rmdir((tree.base / instance_).c_str());
}

}  // namespace process
