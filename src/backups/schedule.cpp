// What happens by itself: backups that fall due, those that may go, and rows and files that must
// agree.
#include <set>

#include "backups/backups.hpp"
#include "backups/retention.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"

namespace backups {

namespace {
using namespace std::chrono_literals;
using provisioning::StepFailure;

constexpr int at_a_time = 2;      // scheduled backups that wait or run, of all tenants together
constexpr auto stuck_after = 6h;  // longer than the longest job
// What carries our id and has no row is shown this long before it goes, and is no younger itself.
constexpr std::chrono::days shown_before{7};
constexpr auto clocks_differ_by = 1h;  // ours and those of a target
constexpr auto world = "backups";      // whose findings these are
constexpr auto world_of_targets = "backup_targets";
constexpr std::string_view unfinished = ".part";

// A tenth of the period is taken off, another part for each tenant, so that those that were made
// together are not backed up together for ever. A tenant can make its backups fail: after an hour
// it is tried again, then after two, at last once a day, behind those that went well and one of its
// kind at a time.
db::Query const due_tenants{"backups.due_tenants", R"sql(
  WITH due AS (
    SELECT t.id, coalesce(t.backed_up_at, t.live_at) AS since, failed.times
      FROM tenants t CROSS JOIN LATERAL (
           SELECT count(*) AS times, max(b.started_at) AS last_at FROM tenant_backups b
            WHERE b.tenant_id = t.id AND b.state = 'failed'
              AND b.started_at > coalesce(t.backed_up_at, '-infinity')) AS failed
     WHERE t.state = 'live' AND t.provisioner = $1
       AND coalesce(t.backed_up_at, t.live_at) + $2 * interval '1 hour'
           - $2 * interval '6 minutes' * ((t.id * 7919) % 100) / 100.0 <= $3
       AND (failed.times = 0
            OR failed.last_at <= $3::timestamptz
                 - least(power(2, least(failed.times, 10) - 1), 24) * interval '1 hour')),
  turns AS (
    SELECT id, since, times, row_number() OVER (PARTITION BY times > 0 ORDER BY since, id) AS turn
      FROM due)
  SELECT id FROM turns
   WHERE times = 0 OR (turn = 1 AND NOT $5)
   ORDER BY times > 0, since, id LIMIT $4
)sql"};
struct UnderWay {
  std::int64_t all;
  bool failed_before;  // one of them
};
db::Query const under_way{"backups.under_way", R"sql(
  SELECT count(*) AS "all",
         coalesce(bool_or(EXISTS (SELECT 1 FROM tenant_backups b JOIN tenants t ON t.id = b.tenant_id
                                   WHERE t.id = (payload->>'tenant_id')::bigint
                                     AND b.state = 'failed'
                                     AND b.started_at > coalesce(t.backed_up_at, '-infinity'))),
                  false) AS failed_before
    FROM jobs WHERE kind = $1 AND state IN ('waiting', 'running')
)sql"};

struct OfTenant {
  tenants::TenantId id;
  std::optional<Time> purged_at;
};
db::Query const tenants_with_backups{"backups.tenants", R"sql(
  SELECT t.id, CASE WHEN t.state = 'purged' THEN t.state_since END AS purged_at
    FROM tenants t
   WHERE t.id IN (SELECT tenant_id FROM tenant_backups
                   WHERE state IN ('stored', 'verified', 'damaged'))
   ORDER BY t.id
)sql"};
db::Query const awaited{"backups.awaited", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenants WHERE restore_backup_id = $1)
      OR EXISTS (SELECT 1 FROM tenant_operations
                  WHERE tenant_id = $2 AND kind = 'restore' AND state IN ('queued', 'running'))
)sql"};
struct Place {
  BackupId id;
  std::string location, installation;
  State state;
  bool is_missing;  // damaged for no other reason than that
  Time started_at;
};
db::Query const places{"backups.places", R"sql(
  SELECT id, location, coalesce(installation, '') AS installation, state,
         state = 'damaged' AND error_code = 'backup_missing' AS is_missing, started_at
    FROM tenant_backups WHERE target = $1
)sql"};
db::Query const has_row{"backups.has_row", R"sql(
  SELECT EXISTS (SELECT 1 FROM tenant_backups
                  WHERE target = $1 AND location = $2 AND state NOT IN ('deleted', 'failed'))
)sql"};
struct Lost {
  BackupId id;
  tenants::TenantId tenant_id;
  std::string error_code, error_detail;
};
db::Query const damaged{"backups.damaged", R"sql(
  SELECT id, tenant_id, coalesce(error_code, 'archive_damaged') AS error_code,
         coalesce(error_detail, '') AS error_detail FROM tenant_backups
   WHERE state = 'damaged' ORDER BY id
)sql"};
db::Query const stuck{"backups.stuck", R"sql(
  SELECT id FROM tenant_backups WHERE state = 'running' AND started_at < $1
)sql"};

constexpr i18n::Code<"made_before_ids",
                     "backups were made before installations had ids: adopt them, so that old "
                     "ones go when their time is over">
    made_before_ids;
constexpr i18n::Code<"came_from",
                     "this database came from the installation {installation} at {left_at}: what "
                     "carries its id is left alone. Adopt it only when that one is gone for good "
                     "and this is no copy beside it">
    came_from;
}  // namespace

