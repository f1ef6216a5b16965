// One-time credentials: sealed until they are shown, then gone.
#include "tenants/access.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"

namespace tenants {

namespace {
constexpr ProblemType access_not_found{Kind::not_found, "access_not_found",
                                       "There is no such link"};
constexpr ProblemType access_used{Kind::gone, "access_used",
                                  "This link was used already or has expired"};

db::Query const insert_access{"tenants.insert_access", R"sql(
  INSERT INTO one_time_access (token_hash, tenant_id, login, sealed, expires_at)
  VALUES ($1, $2, $3, $4, now() + interval '7 days')
)sql"};
db::Query const end_unseen{"tenants.end_unseen_access", R"sql(
  UPDATE one_time_access SET expires_at = now(), sealed = ''
   WHERE tenant_id = $1 AND used_at IS NULL AND expires_at > now()
)sql"};
db::Query const newest_unseen{"tenants.newest_unseen_access", R"sql(
  SELECT token_hash, login, sealed FROM one_time_access
   WHERE tenant_id = $1 AND used_at IS NULL AND expires_at > now()
   ORDER BY expires_at DESC LIMIT 1
)sql"};
db::Query const any_seen{"tenants.any_access_seen", R"sql(
  SELECT EXISTS (SELECT 1 FROM one_time_access WHERE tenant_id = $1 AND used_at IS NOT NULL)
)sql"};
db::Query const lock_access{"tenants.lock_access", R"sql(
  SELECT access.tenant_id, access.login, access.sealed, tenants.subdomain,
         access.used_at IS NULL AND access.expires_at > now()
             AND tenants.state NOT IN ('purged', 'rolled_back') AS valid
    FROM one_time_access AS access JOIN tenants ON tenants.id = access.tenant_id
   WHERE token_hash = $1 FOR UPDATE OF access
)sql"};
db::Query const use_access{"tenants.use_access", R"sql(
  UPDATE one_time_access SET used_at = now(), sealed = '' WHERE token_hash = $1
)sql"};

struct Row {
  TenantId tenant_id;
  std::string login, sealed, subdomain;
  bool valid;
};

struct Unseen {
  std::string token_hash, login, sealed;
};

struct AccessRequest {
  std::string token;
  static constexpr auto rules() {
    return ::rules(rule(&AccessRequest::token,
                        {.doc = "The end of the link", .max_length = 100, .secret = true}));
  }
};

struct Credentials {
  std::string login, password, url;
  static constexpr auto rules() {
    return ::rules(rule(&Credentials::password, {.doc = "Never shown again", .secret = true}),
                   rule(&Credentials::url, {.doc = "Where to use them"}));
  }
};

std::string hash_of(std::string_view token) { return crypto::hex(crypto::sha256(token)); }
std::string context_of(std::string const& hash) { return "one_time_access/" + hash; }

std::string add_link(db::Tx& tx, config::Settings const& settings, vault::Vault& vault, TenantId id,
                     std::string_view login, std::string_view password) {
  auto const token = crypto::random_token(32);
  auto const hash = hash_of(token);
  tx.exec(insert_access, hash, id, login, vault.seal(tx, password, context_of(hash)));
  return settings.public_url + "/access/" + token;
}

retention::Rule const old_access{
    {.table = "one_time_access",
     .column = "expires_at",
     .keep = std::chrono::days{30},
     .least = std::chrono::days{1},
     .only = "(t.used_at IS NULL OR EXISTS (SELECT 1 FROM one_time_access AS later WHERE "
             "later.tenant_id = t.tenant_id AND later.used_at > t.used_at))",
     .why = "an old link is told that it has expired; the last used one tells that the customer "
            "came in"}};
}  // namespace

std::string make_access(db::Tx& tx, config::Settings const& settings, vault::Vault& vault,
                        TenantId id, std::string_view login, std::string_view password) {
  tx.exec(end_unseen, id);
  return add_link(tx, settings, vault, id, login, password);
}

std::optional<std::string> repeat_access(db::Tx& tx, config::Settings const& settings,
                                         vault::Vault& vault, TenantId id) {
  auto const unseen = tx.maybe<Unseen>(newest_unseen, id);
  if (!unseen) return {};
  return add_link(tx, settings, vault, id, unseen->login,
                  vault.open(tx, unseen->sealed, context_of(unseen->token_hash)));
}

bool was_access_seen(db::Tx& tx, TenantId id) { return tx.one<bool>(any_seen, id); }

void add_access_endpoint(http::Api& api, vault::Vault& vault) {
  api.add(http::Endpoint<AccessRequest, Credentials>{
      .route = "POST /access/{token}",
      .summary = "Show the credentials behind a one-time link, once",
      .tag = "Sign-up",
      .audit = "tenant.access_used",
      .limit = http::per_minute(20),
      .problems = {access_not_found, access_used},
      .handle =
          [&vault](http::Context& context, AccessRequest const& request) {
            auto const hash = hash_of(request.token);
            auto const row = context.tx.maybe<Row>(lock_access, hash);
            if (!row) throw Problem{access_not_found};
            if (!row->valid) throw Problem{access_used};
            auto password = vault.open(context.tx, row->sealed, context_of(hash));
            context.tx.exec(use_access, hash);
            note(context.tx, row->tenant_id, http::visitor, activity::AccessUsed{row->login});
            context.audit_target = row->tenant_id.text();
            context.response.headers.push_back({"Cache-Control", "no-store"});
            return Credentials{row->login, std::move(password),
                               url_of(context.settings, row->subdomain)};
          },
  });
}

}  // namespace tenants
