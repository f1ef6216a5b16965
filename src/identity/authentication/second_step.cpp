// The doors of the second step: a factor after the password, a passkey instead of one.
#include "identity/authentication/second_step.hpp"

#include "identity/authentication/authentication.hpp"
#include "identity/sessions/devices.hpp"

namespace identity {

namespace {
struct SecondFactorRequest {
  std::string challenge;
  FactorMethod method;
  std::optional<std::string> code;
  std::optional<webauthn::Assertion> assertion;
  std::optional<bool> remember_device;
  static constexpr auto fields() {
    return ::fields(field("challenge", &SecondFactorRequest::challenge,
                          {.doc = "From POST /api/admin/login", .max_length = 400}),
                    field("method", &SecondFactorRequest::method),
                    field("code", &SecondFactorRequest::code,
                          {.doc = "Six digits of the authenticator app, or a recovery code",
                           .max_length = 64,
                           .secret = true}),
                    field("assertion", &SecondFactorRequest::assertion,
                          {.doc = "What navigator.credentials.get() gave, as toJSON()"}),
                    field("remember_device", &SecondFactorRequest::remember_device,
                          {.doc = "Do not ask this browser for the second factor for 30 days"}));
  }
};

struct PasskeyLogin {
  std::string challenge;
  webauthn::Assertion assertion;
  static constexpr auto fields() {
    return ::fields(field("challenge", &PasskeyLogin::challenge,
                          {.doc = "From GET /api/admin/login/passkey", .max_length = 400}),
                    field("assertion", &PasskeyLogin::assertion,
                          {.doc = "What navigator.credentials.get() gave, as toJSON()"}));
  }
};

struct PasskeyLoginOptions {
  std::string challenge;
  PasskeyRequest public_key;
  static constexpr auto fields() {
    return ::fields(field("challenge", &PasskeyLoginOptions::challenge),
                    field("public_key", &PasskeyLoginOptions::public_key,
                          {.doc = "For navigator.credentials.get()"}));
  }
};

LoginAnswer as_login(SessionAnswer session) {
  return {std::move(session.access_token), std::move(session.token_type), session.expires_in,
          std::move(session.csrf_token),   session.session_expires_at,    {}};
}

LoginMethod as_login_method(FactorMethod method) {
  return *enum_from<LoginMethod>(name_of(method));
}

Challenge require_challenge(Snapshot const& snapshot, Purpose purpose, std::string const& token) {
  auto challenge = read_challenge(snapshot, purpose, token);
  if (!challenge) throw Problem{challenge_expired};
  return std::move(*challenge);
}

/// Checks what was shown; every try is one row for the threat rules.
StaffId proven(http::Context& context, Snapshot const& snapshot, SecondFactors const& factors,
               Challenge const& challenge, Shown const& shown) {
  auto const record = [&](StaffId staff, std::optional<std::string_view> refused) {
    auto const person = snapshot.people.find(staff.value);
    bool const known = person != snapshot.people.end();
    identity::record(context, {.account_hash = account_hash_of(known ? person->second.email : ""),
                               .staff_id = known ? std::optional{staff} : std::nullopt,
                               .method = as_login_method(shown.method),
                               .refused = refused});
  };
  auto const staff = [&] {
    try {
      return factors.prove(context.worker.connection, challenge, shown, context.request);
    } catch (Problem const& problem) {
      if (problem.type.code == wrong_second_factor.code)
        record(challenge.staff_id, wrong_second_factor.code);
      throw;
    }
  }();
  auto const person = snapshot.people.find(staff.value);
  bool const may_enter = person != snapshot.people.end() && !person->second.disabled;
  record(staff, may_enter ? std::nullopt : std::optional<std::string_view>{"account_disabled"});
  if (!may_enter) throw Problem{wrong_second_factor};
  return staff;
}
}  // namespace

LoginAnswer after_password(http::Context& context, Snapshot const& snapshot,
                           SecondFactors const& factors, StaffId staff) {
  auto methods = factors.methods_of(context.tx, staff);
  if (methods.empty() || is_trusted_device(context.tx, context.request, staff))
    return as_login(begin_session(context, snapshot, staff));
  auto const challenge = new_challenge(snapshot, Purpose::second_factor, staff);
  SecondFactorAsked asked{.challenge = challenge.token,
                          .methods = std::move(methods),
                          .expires_in = std::chrono::seconds{challenge_life}.count()};
  if (asked.methods.front() == FactorMethod::passkey)
    asked.public_key = factors.passkey_request(context.tx, context.request, challenge);
  context.audit_action = "session.second_factor_asked";
  context.audit_target = staff.text();
  return {.second_factor = std::move(asked)};
}

void Identity::add_second_step_endpoints(http::Api& api) {
  api.add(http::Endpoint<SecondFactorRequest, SessionAnswer>{
      .route = "POST /api/admin/login/2fa",
      .summary = "Show the second factor and log in",
      .tag = "Identity",
      .audit = "session.started",
      .limit = http::per_minute(30),
      .problems = {wrong_second_factor, challenge_expired, too_many_factor_attempts},
      .handle =
          [this](http::Context& context, SecondFactorRequest const& request) {
            auto const snapshot = directory_.now();
            auto const challenge =
                require_challenge(*snapshot, Purpose::second_factor, request.challenge);
            auto const staff =
                proven(context, *snapshot, factors_, challenge,
                       {request.method, request.code.value_or(""), request.assertion});
            return begin_session(context, *snapshot, staff, name_of(request.method),
                                 request.remember_device.value_or(false));
          },
  });
  api.add(http::Endpoint<http::Nothing, PasskeyLoginOptions>{
      .route = "GET /api/admin/login/passkey",
      .summary = "Get a challenge for a log-in with a passkey alone",
      .tag = "Identity",
      .handle =
          [this](http::Context& context, http::Nothing const&) {
            auto const challenge = new_challenge(*directory_.now(), Purpose::passkey_login);
            return PasskeyLoginOptions{
                challenge.token, factors_.passkey_request(context.tx, context.request, challenge)};
          },
  });
  api.add(http::Endpoint<PasskeyLogin, SessionAnswer>{
      .route = "POST /api/admin/login/passkey",
      .summary = "Log in with a passkey alone",
      .tag = "Identity",
      .audit = "session.started",
      .limit = http::per_minute(30),
      .problems = {wrong_second_factor, challenge_expired, too_many_factor_attempts},
      .handle =
          [this](http::Context& context, PasskeyLogin const& request) {
            auto const snapshot = directory_.now();
            auto const challenge =
                require_challenge(*snapshot, Purpose::passkey_login, request.challenge);
            auto const counted = throttle::by_passkey(context);
            auto const staff = proven(context, *snapshot, factors_, challenge,
                                      {FactorMethod::passkey, "", request.assertion});
            throttle::succeeded(context, counted);
            return begin_session(context, *snapshot, staff, name_of(FactorMethod::passkey));
          },
  });
}

}  // namespace identity
