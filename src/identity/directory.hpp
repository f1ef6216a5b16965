#pragma once
// What every request needs to know about people, roles, sessions and keys, kept in memory on each
// node: deciding who asks costs no round trip to the database. Read whole and replaced whole
// whenever the "identity" topic is announced, and now and then in any case.
#include <atomic>
#include <condition_variable>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "identity/roles.hpp"
#include "identity/sessions/tokens.hpp"
#include "platform/http/network.hpp"
#include "platform/realtime/hub.hpp"
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

struct ApiKey;  // api_keys.hpp

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

class Directory {
 public:
  Directory(std::string database_url, vault::Vault& vault, realtime::Hub& hub);
  ~Directory();
  /// Reads everything once, then follows. `all_scopes`: what the endpoints declare.
  void start(http::Scopes all_scopes);
  [[nodiscard]] std::shared_ptr<Snapshot const> now() const;
  /// Reads again on the calling thread; after a commit that changed who may do what. Those who ask
  /// while somebody reads share the next reading: a locked table costs all of them one wait.
  void refresh();

  /// Tells all nodes with the commit, and makes this one know before the client hears of it.
  void changed(http::Context& context);

  /// Notes that a key was used. Written down by the directory's own thread, at most once a minute
  /// per key.
  void note_use(std::int64_t key_id, std::string const& address);

 private:
  struct Use {
    Time at{}, written_at{};
    std::string address;
    bool pending = false;
  };
  void run();
  void read();
  void write_uses();
  std::string database_url_;
  vault::Vault& vault_;
  realtime::Hub& hub_;
  http::Scopes all_scopes_;
  std::mutex reading_;                    // a slow reading must not replace a newer one
  std::atomic<std::uint64_t> asked_ = 0;  // readings asked for …
  std::uint64_t answered_ = 0;  // … and those that a reading, or its failure, has covered
  bool failed_ = false;
  db::Connection connection_;
  mutable std::mutex mutex_;
  std::shared_ptr<Snapshot const> snapshot_;
  std::condition_variable wake_;
  int subscription_ = 0;
  bool stale_ = false, stopping_ = false, uses_due_ = false;
  std::unordered_map<std::int64_t, Use> uses_;
  std::thread thread_;
};

/// A new key signs from now on; what the old ones signed is believed until `old_retires_at`.
void rotate_signing_key(db::Tx& tx, vault::Vault& vault, Time old_retires_at);

/// Tells all nodes, with the commit of `tx`, to read the directory again.
void announce_change(db::Tx& tx);

}  // namespace identity
