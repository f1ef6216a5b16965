#pragma once
// Invoices that could not be collected, and what to do about each.
#include "platform/http/endpoint.hpp"

namespace billing {

/// GET /api/billing/payment-failures.
void add_failure_list(http::Api& api);

}  // namespace billing
