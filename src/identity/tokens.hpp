#pragma once
// Access tokens: JWT (RFC 7519), HS256, signed with a key that is named in the header and rotates.
#include <string>
#include <string_view>
#include <vector>

#include "platform/clock/clock.hpp"
#include "platform/json/problem.hpp"

namespace identity {

inline constexpr ProblemType invalid_token{Kind::unauthenticated, "invalid_token",
                                           "The session has ended; sign in again"};

struct SigningKey {
  std::string kid, secret;
  std::string header;  // of every token signed with it, base64url
};
[[nodiscard]] SigningKey signing_key(std::string kid, std::string secret);

struct Claims {
  std::int64_t staff_id = 0;
  std::string session_id;
  Time expires_at{};
};

inline constexpr std::string_view token_issuer = "onboarding",
                                  token_audience = "onboarding-console";

[[nodiscard]] std::string issue_token(SigningKey const& key, Claims const& claims);
/// The header must be that of one of `keys`, byte for byte: algorithm and key are pinned before
/// anything is believed. Throws Problem{invalid_token}. `exp` has no leeway: it is our own clock.
[[nodiscard]] Claims verify_token(std::vector<SigningKey> const& keys, std::string_view token);

}  // namespace identity
