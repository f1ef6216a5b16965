#pragma once
// Which PostgreSQL of this machine serves a data directory.
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace postgres {

inline constexpr int oldest_major = 15;

/// Major version → directory of its programs, for all installed versions that we can use.
[[nodiscard]] std::map<int, std::filesystem::path> installed_programs(
    std::filesystem::path const& installations);

/// The newest for a new cluster; for an existing one exactly its own version. Throws
/// std::runtime_error that says what to install, or how to move the data to a newer version.
[[nodiscard]] std::filesystem::path programs_for(
    std::map<int, std::filesystem::path> const& installed, std::optional<int> cluster_major,
    std::filesystem::path const& data);

/// Device, inode, size and time of the server program: changes when a package replaces it. Empty
/// while it is missing.
[[nodiscard]] std::string stamp_of(std::filesystem::path const& programs);

}  // namespace postgres
