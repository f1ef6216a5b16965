// Tokens and keys of requests become actors.
#include "identity/authentication/authentication.hpp"

#include "identity/api_keys/api_keys.hpp"
#include "identity/guards/admission.hpp"
#include "identity/sessions/sessions.hpp"

namespace identity::authentication {

namespace {
constexpr std::size_t most_remembered_tokens = 10'000;

http::Actor actor_of(std::string const& token, Snapshot const& snapshot) {
  auto& verified = *snapshot.verified;
  {
    std::scoped_lock lock{verified.mutex};
    auto const found = verified.by_token.find(token);
    if (found != verified.by_token.end() && found->second.expires_at > clock_source::now())
      return found->second;
  }
  auto const claims = verify_token(snapshot.signing_keys, token);
  auto const person = snapshot.people.find(claims.staff_id);
  if (snapshot.ended_sessions.contains(claims.session_id) || person == snapshot.people.end() ||
      person->second.disabled)
    throw Problem{invalid_token, {}, "the session was ended"};
  bool const must_enrol = person->second.must_enrol();
  http::Actor const actor{
      .user_id = claims.staff_id,
      .email = person->second.email,
      .name = person->second.name,
      .role = person->second.role,
      .session_id = claims.session_id,
      .csrf_token = snapshot.csrf_token(claims.session_id),
      .scopes = must_enrol ? snapshot.only_self : snapshot.roles.at(person->second.role),
      .expires_at = claims.expires_at,
      .must_enrol = must_enrol};
  std::scoped_lock lock{verified.mutex};
  if (verified.by_token.size() >= most_remembered_tokens) verified.by_token.clear();
  verified.by_token.insert_or_assign(token, actor);
  return actor;
}
}  // namespace

http::Actor authenticate(http::Request const& request, Directory& directory,
                         config::Settings const& settings) {
  auto token = request.header("authorization");
  bool by_cookie = false;
  if (token.starts_with("Bearer ") || token.starts_with("bearer ")) {
    token.remove_prefix(7);
  } else {
    token = request.cookie(sessions::access_cookie);
    by_cookie = true;
  }
  if (token.empty()) return {};
  if (!by_cookie && api_keys::looks_like_key(token))
    return api_keys::actor_of_key(directory, token, request.remote_address,
                                  settings.takes_real_money());
  try {
    auto actor = actor_of(std::string{token}, *directory.now());
    actor.by_cookie = by_cookie;
    return actor;
  } catch (Problem const&) {
    if (by_cookie) return {};  // a stale cookie is the same as none
    throw;
  }
}

void add_endpoints(http::Api& api, Directory& directory, config::Settings const& settings,
                   factors::SecondFactors const& factors) {
  api.on_authenticate(
      [&](http::Request const& request) { return authenticate(request, directory, settings); });
  api.on_step_up(sessions::require_recent_confirmation);
  api.on_admit([&](http::Request const& request, bool writes) {
    if (auto const snapshot = directory.now()) guards::admit(*snapshot, request, writes);
  });
  add_login_endpoints(api, directory, settings, factors);
  add_second_step_endpoints(api, directory, factors);
}

}  // namespace identity::authentication
