// The doors to one's own authenticator app and recovery codes, and an owner's way to reset the
// factors of somebody who has lost theirs.
#include "identity/factors/second_factors.hpp"
#include "identity/factors/totp.hpp"
#include "identity/mails.hpp"
#include "platform/http/problems.hpp"

namespace identity::factors {

namespace {
constexpr std::string_view issuer = "Onboarding System";

inline constexpr ProblemType totp_not_found{Kind::not_found, "totp_not_found",
                                            "There is no authenticator app to remove"};
inline constexpr ProblemType no_second_factor{Kind::conflict, "no_second_factor",
                                              "Recovery codes stand in for a second factor, and "
                                              "there is none"};
constexpr ProblemType person_not_found{Kind::not_found, "person_not_found",
                                       "There is nobody with this id"};

struct State {
  std::optional<Time> totp_since, totp_last_used_at;
  std::int64_t passkeys, recovery_codes_left;
  bool required;
  std::optional<Time> due_at;
  static constexpr auto rules() {
    return ::rules(rule(&State::totp_since, {.doc = "Null: no authenticator app"}),
                   rule(&State::required, {.doc = "One's role asks for a second factor"}),
                   rule(&State::due_at, {.doc = "From this moment on"}));
  }
};

struct StateRow {
  std::optional<Time> totp_since, totp_last_used_at;
  std::int64_t passkeys, recovery_codes_left;
};
db::Query const load_state{"identity.load_second_factors", R"sql(
  SELECT totp.created_at AS totp_since, totp.last_used_at AS totp_last_used_at,
         (SELECT count(*) FROM passkeys WHERE staff_id = staff.id) AS passkeys,
         (SELECT count(*) FROM recovery_codes WHERE staff_id = staff.id AND used_at IS NULL)
           AS recovery_codes_left
    FROM staff LEFT JOIN totp_factors totp ON totp.staff_id = staff.id
                                          AND totp.sealed_seed IS NOT NULL
   WHERE staff.id = $1
)sql"};
db::Query const remove_totp{"identity.remove_totp", R"sql(
  DELETE FROM totp_factors WHERE staff_id = $1 AND sealed_seed IS NOT NULL
)sql"};
db::Query const lock_staff{"identity.lock_staff", "SELECT id FROM staff WHERE id = $1 FOR UPDATE"};

struct NewTotp {
  std::string uri, key, qr_image;
  static constexpr auto rules() {
    return ::rules(rule(&NewTotp::uri, {.doc = "otpauth:// address for the app"}),
                   rule(&NewTotp::key, {.doc = "The same to type, in groups of four"}),
                   rule(&NewTotp::qr_image, {.doc = "The same as a data: URL"}));
  }
};

struct FirstCode {
  std::string code;
  static constexpr auto rules() {
    return ::rules(rule(&FirstCode::code,
                        {.doc = "What the app shows now", .max_length = 20, .secret = true}));
  }
};

struct RecoveryCodes {
  std::vector<std::string> recovery_codes;
  static constexpr auto fields() {
    return ::fields(field(
        "recovery_codes", &RecoveryCodes::recovery_codes,
        {.doc = "Each works once; shown now and never again. Empty: those of before remain"}));
  }
};

struct OnePerson {
  StaffId id;
  static constexpr auto rules() {
    return ::rules(rule(&OnePerson::id, {.doc = "Id of the person"}));
  }
};

StaffId self_of(http::Context& context) { return StaffId{context.actor.user_id}; }
}  // namespace

void add_second_factor_endpoints(http::Api& api, Directory& directory,
                                 config::Settings const& settings, SecondFactors const& factors) {
  api.add(http::Endpoint<http::Nothing, State>{
      .route = "GET /api/settings/2fa",
      .summary = "Tell which second factors one has",
      .tag = "Settings",
      .scope = http::own_scope,
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            auto const row = context.tx.one<StateRow>(load_state, self_of(context));
            auto const snapshot = directory.now();
            auto const person = snapshot->people.find(context.actor.user_id);
            auto const due =
                person == snapshot->people.end() ? std::nullopt : person->second.second_factor_due;
            return State{row.totp_since,          row.totp_last_used_at, row.passkeys,
                         row.recovery_codes_left, due.has_value(),       due};
          },
  });
  api.add(http::Endpoint<http::Nothing, NewTotp>{
      .route = "POST /api/settings/2fa/totp",
      .summary = "Begin to add an authenticator app; its first code makes it count",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.totp_begun",
      .limit = http::per_minute(30),
      .step_up = true,
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            auto const seed = factors.begin_totp(context.tx, self_of(context));
            auto const uri = totp_uri(seed, issuer, context.actor.email);
            context.audit_target = self_of(context).text();
            return NewTotp{uri, totp_key(seed), qr_image(uri)};
          },
  });
  api.add(http::Endpoint<FirstCode, RecoveryCodes>{
      .route = "POST /api/settings/2fa/totp/confirm",
      .summary = "Show that the new authenticator app works; from now on it is asked for",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.totp_added",
      .limit = http::per_minute(30),
      .problems = {wrong_second_factor, totp_not_begun, totp_clock_skew},
      .handle =
          [&](http::Context& context, FirstCode const& request) {
            auto const self = self_of(context);
            factors.confirm_totp(context.tx, self, request.code);
            tell_change(context.tx, settings, self, AccountChange::totp_added);
            directory.changed(context);
            context.audit_target = self.text();
            return RecoveryCodes{factors.first_recovery_codes(context.tx, self)};
          },
  });
  api.add(http::Endpoint<http::Nothing, http::Nothing>{
      .route = "DELETE /api/settings/2fa/totp",
      .summary = "Remove one's authenticator app",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.totp_removed",
      .problems = {totp_not_found, second_factor_needed},
      .step_up = true,
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            auto const self = self_of(context);
            (void)context.tx.one<StaffId>(lock_staff, self);
            if (context.tx.exec(remove_totp, self) == 0) throw Problem{totp_not_found};
            factors.require_one_left(context.tx, *directory.now(), self);
            tell_change(context.tx, settings, self, AccountChange::totp_removed);
            directory.changed(context);
            context.audit_target = self.text();
            return http::Nothing{};
          },
  });
  api.add(http::Endpoint<http::Nothing, RecoveryCodes>{
      .route = "POST /api/settings/2fa/recovery-codes",
      .summary = "Make ten new recovery codes; the old ones no longer work",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.recovery_codes_renewed",
      .problems = {no_second_factor},
      .step_up = true,
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            auto const self = self_of(context);
            if (factors.methods_of(context.tx, self).empty()) throw Problem{no_second_factor};
            tell_change(context.tx, settings, self, AccountChange::recovery_codes_renewed);
            context.audit_target = self.text();
            return RecoveryCodes{factors.renew_recovery_codes(context.tx, self)};
          },
  });
  api.add(http::Endpoint<OnePerson, http::Nothing>{
      .route = "POST /api/settings/team/{id}/reset-second-factors",
      .summary = "Remove all second factors of somebody who lost theirs; their sessions end",
      .tag = "Settings",
      .scope = "security:write",
      .audit = "staff.second_factors_reset",
      .problems = {person_not_found, beyond_own_permissions},
      .step_up = true,
      .handle =
          [&](http::Context& context, OnePerson const& request) {
            if (!context.tx.maybe<StaffId>(lock_staff, request.id)) throw Problem{person_not_found};
            auto const snapshot = directory.now();
            if (auto const person = snapshot->people.find(request.id.value);
                person != snapshot->people.end())
              require_within(context.actor, *snapshot->roles.at(person->second.role));
            reset_second_factors(context.tx, settings, request.id);
            directory.changed(context);
            context.audit_target = request.id.text();
            return http::Nothing{};
          },
  });
}

}  // namespace identity::factors
