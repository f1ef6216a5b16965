#pragma once
// Keeping a payment method without a payment.
#include "sandbox/charging.hpp"

namespace sandbox {

/// A new setup intent, inserted, with setup_intent.created.
[[nodiscard]] Object new_setup_intent(Store& store, std::string_view customer,
                                      std::string_view description);
/// Attaches the method when there is a customer; failed, requires_action or succeeded.
Outcome confirm_setup(Store& store, Object& intent, Object& method, How how);

}  // namespace sandbox
