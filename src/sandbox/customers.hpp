#pragma once
// Customers, for those who make them on the side (the checkout).
#include "sandbox/store.hpp"

namespace sandbox {

/// A new customer, not yet inserted. With a test clock, the work goes on at the clock's time.
[[nodiscard]] Object new_customer(Store& store, std::string const& test_clock);

}  // namespace sandbox
