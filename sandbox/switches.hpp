#pragma once
// What developers set for the whole sandbox. One row, so that a restart keeps it.
#include "sandbox/store.hpp"

namespace sandbox {

/// As it is, or as it is at first.
[[nodiscard]] Object switches_of(Store& store);
/// Takes those of `parameters` that were given and answers all.
Object set_switches(Store& store, Object const& parameters);

}  // namespace sandbox
