// People, what their roles may do, and who a request comes from.
#include "identity/identity.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"

namespace identity {

namespace {
constexpr std::size_t shortest_password = 12;
constexpr std::size_t most_known_tokens = 2000;

db::Query const insert_staff{"identity.insert_staff", R"sql(
  INSERT INTO staff (email, name, role, password_hash) VALUES (lower($1), $2, $3, $4) RETURNING id
)sql"};

db::Query const any_owner{"identity.any_owner",
                          "SELECT EXISTS (SELECT 1 FROM staff WHERE role = 'owner')"};

db::Query const set_password{"identity.set_password", R"sql(
  UPDATE staff SET password_hash = $2 WHERE email = lower($1) RETURNING id
)sql"};

db::Query const revoke_all{"identity.revoke_all", R"sql(
  UPDATE sessions SET revoked_at = now() WHERE staff_id = $1 AND revoked_at IS NULL
)sql"};

void require_long(std::string const& password) {
  if (password.size() < shortest_password)
    throw std::runtime_error{"the password must have at least 12 characters"};
}
}  // namespace

std::vector<std::string> scopes_of(Role role) {
  std::vector<std::string> scopes{"dashboard:read", "tenants:read"};
  if (role == Role::owner || role == Role::admin || role == Role::support)
    scopes.push_back("tenants:write");
  if (role == Role::owner || role == Role::admin) scopes.push_back("mails:read");
  return scopes;
}

Identity::Identity(std::string_view master_key, std::string database_url, realtime::Hub& hub)
    : tokens_{master_key}, revoked_{std::move(database_url), hub} {}

http::Actor Identity::actor_of(std::string const& token) {
  {
    std::shared_lock lock{known_mutex_};
    auto const found = known_.find(token);
    if (found != known_.end() && found->second.expires_at > clock_source::now())
      return found->second;
  }
  auto const claims = tokens_.verify(token);
  http::Actor actor{.user_id = claims.staff_id,
                    .email = claims.email,
                    .name = claims.name,
                    .role = std::string{name_of(claims.role)},
                    .session_id = claims.session_id,
                    .csrf_token = tokens_.csrf_token(claims.session_id),
                    .scopes = scopes_of(claims.role),
                    .expires_at = claims.expires_at};
  std::unique_lock lock{known_mutex_};
  if (known_.size() >= most_known_tokens) known_.clear();
  known_.insert_or_assign(token, actor);
  return actor;
}

http::Actor Identity::authenticate(http::Request const& request) {
  auto token = request.header("authorization");
  bool by_cookie = false;
  if (token.starts_with("Bearer ") || token.starts_with("bearer ")) {
    token.remove_prefix(7);
  } else {
    token = request.cookie("__Host-session");
    by_cookie = true;
  }
  if (token.empty()) return {};
  try {
    auto actor = actor_of(std::string{token});
    if (revoked_.contains(actor.session_id)) throw Problem{invalid_token, {}, "revoked"};
    actor.by_cookie = by_cookie;
    return actor;
  } catch (Problem const&) {
    if (by_cookie) return {};  // a stale cookie is the same as none
    throw;
  }
}

StaffId create_staff(db::Tx& tx, NewStaff const& staff) {
  if (staff.email.find('@') == std::string::npos)
    throw std::runtime_error{"\"" + staff.email + "\" is not an e-mail address"};
  require_long(staff.password);
  try {
    return tx.one<StaffId>(insert_staff, staff.email, staff.name, staff.role,
                           crypto::hash_password(staff.password));
  } catch (db::Failure const& failure) {
    if (failure.constraint == "staff_email_taken")
      throw std::runtime_error{"there is already somebody with the e-mail " + staff.email};
    throw;
  }
}

bool has_owner(db::Tx& tx) { return tx.one<bool>(any_owner); }

bool reset_password(db::Tx& tx, std::string const& email, std::string const& password) {
  require_long(password);
  auto const id = tx.maybe<std::int64_t>(set_password, email, crypto::hash_password(password));
  if (!id) return false;
  tx.exec(revoke_all, *id);
  realtime::announce(tx, "sessions");
  return true;
}

}  // namespace identity
