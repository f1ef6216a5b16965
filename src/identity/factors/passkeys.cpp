// The doors to one's own passkeys.
#include "identity/factors/second_factors.hpp"
#include "identity/mails.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"
#include "platform/retention/retention.hpp"

namespace identity::factors {

namespace {
using PasskeyId = Id<"pky">;
constexpr std::int64_t most_passkeys = 20;

inline constexpr ProblemType passkey_not_found{Kind::not_found, "passkey_not_found",
                                               "There is no such passkey of yours"};
inline constexpr ProblemType passkey_refused{Kind::invalid, "passkey_refused",
                                             "The authenticator's answer is not as it was asked"};
inline constexpr ProblemType too_many_passkeys{Kind::conflict, "too_many_passkeys",
                                               "Remove a passkey first: there are 20"};

struct Passkey {
  PasskeyId id;
  std::string name;
  Time created_at;
  std::optional<Time> last_used_at;
};
struct Passkeys {
  std::vector<Passkey> data;
};

constexpr Rules name_rules{.doc = "What one calls it",
                           .example = "Laptop",
                           .min_length = 1,
                           .max_length = 60,
                           .check = checks::one_line};

/// PublicKeyCredentialCreationOptionsJSON, for navigator.credentials.create().
struct CreationOptions {
  struct Site {
    std::string id, name;
  };
  struct User {
    std::string id, name, display_name;
    static constexpr auto fields() {
      return ::fields(field("id", &User::id), field("name", &User::name),
                      field("displayName", &User::display_name));
    }
  };
  struct Algorithm {
    std::string type = "public-key";
    std::int64_t alg;
  };
  struct Selection {
    std::string resident_key = "preferred", user_verification = "preferred";
    static constexpr auto fields() {
      return ::fields(field("residentKey", &Selection::resident_key),
                      field("userVerification", &Selection::user_verification));
    }
  };
  std::string challenge;
  Site site;
  User user;
  std::vector<Algorithm> algorithms{{.alg = -7}, {.alg = -8}, {.alg = -257}};
  std::int64_t timeout;
  std::vector<PasskeyRequest::Allowed> excluded;
  Selection selection{};
  std::string attestation = "none";
  static constexpr auto fields() {
    return ::fields(field("challenge", &CreationOptions::challenge),
                    field("rp", &CreationOptions::site), field("user", &CreationOptions::user),
                    field("pubKeyCredParams", &CreationOptions::algorithms),
                    field("timeout", &CreationOptions::timeout),
                    field("excludeCredentials", &CreationOptions::excluded),
                    field("authenticatorSelection", &CreationOptions::selection),
                    field("attestation", &CreationOptions::attestation));
  }
};

// g++ 12 fails within Boost.PFR over a default value that is a list, so these are named.
struct Options {
  std::string challenge;
  CreationOptions public_key;
  static constexpr auto fields() {
    using O = Options;
    return ::fields(
        field("challenge", &O::challenge),
        field("public_key", &O::public_key, {.doc = "For navigator.credentials.create()"}));
  }
};

struct NewPasskey {
  std::string challenge, name;
  webauthn::NewCredential credential;
  static constexpr auto rules() {
    return ::rules(rule(&NewPasskey::challenge,
                        {.doc = "From POST /api/settings/passkeys/options", .max_length = 400}),
                   rule(&NewPasskey::name, name_rules),
                   rule(&NewPasskey::credential,
                        {.doc = "What navigator.credentials.create() gave, as toJSON()"}));
  }
};

struct AddedPasskey {
  Passkey passkey;
  std::vector<std::string> recovery_codes;
  static constexpr auto rules() {
    return ::rules(
        rule(&AddedPasskey::recovery_codes,
             {.doc = "With the first factor; shown now and never again. Empty: there are some"}));
  }
};

struct OnePasskey {
  PasskeyId id;
  static constexpr auto rules() {
    return ::rules(rule(&OnePasskey::id, {.doc = "Id of the passkey"}));
  }
};
struct Rename {
  PasskeyId id;
  std::string name;
  static constexpr auto rules() {
    return ::rules(rule(&Rename::id, {.doc = "Id of the passkey"}),
                   rule(&Rename::name, name_rules));
  }
};

db::Query const list_passkeys{"identity.list_passkeys", R"sql(
  SELECT id, name, created_at, last_used_at FROM passkeys WHERE staff_id = $1 ORDER BY id
)sql"};
db::Query const count_passkeys{"identity.count_passkeys",
                               "SELECT count(*) FROM passkeys WHERE staff_id = $1"};
db::Query const insert_passkey{"identity.insert_passkey", R"sql(
  INSERT INTO passkeys (staff_id, name, credential_id, algorithm, public_key, sign_count,
                        transports, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  RETURNING id, name, created_at, last_used_at
)sql"};
db::Query const rename_passkey{"identity.rename_passkey", R"sql(
  UPDATE passkeys SET name = $3 WHERE id = $1 AND staff_id = $2
  RETURNING id, name, created_at, last_used_at
)sql"};
db::Query const remove_passkey{"identity.remove_passkey", R"sql(
  DELETE FROM passkeys WHERE id = $1 AND staff_id = $2
)sql"};
db::Query const lock_staff{"identity.lock_staff_for_passkeys",
                           "SELECT id FROM staff WHERE id = $1 FOR UPDATE"};

StaffId self_of(http::Context& context) { return StaffId{context.actor.user_id}; }

/// What the authenticator keeps as the account: the same for each passkey, and nobody's name.
std::string user_handle(config::Settings const& settings, StaffId staff) {
  auto const site = webauthn::site_of(settings.public_url);
  return crypto::base64url(crypto::sha256(site.origin + '/' + staff.text()));
}

Options creation_options(http::Context& context, Snapshot const& snapshot,
                         SecondFactors const& factors) {
  auto const self = self_of(context);
  if (context.tx.one<std::int64_t>(count_passkeys, self) >= most_passkeys)
    throw Problem{too_many_passkeys};
  auto const challenge =
      new_challenge(snapshot, Purpose::passkey_registration, self, context.actor.session_id);
  auto const site = factors.site(context.request);
  context.audit_target = self.text();
  return {challenge.token,
          {.challenge = challenge.webauthn(),
           .site = {site.id, "Onboarding System"},
           .user = {user_handle(context.settings, self), context.actor.email, context.actor.name},
           .timeout = std::chrono::milliseconds{challenge_life}.count(),
           .excluded = factors.passkey_request(context.tx, context.request, challenge).allowed}};
}

AddedPasskey add_passkey(http::Context& context, NewPasskey const& request,
                         Snapshot const& snapshot, SecondFactors const& factors) {
  auto const self = self_of(context);
  auto const challenge = read_challenge(snapshot, Purpose::passkey_registration, request.challenge);
  if (!challenge || challenge->staff_id != self ||
      challenge->session_id != context.actor.session_id || !take_attempt(context.tx, *challenge))
    throw Problem{challenge_expired};
  std::string why;
  auto const verified = webauthn::verify(
      request.credential, {factors.site(context.request), challenge->webauthn(), false}, why);
  if (!verified) throw Problem{passkey_refused, {}, why};
  use_up(context.tx, *challenge);
  auto const passkey = context.tx.one<Passkey>(
      insert_passkey, self, request.name, verified->credential_id, verified->key.algorithm,
      crypto::base64url(verified->key.bytes), verified->sign_count,
      request.credential.response.transports.value_or(std::vector<std::string>{}),
      clock_source::now());
  tell_change(context.tx, context.settings, self, AccountChange::passkey_added);
  context.audit_target = self.text();
  context.audit_after.text = json::text(passkey);
  return {passkey, factors.first_recovery_codes(context.tx, self)};
}

retention::Kept const kept_passkeys{"passkeys", "those that a person has, until they remove them"};
}  // namespace

void add_passkey_endpoints(http::Api& api, Directory& directory, config::Settings const& settings,
                           SecondFactors const& factors) {
  api.add(http::Endpoint<http::Nothing, Passkeys>{
      .route = "GET /api/settings/passkeys",
      .summary = "List one's own passkeys",
      .tag = "Settings",
      .scope = http::own_scope,
      .handle =
          [](http::Context& context, http::Nothing const&) {
            return Passkeys{context.tx.all<Passkey>(list_passkeys, self_of(context))};
          },
  });
  api.add(http::Endpoint<http::Nothing, Options>{
      .route = "POST /api/settings/passkeys/options",
      .summary = "Begin to add a passkey",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.passkey_begun",
      .limit = http::per_minute(30),
      .problems = {too_many_passkeys},
      .step_up = true,
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            return creation_options(context, *directory.now(), factors);
          },
  });
  api.add(http::Endpoint<NewPasskey, AddedPasskey>{
      .route = "POST /api/settings/passkeys",
      .summary = "Add a passkey: a second factor, and a log-in of its own",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.passkey_added",
      .limit = http::per_minute(30),
      .problems = {challenge_expired, passkey_refused},
      .constraints = {{"passkeys_credential_taken", "/credential", faults::taken}},
      .status = 201,
      .handle =
          [&](http::Context& context, NewPasskey const& request) {
            auto out = add_passkey(context, request, *directory.now(), factors);
            directory.changed(context);
            return out;
          },
  });
  api.add(http::Endpoint<Rename, Passkey>{
      .route = "PATCH /api/settings/passkeys/{id}",
      .summary = "Rename one of one's own passkeys",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.passkey_renamed",
      .problems = {passkey_not_found},
      .handle =
          [](http::Context& context, Rename const& request) {
            auto const passkey = context.tx.maybe<Passkey>(rename_passkey, request.id,
                                                           self_of(context), request.name);
            if (!passkey) throw Problem{passkey_not_found};
            context.audit_target = self_of(context).text();
            context.audit_after.text = json::text(*passkey);
            return *passkey;
          },
  });
  api.add(http::Endpoint<OnePasskey, http::Nothing>{
      .route = "DELETE /api/settings/passkeys/{id}",
      .summary = "Remove one of one's own passkeys",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "staff.passkey_removed",
      .problems = {passkey_not_found, second_factor_needed},
      .step_up = true,
      .handle =
          [&](http::Context& context, OnePasskey const& request) {
            auto const self = self_of(context);
            (void)context.tx.one<StaffId>(lock_staff, self);
            if (context.tx.exec(remove_passkey, request.id, self) == 0)
              throw Problem{passkey_not_found};
            factors.require_one_left(context.tx, *directory.now(), self);
            tell_change(context.tx, settings, self, AccountChange::passkey_removed);
            directory.changed(context);
            context.audit_target = self.text();
            return http::Nothing{};
          },
  });
}

}  // namespace identity::factors
