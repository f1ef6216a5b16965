#pragma once
// The setting clock = sandbox: the whole installation lives by a time that a test clock of the
// built-in sandbox moves forward. docs/adr/0035 says how.
#include "platform/config/config.hpp"

namespace app {

/// Where the data directory keeps how far its time is ahead; there once it has lived so.
[[nodiscard]] std::filesystem::path sandbox_clock_file(config::Settings const& settings);

/// For `serve`: makes that file when it is wanted and not there, then live_by_sandbox_clock().
void begin_sandbox_clock(config::Settings const& settings);

/// Starts this program anew in the time of the data directory, when that has one of its own.
void live_by_sandbox_clock(config::Settings const& settings);

}  // namespace app