void Backups::add_workers(jobs::Engine& engine) {
  if (!holds_tenants_) return;
  engine.add<Make>(
      {.timeout = 2h,
       .serialise = [](Make const& make) { return "tenant:" + std::to_string(make.tenant_id); },
       .run =
           [this](jobs::Context& job, Make const& due) {
             auto const instance =
                 provisioning::load_instance(job.connection, tenants::TenantId{due.tenant_id});
             if (instance.tenant.state != tenants::State::live) return;
             make(job, instance, Reason::scheduled, "schedule");
           }});
  engine.add<Verify>(
      {.timeout = 2h,
       .serialise = [](Verify const&) { return std::string{Verify::kind}; },
       .run = [this](jobs::Context& job, Verify const& wanted) { run_verify(job, wanted); }});
  engine.add<Plan>({.run = [this](jobs::Context& job, Plan const&) { plan(job); }});
  engine.add<Sweep>({.timeout = 1h,
                     .serialise = [](Sweep const&) { return std::string{Sweep::kind}; },
                     .run = [this](jobs::Context& job, Sweep const&) { sweep(job); }});
  engine.add<Rehearse>({.run = [this](jobs::Context& job, Rehearse const&) { rehearse(job); }});
  engine.schedule<Plan>(300s);
  engine.schedule<Sweep>(1h);
  engine.schedule<Rehearse>(1h);
}

void Backups::plan(jobs::Context& job) {
  if (settings_.backup_every_hours == 0) return;
  job.transact([&](db::Tx& tx) {
    auto const now = tx.one<UnderWay>(under_way, Make::kind);
    if (now.all >= at_a_time) return;
    // The next turn comes with the next plan: by then the others have had theirs.
    for (auto const id : tx.all<tenants::TenantId>(
             due_tenants, name_of(settings_.provisioner), settings_.backup_every_hours,
             clock_source::now(), at_a_time - now.all, now.failed_before))
      jobs::enqueue(tx, Make{id.value}, {.dedupe_key = id.text(), .max_attempts = 1});
  });
}

void Backups::sweep(jobs::Context& job) {
  installation::renew(job.connection, settings_.data_dir);
  provisioning::Findings findings{world}, away{world_of_targets};
  std::set<std::string> in_order;
  std::size_t looked_at = 0;
  for (auto const& target : targets_) try {
      require_there(job.connection, *target);
      ++looked_at;
      compare(job, *target, findings);
      in_order.emplace(target->name());
    } catch (StepFailure const& failure) {
      if (failure.code == target_away) {
        ++looked_at;
        away.add("ghost", "backup_target", std::string{target->name()}, {}, failure.message());
      }
      logging::warning("backups", "the target {} could not be compared: {}", target->name(),
                       failure.what());
    }
  thin_out(job, in_order);
  bool const is_complete = in_order.size() == targets_.size();
  job.transact([&](db::Tx& tx) {
    if (looked_at == targets_.size()) away.write(tx);
    for (auto const& lost : tx.all<Lost>(damaged))
      findings.add("ghost", "backup", lost.id.text(), lost.tenant_id,
                   provisioning::failed_with(lost.error_code, lost.error_detail));
    for (auto const& left : installation::predecessors(tx))
      findings.add("stranger", "predecessor", left.id.empty() ? "before" : left.id, {},
                   left.id.empty() ? made_before_ids() : came_from(left.id, left.left_at));
    // A target that does not answer shows nothing: what was found there before stays found.
    if (is_complete) findings.write(tx);
  });
  auto const left = job.transact([&](db::Tx& tx) {
    std::vector<Backup> found;
    for (auto const id : tx.all<BackupId>(stuck, clock_source::now() - stuck_after))
      found.push_back(*find(tx, id));
    return found;
  });
  for (auto const& backup : left)
    job.transact([&](db::Tx& tx) {
      mark_failed(tx, backup, "interrupted", "the program ended while it was being made");
    });
}

