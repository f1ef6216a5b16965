// Making a backup and looking at it again.
#include "backups/backups.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/files/files.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"

namespace backups {

namespace {
using provisioning::Hopeless;
using provisioning::NeedsPerson;
using provisioning::StepFailure;

constexpr std::int64_t mib = 1024 * 1024;
constexpr std::int64_t least_room = 32 * 1024 * 1024;  // of a first backup, whose size nobody knows

db::Query const newest_size{"backups.newest_size", R"sql(
  SELECT size_bytes FROM tenant_backups
   WHERE tenant_id = $1 AND size_bytes IS NOT NULL ORDER BY id DESC LIMIT 1
)sql"};
db::Query const find_made_since{"backups.made_since", R"sql(
  SELECT id FROM tenant_backups
   WHERE tenant_id = $1 AND reason = $2 AND state IN ('stored', 'verified') AND started_at >= $3
   ORDER BY id DESC LIMIT 1
)sql"};
db::Query const stood_still_at{"backups.stood_still_at", R"sql(
  SELECT max(at) FROM activity
   WHERE tenant_id = $1 AND kind = 'state_changed' AND data->>'to_state' = 'suspended'
)sql"};
db::Query const make_final{"backups.make_final",
                           "UPDATE tenant_backups SET reason = 'final' WHERE id = $1"};

/// What an archive must hold, beside anything at all: the database where there is one. Scripts that
/// write a manifest write a dump too.
void require_contents(Contents const& contents, tenants::Tenant const& tenant) {
  bool const has_database = tenant.provisioner == name_of(config::Provisioner::process) ||
                            contents.top.contains("manifest.json");
  if (has_database && !contents.top.contains("database.dump"))
    throw Hopeless{"archive_incomplete", "the archive holds no database.dump"};
}
/// What was written by the tenant's own system may say that it holds more than any disk.
void require_possible(Contents const& contents, tenants::Tenant const& tenant) {
  auto const most = (4 * tenant.storage_limit_mib + 256) * mib;
  if (contents.unpacked <= most) return;
  throw Hopeless{"archive_too_large", "the archive would unpack to " +
                                          std::to_string(contents.unpacked / mib) +
                                          " MiB, of which the tenant may have " +
                                          std::to_string(tenant.storage_limit_mib)};
}
}  // namespace

Backups::Backups(config::Settings const& settings, provisioning::World& world, bool holds_tenants)
    : settings_{settings}, world_{world}, holds_tenants_{holds_tenants} {
  targets_.push_back(file_target(settings));
  if (!settings.backup_s3_url.empty()) targets_.push_back(s3_target(settings));
}

Target& Backups::target_of(Backup const& backup) {
  for (auto const& target : targets_)
    if (target->name() == backup.target) return *target;
  throw NeedsPerson{"backup_target_not_set", backup.id.text() + " lies in the target " +
                                                 backup.target + ", which is not configured"};
}

std::filesystem::path Backups::work_file(std::string_view name) const {
  // Of this data directory alone: others may work beside us on backups of the same number.
  auto const folder =
      home(settings_) / "work" / crypto::hex(crypto::sha256(settings_.data_dir)).substr(0, 12);
  make_folder(folder);
  return folder / name;
}

Backup Backups::make(jobs::Context& job, Instance const& instance, Reason reason,
                     std::string_view requested_by) {
  auto const& tenant = instance.tenant;
  clear_interrupted(job, tenant.id);
  auto const backup = job.transact([&](db::Tx& tx) {
    return *find(tx, insert(tx, tenant, reason, targets_.back()->name(), requested_by));
  });
  try {
    fill(job, instance, backup);
  } catch (...) {
    auto failure = provisioning::present_failure();
    try {
      db::Tx tx{job.connection, db::Mode::autocommit};
      target_of(backup).remove(location_of(tx, backup.id));
    } catch (StepFailure const& left) {
      logging::warning("backups", "{} is left to the sweep: {}", backup.id.text(), left.what());
    }
    job.transact([&](db::Tx& tx) { mark_failed(tx, backup, failure.code, failure.what()); });
    throw failure;
  }
  auto const stored = job.transact([&](db::Tx& tx) { return *find(tx, backup.id); });
  verify(job, stored);
  return job.transact([&](db::Tx& tx) { return *find(tx, backup.id); });
}

void Backups::fill(jobs::Context& job, Instance const& instance, Backup const& backup) {
  // Before anything is written: below a mount point without its disk would be the system's.
  require_there(job.connection, target_of(backup));
  settle_in(job.connection, std::string{target_of(backup).name()});
  Scratch const archive{work_file(backup.id.text() + ".tar.zst")};
  auto const [location, expected] = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    auto const before = tx.maybe<std::int64_t>(newest_size, instance.tenant.id);
    return std::pair{location_of(tx, backup.id), std::max(before.value_or(0), least_room)};
  }();
  require_room(archive.path().parent_path(), expected);
  world_.driver.backup(job.connection, instance, archive.path());
  auto const contents = examine(archive.path());
  require_contents(contents, instance.tenant);
  require_possible(contents, instance.tenant);
  installation::renew(job.connection, settings_.data_dir);
  target_of(backup).store(archive.path(), location);
  job.transact([&](db::Tx& tx) { mark_stored(tx, backup.id, contents); });
}

