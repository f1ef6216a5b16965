// The doors of identity: log in, log out, who am I.
#include "identity/identity.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"
#include "platform/http/rate_limit.hpp"
#include "platform/json/checks.hpp"

namespace identity {

namespace {
constexpr auto session_length = std::chrono::hours{24};
constexpr int attempts_per_account = 10, account_window_seconds = 15 * 60;

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

struct LoginAnswer {
  std::string access_token, token_type;
  std::int64_t expires_in;
  std::string csrf_token;
  static constexpr auto fields() {
    return ::fields(
        field("access_token", &LoginAnswer::access_token, {.doc = "JWT (HS256) for Authorization"}),
        field("token_type", &LoginAnswer::token_type),
        field("expires_in", &LoginAnswer::expires_in, {.doc = "Seconds"}),
        field("csrf_token", &LoginAnswer::csrf_token,
              {.doc = "Send as X-CSRF-Token with writes that use the cookie"}));
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
  std::string email, name, password_hash;
  Role role;
  bool disabled;
  static constexpr auto fields() {
    return ::fields(field("id", &StaffRow::id), field("email", &StaffRow::email),
                    field("name", &StaffRow::name),
                    field("password_hash", &StaffRow::password_hash),
                    field("role", &StaffRow::role), field("disabled", &StaffRow::disabled));
  }
};

db::Query const find_staff{"identity.find_staff", R"sql(
  SELECT id, email, name, password_hash, role, disabled_at IS NOT NULL AS disabled
    FROM staff WHERE email = lower($1)
)sql"};

db::Query const insert_session{"identity.insert_session", R"sql(
  INSERT INTO sessions (id, staff_id, expires_at, address, user_agent) VALUES ($1, $2, $3, $4, $5)
)sql"};

db::Query const revoke_session{"identity.revoke_session", R"sql(
  UPDATE sessions SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
)sql"};

db::Query const locale_of{"identity.locale_of", "SELECT locale FROM staff WHERE id = $1"};

std::string cookie(std::string_view token, std::int64_t seconds) {
  return "__Host-session=" + std::string{token} + "; Path=/; Max-Age=" + std::to_string(seconds) +
         "; HttpOnly; Secure; SameSite=Strict";
}

LoginAnswer login(http::Context& context, LoginRequest const& request, Tokens const& tokens,
                  http::RateLimiter& account_attempts) {
  // However it is spelled: the staff table compares in lower case, too.
  auto email = request.email;
  for (auto& c : email)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  auto const account = crypto::hex(crypto::sha256(email));
  if (auto const wait =
          account_attempts.take(account, attempts_per_account, account_window_seconds))
    throw Problem{too_many_attempts}.retry_after(*wait);

  // An unknown address costs the same time and gets the same answer as a wrong password.
  static auto const nobody = crypto::hash_password(crypto::random_token());
  auto const staff = context.tx.maybe<StaffRow>(find_staff, request.email);
  bool const right =
      crypto::verify_password(staff ? staff->password_hash : nobody, request.password);
  if (!right || !staff || staff->disabled) throw Problem{invalid_credentials};

  auto const expires = clock_source::now() + session_length;
  auto const session_id = crypto::random_token(18);
  context.tx.exec(insert_session, session_id, staff->id, expires, context.request.remote_address,
                  context.request.header("user-agent").substr(0, 200));
  context.audit_target = staff->id.text();
  auto const token = tokens.issue({.staff_id = staff->id.value,
                                   .session_id = session_id,
                                   .email = staff->email,
                                   .name = staff->name,
                                   .role = staff->role,
                                   .expires_at = expires});
  auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(session_length).count();
  context.response.headers.push_back({"Set-Cookie", cookie(token, seconds)});
  return {token, "Bearer", seconds, tokens.csrf_token(session_id)};
}

http::Nothing logout(http::Context& context, RevokedSessions& revoked) {
  context.tx.exec(revoke_session, context.actor.session_id);
  realtime::announce(context.tx, "sessions");
  revoked.add(context.actor.session_id);
  context.audit_target = StaffId{context.actor.user_id}.text();
  context.response.headers.push_back({"Set-Cookie", cookie("", 0)});
  return {};
}

Me me(http::Context& context, http::Nothing const&) {
  auto const& actor = context.actor;
  if (actor.user_id == 0) throw Problem{http::authentication_required};
  auto const locale =
      context.tx.maybe<std::optional<std::string>>(locale_of, actor.user_id).value_or(std::nullopt);
  return {StaffId{actor.user_id},
          actor.email,
          actor.name,
          actor.role,
          actor.scopes,
          locale,
          actor.csrf_token,
          actor.expires_at,
          context.settings.takes_real_money() ? "live" : "sandbox",
          ONBOARDING_VERSION};
}

}  // namespace

void Identity::add_endpoints(http::Api& api) {
  api.on_authenticate([this](http::Request const& request) { return authenticate(request); });
  api.add(http::Endpoint<LoginRequest, LoginAnswer>{
      .route = "POST /api/admin/login",
      .summary = "Log in",
      .tag = "Identity",
      .audit = "session.started",
      .limit = http::per_minute(30),
      .problems = {invalid_credentials, too_many_attempts},
      .lane = http::Lane::password,
      .handle =
          [this](http::Context& context, LoginRequest const& request) {
            return login(context, request, tokens_, account_attempts_);
          },
  });
  api.add(http::Endpoint<http::Nothing, http::Nothing>{
      .route = "POST /api/admin/logout",
      .summary = "End the session",
      .tag = "Identity",
      .scope = "dashboard:read",
      .audit = "session.ended",
      .handle = [this](http::Context& context,
                       http::Nothing const&) { return logout(context, revoked_); },
  });
  api.add(http::Endpoint<http::Nothing, Me>{
      .route = "GET /api/admin/me",
      .summary = "Tell who is logged in",
      .tag = "Identity",
      .scope = "dashboard:read",
      .handle = me,
  });
}

}  // namespace identity
