#pragma once
// The rows of tenant_backups and what moves them. A row is written before its file and says in
// which target the file lies; a deleted one stays as history.
#include "backups/archive.hpp"
#include "platform/json/problem.hpp"
#include "tenants/failure_codes.hpp"
#include "tenants/tenants.hpp"

namespace backups {

using BackupId = Id<"bkp">;

enum class State { running, stored, verified, damaged, failed, deleted };
constexpr auto names_of(State) {
  return std::array<std::string_view, 6>{"running", "stored", "verified",
                                         "damaged", "failed", "deleted"};
}
enum class Reason { scheduled, manual, before_restore, before_archive, final };
constexpr auto names_of(Reason) {
  return std::array<std::string_view, 5>{"scheduled", "manual", "before_restore", "before_archive",
                                         "final"};
}

inline constexpr ProblemType backup_not_found{Kind::not_found, "backup_not_found",
                                              "There is no such backup"};
inline constexpr ProblemType backup_not_usable{Kind::conflict, "backup_not_usable",
                                               "The backup holds nothing that could be used"};
inline constexpr ProblemType backup_of_others{
    Kind::conflict, "backup_of_another_installation",
    "The backup was made by the installation that this database was copied from"};
inline constexpr ProblemType last_backup{Kind::conflict, "last_backup",
                                         "This is the only verified backup of the tenant"};
inline constexpr ProblemType other_kind{Kind::conflict, "backup_of_another_kind",
                                        "New tenants are made in another way than this one was"};

struct Backup {
  BackupId id;
  tenants::TenantId tenant_id;
  Reason reason;
  State state;
  std::string target, blueprint, requested_by;
  std::optional<std::int64_t> size_bytes, files;
  std::optional<std::string> sha256;
  Time started_at;
  std::optional<Time> finished_at, verified_at, tested_at;
  std::optional<RawJson> test_result;
  std::optional<Time> expires_at;
  std::optional<std::string> error_code, error_detail;

  bool is_usable() const { return state == State::stored || state == State::verified; }
  static constexpr auto rules() {
    return ::rules(
        rule(&Backup::target, {.doc = "Where it lies: file or s3"}),
        rule(&Backup::files, {.doc = "Entries in the archive"}),
        rule(&Backup::verified_at,
             {.doc = "When its size, checksum and listing were last looked at"}),
        rule(&Backup::tested_at, {.doc = "When it was restored for a test"}),
        rule(&Backup::test_result,
             {.doc = "What came of it: entries, tables, rows and seconds, or the problem"}));
  }
};

/// Path below the target; it begins with the id of the installation that made it.
[[nodiscard]] std::string location_of(db::Tx& tx, BackupId id);
/// Whether its file may be removed: the rows of a copied database name files that the original
/// lives by.
[[nodiscard]] bool is_ours(db::Tx& tx, BackupId id);

BackupId insert(db::Tx& tx, tenants::Tenant const& tenant, Reason reason, std::string_view target,
                std::string_view requested_by);
/// None when there is none of that tenant.
[[nodiscard]] std::optional<Backup> find(db::Tx& tx, BackupId id);
/// Problem{backup_not_found} also when it is another tenant's.
[[nodiscard]] Backup get(db::Tx& tx, tenants::TenantId tenant, BackupId id);
/// Those that a tenant has in these states, newest first.
[[nodiscard]] std::vector<Backup> of_tenant(db::Tx& tx, tenants::TenantId tenant,
                                            std::vector<State> const& states);
[[nodiscard]] std::optional<Backup> newest_verified(db::Tx& tx, tenants::TenantId tenant);

/// running → stored
void mark_stored(db::Tx& tx, BackupId id, Contents const& contents);
/// → verified; the tenant's backed_up_at follows.
void mark_verified(db::Tx& tx, Backup const& backup);
/// running → failed, any that has a file → damaged; with an event of the tenant.
void mark_failed(db::Tx& tx, Backup const& backup, tenants::FailureCode code,
                 std::string_view detail);
void mark_damaged(db::Tx& tx, Backup const& backup, tenants::FailureCode code,
                  std::string_view detail);
void mark_deleted(db::Tx& tx, Backup const& backup, std::string_view actor);
void mark_tested(db::Tx& tx, BackupId id, RawJson const& result);

}  // namespace backups
