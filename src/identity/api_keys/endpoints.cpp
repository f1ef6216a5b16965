// The doors to API keys: list, make, change, rotate with an overlap, revoke.
#include "identity/api_keys/api_keys.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/http/preconditions.hpp"
#include "platform/http/problems.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/list.hpp"
#include "platform/retention/retention.hpp"

namespace identity::api_keys {

namespace {
using std::chrono::hours;
constexpr hours usual_life{90 * 24}, longest_life{366 * 24};
constexpr std::size_t most_addresses = 50, most_scopes = 200;

constexpr ProblemType api_key_not_found{Kind::not_found, "api_key_not_found",
                                        "There is no such API key"};
constexpr ProblemType api_key_is_over{Kind::conflict, "api_key_is_over",
                                      "The API key was revoked or has expired"};

enum class KeyState { active, expired, revoked };
constexpr auto names_of(KeyState) {
  return std::array<std::string_view, 3>{"active", "expired", "revoked"};
}

struct KeyView {
  ApiKeyId id;
  std::string name, prefix;
  KeyState state;
  std::vector<std::string> scopes, addresses;
  StaffId created_by;
  std::string created_by_name;
  Time created_at;
  std::optional<Time> expires_at, last_used_at;
  std::optional<std::string> last_used_address;
  std::optional<ApiKeyId> replaces;
  std::optional<Time> revoked_at;
  std::optional<std::string> revoked_by;
  std::int64_t version;
  static constexpr auto rules() {
    return ::rules(rule(&KeyView::prefix, {.doc = "How the key begins"}),
                   rule(&KeyView::addresses, {.doc = "From where it works; none: everywhere"}),
                   rule(&KeyView::expires_at, {.doc = "null: never"}),
                   rule(&KeyView::last_used_at, {.doc = "To within a minute"}),
                   rule(&KeyView::replaces, {.doc = "The key it was rotated from"}));
  }
};

struct NewKeyView : KeyView {
  std::string key;
  static constexpr auto fields() {
    return ::fields(inherited<KeyView>(),
                    field("key", &NewKeyView::key,
                          {.doc = "The key itself; it is never shown again", .secret = true}));
  }
};

/// `now` is what a key's end is compared with.
std::string state_sql(std::string_view table, std::string_view now) {
  auto const of = [&](char const* column) { return std::string{table} + "." + column; };
  return "CASE WHEN " + of("revoked_at") + " IS NOT NULL THEN 'revoked' WHEN " + of("expires_at") +
         " <= " + std::string{now} + " THEN 'expired' ELSE 'active' END";
}
std::string columns(std::string_view now) {
  return R"sql(page.id, page.name, page.prefix, page.scopes, page.addresses, page.created_by,
         staff.name AS created_by_name, page.created_at, page.expires_at, page.last_used_at,
         page.last_used_address, page.replaces, page.revoked_at, page.revoked_by, page.version,
         )sql" +
         state_sql("page", now) + " AS state";
}
constexpr auto joins = "JOIN staff ON staff.id = page.created_by";

list::List key_list() {
  return {
      .name = "api_keys",
      .route = "GET /api/settings/api-keys",
      .summary = "List API keys",
      .tag = "Settings",
      .scope = "api_keys:read",
      .row = &types::type_of<KeyView>,
      .columns = columns("{now}"),
      .source = "api_keys",
      .key = "api_keys.id",
      .joins = joins,
      .sorts = {{"id", "api_keys.id", "bigint"}},
      .order = "-id",
      .filters = {list::choice<KeyState>(
          "state", {"api_keys.revoked_at IS NULL AND (api_keys.expires_at > {now} "
                    "OR api_keys.expires_at IS NULL)",
                    "api_keys.revoked_at IS NULL AND api_keys.expires_at <= {now}",
                    "api_keys.revoked_at IS NOT NULL"})},
      .search = {{.text = "lower(api_keys.name)"}, {.text = "lower(api_keys.prefix)"}},
      .search_doc = "Part of the name or of the key's beginning; one or two letters begin a word",
  };
}

db::Query const view_key{
    "identity.view_api_key",
    "SELECT " + columns("$1") + " FROM api_keys AS page " + joins + " WHERE page.id = $2"};
db::Query const lock_key{"identity.lock_api_key",
                         "SELECT id FROM api_keys WHERE id = $1 FOR UPDATE"};
db::Query const insert_key{"identity.insert_api_key", R"sql(
  INSERT INTO api_keys (name, prefix, hash, scopes, addresses, created_by, created_at, expires_at,
                        replaces)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
)sql"};
db::Query const change_key{"identity.change_api_key", R"sql(
  UPDATE api_keys SET name = $2, scopes = $3, addresses = $4, version = version + 1 WHERE id = $1
)sql"};
db::Query const shorten_key{"identity.shorten_api_key", R"sql(
  UPDATE api_keys SET expires_at = least(expires_at, $2), version = version + 1 WHERE id = $1
)sql"};
db::Query const maker_of{"identity.maker_of_api_key",
                         "SELECT created_by FROM api_keys WHERE id = $1"};

struct OneKey {
  ApiKeyId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneKey::id, {.doc = "Id of the key", .example = "key_1"}));
  }
};

