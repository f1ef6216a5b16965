#pragma once
// Customers, for those who make them on the side (the checkout).
#include "sandbox/store.hpp"

namespace sandbox {

/// A new customer, not yet inserted. With a test clock, the work goes on at the clock's time.
[[nodiscard]] Object new_customer(Store& store, std::string test_clock);

/// Moves the customer's balance by `amount` (negative: credit) and writes down why. `invoice` is
/// empty where none is concerned.
Object move_balance(Store& store, Object& customer, std::int64_t amount, std::string_view type,
                    std::string_view invoice);

}  // namespace sandbox
