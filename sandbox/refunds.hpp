#pragma once
// Money given back.
#include "sandbox/store.hpp"

namespace sandbox {

/// What of the charge can still be given back: what is neither refunded nor disputed.
[[nodiscard]] std::int64_t refundable_of(Object const& charge);
/// Gives back a part of it that can be given back: the refund, inserted. The charge is saved.
Object refund_charge(Store& store, Object& charge, std::int64_t amount, Object const& parameters);

}  // namespace sandbox
