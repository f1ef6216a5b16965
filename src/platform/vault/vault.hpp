#pragma once
// Secrets at rest, sealed in two steps: a master key in a file seals data keys in the database,
// data keys seal values. Rotating the master key re-seals a handful of data keys, not every value.
#include <mutex>

#include "platform/db/db.hpp"

namespace vault {

class Vault {
 public:
  /// `master_key` are 32 bytes (crypto::load_or_create_key).
  explicit Vault(std::string master_key) : master_key_{std::move(master_key)} {}

  /// "v1:<data key>:<base64>"; `context` names the place ("tenants/7/database_password") and must
  /// be the same when opening.
  [[nodiscard]] std::string seal(db::Tx& tx, std::string_view plain, std::string_view context);
  /// Throws std::runtime_error when the value was altered, moved or sealed under a lost key.
  [[nodiscard]] std::string open(db::Tx& tx, std::string_view sealed, std::string_view context);

  /// 32 random bytes that are made once under this name and then always the same, on every node.
  [[nodiscard]] std::string secret(db::Tx& tx, std::string_view name);

  /// Makes sure that the present data keys open with this master key; throws a sentence that says
  /// what to do otherwise. Called at start, before anything is written.
  void check(db::Tx& tx);

 private:
  std::string data_key(db::Tx& tx, std::int64_t id);
  std::int64_t newest_key(db::Tx& tx);

  std::string master_key_;
  std::mutex mutex_;
  std::map<std::int64_t, std::string> opened_;
};

}  // namespace vault
