#pragma once
// This program's side of its root helper: a process of its own that does the little which needs
// root, while the program itself has no rights (platform/root is the helper's side). Without one
// everything is done by this process, as far as it may.
#include <memory>

#include "platform/process/child.hpp"
#include "platform/process/wire.hpp"

namespace process {

/// What can be asked for.
enum class Request : std::int64_t {
  launch,
  reap,
  signal,
  end_database,    // what a killed PostgreSQL has left
  read_setting,    // a file that a setting names
  settle_tenants,  // once: which user ids are the tenants'
  make_room,
  give_room,
  write_configuration,
  read_configuration,
  disk_use,
  remove_room,
  exchange_rooms,
  end_processes,  // whatever a tenant still runs
};
constexpr std::int64_t last_request = std::int64_t(Request::end_processes);

struct Started {
  Child child;
  Applied applied;
};
struct Ended {
  Ending ending;
  std::uint64_t memory_kills = 0;  // processes that the kernel has ended for want of memory
};

/// Nothing that needs it can be done any more, and its children have ended with it.
struct HelperGone : std::runtime_error {
  HelperGone() : std::runtime_error{"the root helper has ended"} {}
};

class Helper {
 public:
  Helper(files::Descriptor socket, files::Descriptor handle)
      : socket_{std::move(socket)}, handle_{std::move(handle)} {}

  /// In a control group of that name; empty: in none.
  [[nodiscard]] Started launch(Launch const& launch, std::string const& group);
  /// Waits for the child's end.
  [[nodiscard]] Ended reap(Child const& child);
  void signal(Child const& child, int number, bool whole_group);

  /// Anything else. Throws std::runtime_error with the helper's sentence when it refuses or fails.
  [[nodiscard]] Message ask(Request what, Message more = {});
  /// Readable once the helper has ended: nothing can be done any more.
  [[nodiscard]] int handle() const { return handle_.get(); }

 private:
  files::Descriptor socket_, handle_;
};

/// Of this process, once it has given up its rights; else null.
[[nodiscard]] Helper* helper();
void use_helper(std::unique_ptr<Helper> helper);

/// Like files::read(), for a file that a setting names and that may be root's alone.
[[nodiscard]] std::optional<std::string> read_setting(std::filesystem::path const& path);

/// Whether children can be other users than we are.
[[nodiscard]] bool may_change_user();

/// How a launch is told to the helper, and how it is understood there.
void add(Message& message, Launch const& launch);
/// A launch with the files that came with it.
struct Understood {
  Launch launch;
  files::Descriptor input, output;
};
[[nodiscard]] Understood launch_in(Message& message);

}  // namespace process
