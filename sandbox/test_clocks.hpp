#pragma once
// Simulated time.
#include "sandbox/store.hpp"

namespace sandbox {

/// The clock begins to advance; the ticker takes it from one due instant to the next. Throws when
/// it is on its way already, or the target is not in its future.
void advance_clock(Store& store, Object& clock, std::int64_t target);

}  // namespace sandbox
