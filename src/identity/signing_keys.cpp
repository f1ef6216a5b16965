// The rows of signing keys.
#include "identity/signing_keys.hpp"

#include "identity/directory.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"

namespace identity {

namespace {
struct KeyRow {
  std::string kid, sealed_key;
};

db::Query const list_signing_keys{"identity.list_signing_keys", R"sql(
  SELECT kid, sealed_key FROM signing_keys WHERE retires_at IS NULL OR retires_at > now()
   ORDER BY retires_at IS NOT NULL, created_at DESC
)sql"};
db::Query const take_turn{"identity.take_turn_signing_keys",
                          "SELECT pg_advisory_xact_lock(hashtext('signing_keys'))::text"};
db::Query const insert_signing_key{"identity.insert_signing_key",
                                   "INSERT INTO signing_keys (kid, sealed_key) VALUES ($1, $2)"};
db::Query const retire_signing_keys{"identity.retire_signing_keys", R"sql(
  UPDATE signing_keys SET retires_at = $1 WHERE retires_at IS NULL
)sql"};

std::string context_of(std::string_view kid) { return "signing_keys/" + std::string{kid}; }

void add_signing_key(db::Tx& tx, vault::Vault& vault) {
  auto const kid = crypto::random_hex(6);
  tx.exec(insert_signing_key, kid,
          vault.seal(tx, crypto::from_base64url(crypto::random_token(32)), context_of(kid)));
}

retention::Rule const retired_keys{{.table = "signing_keys",
                                    .column = "retires_at",
                                    .keep = std::chrono::days{90},
                                    .least = std::chrono::days{1},
                                    .why = "tokens that it signed have ended before it retires"}};
}  // namespace

std::vector<SigningKey> signing_keys(db::Tx& tx, vault::Vault& vault) {
  std::vector<SigningKey> keys;
  for (auto const& row : tx.all<KeyRow>(list_signing_keys))
    keys.push_back(signing_key(row.kid, vault.open(tx, row.sealed_key, context_of(row.kid))));
  return keys;
}

void require_signing_key(db::Tx& tx, vault::Vault& vault) {
  tx.exec(take_turn);
  if (signing_keys(tx, vault).empty()) add_signing_key(tx, vault);
}

void rotate_signing_key(db::Tx& tx, vault::Vault& vault, Time old_retires_at) {
  tx.exec(take_turn);
  tx.exec(retire_signing_keys, old_retires_at);
  add_signing_key(tx, vault);
  announce_change(tx);
}

}  // namespace identity
