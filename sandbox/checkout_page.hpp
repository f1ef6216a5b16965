#pragma once
// The hosted checkout.
#include "platform/http/route.hpp"
#include "sandbox/engine.hpp"

namespace sandbox {

/// GET shows the form, POST pays.
[[nodiscard]] http::Response checkout_page(Engine& engine, db::Connection& connection,
                                           http::Request const& request);
/// The simulated bank that asks the customer during a checkout.
[[nodiscard]] http::Response checkout_authentication(Engine& engine, db::Connection& connection,
                                                     http::Request const& request);

}  // namespace sandbox
