#pragma once
// What people show beside their password: codes of an authenticator app, recovery codes, passkeys.
#include "identity/factors/challenges.hpp"
#include "identity/factors/webauthn.hpp"
#include "platform/config/config.hpp"

namespace identity::factors {

enum class FactorMethod { totp, recovery_code, passkey };
constexpr auto names_of(FactorMethod) {
  return std::array<std::string_view, 3>{"totp", "recovery_code", "passkey"};
}

inline constexpr ProblemType wrong_second_factor{Kind::unauthenticated, "wrong_second_factor",
                                                 "The second factor is wrong or was used before"};
inline constexpr ProblemType challenge_expired{
    Kind::unauthenticated, "challenge_expired",
    "This took too long or was tried too often; start again"};
inline constexpr ProblemType too_many_factor_attempts{Kind::too_many, "too_many_attempts",
                                                      "Too many wrong second factors"};

inline constexpr ProblemType second_factor_needed{
    Kind::conflict, "second_factor_needed",
    "Your role needs a second factor: add another one before you remove the last"};
inline constexpr ProblemType totp_not_begun{Kind::conflict, "totp_not_begun",
                                            "No new authenticator app waits for its first code"};
inline constexpr ProblemType totp_clock_skew{Kind::invalid, "totp_clock_skew",
                                             "The clock of that device is wrong"};

constexpr std::size_t recovery_code_count = 10;

/// PublicKeyCredentialRequestOptionsJSON, for navigator.credentials.get().
struct PasskeyRequest {
  struct Allowed {
    std::string id, type = "public-key";
    std::vector<std::string> transports;
  };
  std::string challenge, site_id;
  std::int64_t timeout;
  std::string user_verification;
  std::vector<Allowed> allowed;
  static constexpr auto fields() {
    return ::fields(field("challenge", &PasskeyRequest::challenge),
                    field("rpId", &PasskeyRequest::site_id),
                    field("timeout", &PasskeyRequest::timeout),
                    field("userVerification", &PasskeyRequest::user_verification),
                    field("allowCredentials", &PasskeyRequest::allowed));
  }
};

/// What somebody answers to a challenge: a code or a passkey.
struct Shown {
  FactorMethod method;
  std::string code;
  std::optional<webauthn::Assertion> assertion;
};

/// The code without the blanks and hyphens that people type.
[[nodiscard]] std::string plain_code(std::string_view typed);

class SecondFactors {
 public:
  SecondFactors(config::Settings const& settings, vault::Vault& vault)
      : settings_{settings}, vault_{vault} {}

  /// Those that the person has; empty: no second factor at all.
  [[nodiscard]] std::vector<FactorMethod> methods_of(db::Tx& tx, StaffId staff) const;
  /// For the browser. Nobody in particular: any passkey of this site that is held by its person.
  [[nodiscard]] PasskeyRequest passkey_request(db::Tx& tx, http::Request const& request,
                                               Challenge const& challenge) const;

  /// Checks what was shown and commits what follows from that, also from a wrong answer: it counts.
  /// Returns whose it is; throws a Problem when it is not right. To be called before the caller's
  /// own transaction on `connection` has begun.
  StaffId prove(db::Connection& connection, Challenge const& challenge, Shown const& shown,
                http::Request const& request) const;

  // TOTP.
  /// A new seed that waits for confirm_totp.
  std::string begin_totp(db::Tx& tx, StaffId staff) const;
  /// Makes the waiting seed the one in use. Throws wrong_second_factor, or a problem that says how
  /// far the device's clock is off.
  void confirm_totp(db::Tx& tx, StaffId staff, std::string const& code) const;

  /// Ten new ones, in place of all that there were.
  std::vector<std::string> renew_recovery_codes(db::Tx& tx, StaffId staff) const;
  /// Ten new ones when the person has none.
  std::vector<std::string> first_recovery_codes(db::Tx& tx, StaffId staff) const;
  /// After a factor was removed: throws second_factor_needed when the role asks for one and it was
  /// the last. Recovery codes stand in for a factor and go with the last one.
  void require_one_left(db::Tx& tx, Snapshot const& snapshot, StaffId staff) const;

  /// Where the page lives that asks, when that is one of our own addresses; else public_url. A
  /// passkey works where it was made: below public_url's name all pages share theirs.
  [[nodiscard]] webauthn::Site site(http::Request const& request) const;

 private:
  enum class Outcome { right, wrong, challenge_over, too_many };
  struct Result {
    Outcome outcome;
    StaffId staff;
    int wait_seconds = 0;
    std::string why;
  };
  Result check(db::Tx& tx, Challenge const& challenge, Shown const& shown,
               http::Request const& request) const;
  bool matches(db::Tx& tx, StaffId staff, Challenge const& challenge, Shown const& shown,
               http::Request const& request, std::string& why) const;
  bool is_current_code(db::Tx& tx, StaffId staff, std::string const& code) const;
  bool use_recovery_code(db::Tx& tx, StaffId staff, std::string const& code) const;
  bool is_own_passkey(db::Tx& tx, StaffId staff, Challenge const& challenge,
                      webauthn::Assertion const& assertion, http::Request const& request,
                      std::string& why) const;

  config::Settings const& settings_;
  vault::Vault& vault_;
};

/// Removes every second factor of a person, ends their sessions and writes to them.
void reset_second_factors(db::Tx& tx, config::Settings const& settings, StaffId staff);
/// The same for whoever has this e-mail; false when nobody has.
bool reset_second_factors(db::Tx& tx, config::Settings const& settings, std::string const& email);

void add_second_factor_endpoints(http::Api& api, Directory& directory,
                                 config::Settings const& settings,
                                 SecondFactors const& factors);  // endpoints.cpp
void add_passkey_endpoints(http::Api& api, Directory& directory, config::Settings const& settings,
                           SecondFactors const& factors);  // passkeys.cpp

}  // namespace identity::factors
