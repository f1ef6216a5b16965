// What happens by itself: backups that fall due, those that may go, and rows and files that must
// agree.
#include <set>

#include "backups/backups.hpp"
#include "backups/retention.hpp"
#include "platform/log/log.hpp"

namespace backups {

namespace {
using namespace std::chrono_literals;
using provisioning::StepFailure;

constexpr int at_a_time = 2;      // scheduled backups that wait or run, of all tenants together
constexpr auto stuck_after = 6h;  // longer than the longest job

// A tenth of the period is taken off, another part for each tenant, so that those that were made
// together are not backed up together for ever. One that failed gets an hour's pause.
db::Query const due_tenants{"backups.due_tenants", R"sql(
  SELECT t.id FROM tenants t
   WHERE t.state = 'live' AND t.provisioner = $1
     AND coalesce(t.backed_up_at, t.live_at) + $2 * interval '1 hour'
         - $2 * interval '6 minutes' * ((t.id * 7919) % 100) / 100.0 <= $3
     AND NOT EXISTS (SELECT 1 FROM tenant_backups b
                      WHERE b.tenant_id = t.id AND b.state = 'failed'
                        AND b.started_at > $3::timestamptz - interval '1 hour')
   ORDER BY coalesce(t.backed_up_at, t.live_at), t.id LIMIT $4
)sql"};
db::Query const under_way{"backups.under_way", R"sql(
  SELECT count(*) FROM jobs WHERE kind = $1 AND state IN ('waiting', 'running')
)sql"};

struct OfTenant {
  tenants::TenantId id;
  std::optional<Time> purged_at;
  static constexpr auto fields() {
    return ::fields(field("id", &OfTenant::id), field("purged_at", &OfTenant::purged_at));
  }
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
  std::string location;
  State state;
  static constexpr auto fields() {
    return ::fields(field("id", &Place::id), field("location", &Place::location),
                    field("state", &Place::state));
  }
};
db::Query const places{"backups.places", R"sql(
  SELECT id, location, state FROM tenant_backups
   WHERE target = $1 AND state IN ('running', 'stored', 'verified', 'damaged')
)sql"};
db::Query const stuck{"backups.stuck", R"sql(
  SELECT id FROM tenant_backups WHERE state = 'running' AND started_at < $1
)sql"};
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
    auto const room = at_a_time - tx.one<std::int64_t>(under_way, Make::kind);
    if (room <= 0) return;
    for (auto const id :
         tx.all<tenants::TenantId>(due_tenants, name_of(settings_.provisioner),
                                   settings_.backup_every_hours, clock_source::now(), room))
      jobs::enqueue(tx, Make{id.value}, {.dedupe_key = id.text(), .max_attempts = 3});
  });
}

void Backups::sweep(jobs::Context& job) {
  thin_out(job);
  for (auto const& target : targets_) try {
      compare(job, *target);
    } catch (StepFailure const& failure) {
      logging::warning("backups", "the target {} could not be compared: {}", target->name(),
                       failure.what());
    }
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

void Backups::thin_out(jobs::Context& job) {
  Policy const policy{settings_.backup_keep_daily, settings_.backup_keep_weekly,
                      settings_.backup_keep_monthly};
  auto const owners =
      job.transact([&](db::Tx& tx) { return tx.all<OfTenant>(tenants_with_backups); });
  for (auto const& owner : owners) {
    auto const backups = job.transact([&](db::Tx& tx) {
      return of_tenant(tx, owner.id, {State::stored, State::verified, State::damaged});
    });
    std::vector<Kept> kept;
    for (auto const& backup : backups)
      kept.push_back({backup.id, backup.reason, backup.state, backup.started_at});
    auto const gone = expired(kept, policy, clock_source::now(), owner.purged_at);
    for (auto const& backup : backups) {
      if (std::find(gone.begin(), gone.end(), backup.id) == gone.end()) continue;
      bool const is_awaited = job.transact(
          [&](db::Tx& tx) { return tx.one<bool>(awaited, backup.id, backup.tenant_id); });
      if (is_awaited) continue;
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

void Backups::compare(jobs::Context& job, Target& target) {
  auto load = [&] {
    std::map<std::string, Place> found;
    for (auto& place :
         job.transact([&](db::Tx& tx) { return tx.all<Place>(places, target.name()); }))
      found.emplace(place.location, place);
    return found;
  };
  // Rows, files, rows: what was made or deleted meanwhile is in one of the two.
  auto const before = load();
  auto const files = target.list();
  auto const after = load();
  std::set<std::string> present;
  for (auto const& file : files) {
    present.insert(file.location);
    if (after.contains(file.location)) continue;
    logging::warning("backups", "{} belongs to no backup and is removed", file.location);
    target.remove(file.location);
  }
  for (auto const& [location, place] : before) {
    auto const now = after.find(location);
    if (present.contains(location) || place.state == State::running || now == after.end()) continue;
    if (now->second.state != State::stored && now->second.state != State::verified) continue;
    job.transact([&](db::Tx& tx) {
      if (auto const backup = find(tx, place.id))
        mark_damaged(tx, *backup, "backup_missing", "its file is no longer in the target");
    });
  }
}

}  // namespace backups
