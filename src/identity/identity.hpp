#pragma once
// Staff and their sessions: passwords by Argon2id, access tokens as JWT (HS256) in the answer and
// in a __Host- cookie, revocation without a database round trip on reads.
#include <condition_variable>
#include <set>
#include <shared_mutex>
#include <thread>
#include <unordered_map>

#include "platform/http/endpoint.hpp"
#include "platform/http/rate_limit.hpp"
#include "platform/realtime/hub.hpp"

namespace identity {

using StaffId = Id<"usr">;

enum class Role { owner, admin, support, finance, auditor };
constexpr auto names_of(Role) {
  return std::array<std::string_view, 5>{"owner", "admin", "support", "finance", "auditor"};
}

inline constexpr ProblemType invalid_credentials{Kind::unauthenticated, "invalid_credentials",
                                                 "E-mail or password is wrong"};
inline constexpr ProblemType too_many_attempts{Kind::too_many, "too_many_attempts",
                                               "Too many attempts to log in"};
inline constexpr ProblemType invalid_token{Kind::unauthenticated, "invalid_token",
                                           "The session has ended; log in again"};

/// What a role may do; every scope that an endpoint names stands here for at least one role.
[[nodiscard]] std::vector<std::string> scopes_of(Role role);

/// Makes and checks access tokens. The key is derived from the master key, so all nodes agree.
class Tokens {
 public:
  static constexpr std::string_view issuer = "onboarding", audience = "onboarding-console";
  explicit Tokens(std::string_view master_key);

  struct Claims {
    std::int64_t staff_id = 0;
    std::string session_id, email, name;
    Role role{};
    Time expires_at{};
  };
  [[nodiscard]] std::string issue(Claims const& claims) const;
  /// Algorithm and key id are pinned before anything else is believed; throws Problem.
  [[nodiscard]] Claims verify(std::string_view token) const;
  /// The token a page must send with writes; bound to the session, needs no storage.
  [[nodiscard]] std::string csrf_token(std::string_view session_id) const;

 private:
  std::string signing_key_, csrf_key_, header_;
};

/// The sessions that ended before their time, in memory: a thread of its own reads them again when
/// the "sessions" topic is announced, and now and then in any case.
class RevokedSessions {
 public:
  RevokedSessions(std::string database_url, realtime::Hub& hub);
  ~RevokedSessions();
  void start();
  [[nodiscard]] bool contains(std::string const& session_id) const;
  /// At once on this node; the others hear of it with the commit.
  void add(std::string const& session_id);

 private:
  void run();
  std::string database_url_;
  realtime::Hub& hub_;
  int subscription_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stale_ = true, stopping_ = false;
  std::set<std::string> ids_;
  std::thread thread_;
};

class Identity {
 public:
  Identity(std::string_view master_key, std::string database_url, realtime::Hub& hub);

  /// Begins to follow which sessions end early.
  void start() { revoked_.start(); }
  /// The actor of a request: from the Authorization header, else from the cookie, else nobody.
  [[nodiscard]] http::Actor authenticate(http::Request const& request);
  void add_endpoints(http::Api& api);

 private:
  [[nodiscard]] http::Actor actor_of(std::string const& token);

  Tokens tokens_;
  RevokedSessions revoked_;
  http::RateLimiter account_attempts_;

  /// Tokens found right before: checking a signature again for every request of a page costs more
  /// than most answers. Expiry and revocation are looked at each time.
  std::shared_mutex known_mutex_;
  std::unordered_map<std::string, http::Actor> known_;
};

struct NewStaff {
  std::string email, name, password;
  Role role = Role::owner;
};
/// Creates a person; std::runtime_error with a sentence when the e-mail is taken or the password is
/// shorter than 12 characters.
StaffId create_staff(db::Tx& tx, NewStaff const& staff);
[[nodiscard]] bool has_owner(db::Tx& tx);
/// Sets a new password and ends the person's sessions; false when nobody has that e-mail.
bool reset_password(db::Tx& tx, std::string const& email, std::string const& password);

}  // namespace identity
