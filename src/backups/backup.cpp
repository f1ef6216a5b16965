// The statements behind backup.hpp.
#include "backups/backup.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/world.hpp"

namespace backups {

namespace {
#define BACKUP_COLUMNS                                                                         \
  "id, tenant_id, reason, state, target, blueprint, requested_by, size_bytes, files, sha256, " \
  "started_at, finished_at, verified_at, tested_at, test_result, expires_at, error_code, "     \
  "error_detail"

db::Query const insert_row{"backups.insert", R"sql(
  INSERT INTO tenant_backups (tenant_id, reason, target, location, blueprint, requested_by,
                              started_at, installation)
  SELECT $1, $2, $3, id || '/' || $4, $5, $6, $7, id FROM installation RETURNING id
)sql"};
db::Query const find_location{"backups.location",
                              "SELECT location FROM tenant_backups WHERE id = $1"};
// Made by this installation, by one that it has taken over, or by another.
db::Query const find_owner{"backups.owner", R"sql(
  SELECT coalesce(b.installation = (SELECT id FROM installation), false)
         OR EXISTS (SELECT 1 FROM installation_predecessors p
                     WHERE p.id = coalesce(b.installation, '') AND taken_over_at IS NOT NULL)
    FROM tenant_backups b WHERE b.id = $1
)sql"};
db::Query const find_row{"backups.find",
                         "SELECT " BACKUP_COLUMNS " FROM tenant_backups WHERE id = $1"};
db::Query const list_states{"backups.of_tenant", "SELECT " BACKUP_COLUMNS R"sql(
    FROM tenant_backups WHERE tenant_id = $1 AND state = ANY ($2::text[]::backup_state[])
   ORDER BY id DESC
)sql"};
db::Query const find_newest_verified{"backups.newest_verified", "SELECT " BACKUP_COLUMNS R"sql(
    FROM tenant_backups WHERE tenant_id = $1 AND state = 'verified' ORDER BY id DESC LIMIT 1
)sql"};
db::Query const set_stored{"backups.set_stored", R"sql(
  UPDATE tenant_backups SET state = 'stored', size_bytes = $2, sha256 = $3, files = $4,
                            finished_at = $5
   WHERE id = $1 AND state = 'running'
)sql"};
db::Query const set_verified{"backups.set_verified", R"sql(
  UPDATE tenant_backups SET state = 'verified', verified_at = $2, error_code = NULL,
                            error_detail = NULL
   WHERE id = $1 AND state IN ('stored', 'verified', 'damaged')
)sql"};
db::Query const set_bad{"backups.set_bad", R"sql(
  UPDATE tenant_backups SET state = $2, error_code = $3, error_detail = $4,
                            finished_at = coalesce(finished_at, $5)
   WHERE id = $1 AND state NOT IN ('deleted', 'failed')
)sql"};
db::Query const set_deleted{"backups.set_deleted", R"sql(
  UPDATE tenant_backups SET state = 'deleted', deleted_at = $2 WHERE id = $1 AND state <> 'deleted'
)sql"};
db::Query const set_tested{"backups.set_tested", R"sql(
  UPDATE tenant_backups SET tested_at = $2, test_result = $3 WHERE id = $1
)sql"};

constexpr auto actor = "backups";

retention::Rule const deleted_backups{
    {.table = "tenant_backups",
     .column = "deleted_at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{30},
     .only = "t.state = 'deleted'",
     .unless_named_by = {"tenants.restore_backup_id"},
     .name = "tenant_backups_deleted",
     .why = "their files are gone; backups have a retention of their own (retention.hpp)"}};
retention::Rule const failed_backups{
    {.table = "tenant_backups",
     .column = "finished_at",
     .keep = std::chrono::days{90},
     .least = std::chrono::days{7},
     .only = "t.state = 'failed'",
     .unless_named_by = {"tenants.restore_backup_id"},
     .name = "tenant_backups_failed",
     .why = "failures since the last good one put the next try off"}};
}  // namespace

std::string location_of(db::Tx& tx, BackupId id) { return tx.one<std::string>(find_location, id); }
bool is_ours(db::Tx& tx, BackupId id) { return tx.one<bool>(find_owner, id); }

BackupId insert(db::Tx& tx, tenants::Tenant const& tenant, Reason reason, std::string_view target,
                std::string_view requested_by) {
  auto const now = clock_source::now();
  // The random part: a location is never used again, not even after the tables were restored.
  auto const location = tenant.id.text() + "/" + clock_source::rfc3339(now).substr(0, 10) + "-" +
                        crypto::random_hex(8) + ".tar.zst";
  return tx.one<BackupId>(insert_row, tenant.id, reason, target, location, tenant.blueprint,
                          requested_by, now);
}

std::optional<Backup> find(db::Tx& tx, BackupId id) { return tx.maybe<Backup>(find_row, id); }

Backup get(db::Tx& tx, tenants::TenantId tenant, BackupId id) {
  static_cast<void>(tenants::get(tx, tenant));
  auto backup = find(tx, id);
  if (!backup || backup->tenant_id != tenant) throw Problem{backup_not_found};
  return std::move(*backup);
}

std::vector<Backup> of_tenant(db::Tx& tx, tenants::TenantId tenant,
                              std::vector<State> const& states) {
  std::vector<std::string> names;
  for (auto state : states) names.emplace_back(name_of(state));
  return tx.all<Backup>(list_states, tenant, names);
}

std::optional<Backup> newest_verified(db::Tx& tx, tenants::TenantId tenant) {
  return tx.maybe<Backup>(find_newest_verified, tenant);
}

void mark_stored(db::Tx& tx, BackupId id, Contents const& contents) {
  if (tx.exec(set_stored, id, contents.size, contents.sha256, contents.entries,
              clock_source::now()) == 0)
    throw std::logic_error{id.text() + " is not being made"};
}

void mark_verified(db::Tx& tx, Backup const& backup) {
  if (tx.exec(set_verified, backup.id, clock_source::now()) == 0) return;
  tenants::note_backed_up(tx, backup.tenant_id, backup.started_at);
  if (backup.state == State::stored)
    tenants::note(tx, backup.tenant_id, backup.requested_by,
                  activity::BackupMade{backup.id.text(), std::string{name_of(backup.reason)}});
}

void mark_failed(db::Tx& tx, Backup const& backup, tenants::FailureCode code,
                 std::string_view detail) {
  if (tx.exec(set_bad, backup.id, State::failed, code.text(), detail, clock_source::now()) == 0)
    return;
  tenants::note(tx, backup.tenant_id, actor, activity::BackupFailed{backup.id.text(), code.text()});
}

void mark_damaged(db::Tx& tx, Backup const& backup, tenants::FailureCode code,
                  std::string_view detail) {
  if (tx.exec(set_bad, backup.id, State::damaged, code.text(), detail, clock_source::now()) == 0)
    return;
  if (backup.state != State::damaged)
    tenants::note(tx, backup.tenant_id, actor,
                  activity::BackupDamaged{backup.id.text(), code.text()});
}

void mark_deleted(db::Tx& tx, Backup const& backup, std::string_view who) {
  if (tx.exec(set_deleted, backup.id, clock_source::now()) == 0) return;
  tenants::note(tx, backup.tenant_id, who, activity::BackupDeleted{backup.id.text()});
}

void mark_tested(db::Tx& tx, BackupId id, RawJson const& result) {
  tx.exec(set_tested, id, clock_source::now(), result);
}

}  // namespace backups
