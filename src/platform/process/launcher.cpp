// Who does it, and the control group around it.
#include "platform/process/launcher.hpp"

namespace process {

Launcher::Launcher(pid_t beside) {
  if (!helper()) groups_.emplace("/sys/fs/cgroup", "/proc/self/cgroup", beside);
}

Started Launcher::start(std::string const& name, Launch const& launch) {
  if (auto* const root = helper(); root && launch.run_as) return root->launch(launch, name);
  if (!groups_ || name.empty()) {
    auto const confinement = confine_by_rlimits(launch.limits);
    return {here::launch(launch, confinement), confinement.applied};
  }
  auto const confinement = groups_->confine(name, launch.limits);
  try {
    return {here::launch(launch, confinement), confinement.applied};
  } catch (...) {
    groups_->release(name);
    throw;
  }
}

Ended Launcher::end(std::string const& name, Child const& child) {
  if (child.is_the_helpers) return helper()->reap(child);
  if (!groups_ || name.empty()) return {here::reap(child), 0};
  auto const kills = groups_->memory_kills(name);
  Ended const ended{here::reap(child), kills};
  groups_->release(name);
  return ended;
}

}  // namespace process
