#pragma once
// A row for every attempt to prove who one is: what throttling and the threat rules look at.
#include "identity/directory.hpp"
#include "platform/http/endpoint.hpp"

namespace identity {

enum class LoginMethod { password, totp, recovery_code, passkey };
constexpr auto names_of(LoginMethod) {
  return std::array<std::string_view, 4>{"password", "totp", "recovery_code", "passkey"};
}

struct LoginAttempt {
  std::string account_hash;           // account_hash_of(e-mail as typed)
  std::optional<StaffId> staff_id{};  // when there is such an account
  LoginMethod method = LoginMethod::password;
  std::optional<std::string_view> refused{};  // "wrong_password", "throttled" …; none: it succeeded
};

/// However the address is spelled: the staff table compares in lower case, too.
[[nodiscard]] std::string account_hash_of(std::string email);

/// On the worker's second connection, because a refused log-in rolls its transaction back.
void record(http::Context& context, LoginAttempt const& attempt);
/// Those before `oldest`.
void forget_login_attempts(db::Tx& tx, Time oldest);

}  // namespace identity
