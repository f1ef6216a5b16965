#pragma once
// What must be answered within minutes: the second step of a log-in, a log-in by passkey, a new
// passkey, a confirmation. A challenge is signed and given out, not stored; only answers leave
// rows.
#include "identity/directory.hpp"

namespace identity::factors {

enum class Purpose { second_factor, passkey_login, passkey_registration, confirmation };
constexpr auto names_of(Purpose) {
  return std::array<std::string_view, 4>{"second_factor", "passkey_login", "passkey_registration",
                                         "confirmation"};
}

constexpr std::chrono::minutes challenge_life{5};
constexpr int attempts_per_challenge = 5;

struct Challenge {
  std::string token;  // what the client holds
  Purpose purpose;
  StaffId staff_id{};      // 0: nobody is known yet
  std::string session_id;  // empty: before the log-in
  Time expires_at{};

  /// What an authenticator signs, base64url.
  [[nodiscard]] std::string webauthn() const;
};

[[nodiscard]] Challenge new_challenge(Snapshot const& snapshot, Purpose purpose, StaffId staff = {},
                                      std::string session_id = {});

/// The challenge of a token that this installation gave out for this purpose and that has not run
/// out; none otherwise.
[[nodiscard]] std::optional<Challenge> read_challenge(Snapshot const& snapshot, Purpose purpose,
                                                      std::string_view token);

/// Counts an answer; false when it was answered rightly before or wrongly too often.
[[nodiscard]] bool take_attempt(db::Tx& tx, Challenge const& challenge);
/// It was answered rightly: it is worth nothing from now on.
void use_up(db::Tx& tx, Challenge const& challenge);

}  // namespace identity::factors
