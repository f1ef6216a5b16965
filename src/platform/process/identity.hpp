#pragma once
// Who a child runs as: a user of the machine with its groups.
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace process {

struct Identity {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // supplementary

  bool operator==(Identity const&) const = default;
};

/// The user with that name, none when the machine has no such user.
[[nodiscard]] std::optional<Identity> find_user(std::string const& name);
[[nodiscard]] std::optional<Identity> find_user(uid_t user);

/// The unprivileged user for a service: `wanted`, or the `usual` one, which is another than the
/// program's, or `onboarding`. None when children cannot be other users than we are. Throws
/// std::runtime_error when the user does not exist or is root.
[[nodiscard]] std::optional<Identity> service_user(std::string const& wanted,
                                                   std::string const& usual);

/// The first directory on the way to `path` that this user may not enter; none when it may reach
/// the path. The kernel decides, so ACLs count.
[[nodiscard]] std::optional<std::filesystem::path> closed_directory(
    std::filesystem::path const& path, Identity const& who);

/// Whether this user may use it so (R_OK, W_OK, X_OK), as the kernel decides.
[[nodiscard]] bool may_use(std::filesystem::path const& path, int how, Identity const& who);

}  // namespace process