void Backups::thin_out(jobs::Context& job, std::set<std::string> const& in_order) {
  Policy const policy{settings_.backup_keep_daily, settings_.backup_keep_weekly,
                      settings_.backup_keep_monthly};
  auto const owners =
      job.transact([&](db::Tx& tx) { return tx.all<OfTenant>(tenants_with_backups); });
  for (auto const& owner : owners) {
    auto const backups = job.transact([&](db::Tx& tx) {
      return of_tenant(tx, owner.id, {State::stored, State::verified, State::damaged});
    });
    std::vector<Kept> kept;
    // What is not in reach is relied upon as little as what is damaged.
    for (auto const& backup : backups)
      kept.push_back({backup.id, backup.reason,
                      in_order.contains(backup.target) ? backup.state : State::damaged,
                      backup.started_at});
    auto const gone = expired(kept, policy, clock_source::now(), owner.purged_at);
    for (auto const& backup : backups) {
      if (std::find(gone.begin(), gone.end(), backup.id) == gone.end()) continue;
      if (!in_order.contains(backup.target)) continue;
      bool const may_go = job.transact([&](db::Tx& tx) {
        return is_ours(tx, backup.id) && !tx.one<bool>(awaited, backup.id, backup.tenant_id);
      });
      if (!may_go) continue;
      try {
        remove(job, backup, "retention");
      } catch (StepFailure const& failure) {
        logging::warning("backups", "{} is left to the next sweep: {}", backup.id.text(),
                         failure.what());
      }
    }
  }
}

void Backups::remove(jobs::Context& job, Backup const& backup, std::string_view actor) {
  auto const location = job.transact([&](db::Tx& tx) {
    mark_deleted(tx, backup, actor);
    return location_of(tx, backup.id);
  });
  target_of(backup).remove(location);
}

namespace {
/// The location that its row has, also while it is being written.
std::string written_as(std::string location) {
  if (location.ends_with(unfinished)) location.resize(location.size() - unfinished.size());
  return location;
}

std::string_view owner_in(std::string_view location) {
  auto const slash = location.find('/');
  return slash == std::string_view::npos ? location : location.substr(0, slash);
}

/// What is not ours in a target, told by its first folder: another installation, or whoever.
struct Strangers {
  std::int64_t files = 0, bytes = 0;
};

/// What the files of one target are compared with, as of one moment.
constexpr i18n::Code<"cannot_be_removed", "it should be gone, but cannot be removed: {failure}">
    cannot_be_removed;
constexpr i18n::Code<"backup_unfinished",
                     "its backup did not come to its end, as far as this database knows">
    backup_unfinished;
constexpr i18n::Code<"archive_of_nobody",
                     "carries our id, but belongs to no backup; it goes after a week">
    archive_of_nobody;
constexpr i18n::Code<"old_archive_of_nobody",
                     "carries our id, but belongs to no backup; it is older than what this "
                     "database knows for sure, so it stays until somebody destroys it">
    old_archive_of_nobody;
constexpr i18n::Code<"files_of_others", "{count} files, {total_bytes}; not ours, left alone">
    files_of_others;

struct Comparison {
  Target& target;
  provisioning::Findings& findings;
  installation::Identity identity;
  std::set<std::string> shown;  // findings of archives that have been open for long enough
  Time now = clock_source::now();
  std::map<std::string, Strangers> strangers{};
  std::vector<BackupId> is_back{};  // was missing, and lies there again

