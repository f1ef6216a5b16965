#pragma once
// API keys: "ob_live_" (or "ob_test_" while no real money moves), 32 random characters and a
// checksum of 6, so that a mistyped key is told apart without looking anything up. Shown once, kept
// as SHA-256, believed from the directory in memory.
#include "identity/directory.hpp"
#include "platform/http/network.hpp"

namespace identity::api_keys {

using ApiKeyId = Id<"key">;

inline constexpr ProblemType invalid_api_key{Kind::unauthenticated, "invalid_api_key",
                                             "The API key is not valid"};
inline constexpr ProblemType address_not_allowed{Kind::forbidden, "address_not_allowed",
                                                 "The API key may not be used from this address"};

[[nodiscard]] std::string new_key(bool live);
/// Whether the text has the form and the checksum of a key.
[[nodiscard]] bool is_well_formed_key(std::string_view text);
/// Whether a bearer token means to be a key.
[[nodiscard]] inline bool looks_like_key(std::string_view token) {
  return token.starts_with("ob_");
}

/// Whoever uses the key; throws Problem{invalid_api_key} or {address_not_allowed}.
[[nodiscard]] http::Actor actor_of_key(Directory& directory, std::string_view key,
                                       std::string const& address, bool live);

// Whoever calls these tells all nodes with announce_change() or Directory::changed(). `by` is
// written down.

/// False when there is no such key or it was revoked already.
bool revoke(db::Tx& tx, ApiKeyId id, std::string_view by);
/// Returns how many worked until now.
std::int64_t revoke_all(db::Tx& tx, std::string_view by);

void add_endpoints(http::Api& api, Directory& directory);

}  // namespace identity::api_keys
