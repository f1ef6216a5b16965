#pragma once
// From a right password, or a passkey, to a session.
#include "identity/factors/second_factors.hpp"
#include "identity/sessions/sessions.hpp"

namespace identity::authentication {

/// What is still to be shown before there is a session.
struct SecondFactorAsked {
  std::string challenge;
  std::vector<factors::FactorMethod> methods;
  std::int64_t expires_in;
  std::optional<factors::PasskeyRequest> public_key;
  static constexpr auto rules() {
    return ::rules(rule(&SecondFactorAsked::challenge,
                        {.doc = "Goes with the second factor to POST /api/admin/login/2fa"}),
                   rule(&SecondFactorAsked::expires_in, {.doc = "Seconds"}),
                   rule(&SecondFactorAsked::public_key,
                        {.doc = "For navigator.credentials.get(), when there is a passkey"}));
  }
};

/// Either a session or what is still to be shown.
struct LoginAnswer {
  std::optional<std::string> access_token, token_type;
  std::optional<std::int64_t> expires_in;
  std::optional<std::string> csrf_token;
  std::optional<Time> session_expires_at;
  std::optional<SecondFactorAsked> second_factor;
  static constexpr auto rules() {
    return ::rules(rule(&LoginAnswer::access_token,
                        {.doc = "JWT (HS256) for Authorization, also in the cookie"}),
                   rule(&LoginAnswer::expires_in, {.doc = "Seconds until it must be refreshed"}),
                   rule(&LoginAnswer::csrf_token,
                        {.doc = "Send as X-CSRF-Token with writes that use the cookie"}),
                   rule(&LoginAnswer::session_expires_at,
                        {.doc = "After this moment only a new log-in helps"}),
                   rule(&LoginAnswer::second_factor,
                        {.doc = "Instead of all others, when a second factor is to be shown"}));
  }
};

/// After the right password: a session, unless the person has a second factor to show.
[[nodiscard]] LoginAnswer after_password(http::Context& context, Snapshot const& snapshot,
                                         factors::SecondFactors const& factors, StaffId staff);

}  // namespace identity::authentication