Backup Backups::make_once(jobs::Context& job, Instance const& instance, Reason reason, Time since,
                          std::string_view requested_by) {
  auto const made = job.transact([&](db::Tx& tx) -> std::optional<Backup> {
    auto const id = tx.maybe<BackupId>(find_made_since, instance.tenant.id, reason, since);
    return id ? find(tx, *id) : std::nullopt;
  });
  if (!made) return make(job, instance, reason, requested_by);
  if (made->state == State::stored) verify(job, *made);
  return *made;
}

void Backups::fetch(db::Connection& connection, Backup const& backup,
                    std::filesystem::path const& file) {
  auto const location = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return location_of(tx, backup.id);
  }();
  auto& target = target_of(backup);
  require_there(connection, target);
  target.fetch(location, file);
  auto const found = measure(file);
  if (found.size != backup.size_bytes)
    throw Hopeless{"archive_damaged", backup.id.text() + " has " + std::to_string(found.size) +
                                          " bytes instead of " +
                                          std::to_string(backup.size_bytes.value_or(0))};
  if (found.sha256 != backup.sha256)
    throw Hopeless{"archive_damaged", backup.id.text() +
                                          " has another checksum than it was made "
                                          "with"};
}

void Backups::verify(jobs::Context& job, Backup const& backup) {
  require_there(job.connection, target_of(backup));
  Scratch const file{work_file(backup.id.text() + ".check")};
  try {
    fetch(job.connection, backup, file.path());
    auto const contents = examine(file.path());
    auto const tenant = [&] {
      db::Tx tx{job.connection, db::Mode::autocommit};
      return tenants::get(tx, backup.tenant_id);
    }();
    require_contents(contents, tenant);
  } catch (Hopeless const& failure) {
    job.transact([&](db::Tx& tx) { mark_damaged(tx, backup, failure.code, failure.what()); });
    throw;
  }
  job.transact([&](db::Tx& tx) { mark_verified(tx, backup); });
}

void Backups::clear_interrupted(jobs::Context& job, tenants::TenantId tenant) {
  auto const left =
      job.transact([&](db::Tx& tx) { return of_tenant(tx, tenant, {State::running}); });
  for (auto const& backup : left) {
    for (auto const* ending : {".tar.zst", ".check"})
      Scratch const file{work_file(backup.id.text() + ending)};
    auto const [location, is_known] = job.transact([&](db::Tx& tx) {
      return std::pair{
          location_of(tx, backup.id),
          is_ours(tx, backup.id) && backup.started_at > installation::present(tx).known_since};
    });
    // In a database that was set back it may have been finished long ago.
    if (is_known) target_of(backup).remove(location);
    job.transact([&](db::Tx& tx) {
      mark_failed(tx, backup, "interrupted", "the program ended while it was being made");
    });
  }
}

void Backups::keep_last(jobs::Context& job, Instance const& instance, std::string_view reason) {
  auto const& tenant = instance.tenant;
  try {
    // Since it stood still last, its data are the same: one backup from then on is enough.
    auto const [newest, since] = job.transact([&](db::Tx& tx) {
      return std::pair{newest_verified(tx, tenant.id),
                       tx.one<std::optional<Time>>(stood_still_at, tenant.id)};
    });
    bool const is_current = newest && since && newest->started_at >= *since;
    using provisioning::InstanceState;
    auto const state = world_.driver.state(job.connection, tenant);
    // On a machine that is down: the newest one has to do, so that nobody is kept from leaving.
    bool const is_lost =
        state == InstanceState::absent || (state == InstanceState::unreachable && newest);
    if (is_lost && !newest)
      throw NeedsPerson{"nothing_to_back_up",
                        tenant.subdomain + " has neither a place nor a verified backup"};
    if (!is_current && !is_lost) {
      make(job, instance, reason == "final" ? Reason::final : Reason::before_archive,
           "provisioning");
    } else {
      verify(job, *newest);  // it is all that will be left
      if (reason == "final") job.transact([&](db::Tx& tx) { tx.exec(make_final, newest->id); });
    }
  } catch (...) {
    auto const failure = provisioning::present_failure();
    auto const text = failure.code.text() + ": " + failure.what();
    if (failure.kind == provisioning::ErrorClass::needs_a_person)
      throw jobs::Retry{text, std::chrono::minutes{5}};
    throw jobs::Retry{text};
  }
}

}  // namespace backups
