// Envelope encryption over crypto::seal.
#include "platform/vault/vault.hpp"

#include <charconv>

#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"
#include "platform/retention/retention.hpp"

namespace vault {

namespace {
db::Query const newest{"vault.newest_key", "SELECT id FROM data_keys ORDER BY id DESC LIMIT 1"};
db::Query const load{"vault.load_key", "SELECT sealed_key FROM data_keys WHERE id = $1"};
db::Query const load_newest{"vault.load_newest_key",
                            "SELECT sealed_key FROM data_keys ORDER BY id DESC LIMIT 1"};

struct DataKey {
  std::int64_t id;
  std::string sealed_key;
};
db::Query const load_all{"vault.load_all_keys", "SELECT id, sealed_key FROM data_keys ORDER BY id"};
db::Query const replace{"vault.replace_key", "UPDATE data_keys SET sealed_key = $2 WHERE id = $1"};
db::Query const try_rotation{"vault.try_rotation",
                             "SELECT pg_try_advisory_lock(hashtext('vault.rotation'))"};
db::Query const end_rotation{"vault.end_rotation",
                             "SELECT pg_advisory_unlock(hashtext('vault.rotation'))"};
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

std::optional<std::string> open_data_key(std::string const& master, std::string const& sealed) {
  return crypto::open(master, crypto::from_base64url(sealed), data_key_context);
}

std::string seal_data_key(std::string const& master, std::string const& key) {
  return crypto::base64url(crypto::seal(master, key, data_key_context));
}

retention::Kept const kept_data_keys{"data_keys",
                                     "what they have sealed cannot be read without them"};
retention::Kept const kept_kept_secrets{"kept_secrets", "one row a secret"};
}  // namespace

namespace {
/// One rotation at a time, on all nodes; over also when it failed.
class Rotation {
 public:
  explicit Rotation(db::Tx& tx) : tx_{tx} {
    if (!tx_.one<bool>(try_rotation))
      throw std::runtime_error{"the master key is being rotated by somebody else"};
  }
  ~Rotation() {
    try {
      tx_.one<bool>(end_rotation);
    } catch (std::exception const&) {
      // The lock goes with the connection.
    }
  }
  Rotation(Rotation const&) = delete;
  Rotation& operator=(Rotation const&) = delete;

 private:
  db::Tx& tx_;
};
}  // namespace

std::string Vault::master_of(std::string const& sealed) const {
  for (auto const& candidate : master_key_.candidates())
    if (open_data_key(candidate, sealed)) return candidate;
  throw std::runtime_error{"the master key does not open the secrets in this database: put back " +
                           master_key_.origin() +
                           " as it was when they were sealed; nothing was changed"};
}

std::string Vault::present_master(db::Tx& tx) const {
  auto const newest_sealed = tx.maybe<std::string>(load_newest);
  return newest_sealed ? master_of(*newest_sealed) : master_key_.candidates().front();
}

std::string Vault::data_key(db::Tx& tx, std::int64_t id) {
  {
    std::scoped_lock guard{mutex_};
    if (auto const found = opened_.find(id); found != opened_.end()) return found->second;
  }
  auto const sealed = tx.maybe<std::string>(load, id);
  if (!sealed) throw std::runtime_error{"the data key " + std::to_string(id) + " is missing"};
  auto const key = *open_data_key(master_of(*sealed), *sealed);
  std::scoped_lock guard{mutex_};
  return opened_[id] = key;
}

std::int64_t Vault::newest_key(db::Tx& tx) {
  if (auto const id = tx.maybe<std::int64_t>(newest)) return *id;
  tx.exec(lock);  // two nodes starting on an empty database make one key
  if (auto const id = tx.maybe<std::int64_t>(newest)) return *id;
  return add_data_key(tx);
}

std::int64_t Vault::add_data_key(db::Tx& tx) {
  tx.exec(lock);  // not while the master key is replaced
  return tx.one<std::int64_t>(insert, seal_data_key(present_master(tx), crypto::random_key()));
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
    sealed = tx.maybe<std::string>(keep_secret, name, seal(tx, crypto::random_key(), context));
  }
  return open(tx, *sealed, context);
}

void Vault::check(db::Tx& tx) {
  auto const newest_sealed = tx.maybe<std::string>(load_newest);
  if (!newest_sealed) return;
  auto const master = master_of(*newest_sealed);
  if (master_key_.is_replaceable() && master != master_key_.candidates().front())
    master_key_.put_in_place();
  for (auto const& key : tx.all<DataKey>(load_all)) (void)data_key(tx, key.id);
}

bool Vault::is_in_use(db::Tx& tx) { return tx.maybe<std::int64_t>(newest).has_value(); }

void Vault::rotate_master_key(db::Connection& connection, std::filesystem::path const& target) {
  db::Tx outside{connection, db::Mode::autocommit};
  Rotation const alone{outside};
  check(outside);  // also finishes what was begun before
  auto const next = crypto::random_key();
  if (target.empty())
    master_key_.prepare(next);
  else
    files::write_atomically(target, crypto::base64url(next) + "\n", 0600);
  db::transact(connection, [&](db::Tx& tx) {
    tx.exec(lock);
    for (auto const& key : tx.all<DataKey>(load_all))
      tx.exec(replace, key.id,
              seal_data_key(next, *open_data_key(master_of(key.sealed_key), key.sealed_key)));
  });
  if (target.empty()) master_key_.put_in_place();
}

}  // namespace vault
