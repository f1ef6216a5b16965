// What staff ask to be done: back up, restore in place, clone; and the data of a new tenant.
#include "backups/backups.hpp"
#include "platform/log/log.hpp"
#include "tenants/clones.hpp"
#include "tenants/world.hpp"

namespace backups {

namespace {
using provisioning::ErrorClass;
using provisioning::Hopeless;
using provisioning::StepFailure;

/// Somebody waits for the outcome: better an early answer than a tenth try.
constexpr std::int64_t attempts_of_an_operation = 3;

struct RestoreArguments {
  BackupId backup;
  std::optional<BackupId> safety_backup;
};
struct BackupResult {
  BackupId backup;
};
struct RestoreResult {
  BackupId backup, safety_backup;
};
struct CloneResult {
  tenants::TenantId tenant;
  BackupId backup;
};

db::Query const wanted_data{"backups.wanted_data",
                            "SELECT restore_backup_id FROM tenants WHERE id = $1"};

constexpr auto actor = "backups";

void stage(jobs::Context& job, tenants::Operation const& operation, std::string_view text) {
  job.transact([&](db::Tx& tx) { tenants::stage(tx, operation.id, text); });
}
}  // namespace

provisioning::Keeper Backups::keeper() {
  provisioning::Keeper keeper;
  keeper.keep_last = [this](jobs::Context& job, Instance const& instance, std::string_view reason) {
    keep_last(job, instance, reason);
  };
  keeper.has_data_to_restore = [](db::Connection& connection, tenants::Tenant const& tenant) {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.one<std::optional<BackupId>>(wanted_data, tenant.id).has_value();
  };
  keeper.want_newest = [](db::Connection& connection, tenants::Tenant const& tenant) {
    db::transact(connection, [&](db::Tx& tx) {
      if (tx.one<std::optional<BackupId>>(wanted_data, tenant.id)) return;
      auto const newest = newest_verified(tx, tenant.id);
      if (!newest)
        throw provisioning::NeedsPerson{
            "place_and_backup_lost",
            tenant.id.text() + " has lost its place and has no verified backup to come back from"};
      tenants::await_data(tx, tenant.id, newest->id);
    });
  };
  keeper.restore_data = [this](db::Connection& connection, Instance const& instance) {
    restore_data(connection, instance);
  };
  keeper.look_again = [](db::Connection& connection, std::string const& name) {
    auto const id = BackupId::parse(name);
    if (!id) throw Hopeless{"backup_not_found", "there is no backup " + name};
    db::transact(connection, [&](db::Tx& tx) {
      jobs::enqueue(tx, Verify{id->value, false}, {.dedupe_key = name, .max_attempts = 3});
    });
  };
  keeper.remove_stray = [this](db::Connection& connection, std::string const& name, Time shown_at) {
    return remove_stray(connection, name, shown_at);
  };
  keeper.settle_in = [this](db::Connection& connection, std::string const& name) {
    settle_in(connection, name);
  };
  keeper.run = [this](jobs::Context& job, tenants::Operation const& operation) {
    run(job, operation);
  };
  return keeper;
}

void Backups::run(jobs::Context& job, tenants::Operation const& operation) {
  try {
    switch (operation.kind) {
      case tenants::OperationKind::backup:
        return run_backup(job, operation);
      case tenants::OperationKind::restore:
        return run_restore(job, operation);
      case tenants::OperationKind::clone:
        return run_clone(job, operation);
      default:
        throw Hopeless{"not_offered", "there is no such operation"};
    }
  } catch (...) {
    auto const failure = provisioning::present_failure();
    if (failure.kind != ErrorClass::permanent && job.job.attempt < attempts_of_an_operation)
      throw jobs::Retry{failure.code.text() + ": " + failure.what()};
    fail_operation(job, operation, failure);
  }
}

void Backups::fail_operation(jobs::Context& job, tenants::Operation const& operation,
                             StepFailure const& failure) {
  logging::error("backups", "{} of {} failed: {}: {}", name_of(operation.kind),
                 operation.tenant_id.text(), failure.code.text(), failure.what());
  job.transact([&](db::Tx& tx) {
    tenants::fail(tx, operation.id, failure.code, failure.what());
    // The name that was taken for a clone is free again.
    if (operation.kind == tenants::OperationKind::clone)
      tenants::release(tx, json::read<tenants::CloneArguments>(operation.arguments.text).target,
                       actor);
    job.finish(tx);
  });
}

void Backups::run_backup(jobs::Context& job, tenants::Operation const& operation) {
  auto const instance = provisioning::load_instance(job.connection, operation.tenant_id);
  auto const backup = make_once(job, instance, Reason::manual, operation.started_at.value(),
                                operation.requested_by);
  job.transact([&](db::Tx& tx) {
    tenants::succeed(tx, operation.id, RawJson{json::text(BackupResult{backup.id})});
    job.finish(tx);
  });
}

void Backups::run_restore(jobs::Context& job, tenants::Operation const& operation) {
  auto const instance = provisioning::load_instance(job.connection, operation.tenant_id);
  auto const& tenant = instance.tenant;
  auto const arguments = json::read<RestoreArguments>(operation.arguments.text);
  auto load = [&](BackupId id) { return job.transact([&](db::Tx& tx) { return find(tx, id); }); };
  auto const backup = load(arguments.backup);
  if (!backup || !backup->is_usable())
    throw Hopeless{"backup_not_usable", "the backup is no longer there"};
  if (tenant.state != tenants::State::live && tenant.state != tenants::State::suspended)
    throw Hopeless{"state_conflict", "only a tenant that is live or suspended can be restored"};

  // Everything that can be known about the archive is known before the tenant is touched.
  stage(job, operation, "checking");
  verify(job, *backup);
  Scratch const archive{work_file(operation.id.text() + ".restore")};
  fetch(job.connection, *backup, archive.path());

  stage(job, operation, "safety_backup");
  auto safety = arguments.safety_backup ? load(*arguments.safety_backup) : std::nullopt;
  if (!safety) {
    safety = make_once(job, instance, Reason::before_restore, operation.started_at.value(),
                       operation.requested_by);
    job.transact([&](db::Tx& tx) {
      tenants::add_argument(tx, operation.id, "safety_backup", safety->id.text());
    });
  }

  stage(job, operation, "restoring");
  bool const was_live = tenant.state == tenants::State::live;
  auto& driver = world_.driver;
  try {
    if (was_live) provisioning::show_notice(world_, job.connection, tenant.id, "maintenance");
    driver.restore(job.connection, instance, archive.path());
    if (was_live)
      provisioning::wait_for_application(world_, job.connection, instance);
    else
      driver.stop(job.connection, tenant);
  } catch (...) {
    auto const failure = provisioning::present_failure();
    if (failure.kind != ErrorClass::permanent && job.job.attempt < attempts_of_an_operation)
      throw failure;
    put_back(job, instance, *safety);
    throw Hopeless{failure.code, std::string{failure.what()} + "; the state before is kept as " +
                                     safety->id.text()};
  }
  provisioning::show_tenant(world_, job.connection, tenant.id);
  job.transact([&](db::Tx& tx) {
    tenants::note(tx, tenant.id, operation.requested_by,
                  activity::Restored{backup->id.text(), safety->id.text()});
    tenants::succeed(tx, operation.id, RawJson{json::text(RestoreResult{backup->id, safety->id})});
    job.finish(tx);
  });
}

void Backups::put_back(jobs::Context& job, Instance const& instance, Backup const& backup) {
  auto const& tenant = instance.tenant;
  activity::RestoreBrokeOff outcome{.backup_id = backup.id.text(), .is_back = true};
  try {
    Scratch const archive{work_file(backup.id.text() + ".back")};
    fetch(job.connection, backup, archive.path());
    world_.driver.restore(job.connection, instance, archive.path());
    if (tenant.state == tenants::State::live)
      provisioning::wait_for_application(world_, job.connection, instance);
    else
      world_.driver.stop(job.connection, tenant);
    provisioning::show_tenant(world_, job.connection, tenant.id);
  } catch (...) {
    auto const failure = provisioning::present_failure();
    outcome.is_back = false;
    outcome.code = failure.code.text();
    logging::error("backups", "{}: {}", tenant.subdomain, failure.what());
  }
  job.transact([&](db::Tx& tx) { tenants::note(tx, tenant.id, actor, outcome); });
}

void Backups::run_clone(jobs::Context& job, tenants::Operation const& operation) {
  auto const source = provisioning::load_instance(job.connection, operation.tenant_id);
  auto const clone = json::read<tenants::CloneArguments>(operation.arguments.text).target;
  stage(job, operation, "backup");
  auto const backup =
      make_once(job, source, Reason::manual, operation.started_at.value(), operation.requested_by);
  job.transact([&](db::Tx& tx) {
    auto const reserved = tenants::lock(tx, clone);
    if (reserved.state != tenants::State::reserved)
      throw Hopeless{"clone_given_up", "the name of the clone was given back meanwhile"};
    tenants::await_data(tx, clone, backup.id);
    tenants::start_provisioning(tx, clone, operation.requested_by);
    tenants::succeed(tx, operation.id, RawJson{json::text(CloneResult{clone, backup.id})});
    job.finish(tx);
  });
}

void Backups::restore_data(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const backup = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const id = tx.one<std::optional<BackupId>>(wanted_data, tenant.id);
    return id ? find(tx, *id) : std::nullopt;
  }();
  if (!backup) return;
  if (!backup->is_usable())
    throw Hopeless{"backup_not_usable", backup->id.text() + " is no longer there"};
  Scratch const archive{work_file(tenant.id.text() + ".fill")};
  fetch(connection, *backup, archive.path());
  world_.driver.restore(connection, instance, archive.path());
  db::transact(connection, [&](db::Tx& tx) {
    tenants::end_wait_for_data(tx, tenant.id);
    tenants::note(tx, tenant.id, actor, activity::Restored{backup->id.text()});
  });
}

}  // namespace backups
