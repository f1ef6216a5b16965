#pragma once
// The application inside a tenant of the blueprint "sample": a small notebook that keeps its notes
// in the tenant's own database. A program of its own, in the same binary.
#include <string>

namespace sample {

/// Serves until SIGTERM; `config_file` is the JSON that the process driver writes. Returns the exit
/// status.
int run(std::string const& config_file);

}  // namespace sample