struct NewKey {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<std::vector<std::string>> addresses;
  std::optional<Time> expires_at;
  std::optional<bool> never_expires;
  static constexpr auto rules() {
    return ::rules(rule(&NewKey::name, {.doc = "What it is for",
                                        .example = "Nightly export",
                                        .min_length = 1,
                                        .max_length = 80,
                                        .check = checks::one_line}),
                   rule(&NewKey::scopes,
                        {.doc = "What it may do; no more than oneself", .max_length = most_scopes}),
                   rule(&NewKey::addresses,
                        {.doc = "Addresses or blocks (CIDR) from where it works; none: everywhere",
                         .max_length = most_addresses}),
                   rule(&NewKey::expires_at, {.doc = "In 90 days unless told; at most a year"}),
                   rule(&NewKey::never_expires, {.doc = "Only for owners"}));
  }
};

struct KeyChange {
  ApiKeyId id;
  std::optional<std::string> name;
  std::optional<std::vector<std::string>> scopes, addresses;
  static constexpr auto rules() {
    return ::rules(rule(&KeyChange::id, {.doc = "Id of the key"}),
                   rule(&KeyChange::name, {.doc = "What it is for",
                                           .min_length = 1,
                                           .max_length = 80,
                                           .check = checks::one_line}),
                   rule(&KeyChange::scopes, {.doc = "What it may do", .max_length = most_scopes}),
                   rule(&KeyChange::addresses,
                        {.doc = "Addresses or blocks from where it works; none: everywhere",
                         .max_length = most_addresses}));
  }
};

struct Rotation {
  ApiKeyId id;
  std::optional<std::int64_t> overlap_hours;
  static constexpr auto rules() {
    return ::rules(
        rule(&Rotation::id, {.doc = "Id of the key to replace"}),
        rule(&Rotation::overlap_hours,
             {.doc = "How long the old key still works; 24 unless told", .min = 0, .max = 720}));
  }
};

void check_scopes(std::vector<std::string> const& scopes, Snapshot const& snapshot,
                  std::vector<FieldError>& errors) {
  if (scopes.empty()) errors.push_back(wrong<faults::required>("/scopes"));
  for (std::size_t i = 0; i < scopes.size(); ++i)
    if (!snapshot.all_scopes.contains(scopes[i]))
      errors.push_back(wrong<faults::unknown_value>("/scopes/" + std::to_string(i),
                                                    "those of GET /api/settings/scopes"));
}

void check_addresses(std::vector<std::string> const& addresses, std::vector<FieldError>& errors) {
  for (std::size_t i = 0; i < addresses.size(); ++i)
    if (auto const* complaint = http::network_rule(addresses[i]))
      errors.push_back(wrong("/addresses/" + std::to_string(i), *complaint));
}

http::Scopes as_set(std::vector<std::string> const& scopes) {
  return {scopes.begin(), scopes.end()};
}

/// Sorted and each once.
std::vector<std::string> tidy(std::vector<std::string> const& scopes) {
  auto const set = as_set(scopes);
  return {set.begin(), set.end()};
}

