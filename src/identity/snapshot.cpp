// Reading a snapshot whole.
#include "identity/snapshot.hpp"

#include "identity/signing_keys.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/list/exports.hpp"

namespace identity {

namespace {
struct RoleRow {
  std::string name;
  bool built_in;
  std::vector<std::string> scopes;
};

db::Query const list_people{"identity.list_people", R"sql(
  SELECT staff.id, email, staff.name, role, disabled_at IS NOT NULL AS disabled,
         has_second_factor(staff.id) AS has_second_factor,
         second_factor_due(staff, roles) AS second_factor_due
    FROM staff JOIN roles ON roles.name = role
)sql"};
db::Query const list_roles{"identity.list_roles", "SELECT name, built_in, scopes FROM roles"};
db::Query const list_ended_sessions{"identity.list_ended_sessions", R"sql(
  SELECT id FROM sessions WHERE revoked_at IS NOT NULL AND expires_at > now()
)sql"};

struct BlockRow {
  std::string address;
  Time expires_at;
};

db::Query const list_blocked{"identity.list_blocked_addresses", R"sql(
  SELECT address, expires_at FROM blocked_addresses WHERE expires_at > $1
)sql"};
db::Query const load_read_only{"identity.load_read_only", R"sql(
  SELECT on_since IS NOT NULL FROM incident_switches WHERE name = 'read_only'
)sql"};

struct ApiKeyRow {
  std::int64_t id;
  std::string prefix, hash;
  std::vector<std::string> scopes, addresses;
  std::int64_t created_by;
  std::optional<Time> expires_at;
};

// Those that expired lately stay known, so that their users are told why.
db::Query const list_usable{"identity.list_usable_api_keys", R"sql(
  SELECT id, prefix, hash, scopes, addresses, created_by, expires_at FROM api_keys
   WHERE revoked_at IS NULL
     AND (expires_at IS NULL OR expires_at > now() - interval '30 days')
)sql"};

std::unordered_map<std::string, std::shared_ptr<ApiKey const>> usable_api_keys(
    db::Tx& tx, Snapshot const& snapshot) {
  std::unordered_map<std::string, std::shared_ptr<ApiKey const>> keys;
  for (auto& row : tx.all<ApiKeyRow>(list_usable)) {
    auto const maker = snapshot.people.find(row.created_by);
    bool const gone = maker == snapshot.people.end() || maker->second.disabled;
    auto scopes = std::make_shared<http::Scopes>();
    if (!gone)
      for (auto& scope : row.scopes)
        if (snapshot.roles.at(maker->second.role)->contains(scope))
          scopes->insert(std::move(scope));
    scopes->erase(std::string{http::own_scope});
    if (!gone) scopes->insert(std::string{list::exports_scope});
    std::vector<http::Network> addresses;
    for (auto const& text : row.addresses)
      if (auto const network = http::Network::parse(text)) addresses.push_back(*network);
    keys.emplace(std::move(row.hash), std::make_shared<ApiKey const>(
                                          ApiKey{row.id, std::move(row.prefix), std::move(scopes),
                                                 gone, row.expires_at, std::move(addresses)}));
  }
  return keys;
}

std::vector<BlockedNetwork> blocked_networks(db::Tx& tx) {
  std::vector<BlockedNetwork> out;
  for (auto const& row : tx.all<BlockRow>(list_blocked, clock_source::now()))
    if (auto const network = http::Network::parse(row.address))
      out.push_back({*network, row.expires_at});
  return out;
}

std::unordered_map<std::string, std::shared_ptr<http::Scopes const>> scopes_by_role(
    db::Tx& tx, http::Scopes const& all_scopes) {
  std::unordered_map<std::string, std::shared_ptr<http::Scopes const>> roles;
  for (auto const& row : tx.all<RoleRow>(list_roles)) {
    auto scopes = row.built_in ? scopes_of(*enum_from<Role>(row.name), all_scopes)
                               : http::Scopes{row.scopes.begin(), row.scopes.end()};
    scopes.insert({std::string{http::own_scope}, std::string{list::exports_scope}});
    roles[row.name] = std::make_shared<http::Scopes const>(std::move(scopes));
  }
  return roles;
}

bool is_still_good(ApiKey const& key, Snapshot const& snapshot, std::string const& hash) {
  auto const found = snapshot.api_keys.find(hash);
  return found != snapshot.api_keys.end() && *found->second->scopes == *key.scopes &&
         found->second->maker_is_gone == key.maker_is_gone;
}
}  // namespace

std::string Snapshot::csrf_token(std::string_view session_id) const {
  return crypto::base64url(crypto::hmac_sha256(csrf_key, session_id));
}

std::shared_ptr<Snapshot> read_snapshot(db::Tx& tx, vault::Vault& vault,
                                        http::Scopes const& all_scopes) {
  auto fresh = std::make_shared<Snapshot>();
  fresh->all_scopes = all_scopes;
  fresh->signing_keys = signing_keys(tx, vault);
  fresh->csrf_key = vault.secret(tx, "identity/csrf");
  fresh->refresh_key = vault.secret(tx, "identity/refresh");
  fresh->challenge_key = vault.secret(tx, "identity/challenges");
  for (auto& person : tx.all<Person>(list_people)) fresh->people.emplace(person.id.value, person);
  fresh->roles = scopes_by_role(tx, all_scopes);
  fresh->only_self =
      std::make_shared<http::Scopes const>(http::Scopes{std::string{http::own_scope}});
  for (auto& id : tx.all<std::string>(list_ended_sessions)) fresh->ended_sessions.insert(id);
  fresh->blocked = blocked_networks(tx);
  fresh->read_only = tx.one<bool>(load_read_only);
  fresh->api_keys = usable_api_keys(tx, *fresh);
  return fresh;
}

bool may_the_same(Snapshot const& before, Snapshot const& after) {
  return before.ended_sessions == after.ended_sessions && before.people == after.people &&
         before.roles.size() == after.roles.size() &&
         std::all_of(
             before.api_keys.begin(), before.api_keys.end(),
             [&](auto const& key) { return is_still_good(*key.second, after, key.first); }) &&
         std::all_of(before.roles.begin(), before.roles.end(), [&](auto const& role) {
           auto const found = after.roles.find(role.first);
           return found != after.roles.end() && *found->second == *role.second;
         });
}

}  // namespace identity
