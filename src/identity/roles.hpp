#pragma once
// What a role may do. The scopes are those that the endpoints declare; nothing is listed twice.
#include "platform/http/endpoint.hpp"

namespace identity {

/// The roles that every installation has; others are rows of `roles` with scopes of their own.
enum class Role { owner, admin, support, finance, auditor };
constexpr auto names_of(Role) {
  return std::array<std::string_view, 5>{"owner", "admin", "support", "finance", "auditor"};
}

/// All scopes that endpoints declare, one's own excluded.
[[nodiscard]] http::Scopes declared_scopes(http::Api const& api);
/// What a built-in role may do of `all`. The owner may do everything.
[[nodiscard]] http::Scopes scopes_of(Role role, http::Scopes const& all);

inline constexpr ProblemType beyond_own_permissions{
    Kind::forbidden, "beyond_own_permissions",
    "Nobody gives or takes permissions they do not have"};
/// Throws unless the actor holds all of `scopes`; the problem names those that are missing.
void require_within(http::Actor const& actor, http::Scopes const& scopes);

}  // namespace identity
