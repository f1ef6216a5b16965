#pragma once
// Staff: who they are, how they log in, and who a request comes from. Passwords by Argon2id, access
// tokens as JWT in the answer and in a __Host- cookie, sessions that are refreshed and can be
// ended.
#include "identity/directory.hpp"
#include "identity/login_attempts.hpp"
#include "identity/login_throttle.hpp"
#include "identity/second_factors.hpp"
#include "identity/sessions.hpp"

namespace identity {

inline constexpr ProblemType invalid_credentials{Kind::unauthenticated, "invalid_credentials",
                                                 "E-mail or password is wrong"};

class Identity {
 public:
  Identity(config::Settings const& settings, vault::Vault& vault, realtime::Hub& hub);

  /// Reads who may do what, and follows it. After all endpoints were declared.
  void start(http::Api const& api) { directory_.start(declared_scopes(api)); }
  /// The actor of a request: from the Authorization header, else from the cookie, else nobody.
  [[nodiscard]] http::Actor authenticate(http::Request const& request);
  void add_endpoints(http::Api& api);
  Directory& directory() { return directory_; }

 private:
  http::Actor actor_of(std::string const& token) const;
  void add_login_endpoints(http::Api& api);          // login.cpp
  void add_session_endpoints(http::Api& api);        // sessions.cpp
  void add_second_step_endpoints(http::Api& api);    // second_step.cpp
  void add_second_factor_endpoints(http::Api& api);  // second_factor_endpoints.cpp
  void add_passkey_endpoints(http::Api& api);        // passkey_endpoints.cpp
  void add_profile_endpoints(http::Api& api);        // profile.cpp

  config::Settings const& settings_;
  Directory directory_;
  SecondFactors factors_;
};

constexpr std::size_t shortest_password = 12;
/// What everybody knows of a person is no password (NIST SP 800-63B, 5.1.1.2: context-specific
/// words). Throws Problem{validation_failed} at `pointer`.
void require_unguessable(std::string_view password, std::string_view email, std::string_view name,
                         std::string_view pointer);

struct NewStaff {
  std::string email, name, password;
  std::string role = "owner";  // a name in `roles`
};
/// Creates a person; std::runtime_error with a sentence when the e-mail is taken, the role unknown
/// or the password shorter than 12 characters.
StaffId create_staff(db::Tx& tx, NewStaff const& staff);
[[nodiscard]] bool has_owner(db::Tx& tx);
/// Sets a new password and ends the person's sessions; false when nobody has that e-mail.
bool reset_password(db::Tx& tx, std::string const& email, std::string const& password);
/// Disables the account and ends its sessions; false when it was disabled already. The last owner
/// cannot be locked: db::Failure with the constraint staff_keeps_an_owner.
bool lock_account(db::Tx& tx, StaffId id);

}  // namespace identity
