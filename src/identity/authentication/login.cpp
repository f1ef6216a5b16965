// Logging in with a password, proving it once more, changing it, and who am I.
#include "identity/authentication/authentication.hpp"
#include "identity/authentication/second_step.hpp"
#include "identity/guards/login_attempts.hpp"
#include "identity/guards/login_throttle.hpp"
#include "identity/mails.hpp"
#include "identity/people/accounts.hpp"
#include "identity/sessions/devices.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"

namespace identity::authentication {

namespace {
constexpr ProblemType invalid_credentials{Kind::unauthenticated, "invalid_credentials",
                                          "Email or password is wrong"};
inline constexpr ProblemType wrong_password{Kind::unauthenticated, "wrong_password",
                                            "The password is wrong"};

struct LoginRequest {
  std::string email, password;
  static constexpr auto rules() {
    return ::rules(rule(&LoginRequest::email, {.doc = "Email address",
                                               .example = "owner@example.com",
                                               .min_length = 3,
                                               .max_length = 254}),
                   rule(&LoginRequest::password, {.doc = "Password",
                                                  .min_length = 1,
                                                  .max_length = 1024,
                                                  .format = "password",
                                                  .secret = true}));
  }
};

/// Exactly one of password, code and assertion.
struct ConfirmRequest {
  std::optional<std::string> password, code, challenge;
  std::optional<factors::webauthn::Assertion> assertion;
  static constexpr auto fields() {
    return ::fields(
        field("password", &ConfirmRequest::password,
              {.doc = "One's own password",
               .min_length = 1,
               .max_length = 1024,
               .format = "password",
               .secret = true}),
        field("code", &ConfirmRequest::code,
              {.doc = "Or six digits of the authenticator app, or a recovery code",
               .max_length = 64,
               .secret = true}),
        field("assertion", &ConfirmRequest::assertion,
              {.doc = "Or what navigator.credentials.get() gave, as toJSON()"}),
        field("challenge", &ConfirmRequest::challenge,
              {.doc = "With an assertion: from GET /api/admin/confirm", .max_length = 400}));
  }
};

enum class ConfirmMethod { password, totp, recovery_code, passkey };
constexpr auto names_of(ConfirmMethod) {
  return std::array<std::string_view, 4>{"password", "totp", "recovery_code", "passkey"};
}

struct ConfirmOptions {
  std::vector<ConfirmMethod> methods;
  std::string challenge;
  std::optional<factors::PasskeyRequest> public_key;
  static constexpr auto rules() {
    return ::rules(rule(&ConfirmOptions::public_key,
                        {.doc = "For navigator.credentials.get(), when there is a passkey"}));
  }
};

struct Confirmed {
  Time valid_until;
  static constexpr auto rules() {
    return ::rules(
        rule(&Confirmed::valid_until, {.doc = "Until then dangerous actions do not ask again"}));
  }
};

struct PasswordChange {
  std::string current_password, new_password;
  static constexpr auto rules() {
    return ::rules(rule(&PasswordChange::current_password, {.doc = "The present password",
                                                            .min_length = 1,
                                                            .max_length = 1024,
                                                            .format = "password",
                                                            .secret = true}),
                   rule(&PasswordChange::new_password, {.doc = "At least 12 characters",
                                                        .min_length = people::shortest_password,
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
  bool second_factor;
  std::optional<Time> second_factor_due_at;
  bool read_only, sends_mail;
  std::string environment, version;
  static constexpr auto rules() {
    return ::rules(
        rule(&Me::second_factor, {.doc = "Has one"}),
        rule(&Me::second_factor_due_at,
             {.doc = "The role asks for one; after this moment a session without one "
                     "may do nothing but add one"}),
        rule(&Me::read_only, {.doc = "Nothing can be changed at present: an incident"}),
        rule(&Me::sends_mail, {.doc = "False where no mail server is set: mails are kept here"}),
        rule(&Me::environment, {.doc = "sandbox: no real money moves; live: it does"}));
  }
};

struct StaffRow {
  StaffId id;
  std::string password_hash;
  bool disabled;
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
};
db::Query const load_own_session{"identity.load_own_session", R"sql(
  SELECT locale, expires_at FROM sessions JOIN staff ON staff.id = staff_id WHERE sessions.id = $1
)sql"};

LoginAnswer login(http::Context& context, LoginRequest const& request, Snapshot const& snapshot,
                  factors::SecondFactors const& factors) {
  guards::LoginAttempt attempt{.account_hash = guards::account_hash_of(request.email)};
  auto const counted = [&] {
    try {
      return guards::throttle::by_password(context, request.email);
    } catch (Problem const&) {
      attempt.refused = "throttled";
      guards::record(context, attempt);
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
  guards::record(context, attempt);
  if (attempt.refused) throw Problem{invalid_credentials};
  guards::throttle::succeeded(context, counted);
  return after_password(context, snapshot, factors, staff->id);
}

/// Throws unless it is the password of whoever asks.
void require_own_password(http::Context& context, std::string const& password) {
  auto const counted = guards::throttle::confirmation(context);
  auto const hash = context.tx.one<std::string>(password_of, context.actor.user_id);
  if (!crypto::verify_password(hash, password)) throw Problem{wrong_password};
  guards::throttle::succeeded(context, counted);
}

bool is_totp_code(std::string const& code) { return factors::plain_code(code).size() == 6; }

constexpr FieldCode one_proof{"one_proof",
                              "or code or assertion must be given, and only one of them"};

/// Throws unless whoever asks is the person of the session.
void prove_again(http::Context& context, ConfirmRequest const& request, Snapshot const& snapshot,
                 factors::SecondFactors const& factors) {
  if (request.password.has_value() + request.code.has_value() + request.assertion.has_value() !=
      1) {
    throw refusal(wrong<one_proof>("/password"));
  }
  if (request.password) return require_own_password(context, *request.password);
  StaffId const self{context.actor.user_id};
  auto const& session = context.actor.session_id;
  auto const challenge =
      request.assertion
          ? factors::read_challenge(snapshot, factors::Purpose::confirmation,
                                    request.challenge.value_or(""))
          : factors::new_challenge(snapshot, factors::Purpose::confirmation, self, session);
  if (!challenge || challenge->staff_id != self || challenge->session_id != session)
    throw Problem{factors::challenge_expired};
  factors::Shown shown{factors::FactorMethod::passkey, request.code.value_or(""),
                       request.assertion};
  if (request.code)
    shown.method = is_totp_code(*request.code) ? factors::FactorMethod::totp
                                               : factors::FactorMethod::recovery_code;
  (void)factors.prove(context.worker.connection, *challenge, shown, context.request);
}

ConfirmOptions confirm_options(http::Context& context, Snapshot const& snapshot,
                               factors::SecondFactors const& factors) {
  StaffId const self{context.actor.user_id};
  auto const challenge = factors::new_challenge(snapshot, factors::Purpose::confirmation, self,
                                                context.actor.session_id);
  ConfirmOptions out{{ConfirmMethod::password}, challenge.token, {}};
  for (auto const method : factors.methods_of(context.tx, self)) {
    out.methods.push_back(*enum_from<ConfirmMethod>(name_of(method)));
    if (method == factors::FactorMethod::passkey)
      out.public_key = factors.passkey_request(context.tx, context.request, challenge);
  }
  return out;
}

Me me(http::Context& context, Snapshot const& snapshot) {
  auto const& actor = context.actor;
  auto const session = context.tx.maybe<SessionRow>(load_own_session, actor.session_id);
  if (!session) throw Problem{invalid_token};
  auto const found = snapshot.people.find(actor.user_id);
  if (found == snapshot.people.end()) throw Problem{invalid_token};
  auto const& person = found->second;
  return {StaffId{actor.user_id},
          actor.email,
          actor.name,
          actor.role,
          {actor.scopes->begin(), actor.scopes->end()},
          session->locale,
          actor.csrf_token,
          session->expires_at,
          person.has_second_factor,
          person.has_second_factor ? std::nullopt : person.second_factor_due,
          snapshot.read_only,
          !context.settings.smtp_url.empty(),
          context.settings.takes_real_money() ? "live" : "sandbox",
          ONBOARDING_VERSION};
}

}  // namespace

void add_login_endpoints(http::Api& api, Directory& directory, config::Settings const& settings,
                         factors::SecondFactors const& factors) {
  api.add(http::Endpoint<LoginRequest, LoginAnswer>{
      .route = "POST /api/admin/login",
      .summary = "Sign in",
      .tag = "Identity",
      .audit = "session.started",
      .limit = http::per_minute(30),
      .problems = {invalid_credentials, guards::too_many_attempts},
      .lane = http::Lane::password,
      .handle =
          [&](http::Context& context, LoginRequest const& request) {
            auto const snapshot = directory.now();
            auto out = login(context, request, *snapshot, factors);
            // Somebody who was made a moment ago, perhaps by another node, is to be known here
            // before they use the token.
            auto const who = StaffId::parse(context.audit_target);
            if (who && !snapshot->people.contains(who->value)) directory.changed(context);
            return out;
          },
  });
  api.add(http::Endpoint<http::Nothing, Me>{
      .route = "GET /api/admin/me",
      .summary = "Tell who is signed in",
      .tag = "Identity",
      .scope = http::own_scope,
      .handle = [&](http::Context& context,
                    http::Nothing const&) { return me(context, *directory.now()); },
  });
  api.add(http::Endpoint<http::Nothing, ConfirmOptions>{
      .route = "GET /api/admin/confirm",
      .summary = "Tell how one can prove who one is, with a challenge for passkeys",
      .tag = "Identity",
      .scope = http::own_scope,
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            return confirm_options(context, *directory.now(), factors);
          },
  });
  api.add(http::Endpoint<ConfirmRequest, Confirmed>{
      .route = "POST /api/admin/confirm",
      .summary = "Prove once more who one is, before a dangerous action",
      .tag = "Identity",
      .scope = http::own_scope,
      .audit = "session.confirmed",
      .limit = http::per_minute(30),
      .problems = {wrong_password, factors::wrong_second_factor, factors::challenge_expired,
                   guards::too_many_attempts},
      .lane = http::Lane::password,
      .handle =
          [&](http::Context& context, ConfirmRequest const& request) {
            prove_again(context, request, *directory.now(), factors);
            sessions::note_confirmation(context.tx, context.actor.session_id);
            context.audit_target = StaffId{context.actor.user_id}.text();
            return Confirmed{clock_source::now() + sessions::confirmation_life};
          },
  });
  api.add(http::Endpoint<PasswordChange, http::Nothing>{
      .route = "POST /api/settings/password",
      .summary = "Change one's own password; all other sessions end",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.password_changed",
      .limit = http::per_minute(30),
      .problems = {wrong_password, guards::too_many_attempts},
      .lane = http::Lane::password,
      .handle =
          [&](http::Context& context, PasswordChange const& request) {
            require_own_password(context, request.current_password);
            people::require_unguessable(request.new_password, context.actor.email,
                                        context.actor.name, "/new_password");
            StaffId const self{context.actor.user_id};
            context.tx.exec(change_password, self, crypto::hash_password(request.new_password));
            sessions::end_all_of(context.tx, self, context.actor.session_id, "password_changed");
            sessions::distrust_devices(context.tx, self);
            tell_change(context.tx, settings, self, AccountChange::password_changed);
            directory.changed(context);
            context.audit_target = self.text();
            return http::Nothing{};
          },
  });
}

}  // namespace identity::authentication
