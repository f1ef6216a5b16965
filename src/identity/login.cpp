// Logging in with a password, proving it once more, changing it, and who am I.
#include "identity/identity.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"

namespace identity {

namespace {
inline constexpr ProblemType wrong_password{Kind::unauthenticated, "wrong_password",
                                            "The password is wrong"};

struct LoginRequest {
  std::string email, password;
  static constexpr auto fields() {
    return ::fields(field("email", &LoginRequest::email,
                          {.doc = "E-mail address",
                           .example = "owner@example.com",
                           .min_length = 3,
                           .max_length = 254}),
                    field("password", &LoginRequest::password,
                          {.doc = "Password",
                           .min_length = 1,
                           .max_length = 1024,
                           .format = "password",
                           .secret = true}));
  }
};

struct ConfirmRequest {
  std::string password;
  static constexpr auto fields() {
    return ::fields(field("password", &ConfirmRequest::password,
                          {.doc = "One's own password",
                           .min_length = 1,
                           .max_length = 1024,
                           .format = "password",
                           .secret = true}));
  }
};

struct Confirmed {
  Time valid_until;
  static constexpr auto fields() {
    return ::fields(field("valid_until", &Confirmed::valid_until,
                          {.doc = "Until then dangerous actions do not ask again"}));
  }
};

struct PasswordChange {
  std::string current_password, new_password;
  static constexpr auto fields() {
    return ::fields(field("current_password", &PasswordChange::current_password,
                          {.doc = "The present password",
                           .min_length = 1,
                           .max_length = 1024,
                           .format = "password",
                           .secret = true}),
                    field("new_password", &PasswordChange::new_password,
                          {.doc = "At least 12 characters",
                           .min_length = shortest_password,
                           .max_length = 1024,
                           .format = "password",
                           .secret = true}));
  }
};

struct Me {
  StaffId id;
  std::string email, name, role;
  std::vector<std::string> scopes;
  std::optional<std::string> locale;
  std::string csrf_token;
  Time session_expires_at;
  std::string environment, version;
  static constexpr auto fields() {
    return ::fields(field("id", &Me::id), field("email", &Me::email), field("name", &Me::name),
                    field("role", &Me::role), field("scopes", &Me::scopes),
                    field("locale", &Me::locale), field("csrf_token", &Me::csrf_token),
                    field("session_expires_at", &Me::session_expires_at),
                    field("environment", &Me::environment,
                          {.doc = "sandbox: no real money moves; live: it does"}),
                    field("version", &Me::version));
  }
};

struct StaffRow {
  StaffId id;
  std::string password_hash;
  bool disabled;
  static constexpr auto fields() {
    return ::fields(field("id", &StaffRow::id), field("password_hash", &StaffRow::password_hash),
                    field("disabled", &StaffRow::disabled));
  }
};

db::Query const find_staff{"identity.find_staff", R"sql(
  SELECT id, password_hash, disabled_at IS NOT NULL AS disabled FROM staff WHERE email = lower($1)
)sql"};
db::Query const password_of{"identity.password_of",
                            "SELECT password_hash FROM staff WHERE id = $1"};
db::Query const change_password{"identity.change_password", R"sql(
  UPDATE staff SET password_hash = $2, password_changed_at = now() WHERE id = $1
)sql"};

struct SessionRow {
  std::optional<std::string> locale;
  Time expires_at;
  static constexpr auto fields() {
    return ::fields(field("locale", &SessionRow::locale),
                    field("expires_at", &SessionRow::expires_at));
  }
};
db::Query const load_own_session{"identity.load_own_session", R"sql(
  SELECT locale, expires_at FROM sessions JOIN staff ON staff.id = staff_id WHERE sessions.id = $1
)sql"};

SessionAnswer login(http::Context& context, LoginRequest const& request, Snapshot const& snapshot,
                    LoginThrottle& throttle, LoginAttempts& log) {
  LoginAttempt attempt{.account_hash = account_hash_of(request.email)};
  auto const counted = [&] {
    try {
      return throttle.by_password(context.request, request.email);
    } catch (Problem const&) {
      attempt.refused = "throttled";
      log.record(context.request, attempt);
      throw;
    }
  }();
  // An unknown address costs the same time and gets the same answer as a wrong password.
  static auto const nobody = crypto::hash_password(crypto::random_token());
  auto const staff = context.tx.maybe<StaffRow>(find_staff, request.email);
  bool const right =
      crypto::verify_password(staff ? staff->password_hash : nobody, request.password);
  if (staff) attempt.staff_id = staff->id;
  if (!staff)
    attempt.refused = "unknown_account";
  else if (!right)
    attempt.refused = "wrong_password";
  else if (staff->disabled)
    attempt.refused = "account_disabled";
  log.record(context.request, attempt);
  if (attempt.refused) throw Problem{invalid_credentials};
  throttle.succeeded(counted);
  return begin_session(context, snapshot, staff->id);
}

/// Throws unless it is the password of whoever asks.
void require_own_password(http::Context& context, std::string const& password,
                          LoginThrottle& throttle) {
  auto const counted = throttle.confirmation(StaffId{context.actor.user_id});
  auto const hash = context.tx.one<std::string>(password_of, context.actor.user_id);
  if (!crypto::verify_password(hash, password)) throw Problem{wrong_password};
  throttle.succeeded(counted);
}

Me me(http::Context& context, http::Nothing const&) {
  auto const& actor = context.actor;
  auto const session = context.tx.maybe<SessionRow>(load_own_session, actor.session_id);
  if (!session) throw Problem{invalid_token};
  return {StaffId{actor.user_id},
          actor.email,
          actor.name,
          actor.role,
          {actor.scopes->begin(), actor.scopes->end()},
          session->locale,
          actor.csrf_token,
          session->expires_at,
          context.settings.takes_real_money() ? "live" : "sandbox",
          ONBOARDING_VERSION};
}

}  // namespace

void Identity::add_login_endpoints(http::Api& api) {
  api.add(http::Endpoint<LoginRequest, SessionAnswer>{
      .route = "POST /api/admin/login",
      .summary = "Log in",
      .tag = "Identity",
      .audit = "session.started",
      .limit = http::per_minute(30),
      .problems = {invalid_credentials, too_many_attempts},
      .lane = http::Lane::password,
      .handle =
          [this](http::Context& context, LoginRequest const& request) {
            return login(context, request, *directory_.now(), throttle_,
                         login_attempts_);
          },
  });
  api.add(http::Endpoint<http::Nothing, Me>{
      .route = "GET /api/admin/me",
      .summary = "Tell who is logged in",
      .tag = "Identity",
      .scope = http::own_scope,
      .handle = me,
  });
  api.add(http::Endpoint<ConfirmRequest, Confirmed>{
      .route = "POST /api/admin/confirm",
      .summary = "Prove once more who one is, before a dangerous action",
      .tag = "Identity",
      .scope = http::own_scope,
      .audit = "session.confirmed",
      .limit = http::per_minute(30),
      .problems = {wrong_password, too_many_attempts},
      .lane = http::Lane::password,
      .handle =
          [this](http::Context& context, ConfirmRequest const& request) {
            require_own_password(context, request.password, throttle_);
            confirm_session(context.tx, context.actor.session_id);
            context.audit_target = StaffId{context.actor.user_id}.text();
            return Confirmed{clock_source::now() + confirmation_life};
          },
  });
  api.add(http::Endpoint<PasswordChange, http::Nothing>{
      .route = "POST /api/settings/password",
      .summary = "Change one's own password; all other sessions end",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.password_changed",
      .limit = http::per_minute(30),
      .problems = {wrong_password, too_many_attempts},
      .lane = http::Lane::password,
      .handle =
          [this](http::Context& context, PasswordChange const& request) {
            require_own_password(context, request.current_password, throttle_);
            StaffId const self{context.actor.user_id};
            context.tx.exec(change_password, self, crypto::hash_password(request.new_password));
            end_sessions_of(context.tx, self, context.actor.session_id, "password_changed");
            directory_.changed(context);
            context.audit_target = self.text();
            return http::Nothing{};
          },
  });
}

}  // namespace identity
