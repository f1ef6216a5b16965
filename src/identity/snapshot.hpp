#pragma once
// What every request needs to know about people, roles, sessions and keys, as of one moment.
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "identity/roles.hpp"
#include "identity/tokens.hpp"
#include "platform/http/network.hpp"
#include "platform/vault/vault.hpp"

namespace identity {

using StaffId = Id<"usr">;

struct Person {
  StaffId id;
  std::string email, name, role;
  bool disabled, has_second_factor;
  std::optional<Time> second_factor_due;  // the role asks for one, and leaves time until then

  /// May do nothing but add a second factor.
  bool must_enrol() const {
    return !has_second_factor && second_factor_due && *second_factor_due <= clock_source::now();
  }
  bool operator==(Person const&) const = default;
  static constexpr auto fields() {
    return ::fields(field("id", &Person::id), field("email", &Person::email),
                    field("name", &Person::name), field("role", &Person::role),
                    field("disabled", &Person::disabled),
                    field("has_second_factor", &Person::has_second_factor),
                    field("second_factor_due", &Person::second_factor_due));
  }
};

/// A key as requests need it.
struct ApiKey {
  std::int64_t id;
  std::string prefix;
  std::shared_ptr<http::Scopes const> scopes;  // those of them that its maker has now
  bool maker_is_gone;
  std::optional<Time> expires_at;
  std::vector<http::Network> addresses;  // none: from everywhere
};

struct BlockedNetwork {
  http::Network network;
  Time until;
};

/// Everything as of one moment; never changed after it was published.
struct Snapshot {
  std::vector<SigningKey> signing_keys;  // the first one signs
  std::string csrf_key, refresh_key, challenge_key;
  http::Scopes all_scopes;
  std::unordered_map<std::int64_t, Person> people;
  std::unordered_map<std::string, std::shared_ptr<http::Scopes const>> roles;  // "self" included
  std::shared_ptr<http::Scopes const> only_self;  // of those who must add a second factor first
  std::unordered_set<std::string> ended_sessions;
  std::unordered_map<std::string, std::shared_ptr<ApiKey const>> api_keys;  // by SHA-256
  std::vector<BlockedNetwork> blocked;
  bool read_only = false;  // the switch of an incident

  /// The token that a page sends with writes; bound to the session, needs no storage.
  [[nodiscard]] std::string csrf_token(std::string_view session_id) const;

  /// Tokens that were verified already under this snapshot: remembered until it is replaced.
  struct Verified {
    std::mutex mutex;
    std::unordered_map<std::string, http::Actor> by_token;
  };
  std::unique_ptr<Verified> verified = std::make_unique<Verified>();
};

/// Reads all of it; `all_scopes`: what the endpoints declare.
[[nodiscard]] std::shared_ptr<Snapshot> read_snapshot(db::Tx& tx, vault::Vault& vault,
                                                      http::Scopes const& all_scopes);
/// Whether nobody gained or lost anything in between.
[[nodiscard]] bool may_the_same(Snapshot const& before, Snapshot const& after);

}  // namespace identity
