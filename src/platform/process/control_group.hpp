#pragma once
// Limits by control groups, version 1 or 2, where this machine lets us; the answer says truthfully
// what is enforced. One directory per child below one per server ("onboarding-<pid>").
#include "platform/process/child.hpp"

namespace process {

class ControlGroups {
 public:
  /// Removes what servers that no longer live have left behind, and ends processes in it.
  /// `beside`: a process in our own group that belongs to us, too.
  explicit ControlGroups(std::filesystem::path root = "/sys/fs/cgroup",
                         std::filesystem::path own_groups = "/proc/self/cgroup", pid_t beside = 0);
  ~ControlGroups();
  ControlGroups(ControlGroups const&) = delete;
  ControlGroups& operator=(ControlGroups const&) = delete;

  /// Makes the group of one child; limits that a group cannot enforce fall back to rlimits.
  [[nodiscard]] Confinement confine(std::string const& name, Limits const& limits);
  /// Kills what is left in a child's group and removes it.
  void release(std::string const& name);
  /// How often the kernel ended a process of the group for want of memory.
  [[nodiscard]] std::uint64_t memory_kills(std::string const& name) const;

 private:
  /// One hierarchy: a controller's own tree in version 1, the unified tree in version 2.
  struct Tree {
    std::string controller;
    std::filesystem::path base;  // holds our directory
  };
  bool unified() const { return trees_.size() == 1 && trees_[0].controller.empty(); }
  void find_trees(std::filesystem::path const& root, std::filesystem::path const& own_groups);
  void find_unified_tree(std::filesystem::path const& base);
  void remove_leftovers(std::filesystem::path const& base) const;

  std::string instance_;
  pid_t beside_;
  std::vector<Tree> trees_;
  std::vector<std::filesystem::path> busy_;  // could not be removed yet
};

}  // namespace process
