#pragma once
// Cards and accounts that a customer keeps at Stripe, and which of them is charged by default.
#include "customers/customers.hpp"

namespace billing {

/// Marks what Stripe would charge: the method of the subscription that runs best, else the
/// customer's own default, else none.
void follow_default_method(db::Tx& tx, customers::CustomerId customer);

}  // namespace billing
