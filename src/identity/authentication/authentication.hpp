#pragma once
// Who a request comes from, and how staff prove who they are: by password, second factor or
// passkey, and once more before a dangerous action.
#include "identity/directory.hpp"
#include "identity/factors/second_factors.hpp"

namespace identity::authentication {

/// The actor of a request: from the Authorization header, else from the cookie, else nobody.
/// Throws Problem{invalid_token}, {invalid_api_key} or {address_not_allowed}.
[[nodiscard]] http::Actor authenticate(http::Request const& request, Directory& directory,
                                       config::Settings const& settings);

/// The doors to log in, and what the API asks before each request. All of them outlive the API.
void add_endpoints(http::Api& api, Directory& directory, config::Settings const& settings,
                   factors::SecondFactors const& factors);
void add_login_endpoints(http::Api& api, Directory& directory, config::Settings const& settings,
                         factors::SecondFactors const& factors);  // login.cpp
void add_second_step_endpoints(http::Api& api, Directory& directory,
                               factors::SecondFactors const& factors);  // second_step.cpp

}  // namespace identity::authentication
