// Envelope encryption over crypto::seal.
#include "platform/vault/vault.hpp"

#include <sodium.h>

#include <charconv>

#include "platform/crypto/crypto.hpp"

namespace vault {

namespace {
db::Query const newest{"vault.newest_key", "SELECT id FROM data_keys ORDER BY id DESC LIMIT 1"};
db::Query const load{"vault.load_key", "SELECT sealed_key FROM data_keys WHERE id = $1"};
db::Query const lock{"vault.lock",
                     "SELECT pg_advisory_xact_lock(hashtext('vault.data_keys'))::text"};
db::Query const insert{"vault.insert_key",
                       "INSERT INTO data_keys (sealed_key) VALUES ($1) RETURNING id"};

// The one who comes second gets what the first one kept.
db::Query const keep_secret{"vault.keep_secret", R"sql(
  WITH kept AS (INSERT INTO kept_secrets (name, sealed) VALUES ($1, $2)
                ON CONFLICT (name) DO NOTHING RETURNING sealed)
  SELECT sealed FROM kept UNION ALL SELECT sealed FROM kept_secrets WHERE name = $1 LIMIT 1
)sql"};
db::Query const load_secret{"vault.load_secret", "SELECT sealed FROM kept_secrets WHERE name = $1"};

constexpr auto data_key_context = "data_keys";
}  // namespace

std::string Vault::data_key(db::Tx& tx, std::int64_t id) {
  {
    std::scoped_lock guard{mutex_};
    if (auto const found = opened_.find(id); found != opened_.end()) return found->second;
  }
  auto const sealed = tx.maybe<std::string>(load, id);
  if (!sealed) throw std::runtime_error{"the data key " + std::to_string(id) + " is missing"};
  auto key = crypto::open(master_key_, crypto::from_base64url(*sealed), data_key_context);
  if (!key)
    throw std::runtime_error{
        "the master key does not open the secrets in this database: put back the file "
        "secrets/master_key that belongs to it"};
  std::scoped_lock guard{mutex_};
  return opened_[id] = *key;
}

std::int64_t Vault::newest_key(db::Tx& tx) {
  if (auto const id = tx.maybe<std::int64_t>(newest)) return *id;
  tx.exec(lock);  // two nodes starting on an empty database make one key
  if (auto const id = tx.maybe<std::int64_t>(newest)) return *id;
  std::string raw(32, '\0');
  randombytes_buf(raw.data(), raw.size());
  return tx.one<std::int64_t>(insert,
                              crypto::base64url(crypto::seal(master_key_, raw, data_key_context)));
}

std::string Vault::seal(db::Tx& tx, std::string_view plain, std::string_view context) {
  auto const id = newest_key(tx);
  return "v1:" + std::to_string(id) + ":" +
         crypto::base64url(crypto::seal(data_key(tx, id), plain, context));
}

std::string Vault::open(db::Tx& tx, std::string_view sealed, std::string_view context) {
  auto const colon = sealed.find(':', 3);
  std::int64_t id = 0;
  if (!sealed.starts_with("v1:") || colon == std::string_view::npos ||
      std::from_chars(sealed.data() + 3, sealed.data() + colon, id).ec != std::errc{})
    throw std::runtime_error{"a sealed value has an unknown form"};
  auto plain =
      crypto::open(data_key(tx, id), crypto::from_base64url(sealed.substr(colon + 1)), context);
  if (!plain)
    throw std::runtime_error{"a sealed value of " + std::string{context} + " was altered"};
  return *plain;
}

std::string Vault::secret(db::Tx& tx, std::string_view name) {
  auto const context = "kept_secrets/" + std::string{name};
  auto sealed = tx.maybe<std::string>(load_secret, name);
  while (!sealed) {
    std::string raw(32, '\0');
    randombytes_buf(raw.data(), raw.size());
    sealed = tx.maybe<std::string>(keep_secret, name, seal(tx, raw, context));
  }
  return open(tx, *sealed, context);
}

void Vault::check(db::Tx& tx) {
  if (auto const id = tx.maybe<std::int64_t>(newest)) data_key(tx, *id);
}

}  // namespace vault
