#pragma once
// What runs in a cluster's data directory, read from /proc.
#include <sys/types.h>

#include <filesystem>

namespace postgres {

/// The postmaster that works there, 0 when there is none. Its working directory tells it from an
/// unrelated process that was given the same number.
[[nodiscard]] pid_t postmaster_of(std::filesystem::path const& data);

/// Ends that user's processes there, unless a postmaster lives. A back-end in the middle of a long
/// statement does not notice that its postmaster was killed, and no new one starts beside it.
void end_orphans(std::filesystem::path const& data, uid_t user);

}  // namespace postgres
