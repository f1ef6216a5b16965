#pragma once
// What the root helper does for the program, and for nobody it does anything else: children of
// known shapes that are one of this installation's own users, never root. The program speaks to the
// whole world, so that it is not believed.
#include "platform/process/helper.hpp"
#include "platform/rooms/rooms.hpp"

namespace root {

/// What this installation is made of, said by the program while it was root itself.
struct Policy {
  std::filesystem::path data_dir;
  std::vector<std::string> readable;  // files that settings name
  pid_t program = 0;                  // who asks
  gid_t program_group = 0;
  std::optional<process::Identity> database, front_door, sandbox, reader;
};
void add(process::Message& message, Policy const& policy);
[[nodiscard]] Policy policy_in(process::Message& message);

/// A request that fits no shape.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws Refused. Without rooms no tenant is started.
void require_allowed(Policy const& policy, rooms::Rooms const* tenants,
                     process::Launch const& launch, std::string const& group);

}  // namespace root