  [[nodiscard]] Time known_since() const { return identity.known_since + clocks_differ_by; }
};

void remove_file(Comparison& comparison, Stored const& file, std::string const& name) {
  try {
    comparison.target.remove(file.location);
  } catch (StepFailure const& failure) {
    auto message = cannot_be_removed(failure.code.text());
    message.text += std::string{": "} + failure.what();
    comparison.findings.add("orphan", "archive", name, {}, std::move(message));
  }
}

/// A file that has a row.
void compare_known(Comparison& comparison, Stored const& file, std::string const& name,
                   Place const& place) {
  if (place.is_missing) comparison.is_back.push_back(place.id);
  bool const is_over = place.state == State::deleted || place.state == State::failed;
  if (!is_over || !comparison.identity.owns(place.installation)) return;
  // One that failed as far as we know may have been finished in days that we have lost.
  if (place.state == State::failed && place.started_at <= comparison.known_since())
    comparison.findings.add("orphan", "archive", name, {}, backup_unfinished());
  else
    remove_file(comparison, file, name);
}

/// A file that has none.
void compare_unknown(Comparison& comparison, Stored const& file, std::string const& name) {
  auto const owner = owner_in(file.location);
  if (owner == file.location || !comparison.identity.owns(owner)) {
    auto& others = comparison.strangers[std::string{owner}];
    ++others.files;
    others.bytes += file.size;
    return;
  }
  bool const is_known_for_sure = file.made > comparison.known_since();
  if (is_known_for_sure && file.made < comparison.now - shown_before &&
      comparison.shown.contains(name)) {
    logging::warning("backups", "{} was shown for a week, belongs to no backup and is removed",
                     name);
    remove_file(comparison, file, name);
  } else {
    comparison.findings.add("orphan", "archive", name, {},
                            is_known_for_sure ? archive_of_nobody() : old_archive_of_nobody());
  }
}

void show_strangers(Comparison& comparison) {
  for (auto const& [owner, others] : comparison.strangers)
    comparison.findings.add("stranger", "archives",
                            std::string{comparison.target.name()} + ":" + owner, {},
                            files_of_others(others.files, others.bytes));
}

using Places = std::map<std::string, Place>;  // by location

/// Rows that were there before and after the files were listed, and whose file was not.
void mark_missing(jobs::Context& job, Places const& before, Places const& after,
                  std::set<std::string> const& present) {
  for (auto const& [location, place] : before) {
    auto const row = after.find(location);
    if (present.contains(location) || row == after.end()) continue;
    if (place.state != State::stored && place.state != State::verified) continue;
    if (row->second.state != State::stored && row->second.state != State::verified) continue;
    job.transact([&](db::Tx& tx) {
      if (auto const backup = find(tx, place.id))
        mark_damaged(tx, *backup, "backup_missing", "its file is no longer in the target");
    });
  }
}
}  // namespace

void Backups::compare(jobs::Context& job, Target& target, provisioning::Findings& findings) {
  auto load = [&] {
    Places found;
    for (auto& place :
         job.transact([&](db::Tx& tx) { return tx.all<Place>(places, target.name()); }))
      found.emplace(place.location, place);
    return found;
  };
  auto comparison = job.transact([&](db::Tx& tx) {
    auto const names =
        provisioning::shown_since(tx, world, "archive", clock_source::now() - shown_before);
    return Comparison{target, findings, installation::present(tx), {names.begin(), names.end()}};
  });
  auto const mark = mark_of(comparison.identity.id);
  // Rows, files, rows: what was made or deleted meanwhile is in one of the two.
  bool const is_marked = target.has(mark);
  auto const before = load();
  auto const files = target.list();
  auto const after = load();
  std::set<std::string> present;
  for (auto const& file : files) present.insert(file.location);
  if (present.contains(mark) != is_marked)
    throw provisioning::Transient{"backup_target_failed",
                                  target.place() + " was exchanged while it was listed"};
  // Without a mark it is the files themselves that say that their disk is there.
  if (!is_marked) require_there(job.connection, target);
  for (auto const& file : files) {
    if (file.location == mark_of(owner_in(file.location))) continue;
    auto const name = std::string{target.name()} + ":" + file.location;
    if (auto const row = after.find(written_as(file.location)); row != after.end())
      compare_known(comparison, file, name, row->second);
    else
      compare_unknown(comparison, file, name);
  }
  show_strangers(comparison);
  job.transact([&](db::Tx& tx) {
    for (auto const id : comparison.is_back)
      jobs::enqueue(tx, Verify{id.value, false}, {.dedupe_key = id.text(), .max_attempts = 3});
  });
  mark_missing(job, before, after, present);
}

bool Backups::remove_stray(db::Connection& connection, std::string const& name, Time shown_at) {
  auto const colon = name.find(':');
  auto const target_name = name.substr(0, colon), location = name.substr(colon + 1);
  auto const [is_owned, is_a_backups] = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return std::pair{installation::present(tx).owns(owner_in(location)),
                     tx.one<bool>(has_row, target_name, written_as(location))};
  }();
  if (!is_owned) throw provisioning::Hopeless{"not_ours", name + " is not ours and is left alone"};
  if (is_a_backups) return false;
  for (auto const& target : targets_) {
    if (target->name() != target_name) continue;
    for (auto const& file : target->list())
      if (file.location == location && file.made > shown_at + clocks_differ_by) return false;
    target->remove(location);
  }
  return true;
}

}  // namespace backups
