#pragma once
// Changes of a subscription that are to come, phase by phase.
#include "sandbox/store.hpp"

namespace sandbox {

/// Enters the phase that has begun, if one has; after the last one lets go of the subscription or
/// ends it. Both are saved.
void enter_phase(Store& store, Object& subscription);
/// The schedule has a phase that is over.
void schedule_is_due(Store& store, Object const& schedule);
/// The subscription has ended by another way.
void end_schedule_of(Store& store, Object& subscription);

}  // namespace sandbox
