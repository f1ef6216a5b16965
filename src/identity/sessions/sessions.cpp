// The rows of sessions and the doors to one's own.
#include "identity/sessions/sessions.hpp"

#include "identity/guards/security_events.hpp"
#include "identity/mails.hpp"
#include "identity/sessions/devices.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/problems.hpp"
#include "platform/i18n/i18n.hpp"
#include "platform/retention/retention.hpp"

namespace identity::sessions {

namespace {
// Two tabs refresh with one token at one moment, or an answer gets lost: within this time the same
// successor is given once more. Whoever stole a token still shows at the next refresh.
constexpr std::chrono::seconds reuse_leeway{20};

db::Query const insert_session{"identity.insert_session", R"sql(
  INSERT INTO sessions (id, staff_id, created_at, last_used_at, confirmed_at, expires_at, address,
                        user_agent, second_factor)
  VALUES ($1, $2, $3, $3, $3, $4, $5, $6, $7)
)sql"};

db::Query const insert_refresh_token{"identity.insert_refresh_token", R"sql(
  INSERT INTO refresh_tokens (hash, session_id, issued_at) VALUES ($1, $2, $3)
  ON CONFLICT DO NOTHING
)sql"};

struct RefreshRow {
  std::string session_id;
  StaffId staff_id;
  std::optional<double> used_ago;  // seconds by PostgreSQL's clock: those of the nodes may differ
  Time expires_at, last_used_at;
  bool ended;
};

db::Query const find_refresh_token{"identity.find_refresh_token", R"sql(
  SELECT sessions.id AS session_id, staff_id, expires_at, last_used_at,
         extract(epoch FROM clock_timestamp() - used_at)::float8 AS used_ago,
         revoked_at IS NOT NULL OR staff.disabled_at IS NOT NULL AS ended
    FROM refresh_tokens
    JOIN sessions ON sessions.id = session_id
    JOIN staff ON staff.id = staff_id
   WHERE hash = $1 FOR UPDATE OF refresh_tokens, sessions
)sql"};

db::Query const use_refresh_token{
    "identity.use_refresh_token",
    "UPDATE refresh_tokens SET used_at = clock_timestamp() WHERE hash = $1"};
db::Query const is_unused{"identity.is_refresh_token_unused", R"sql(
  SELECT EXISTS (SELECT 1 FROM refresh_tokens WHERE hash = $1 AND used_at IS NULL)
)sql"};
db::Query const touch_session{"identity.touch_session", R"sql(
  UPDATE sessions SET last_used_at = $2, address = $3, user_agent = $4 WHERE id = $1
)sql"};

db::Query const end_one{"identity.end_session", R"sql(
  UPDATE sessions SET revoked_at = now(), revoked_reason = $3
   WHERE id = $1 AND staff_id = $2 AND revoked_at IS NULL
)sql"};
db::Query const end_persons{"identity.end_sessions", R"sql(
  UPDATE sessions SET revoked_at = now(), revoked_reason = $3
   WHERE staff_id = $1 AND id <> $2 AND revoked_at IS NULL AND expires_at > now()
)sql"};

db::Query const end_everybodys{"identity.end_every_session", R"sql(
  UPDATE sessions SET revoked_at = now(), revoked_reason = $1
   WHERE revoked_at IS NULL AND expires_at > now()
)sql"};

db::Query const confirmed_since{"identity.confirmed_since", R"sql(
  SELECT EXISTS (SELECT 1 FROM sessions WHERE id = $1 AND confirmed_at >= $2)
)sql"};
db::Query const confirm{"identity.confirm_session",
                        "UPDATE sessions SET confirmed_at = $2 WHERE id = $1"};

db::Query const profile_language{"identity.profile_language",
                                 "SELECT locale FROM staff WHERE id = $1"};

struct OwnSession {
  std::string id;
  Time created_at, last_used_at, expires_at;
  std::string address, user_agent;
  std::optional<std::string> second_factor;
  bool current;
  static constexpr auto rules() {
    return ::rules(
        rule(&OwnSession::last_used_at, {.doc = "To within 15 minutes"}),
        rule(&OwnSession::second_factor, {.doc = "totp, recovery_code, passkey, or none"}),
        rule(&OwnSession::current, {.doc = "The one that asks"}));
  }
};

db::Query const list_own{"identity.list_own_sessions", R"sql(
  SELECT id, created_at, last_used_at, expires_at, address, user_agent, second_factor,
         id = $2 AS current
    FROM sessions
   WHERE staff_id = $1 AND revoked_at IS NULL AND expires_at > $3 AND last_used_at > $4
   ORDER BY current DESC, last_used_at DESC LIMIT 100
)sql"};

/// With the words for its device.
struct ShownSession : OwnSession {
  std::string browser, system;
  static constexpr auto fields() {
    return ::fields(inherited<OwnSession>(),
                    field("browser", &ShownSession::browser, {.doc = "Empty: unknown"}),
                    field("system", &ShownSession::system, {.doc = "Empty: unknown"}));
  }
};

struct OwnSessions {
  std::vector<ShownSession> data;
};

struct OneSession {
  std::string id;
  static constexpr auto rules() {
    return ::rules(rule(&OneSession::id, {.doc = "Id of the session", .max_length = 64}));
  }
};

struct EndedSessions {
  std::int64_t ended;
};

std::string cookie(std::string_view name, std::string_view value, std::int64_t seconds) {
  return std::string{name} + "=" + std::string{value} +
         "; Path=/; Max-Age=" + std::to_string(seconds) + "; HttpOnly; Secure; SameSite=Strict";
}

std::string hash_of(std::string_view token) { return crypto::hex(crypto::sha256(token)); }

/// A new access token and the two cookies.
SessionAnswer answer(http::Context& context, Snapshot const& snapshot, StaffId staff,
                     std::string const& session_id, Time session_expires_at,
                     std::string_view refresh_token) {
  auto const now = clock_source::now();
  auto const expires = std::min<Time>(now + access_token_life, session_expires_at);
  auto const seconds = [&](Time until) {
    return std::chrono::duration_cast<std::chrono::seconds>(until - now).count();
  };
  SessionAnswer out;
  out.access_token =
      issue_token(snapshot.signing_keys.front(),
                  {.staff_id = staff.value, .session_id = session_id, .expires_at = expires});
  out.expires_in = seconds(expires);
  out.csrf_token = snapshot.csrf_token(session_id);
  out.session_expires_at = session_expires_at;
  auto& headers = context.response.headers;
  headers.push_back({"Set-Cookie", cookie(access_cookie, out.access_token, out.expires_in)});
  headers.push_back(
      {"Set-Cookie", cookie(refresh_cookie, refresh_token, seconds(session_expires_at))});
  return out;
}

void forget_cookies(http::Context& context) {
  for (auto const name : {access_cookie, refresh_cookie})
    context.response.headers.push_back({"Set-Cookie", cookie(name, "", 0)});
}

enum class Refresh { done, refused, reused };

/// One use of a refresh token. Whatever it finds is committed, also that a token was reused.
SessionAnswer refresh(http::Context& context, Directory& directory,
                      std::chrono::minutes longest_idle) {
  std::string const token{context.request.cookie(refresh_cookie)};
  if (token.empty()) throw Problem{invalid_token};
  auto const snapshot = directory.now();
  auto const successor = crypto::base64url(crypto::hmac_sha256(snapshot->refresh_key, token));
  auto const now = clock_source::now();
  std::optional<RefreshRow> row;
  auto const outcome = db::transact(context.worker.connection, [&](db::Tx& tx) {
    row = tx.maybe<RefreshRow>(find_refresh_token, hash_of(token));
    if (!row || row->ended || row->expires_at <= now || row->last_used_at + longest_idle <= now)
      return Refresh::refused;
    if (row->used_ago) {
      if (*row->used_ago <= reuse_leeway.count() && tx.one<bool>(is_unused, hash_of(successor)))
        return Refresh::done;
      tx.exec(end_one, row->session_id, row->staff_id, "refresh_token_reused");
      guards::raise(tx, {.kind = "refresh_token_reused",
                         .severity = guards::Severity::high,
                         .staff_id = row->staff_id,
                         .address = context.request.remote_address});
      announce_change(tx);
      return Refresh::reused;
    }
    tx.exec(use_refresh_token, hash_of(token));
    tx.exec(insert_refresh_token, hash_of(successor), row->session_id, now);
    tx.exec(touch_session, row->session_id, now, context.request.remote_address,
            context.request.user_agent());
    return Refresh::done;
  });
  if (outcome == Refresh::reused) directory.refresh();
  if (outcome != Refresh::done)
    throw Problem{
        invalid_token, {}, outcome == Refresh::reused ? "a refresh token was used twice" : ""};
  context.audit_target = row->staff_id.text();
  return answer(context, *snapshot, row->staff_id, row->session_id, row->expires_at, successor);
}

retention::Rule const old_sessions{
    {.table = "sessions",
     .column = "expires_at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{30},
     .only = "EXISTS (SELECT 1 FROM sessions AS later WHERE later.staff_id = t.staff_id AND "
             "later.created_at > t.created_at)",
     .why = "who signed in from where; the last one of each person tells when that was"}};
retention::Rule const used_refresh_tokens{
    {.table = "refresh_tokens",
     .column = "used_at",
     .keep = std::chrono::days{30},
     .least = std::chrono::days{1},
     .why = "one that comes again ends its session; after that it is an unknown one. Unused ones "
            "go with their session"}};
}  // namespace

SessionAnswer begin(http::Context& context, Snapshot const& snapshot, StaffId staff,
                    std::optional<std::string_view> second_factor, bool trust_device) {
  auto const device = note_device(context, staff, trust_device);
  auto const now = clock_source::now();
  auto const expires = now + session_life;
  auto const session_id = crypto::random_token(18);
  auto const refresh_token = crypto::random_token(32);
  auto& tx = context.tx;
  tx.exec(insert_session, session_id, staff, now, expires, context.request.remote_address,
          context.request.user_agent(), second_factor);
  tx.exec(insert_refresh_token, hash_of(refresh_token), session_id, now);
  context.audit_target = staff.text();
  // The pages speak the language of the profile, on a new device, too.
  if (auto const locale = tx.one<std::optional<i18n::Locale>>(profile_language, staff))
    context.response.headers.push_back(
        {"Set-Cookie", std::string{language_cookie} + "=" + std::string{name_of(*locale)} +
                           "; Path=/; Max-Age=31536000; Secure; SameSite=Lax"});
  auto out = answer(context, snapshot, staff, session_id, expires, refresh_token);
  if (device) context.response.headers.push_back(*device);
  return out;
}

std::int64_t end_all_of(db::Tx& tx, StaffId staff, std::string_view except,
                        std::string_view reason) {
  auto const ended = tx.exec(end_persons, staff, except, reason);
  announce_change(tx);
  return ended;
}

std::int64_t end_all(db::Tx& tx, std::string_view reason) {
  return tx.exec(end_everybodys, reason);
}

void require_recent_confirmation(db::Tx& tx, http::Actor const& actor) {
  if (actor.user_id == 0) return;
  if (tx.one<bool>(confirmed_since, actor.session_id, clock_source::now() - confirmation_life))
    return;
  throw Problem{http::step_up_required,
                "Send the password or a second factor to POST /api/admin/confirm, then try again."}
      .with("confirm_url", R"("/api/admin/confirm")")
      .with("valid_seconds", std::to_string(std::chrono::seconds{confirmation_life}.count()));
}

void note_confirmation(db::Tx& tx, std::string const& session_id) {
  tx.exec(confirm, session_id, clock_source::now());
}

void add_endpoints(http::Api& api, Directory& directory, config::Settings const& settings) {
  auto const longest_idle = [&] { return std::chrono::minutes{settings.session_idle_minutes}; };
  api.add(http::Endpoint<http::Nothing, SessionAnswer>{
      .route = "POST /api/admin/refresh",
      .summary = "Get a new access token for the refresh cookie",
      .tag = "Identity",
      .audit = "session.refreshed",
      .limit = http::per_minute(60),
      .problems = {invalid_token},
      .transaction = http::Transaction::own,
      .handle = [&directory, longest_idle](
                    http::Context& context,
                    http::Nothing const&) { return refresh(context, directory, longest_idle()); },
  });
  api.add(http::Endpoint<http::Nothing, http::Nothing>{
      .route = "POST /api/admin/logout",
      .summary = "End the session",
      .tag = "Identity",
      .scope = http::own_scope,
      .audit = "session.ended",
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            StaffId const self{context.actor.user_id};
            context.tx.exec(end_one, context.actor.session_id, self, "logged_out");
            directory.changed(context);
            context.audit_target = self.text();
            forget_cookies(context);
            return http::Nothing{};
          },
  });
  api.add(http::Endpoint<http::Nothing, OwnSessions>{
      .route = "GET /api/settings/sessions",
      .summary = "List one's own sessions",
      .tag = "Settings",
      .scope = http::own_scope,
      .handle =
          [longest_idle](http::Context& context, http::Nothing const&) {
            auto const now = clock_source::now();
            OwnSessions out;
            for (auto& session :
                 context.tx.all<OwnSession>(list_own, context.actor.user_id,
                                            context.actor.session_id, now, now - longest_idle())) {
              auto const [browser, system] = device_of(session.user_agent);
              out.data.push_back({std::move(session), browser, system});
            }
            return out;
          },
  });
  api.add(http::Endpoint<OneSession, http::Nothing>{
      .route = "DELETE /api/settings/sessions/{id}",
      .summary = "End one of one's own sessions",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "session.ended",
      .problems = {session_not_found},
      .handle =
          [&](http::Context& context, OneSession const& request) {
            StaffId const self{context.actor.user_id};
            if (context.tx.exec(end_one, request.id, self, "ended_by_person") == 0)
              throw Problem{session_not_found};
            directory.changed(context);
            context.audit_target = self.text();
            return http::Nothing{};
          },
  });
  api.add(http::Endpoint<http::Nothing, EndedSessions>{
      .route = "DELETE /api/settings/sessions",
      .summary = "End all of one's own sessions but this one",
      .tag = "Settings",
      .scope = http::own_scope,
      .audit = "session.others_ended",
      .handle =
          [&](http::Context& context, http::Nothing const&) {
            StaffId const self{context.actor.user_id};
            auto const ended =
                end_all_of(context.tx, self, context.actor.session_id, "ended_by_person");
            directory.changed(context);
            context.audit_target = self.text();
            return EndedSessions{ended};
          },
  });
}

}  // namespace identity::sessions