KeyView view(db::Tx& tx, ApiKeyId id) {
  auto found = tx.maybe<KeyView>(view_key, clock_source::now(), id);
  if (!found) throw Problem{api_key_not_found};
  return std::move(*found);
}

/// Under a lock, and only keys that do no more than oneself.
KeyView for_change(http::Context& context, ApiKeyId id) {
  static_cast<void>(context.tx.maybe<ApiKeyId>(lock_key, id));
  auto found = view(context.tx, id);
  require_within(context.actor, as_set(found.scopes));
  return found;
}

/// What a key makes belongs to whoever made that key, and ends no later.
StaffId maker(http::Context& context) {
  if (context.actor.user_id) return StaffId{context.actor.user_id};
  return context.tx.one<StaffId>(maker_of, context.actor.api_key_id);
}

std::optional<Time> no_later_than_actor(http::Actor const& actor, std::optional<Time> wanted) {
  if (actor.user_id || actor.expires_at == Time::max()) return wanted;
  return wanted ? std::min(*wanted, actor.expires_at) : actor.expires_at;
}

NewKeyView make(http::Context& context, NewKey const& wanted, std::optional<Time> expires_at,
                std::optional<ApiKeyId> replaces) {
  NewKeyView out;
  out.key = new_key(context.settings.takes_real_money());
  auto const id = context.tx.one<ApiKeyId>(
      insert_key, wanted.name, out.key.substr(0, 12), crypto::hex(crypto::sha256(out.key)),
      tidy(wanted.scopes), wanted.addresses.value_or(std::vector<std::string>{}), maker(context),
      clock_source::now(), no_later_than_actor(context.actor, expires_at), replaces);
  static_cast<KeyView&>(out) = view(context.tx, id);
  http::add_version(context.response, out.version);
  context.response.headers.push_back({"Location", "/api/settings/api-keys/" + id.text()});
  context.audit_target = id.text();
  context.audit_after.text = json::text(static_cast<KeyView const&>(out));
  return out;
}

constexpr FieldCode contradiction{"contradiction", "must not be set together with expires_at"};
constexpr FieldCode only_owner{"only_owner", "must be set by an owner"};
constexpr FieldCode out_of_range{"out_of_range", "must be in the future and within a year"};

std::optional<Time> wanted_end(http::Context& context, NewKey const& wanted) {
  auto const now = clock_source::now();
  if (wanted.never_expires.value_or(false)) {
    if (wanted.expires_at) throw refusal(wrong<contradiction>("/never_expires"));
    if (context.actor.role != name_of(Role::owner))
      throw refusal(wrong<only_owner>("/never_expires"));
    return {};
  }
  auto const end = wanted.expires_at.value_or(now + usual_life);
  if (end <= now || end > now + longest_life) throw refusal(wrong<out_of_range>("/expires_at"));
  return end;
}

NewKeyView create(http::Context& context, NewKey const& wanted, Directory& directory) {
  std::vector<FieldError> errors;
  check_scopes(wanted.scopes, *directory.now(), errors);
  if (wanted.addresses) check_addresses(*wanted.addresses, errors);
  json::refuse(std::move(errors));
  require_within(context.actor, as_set(wanted.scopes));
  auto out = make(context, wanted, wanted_end(context, wanted), {});
  directory.changed(context);
  return out;
}

/// The new key lives as long as the old one was made to live.
NewKeyView rotate(http::Context& context, Rotation const& request, Directory& directory) {
  auto const old = for_change(context, request.id);
  if (old.state != KeyState::active) throw Problem{api_key_is_over};
  auto const now = clock_source::now();
  std::optional<Time> end;
  if (old.expires_at)
    end = now + std::min<Time::duration>(*old.expires_at - old.created_at, longest_life);
  else if (context.actor.role != name_of(Role::owner))
    end = now + usual_life;
  auto out = make(context, {old.name, old.scopes, old.addresses, {}, {}}, end, old.id);
  context.tx.exec(shorten_key, old.id, now + hours{request.overlap_hours.value_or(24)});
  context.audit_before.text = json::text(old);
  directory.changed(context);
  return out;
}

