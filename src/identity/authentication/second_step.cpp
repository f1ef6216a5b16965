// The doors of the second step: a factor after the password, a passkey instead of one.
#include "identity/authentication/second_step.hpp"

#include "identity/authentication/authentication.hpp"
#include "identity/guards/login_attempts.hpp"
#include "identity/guards/login_throttle.hpp"
#include "identity/sessions/devices.hpp"

namespace identity::authentication {

namespace {
struct SecondFactorRequest {
  std::string challenge;
  factors::FactorMethod method;
  std::optional<std::string> code;
  std::optional<factors::webauthn::Assertion> assertion;
  std::optional<bool> remember_device;
  static constexpr auto rules() {
    return ::rules(rule(&SecondFactorRequest::challenge,
                        {.doc = "From POST /api/admin/login", .max_length = 400}),
                   rule(&SecondFactorRequest::code,
                        {.doc = "Six digits of the authenticator app, or a recovery code",
                         .max_length = 64,
                         .secret = true}),
                   rule(&SecondFactorRequest::assertion,
                        {.doc = "What navigator.credentials.get() gave, as toJSON()"}),
                   rule(&SecondFactorRequest::remember_device,
                        {.doc = "Do not ask this browser for the second factor for 30 days"}));
  }
};

struct PasskeyLogin {
  std::string challenge;
  factors::webauthn::Assertion assertion;
  static constexpr auto rules() {
    return ::rules(rule(&PasskeyLogin::challenge,
                        {.doc = "From GET /api/admin/login/passkey", .max_length = 400}),
                   rule(&PasskeyLogin::assertion,
                        {.doc = "What navigator.credentials.get() gave, as toJSON()"}));
  }
};

struct PasskeyLoginOptions {
  std::string challenge;
  factors::PasskeyRequest public_key;
  static constexpr auto rules() {
    return ::rules(
        rule(&PasskeyLoginOptions::public_key, {.doc = "For navigator.credentials.get()"}));
  }
};

LoginAnswer as_login(sessions::SessionAnswer session) {
  return {std::move(session.access_token), std::move(session.token_type), session.expires_in,
          std::move(session.csrf_token),   session.session_expires_at,    {}};
}

guards::LoginMethod as_login_method(factors::FactorMethod method) {
  return *enum_from<guards::LoginMethod>(name_of(method));
}

factors::Challenge require_challenge(Snapshot const& snapshot, factors::Purpose purpose,
                                     std::string const& token) {
  auto challenge = factors::read_challenge(snapshot, purpose, token);
  if (!challenge) throw Problem{factors::challenge_expired};
  return std::move(*challenge);
}

/// Checks what was shown; every try is one row for the threat rules.
StaffId proven(http::Context& context, Snapshot const& snapshot,
               factors::SecondFactors const& factors, factors::Challenge const& challenge,
               factors::Shown const& shown) {
  auto const record = [&](StaffId staff, std::optional<std::string_view> refused) {
    auto const person = snapshot.people.find(staff.value);
    bool const known = person != snapshot.people.end();
    guards::record(context,
                   {.account_hash = guards::account_hash_of(known ? person->second.email : ""),
                    .staff_id = known ? std::optional{staff} : std::nullopt,
                    .method = as_login_method(shown.method),
                    .refused = refused});
  };
  auto const staff = [&] {
    try {
      return factors.prove(context.worker.connection, challenge, shown, context.request);
    } catch (Problem const& problem) {
      if (problem.type.code == factors::wrong_second_factor.code)
        record(challenge.staff_id, factors::wrong_second_factor.code);
      throw;
    }
  }();
  auto const person = snapshot.people.find(staff.value);
  bool const may_enter = person != snapshot.people.end() && !person->second.disabled;
  record(staff, may_enter ? std::nullopt : std::optional<std::string_view>{"account_disabled"});
  if (!may_enter) throw Problem{factors::wrong_second_factor};
  return staff;
}
}  // namespace

LoginAnswer after_password(http::Context& context, Snapshot const& snapshot,
                           factors::SecondFactors const& factors, StaffId staff) {
  auto methods = factors.methods_of(context.tx, staff);
  if (methods.empty() || sessions::is_trusted_device(context.tx, context.request, staff))
    return as_login(sessions::begin(context, snapshot, staff));
  auto const challenge = factors::new_challenge(snapshot, factors::Purpose::second_factor, staff);
  SecondFactorAsked asked{.challenge = challenge.token,
                          .methods = std::move(methods),
                          .expires_in = std::chrono::seconds{factors::challenge_life}.count()};
  if (asked.methods.front() == factors::FactorMethod::passkey)
    asked.public_key = factors.passkey_request(context.tx, context.request, challenge);
  context.audit_action = "session.second_factor_asked";
  context.audit_target = staff.text();
  return {.second_factor = std::move(asked)};
}

void add_second_step_endpoints(http::Api& api, Directory& directory,
                               factors::SecondFactors const& factors) {
  api.add(http::Endpoint<SecondFactorRequest, sessions::SessionAnswer>{
      .route = "POST /api/admin/login/2fa",
      .summary = "Show the second factor and sign in",
      .tag = "Identity",
      .audit = "session.started",
      .limit = http::per_minute(30),
      .problems = {factors::wrong_second_factor, factors::challenge_expired,
                   factors::too_many_factor_attempts},
      .handle =
          [&](http::Context& context, SecondFactorRequest const& request) {
            auto const snapshot = directory.now();
            auto const challenge =
                require_challenge(*snapshot, factors::Purpose::second_factor, request.challenge);
            auto const staff =
                proven(context, *snapshot, factors, challenge,
                       {request.method, request.code.value_or(""), request.assertion});
            return sessions::begin(context, *snapshot, staff, name_of(request.method),
                                   request.remember_device.value_or(false));
          },
  });
  api.add(http::Endpoint<http::Nothing, PasskeyLoginOptions>{
      .route = "GET /api/admin/login/passkey",
      .summary = "Get a challenge for a log-in with a passkey alone",
      .tag = "Identity",
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            auto const challenge =
                factors::new_challenge(*directory.now(), factors::Purpose::passkey_login);
            return PasskeyLoginOptions{
                challenge.token, factors.passkey_request(context.tx, context.request, challenge)};
          },
  });
  api.add(http::Endpoint<PasskeyLogin, sessions::SessionAnswer>{
      .route = "POST /api/admin/login/passkey",
      .summary = "Sign in with a passkey alone",
      .tag = "Identity",
      .audit = "session.started",
      .limit = http::per_minute(30),
      .problems = {factors::wrong_second_factor, factors::challenge_expired,
                   factors::too_many_factor_attempts},
      .handle =
          [&](http::Context& context, PasskeyLogin const& request) {
            auto const snapshot = directory.now();
            auto const challenge =
                require_challenge(*snapshot, factors::Purpose::passkey_login, request.challenge);
            auto const counted = guards::throttle::by_passkey(context);
            auto const staff = proven(context, *snapshot, factors, challenge,
                                      {factors::FactorMethod::passkey, "", request.assertion});
            guards::throttle::succeeded(context, counted);
            return sessions::begin(context, *snapshot, staff,
                                   name_of(factors::FactorMethod::passkey));
          },
  });
}

}  // namespace identity::authentication
