#pragma once
// Children by name, each in a control group where this machine lets us: by this process, or by the
// root helper for those that are other users.
#include "platform/process/control_group.hpp"
#include "platform/process/helper.hpp"

namespace process {

class Launcher {
 public:
  /// `beside`: a process in our control group that belongs to us, too.
  explicit Launcher(pid_t beside = 0);

  /// Without a name: in no control group.
  [[nodiscard]] Started start(std::string const& name, Launch const& launch);
  /// Waits for the child's end.
  [[nodiscard]] Ended end(std::string const& name, Child const& child);

 private:
  std::optional<ControlGroups> groups_;  // the helper has its own
};

}  // namespace process