KeyView change(http::Context& context, KeyChange const& request, Directory& directory) {
  auto const old = for_change(context, request.id);
  http::require_version(context.request, old.version, {json::text(old)});
  if (old.state != KeyState::active) throw Problem{api_key_is_over};
  std::vector<FieldError> errors;
  if (request.scopes) check_scopes(*request.scopes, *directory.now(), errors);
  if (request.addresses) check_addresses(*request.addresses, errors);
  json::refuse(std::move(errors));
  auto const scopes = tidy(request.scopes.value_or(old.scopes));
  require_within(context.actor, as_set(scopes));
  context.tx.exec(change_key, old.id, request.name.value_or(old.name), scopes,
                  request.addresses.value_or(old.addresses));
  auto out = view(context.tx, old.id);
  http::add_version(context.response, out.version);
  context.audit_target = old.id.text();
  context.audit_before.text = json::text(old);
  context.audit_after.text = json::text(out);
  directory.changed(context);
  return out;
}

retention::Kept const kept_api_keys{"api_keys", "some an organisation; the audit trail names them"};
retention::Kept const kept_api_key_networks{
    "api_key_networks", "one a network of a key: what is known is not reported as new"};
}  // namespace

void add_endpoints(http::Api& api, Directory& directory) {
  list::add(api, key_list());
  api.add(http::Endpoint<OneKey, KeyView>{
      .route = "GET /api/settings/api-keys/{id}",
      .summary = "Show one API key",
      .tag = "Settings",
      .scope = "api_keys:read",
      .problems = {api_key_not_found},
      .handle =
          [](http::Context& context, OneKey const& request) {
            auto out = view(context.tx, request.id);
            http::add_version(context.response, out.version);
            return out;
          },
  });
  api.add(http::Endpoint<NewKey, NewKeyView>{
      .route = "POST /api/settings/api-keys",
      .summary = "Make an API key, which is shown this once",
      .tag = "Settings",
      .scope = "api_keys:write",
      .audit = "api_key.created",
      .problems = {beyond_own_permissions},
      .status = 201,
      .step_up = true,
      .handle = [&directory](http::Context& context,
                             NewKey const& request) { return create(context, request, directory); },
  });
  api.add(http::Endpoint<KeyChange, KeyView>{
      .route = "PATCH /api/settings/api-keys/{id}",
      .summary = "Change name, permissions or addresses of an API key",
      .tag = "Settings",
      .scope = "api_keys:write",
      .audit = "api_key.changed",
      .problems = {api_key_not_found, api_key_is_over, beyond_own_permissions,
                   http::version_required, http::version_outdated},
      .step_up = true,
      .handle = [&directory](
                    http::Context& context,
                    KeyChange const& request) { return change(context, request, directory); },
  });
  api.add(http::Endpoint<Rotation, NewKeyView>{
      .route = "POST /api/settings/api-keys/{id}/rotate",
      .summary = "Replace an API key; the old one works on for a while",
      .tag = "Settings",
      .scope = "api_keys:write",
      .audit = "api_key.rotated",
      .problems = {api_key_not_found, api_key_is_over, beyond_own_permissions},
      .status = 201,
      .step_up = true,
      .handle = [&directory](
                    http::Context& context,
                    Rotation const& request) { return rotate(context, request, directory); },
  });
  // No step-up: whoever sees a key leak must be able to end it at once.
  api.add(http::Endpoint<OneKey, http::Nothing>{
      .route = "DELETE /api/settings/api-keys/{id}",
      .summary = "Revoke an API key; it ends at once",
      .tag = "Settings",
      .scope = "api_keys:write",
      .audit = "api_key.revoked",
      .problems = {api_key_not_found, api_key_is_over},
      .handle =
          [&directory](http::Context& context, OneKey const& request) {
            auto const old = view(context.tx, request.id);
            if (!revoke(context.tx, old.id, context.actor.label())) throw Problem{api_key_is_over};
            directory.changed(context);
            context.audit_target = old.id.text();
            context.audit_before.text = json::text(old);
            return http::Nothing{};
          },
  });
}

}  // namespace identity::api_keys
