#pragma once
// What customers ask others to do.
#include "customers/customers.hpp"
#include "platform/jobs/jobs.hpp"

namespace customers {

/// A customer is known at Stripe now: what came before that finds it. Worked off by billing.
struct Linked {
  static constexpr std::string_view kind = "customers.linked";
  std::string stripe_customer_id;
};

}  // namespace customers
