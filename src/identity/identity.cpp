// People, and who a request comes from.
#include "identity/identity.hpp"

#include "identity/admission.hpp"
#include "identity/api_keys.hpp"
#include "identity/devices.hpp"
#include "identity/team.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"
#include "platform/text/utf8.hpp"

namespace identity {

namespace {
constexpr std::size_t most_remembered_tokens = 10'000;
constexpr std::size_t longest_name = 120;

db::Query const insert_staff{"identity.insert_staff", R"sql(
  INSERT INTO staff (email, name, role, password_hash) VALUES (lower($1), $2, $3, $4) RETURNING id
)sql"};

db::Query const any_owner{"identity.any_owner",
                          "SELECT EXISTS (SELECT 1 FROM staff WHERE role = 'owner')"};

db::Query const set_password{"identity.set_password", R"sql(
  UPDATE staff SET password_hash = $2, password_changed_at = now() WHERE email = lower($1)
  RETURNING id
)sql"};

db::Query const disable{"identity.lock_account", R"sql(
  UPDATE staff SET disabled_at = now(), version = version + 1 WHERE id = $1 AND disabled_at IS NULL
)sql"};

void require_long(std::string const& password) {
  if (utf8::count(password) < shortest_password)
    throw std::runtime_error{"the password must have at least 12 characters"};
}

std::string folded(std::string_view text) {
  std::string out;
  for (unsigned char const c : text)
    if (c > ' ') out += char(std::tolower(c));
  return out;
}
}  // namespace

void require_unguessable(std::string_view password, std::string_view email, std::string_view name,
                         std::string_view pointer) {
  auto const given = folded(password);
  auto const address = folded(email), local_part = address.substr(0, address.find('@'));
  bool const is_one_letter = given.find_first_not_of(given.substr(0, 1)) == std::string::npos;
  if (!is_one_letter && given != address && given != local_part && given != folded(name)) return;
  Problem problem{validation_failed};
  problem.errors.push_back({std::string{pointer}, "guessable",
                            "must not be the e-mail address, the name or one letter repeated"});
  throw problem;
}

Identity::Identity(config::Settings const& settings, vault::Vault& vault, realtime::Hub& hub)
    : settings_{settings},
      directory_{settings.database_url, vault, hub},
      factors_{settings, vault} {}

http::Actor Identity::actor_of(std::string const& token) const {
  auto const snapshot = directory_.now();
  auto& verified = *snapshot->verified;
  {
    std::scoped_lock lock{verified.mutex};
    auto const found = verified.by_token.find(token);
    if (found != verified.by_token.end() && found->second.expires_at > clock_source::now())
      return found->second;
  }
  auto const claims = verify_token(snapshot->signing_keys, token);
  auto const person = snapshot->people.find(claims.staff_id);
  if (snapshot->ended_sessions.contains(claims.session_id) || person == snapshot->people.end() ||
      person->second.disabled)
    throw Problem{invalid_token, {}, "the session was ended"};
  bool const must_enrol = person->second.must_enrol();
  http::Actor const actor{
      .user_id = claims.staff_id,
      .email = person->second.email,
      .name = person->second.name,
      .role = person->second.role,
      .session_id = claims.session_id,
      .csrf_token = snapshot->csrf_token(claims.session_id),
      .scopes = must_enrol ? snapshot->only_self : snapshot->roles.at(person->second.role),
      .expires_at = claims.expires_at,
      .must_enrol = must_enrol};
  std::scoped_lock lock{verified.mutex};
  if (verified.by_token.size() >= most_remembered_tokens) verified.by_token.clear();
  verified.by_token.insert_or_assign(token, actor);
  return actor;
}

http::Actor Identity::authenticate(http::Request const& request) {
  auto token = request.header("authorization");
  bool by_cookie = false;
  if (token.starts_with("Bearer ") || token.starts_with("bearer ")) {
    token.remove_prefix(7);
  } else {
    token = request.cookie(access_cookie);
    by_cookie = true;
  }
  if (token.empty()) return {};
  if (!by_cookie && looks_like_key(token))
    return actor_of_key(directory_, token, request.remote_address, settings_.takes_real_money());
  try {
    auto actor = actor_of(std::string{token});
    actor.by_cookie = by_cookie;
    return actor;
  } catch (Problem const&) {
    if (by_cookie) return {};  // a stale cookie is the same as none
    throw;
  }
}

void Identity::add_endpoints(http::Api& api) {
  api.on_authenticate([this](http::Request const& request) { return authenticate(request); });
  api.on_step_up(require_recent_confirmation);
  api.on_admit([this](http::Request const& request, bool writes) {
    if (auto const snapshot = directory_.now()) admit(*snapshot, request, writes);
  });
  add_login_endpoints(api);
  add_second_step_endpoints(api);
  add_session_endpoints(api);
  add_profile_endpoints(api);
  add_second_factor_endpoints(api);
  add_passkey_endpoints(api);
  add_people_endpoints(api, directory_);
  add_invitation_endpoints(api, directory_);
  add_role_endpoints(api, directory_);
  add_api_key_endpoints(api, directory_);
}

StaffId create_staff(db::Tx& tx, NewStaff const& staff) {
  if (checks::account_email(staff.email))
    throw std::runtime_error{"\"" + staff.email + "\" is not an e-mail address"};
  if (auto const* complaint = checks::one_line(staff.name))
    throw std::runtime_error{std::string{"the name "} + complaint};
  if (utf8::count(staff.name) > longest_name)
    throw std::runtime_error{"the name must have at most 120 characters"};
  require_long(staff.password);
  try {
    auto const id = tx.one<StaffId>(insert_staff, staff.email, staff.name, staff.role,
                                    crypto::hash_password(staff.password));
    announce_change(tx);
    return id;
  } catch (db::Failure const& failure) {
    if (failure.constraint == "staff_email_taken")
      throw std::runtime_error{"there is already somebody with the e-mail " + staff.email};
    if (failure.constraint == "staff_role_exists")
      throw std::runtime_error{"there is no role \"" + staff.role + "\""};
    throw;
  }
}

bool has_owner(db::Tx& tx) { return tx.one<bool>(any_owner); }

bool reset_password(db::Tx& tx, std::string const& email, std::string const& password) {
  require_long(password);
  auto const id = tx.maybe<StaffId>(set_password, email, crypto::hash_password(password));
  if (!id) return false;
  end_sessions_of(tx, *id, "", "password_reset");
  distrust_devices(tx, *id);
  return true;
}

bool lock_account(db::Tx& tx, StaffId id) {
  if (tx.exec(disable, id) == 0) return false;
  end_sessions_of(tx, id, "", "account_locked");
  return true;
}

}  // namespace identity
