#pragma once
// What may be changed of a customer afterwards.
#include "customers/customers.hpp"

namespace customers {

/// What the person says about themselves now, while they sign up.
void rewrite(db::Tx& tx, CustomerId id, NewCustomer const& customer);

}  // namespace customers
