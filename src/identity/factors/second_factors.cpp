// Checking, counting and keeping second factors.
#include "identity/factors/second_factors.hpp"

#include "identity/factors/totp.hpp"
#include "identity/guards/security_events.hpp"
#include "identity/mails.hpp"
#include "identity/sessions/sessions.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"

namespace identity::factors {

namespace {
constexpr int most_failures = 10;
constexpr std::chrono::minutes failure_window{15};
constexpr int farthest_clock = 20;  // steps: ten minutes

struct Having {
  bool totp, passkey, recovery_code;
};
db::Query const what_they_have{"identity.second_factors_of", R"sql(
  SELECT EXISTS (SELECT 1 FROM totp_factors WHERE staff_id = $1 AND sealed_seed IS NOT NULL) AS totp,
         EXISTS (SELECT 1 FROM passkeys WHERE staff_id = $1) AS passkey,
         EXISTS (SELECT 1 FROM recovery_codes WHERE staff_id = $1 AND used_at IS NULL)
           AS recovery_code
)sql"};

struct Failures {
  std::int64_t failures;
  Time since;
};
db::Query const count_failure{"identity.count_factor_failure", R"sql(
  INSERT INTO factor_failures AS known (staff_id, failures, since) VALUES ($1, 1, $2)
  ON CONFLICT (staff_id) DO UPDATE
     SET failures = CASE WHEN known.since <= $3 THEN 1 ELSE known.failures + 1 END,
         since = CASE WHEN known.since <= $3 THEN $2 ELSE known.since END
  RETURNING failures, since
)sql"};
db::Query const forget_failures{"identity.forget_factor_failures",
                                "DELETE FROM factor_failures WHERE staff_id = $1"};

db::Query const load_seed{"identity.load_totp_seed", R"sql(
  SELECT sealed_seed FROM totp_factors WHERE staff_id = $1 AND sealed_seed IS NOT NULL
)sql"};
db::Query const load_pending_seed{"identity.load_pending_totp_seed", R"sql(
  SELECT pending_seed FROM totp_factors WHERE staff_id = $1 AND pending_seed IS NOT NULL FOR UPDATE
)sql"};
db::Query const keep_pending_seed{"identity.keep_pending_totp_seed", R"sql(
  INSERT INTO totp_factors (staff_id, pending_seed) VALUES ($1, $2)
  ON CONFLICT (staff_id) DO UPDATE SET pending_seed = $2
)sql"};
db::Query const adopt_seed{"identity.adopt_totp_seed", R"sql(
  UPDATE totp_factors SET sealed_seed = pending_seed, pending_seed = NULL, created_at = $3,
                          last_used_at = NULL, last_counter = $2
   WHERE staff_id = $1
)sql"};
db::Query const use_step{"identity.use_totp_step", R"sql(
  UPDATE totp_factors SET last_counter = $2, last_used_at = $3
   WHERE staff_id = $1 AND last_counter < $2
)sql"};

db::Query const insert_recovery_codes{"identity.insert_recovery_codes", R"sql(
  INSERT INTO recovery_codes (hash, staff_id, created_at) SELECT unnest($2::text[]), $1, $3
)sql"};
db::Query const delete_recovery_codes{"identity.delete_recovery_codes",
                                      "DELETE FROM recovery_codes WHERE staff_id = $1"};
db::Query const mark_recovery_code{"identity.use_recovery_code", R"sql(
  UPDATE recovery_codes SET used_at = $3 WHERE staff_id = $1 AND hash = $2 AND used_at IS NULL
)sql"};
db::Query const count_recovery_codes{"identity.count_recovery_codes", R"sql(
  SELECT count(*) FROM recovery_codes WHERE staff_id = $1 AND used_at IS NULL
)sql"};

struct PasskeyRow {
  std::int64_t id;
  StaffId staff_id;
  std::int64_t algorithm;
  std::string public_key;
  std::int64_t sign_count;
};
db::Query const find_passkey{"identity.find_passkey", R"sql(
  SELECT id, staff_id, algorithm, public_key, sign_count FROM passkeys WHERE credential_id = $1
     FOR UPDATE
)sql"};
db::Query const owner_of_passkey{"identity.owner_of_passkey",
                                 "SELECT staff_id FROM passkeys WHERE credential_id = $1"};
db::Query const use_passkey{"identity.use_passkey", R"sql(
  UPDATE passkeys SET sign_count = $2, last_used_at = $3 WHERE id = $1
)sql"};

struct AllowedRow {
  std::string credential_id;
  std::vector<std::string> transports;
};
db::Query const list_allowed{"identity.list_allowed_passkeys", R"sql(
  SELECT credential_id, transports FROM passkeys WHERE staff_id = $1 ORDER BY id
)sql"};

db::Query const forget_factors{"identity.forget_second_factors", R"sql(
  WITH totp AS (DELETE FROM totp_factors WHERE staff_id = $1),
       codes AS (DELETE FROM recovery_codes WHERE staff_id = $1),
       devices AS (UPDATE known_devices SET trusted_until = NULL WHERE staff_id = $1)
  DELETE FROM passkeys WHERE staff_id = $1
)sql"};
db::Query const find_by_email{"identity.find_staff_id",
                              "SELECT id FROM staff WHERE email = lower($1)"};

std::string seed_context(StaffId staff) { return "totp_factors/" + std::to_string(staff.value); }

std::string hash_of_code(std::string const& plain) { return crypto::hex(crypto::sha256(plain)); }

/// 80 random bits in groups of four, without letters that look like digits.
std::string new_recovery_code() {
  constexpr std::string_view letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  auto const random = crypto::from_base64url(crypto::random_token(16));
  std::string code;
  for (unsigned char byte : random) {
    if (code.size() % 5 == 4) code += '-';
    code += letters[byte % letters.size()];  // 32 letters: no bias
  }
  return code;
}

retention::Kept const kept_totp_factors{"totp_factors", "one a person"};
retention::Kept const kept_recovery_codes{"recovery_codes", "ten a person; new ones replace them"};
retention::Kept const kept_factor_failures{"factor_failures", "one row a person"};
}  // namespace

std::string plain_code(std::string_view typed) {
  std::string out;
  for (char c : typed) {
    if (c == ' ' || c == '-' || c == '\t') continue;
    out += c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  }
  return out;
}

std::vector<FactorMethod> SecondFactors::methods_of(db::Tx& tx, StaffId staff) const {
  auto const has = tx.one<Having>(what_they_have, staff);
  std::vector<FactorMethod> methods;
  if (has.passkey) methods.push_back(FactorMethod::passkey);
  if (has.totp) methods.push_back(FactorMethod::totp);
  if (has.recovery_code && !methods.empty()) methods.push_back(FactorMethod::recovery_code);
  return methods;
}

namespace {
/// The page that asks. Browsers name it with everything that is to be done; with what is only read,
/// the page's address tells.
std::string page_of(http::Request const& request) {
  auto const origin = request.header("origin");
  if (!origin.empty()) return std::string{origin};
  auto const referer = request.header("referer");
  auto const host = referer.find("://");
  return std::string{
      referer.substr(0, host == std::string_view::npos ? host : referer.find('/', host + 3))};
}
}  // namespace

webauthn::Site SecondFactors::site(http::Request const& request) const {
  auto const home = webauthn::site_of(settings_.public_url);
  auto const page = page_of(request);
  http::Request const asking{
      .headers = {{"origin", page}, {"host", std::string{request.header("host")}}},
      .secure = request.secure};
  if (!http::Origins{settings_}.has(asking)) return home;
  auto there = webauthn::site_of(page);
  if (there.id.ends_with("." + home.id)) there.id = home.id;
  return there;
}

PasskeyRequest SecondFactors::passkey_request(db::Tx& tx, http::Request const& request,
                                              Challenge const& challenge) const {
  PasskeyRequest out{
      .challenge = challenge.webauthn(),
      .site_id = site(request).id,
      .timeout = std::chrono::milliseconds{challenge_life}.count(),
      .user_verification = challenge.purpose == Purpose::passkey_login ? "required" : "preferred"};
  if (challenge.staff_id.value != 0)
    for (auto& row : tx.all<AllowedRow>(list_allowed, challenge.staff_id))
      out.allowed.push_back({.id = row.credential_id, .transports = row.transports});
  return out;
}

StaffId SecondFactors::prove(db::Connection& connection, Challenge const& challenge,
                             Shown const& shown, http::Request const& request) const {
  auto const result =
      db::transact(connection, [&](db::Tx& tx) { return check(tx, challenge, shown, request); });
  switch (result.outcome) {
    case Outcome::right:
      return result.staff;
    case Outcome::wrong:
      throw Problem{wrong_second_factor, {}, result.why};
    case Outcome::challenge_over:
      throw Problem{challenge_expired};
    case Outcome::too_many:
      throw Problem{too_many_factor_attempts}.retry_after(result.wait_seconds);
  }
  throw Problem{wrong_second_factor};
}

SecondFactors::Result SecondFactors::check(db::Tx& tx, Challenge const& challenge,
                                           Shown const& shown, http::Request const& request) const {
  if (!take_attempt(tx, challenge)) return {Outcome::challenge_over, {}};
  auto staff = challenge.staff_id;
  if (staff.value == 0 && shown.assertion)
    staff = tx.maybe<StaffId>(owner_of_passkey, shown.assertion->id).value_or(StaffId{});
  if (staff.value == 0) return {Outcome::wrong, {}, 0, "nobody has this passkey"};
  // Counted before it is looked at, so that guesses at one moment count like guesses in a row.
  auto const now = clock_source::now();
  auto const failures = tx.one<Failures>(count_failure, staff, now, now - failure_window);
  if (failures.failures > most_failures)
    return {Outcome::too_many, staff,
            int(std::chrono::ceil<std::chrono::seconds>(failures.since + failure_window - now)
                    .count())};
  std::string why;
  if (matches(tx, staff, challenge, shown, request, why)) {
    tx.exec(forget_failures, staff);
    use_up(tx, challenge);
    return {Outcome::right, staff};
  }
  if (failures.failures == most_failures) {
    guards::raise(tx, {.kind = "second_factor_guessing",
                       .severity = guards::Severity::high,
                       .staff_id = staff,
                       .address = request.remote_address});
    write_to(tx, settings_, staff, second_factor_guessed,
             {{"count", std::to_string(most_failures)}, {"address", request.remote_address}});
  }
  return {Outcome::wrong, staff, 0, why};
}

bool SecondFactors::matches(db::Tx& tx, StaffId staff, Challenge const& challenge,
                            Shown const& shown, http::Request const& request,
                            std::string& why) const {
  switch (shown.method) {
    case FactorMethod::totp:
      return is_current_code(tx, staff, plain_code(shown.code));
    case FactorMethod::recovery_code:
      return use_recovery_code(tx, staff, plain_code(shown.code));
    case FactorMethod::passkey:
      return shown.assertion &&
             is_own_passkey(tx, staff, challenge, *shown.assertion, request, why);
  }
  return false;
}

bool SecondFactors::is_current_code(db::Tx& tx, StaffId staff, std::string const& code) const {
  auto const sealed = tx.maybe<std::string>(load_seed, staff);
  if (!sealed) return false;
  auto const now = clock_source::now();
  auto const step = totp_step_of(vault_.open(tx, *sealed, seed_context(staff)), code, now);
  return step && tx.exec(use_step, staff, *step, now) == 1;
}

bool SecondFactors::use_recovery_code(db::Tx& tx, StaffId staff, std::string const& code) const {
  if (tx.exec(mark_recovery_code, staff, hash_of_code(code), clock_source::now()) == 0)
    return false;
  auto const left = tx.one<std::int64_t>(count_recovery_codes, staff);
  write_to(tx, settings_, staff, recovery_code_used, {{"left", std::to_string(left)}});
  return true;
}

bool SecondFactors::is_own_passkey(db::Tx& tx, StaffId staff, Challenge const& challenge,
                                   webauthn::Assertion const& assertion,
                                   http::Request const& request, std::string& why) const {
  auto const passkey = tx.maybe<PasskeyRow>(find_passkey, assertion.id);
  if (!passkey || passkey->staff_id != staff) {
    why = "not a passkey of this person";
    return false;
  }
  auto const count = webauthn::verify(
      assertion, {passkey->algorithm, crypto::from_base64url(passkey->public_key)},
      {site(request), challenge.webauthn(), challenge.purpose == Purpose::passkey_login}, why);
  if (!count) return false;
  // Authenticators that count must count up: otherwise there are two of one.
  if ((*count != 0 || passkey->sign_count != 0) && *count <= passkey->sign_count) {
    why = "the counter did not rise";
    guards::raise(tx, {.kind = "passkey_cloned",
                       .severity = guards::Severity::high,
                       .staff_id = staff,
                       .address = request.remote_address,
                       .detail = {"{\"passkey\":" + std::to_string(passkey->id) + "}"}});
    return false;
  }
  tx.exec(use_passkey, passkey->id, *count, clock_source::now());
  return true;
}

std::string SecondFactors::begin_totp(db::Tx& tx, StaffId staff) const {
  auto seed = new_totp_seed();
  tx.exec(keep_pending_seed, staff, vault_.seal(tx, seed, seed_context(staff)));
  return seed;
}

void SecondFactors::confirm_totp(db::Tx& tx, StaffId staff, std::string const& typed) const {
  auto const sealed = tx.maybe<std::string>(load_pending_seed, staff);
  if (!sealed) throw Problem{totp_not_begun};
  auto const seed = vault_.open(tx, *sealed, seed_context(staff));
  auto const code = plain_code(typed);
  auto const now = clock_source::now();
  if (auto const step = totp_step_of(seed, code, now)) {
    tx.exec(adopt_seed, staff, *step, now);
    return;
  }
  if (auto const step = totp_step_of(seed, code, now, farthest_clock)) {
    auto const minutes = (std::abs(*step * 30 - clock_source::unix_seconds(now)) + 30) / 60;
    throw Problem{totp_clock_skew, "Its clock is about " + std::to_string(minutes) +
                                       " minutes off: set it right, then type the next code."}
        .with("minutes", std::to_string(minutes));
  }
  throw Problem{wrong_second_factor};
}

std::vector<std::string> SecondFactors::renew_recovery_codes(db::Tx& tx, StaffId staff) const {
  std::vector<std::string> codes, hashes;
  for (std::size_t i = 0; i < recovery_code_count; ++i) {
    codes.push_back(new_recovery_code());
    hashes.push_back(hash_of_code(plain_code(codes.back())));
  }
  tx.exec(delete_recovery_codes, staff);
  tx.exec(insert_recovery_codes, staff, hashes, clock_source::now());
  return codes;
}

std::vector<std::string> SecondFactors::first_recovery_codes(db::Tx& tx, StaffId staff) const {
  if (tx.one<std::int64_t>(count_recovery_codes, staff) > 0) return {};
  return renew_recovery_codes(tx, staff);
}

void SecondFactors::require_one_left(db::Tx& tx, Snapshot const& snapshot, StaffId staff) const {
  if (!methods_of(tx, staff).empty()) return;
  auto const person = snapshot.people.find(staff.value);
  if (person != snapshot.people.end() && person->second.second_factor_due)
    throw Problem{second_factor_needed};
  tx.exec(delete_recovery_codes, staff);
}

void reset_second_factors(db::Tx& tx, config::Settings const& settings, StaffId staff) {
  tx.exec(forget_factors, staff);
  sessions::end_all_of(tx, staff, "", "second_factors_reset");
  tell_change(tx, settings, staff, AccountChange::factors_reset);
}

bool reset_second_factors(db::Tx& tx, config::Settings const& settings, std::string const& email) {
  auto const staff = tx.maybe<StaffId>(find_by_email, email);
  if (staff) reset_second_factors(tx, settings, *staff);
  return staff.has_value();
}

}  // namespace identity::factors
