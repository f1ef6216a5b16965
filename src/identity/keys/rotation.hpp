#pragma once
// The keys of an installation and how they rotate without downtime: the one that signs access
// tokens, the data keys that seal values, the master key that seals those.
#include "identity/directory.hpp"
#include "platform/jobs/jobs.hpp"

namespace identity::keys {

/// A column that holds sealed values ("v1:…"); `context` gives in SQL what each was sealed under.
/// Whatever seals into a new column must stand in the list, or a rotation would forget it.
struct SealedColumn {
  std::string_view table, column, context;
};
[[nodiscard]] std::vector<SealedColumn> const& sealed_columns();

struct DataKeyUse {
  std::int64_t id;
  Time created_at;
  std::int64_t values;
  static constexpr auto rules() {
    return ::rules(rule(&DataKeyUse::values, {.doc = "Values sealed with it"}));
  }
};
struct SigningKeyUse {
  std::string kid;
  Time created_at;
  std::optional<Time> retires_at;
};
struct Report {
  std::vector<SigningKeyUse> signing_keys;  // newest first
  std::vector<DataKeyUse> data_keys;        // newest first
  std::string master_key;                   // where it comes from
};
[[nodiscard]] Report report(db::Tx& tx, vault::Vault const& vault);

/// A new key signs; tokens of the old one are believed until the last of them has expired.
void rotate_signing_key(db::Tx& tx, vault::Vault& vault);
/// A new data key seals; a job seals again what the old ones hold. Returns its id.
std::int64_t rotate_data_key(db::Tx& tx, vault::Vault& vault);

/// The job that seals again.
void add_workers(jobs::Engine& engine, vault::Vault& vault);

}  // namespace identity::keys
