#pragma once
// Runs a command to its end and returns what it printed: for tools that take seconds, never for
// services. No shell is involved.
#include <chrono>

#include "platform/process/child.hpp"

namespace process {

struct Finished {
  Ending ending;
  std::string output;  // standard output and error, the last 64 KiB
};

/// Kills the command after `deadline` and throws std::runtime_error; throws too when it cannot be
/// started. A command that fails is an ordinary answer.
[[nodiscard]] Finished run(Launch const& launch, std::chrono::milliseconds deadline);

}  // namespace process
