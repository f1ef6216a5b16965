#pragma once
// Secrets at rest, sealed in two steps: a master key outside the database seals data keys in it,
// data keys seal values. Rotating the master key re-seals a handful of data keys, not every value.
#include <mutex>

#include "platform/db/db.hpp"
#include "platform/vault/master_key.hpp"

namespace vault {

class Vault {
 public:
  explicit Vault(MasterKey master_key) : master_key_{std::move(master_key)} {}

  /// "v1:<data key>:<base64>"; `context` names the place ("ten_7/database_password") and must be
  /// the same when opening. Columns that hold such values are listed in identity/keys/rotation.cpp.
  [[nodiscard]] std::string seal(db::Tx& tx, std::string_view plain, std::string_view context);
  /// Throws std::runtime_error when the value was altered, moved or sealed under a lost key.
  [[nodiscard]] std::string open(db::Tx& tx, std::string_view sealed, std::string_view context);

  /// 32 random bytes that are made once under this name and then always the same, on every node.
  [[nodiscard]] std::string secret(db::Tx& tx, std::string_view name);

  /// Makes sure that the present data keys open with this master key; throws a sentence that says
  /// what to do otherwise. Called at start, before anything is written. Finishes the rotation of a
  /// master key that was cut short.
  void check(db::Tx& tx);
  /// The database's first data key may be made with a master key that is new, no other.
  [[nodiscard]] static bool is_in_use(db::Tx& tx);

  /// Values are sealed with a new data key from now on.
  std::int64_t add_data_key(db::Tx& tx);
  /// Puts a new master key in the place of the present one: writes it beside the old one, re-seals
  /// the data keys in one transaction, then renames. A crash at any moment leaves a pair that
  /// works, and nodes that run go on. `target` takes the new key when the present one does not lie
  /// in a file of ours.
  void rotate_master_key(db::Connection& connection, std::filesystem::path const& target = {});

  [[nodiscard]] MasterKey const& master_key() const { return master_key_; }

 private:
  std::string data_key(db::Tx& tx, std::int64_t id);
  std::int64_t newest_key(db::Tx& tx);
  /// The master key that opens this data key. A key that was replaced meanwhile is read again.
  std::string master_of(std::string const& sealed_data_key) const;
  /// The master key in use, as the newest data key tells.
  std::string present_master(db::Tx& tx) const;

  MasterKey master_key_;
  std::mutex mutex_;
  std::map<std::int64_t, std::string> opened_;
};

}  // namespace vault
