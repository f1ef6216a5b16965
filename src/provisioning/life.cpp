// What follows the first start: stand still, run again, changes of a live tenant, the archive, the
// end; and what staff ask to be done with it.
#include "domains/domain.hpp"
#include "platform/db/session_lock.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/access.hpp"
#include "tenants/demo.hpp"
#include "tenants/jobs.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
using tenants::State;

constexpr auto actor = "provisioning";
constexpr std::chrono::milliseconds time_for_a_person{std::chrono::minutes{5}};

db::Query const limits_differ{"provisioning.limits_differ", R"sql(
  SELECT applied_limits IS DISTINCT FROM $2 FROM tenants WHERE id = $1
)sql"};
db::Query const wants_deletion{"provisioning.wants_deletion", R"sql(
  SELECT delete_requested_at IS NOT NULL FROM tenants WHERE id = $1
)sql"};
db::Query const was_ever_live{"provisioning.was_ever_live",
                              "SELECT live_at IS NOT NULL FROM tenants WHERE id = $1"};

std::string owner_link_turn(tenants::TenantId id) { return "provisioning.owner_link:" + id.text(); }

/// A step of life failed: the same job again after a pause, or dead when that cannot help. What a
/// pause alone does not mend is said at once, everything else when its job gives up.
[[noreturn]] void again(jobs::Context& job, tenants::TenantId id, StepFailure const& failure) {
  bool const by_itself = failure.kind != ErrorClass::permanent && !job.is_last_attempt();
  if (failure.kind == ErrorClass::needs_a_person || !by_itself)
    job.transact([&](db::Tx& tx) {
      auto const next =
          by_itself ? std::optional{clock_source::now() + time_for_a_person} : std::nullopt;
      if (tenants::note_failure(tx, id, failure.code.text(), failure.what(), next))
        tenants::note(tx, id, actor, activity::ChangeWaits{failure.code.text()});
    });
  auto const text = failure.code.text() + ": " + failure.what();
  if (failure.kind == ErrorClass::permanent) throw jobs::Permanent{text};
  if (failure.kind == ErrorClass::needs_a_person) throw jobs::Retry{text, time_for_a_person};
  throw jobs::Retry{text};
}

bool has_ledger_route(World& world, db::Connection& connection, tenants::Tenant const& tenant) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const route = find(tx, tenant.id, "route");
  return route && route->present && route->name == host_of(world, tenant);
}

/// What runs is made to match a live tenant's row.
void settle_world(World& world, db::Connection& connection, Instance const& instance,
                  bool limits_due) {
  auto const& tenant = instance.tenant;
  // Its place was lost, with a disk or because only the tables were restored.
  if (world.settings.provisioner == config::Provisioner::process &&
      world.driver.state(connection, tenant) == InstanceState::absent)
    bring_up(world, connection, instance);
  if (limits_due) world.driver.set_limits(connection, tenant);
  if (world.settings.provisioner == config::Provisioner::process)
    world.driver.configure(connection, instance);
  else if (!blueprint_of(world, tenant).configure.empty() &&
           !is_configured(world, connection, instance))
    make_configured(world, connection, instance);
  show(world, connection, tenant);
  if (!has_ledger_route(world, connection, tenant)) {
    require_front_door(world);
    open_route(world, connection, instance);
  }
}

void restart(World& world, jobs::Context& job, tenants::Operation const& operation) {
  auto const instance = load_instance(job.connection, operation.tenant_id);
  if (instance.tenant.state != State::live) {
    job.transact([&](db::Tx& tx) {
      tenants::fail(tx, operation.id, "state_conflict", "only a live tenant can be started again");
      job.finish(tx);
    });
    return;
  }
  world.driver.stop(job.connection, instance.tenant);
  world.driver.start(job.connection, instance);
  wait_for_application(world, job.connection, instance);
  show_tenant(world, job.connection, instance.tenant.id);  // its address may be another one now
  job.transact([&](db::Tx& tx) {
    tenants::succeed(tx, operation.id, RawJson{"{}"});
    job.finish(tx);
  });
}

void move_member(World& world, jobs::Context& job, tenants::Operation const& operation) {
  struct Arguments {
    std::string member;
  };
  auto const instance = load_instance(job.connection, operation.tenant_id);
  auto const arguments = json::read<Arguments>(operation.arguments.text);
  world.driver.move(job.connection, instance.tenant, arguments.member);
  if (instance.tenant.state == State::live) {
    world.driver.start(job.connection, instance);
    wait_for_application(world, job.connection, instance);
    show_tenant(world, job.connection, instance.tenant.id);
  }
  job.transact([&](db::Tx& tx) {
    tenants::succeed(tx, operation.id, RawJson{"{}"});
    job.finish(tx);
  });
}
}  // namespace

void suspend(World& world, jobs::Context& job, Instance& instance) {
  auto& tenant = instance.tenant;
  try {
    show(world, job.connection, tenant);
    if (!tenants::is_demo(tenant)) world.driver.stop(job.connection, tenant);
  } catch (...) {
    again(job, tenant.id, present_failure());
  }
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    if (tenant.state == State::suspending) {
      tenants::move(tx, tenant, State::suspended, actor);
      tenants::set_health(tx, tenant.id, tenants::Health::unknown);
      if (tx.one<bool>(wants_deletion, tenant.id))
        tenants::move(tx, tenant, State::archiving, actor);
    }
    job.finish(tx);
  });
}

void bring_up(World& world, db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  bool const had_data = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.one<bool>(was_ever_live, tenant.id);
  }();
  // Written down before the place is made: after a crash it is still known to be empty and untold.
  if (had_data && world.driver.state(connection, tenant) == InstanceState::absent &&
      !world.driver.keeps_data(connection, tenant)) {
    world.keeper.want_newest(connection, tenant);
    db::transact(connection, [&](db::Tx& tx) {
      if (auto const told = find(tx, tenant.id, "configuration")) mark_gone(tx, told->id);
    });
  }
  bool const waits_for_data = world.keeper.has_data_to_restore(connection, tenant);
  for (auto const& step : pipeline()) {
    if (!applies(world, step, blueprint_of(world, tenant), waits_for_data)) continue;
    if (step.needs_front_door) require_front_door(world);
    if (!step.check(world, connection, instance)) step.apply(world, connection, instance);
  }
}

void resume(World& world, jobs::Context& job, Instance& instance) {
  try {
    if (!tenants::is_demo(instance.tenant)) bring_up(world, job.connection, instance);
  } catch (...) {
    again(job, instance.tenant.id, present_failure());
  }
  job.transact([&](db::Tx& tx) {
    instance.tenant = tenants::lock(tx, instance.tenant.id);
    if (instance.tenant.state == State::resuming) {
      tenants::move(tx, instance.tenant, State::live, actor);
      tenants::set_health(tx, instance.tenant.id, tenants::Health::healthy);
      tell_others(world, tx, instance.tenant.id);
    }
    job.finish(tx);
  });
}

void settle(World& world, jobs::Context& job, Instance& instance) {
  auto const& tenant = instance.tenant;
  auto const limits = limits_text(tenant);
  bool const limits_due = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.one<bool>(limits_differ, tenant.id, limits);
  }();
  try {
    if (!tenants::is_demo(tenant)) settle_world(world, job.connection, instance, limits_due);
  } catch (...) {
    auto const failure = present_failure();
    db::transact(job.connection, [&](db::Tx& tx) {
      if (tenants::note_problem(tx, tenant.id, failure.message()))
        tenants::note(tx, tenant.id, actor, activity::ChangeWaits{failure.code.text()});
    });
    again(job, tenant.id, failure);
  }
  job.transact([&](db::Tx& tx) {
    if (tenants::note_applied(tx, tenant.id, limits))
      tenants::note(tx, tenant.id, actor,
                    activity::LimitsApplied{tenant.memory_limit_mib, tenant.cpu_limit_percent,
                                            tenant.process_limit, tenant.storage_limit_mib});
    tenants::note_settled(tx, tenant.id, tenant.version);
    job.finish(tx);
  });
}

void archive(World& world, jobs::Context& job, Instance& instance) {
  auto& tenant = instance.tenant;
  try {
    show(world, job.connection, tenant);
    if (!tenants::is_demo(tenant)) {
      world.keeper.keep_last(job, instance, "before_archive");
      world.driver.stop(job.connection, tenant);
    }
  } catch (jobs::Retry const&) {
    throw;
  } catch (...) {
    again(job, tenant.id, present_failure());
  }
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    if (tenant.state == State::archiving) tenants::move(tx, tenant, State::archived, actor);
    job.finish(tx);
  });
}

void purge(World& world, jobs::Context& job, Instance& instance) {
  auto& tenant = instance.tenant;
  try {
    auto const [has_data, is_billed] = [&] {
      db::Tx tx{job.connection, db::Mode::autocommit};
      // Of a copy's tenants the original's are billed, and go on.
      return std::pair{tx.one<bool>(was_ever_live, tenant.id),
                       tenants::is_billed(tx, tenant.id) && !installation::is_copy(tx)};
    }();
    if (is_billed)
      throw jobs::Snooze{std::chrono::seconds{5}};  // billing ends that, and shows when it cannot
    if (!tenants::is_demo(tenant)) {
      if (has_data) world.keeper.keep_last(job, instance, "final");
      remove_routes(world, job.connection, tenant);
      // What lies on a machine that is down stays in the ledger: that keeps nobody from leaving.
      world.driver.destroy(job.connection, tenant);
    }
  } catch (jobs::Retry const&) {
    throw;
  } catch (jobs::Snooze const&) {
    throw;
  } catch (...) {
    again(job, tenant.id, present_failure());
  }
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    if (tenant.state == State::purging) {
      for (auto const* kind : {"route", "configuration"})
        if (auto const known = find(tx, tenant.id, kind)) mark_gone(tx, known->id);
      domains::remove_all(tx, tenant.id);
      tenants::move(tx, tenant, State::purged, actor);
      tell_others(world, tx, tenant.id);
    }
    job.finish(tx);
  });
}

std::string owner_link(World& world, db::Connection& connection, tenants::TenantId id) {
  db::SessionLock const turn{connection, owner_link_turn(id)};
  return world.driver.owner_link(connection, load_instance(connection, id));
}

std::string customer_link(World& world, db::Connection& connection, vault::Vault& vault,
                          tenants::TenantId id) {
  // Two new passwords at once would leave one link that shows the wrong one.
  db::SessionLock const turn{connection, owner_link_turn(id)};
  auto const instance = load_instance(connection, id);
  if (blueprint_of(world, instance.tenant).access == blueprints::Access::password) {
    auto const known = db::transact(connection, [&](db::Tx& tx) -> std::optional<std::string> {
      if (auto link = tenants::repeat_access(tx, world.settings, vault, id)) return link;
      if (tenants::was_access_seen(tx, id))
        return tenants::url_of(world.settings, instance.tenant.subdomain);
      return {};
    });
    if (known) return *known;
  }
  try {
    return world.driver.owner_link(connection, instance);
  } catch (StepFailure const& failure) {
    throw Problem{world_unreachable, failure.what()};
  }
}

void operate(World& world, jobs::Context& job, tenants::OperationId id) {
  auto const operation = job.transact([&](db::Tx& tx) { return tenants::begin(tx, id); });
  if (!operation) return;  // it has ended already: the job came twice
  logging::Scope const ids{"", operation->tenant_id.text(), ""};
  try {
    switch (operation->kind) {
      case tenants::OperationKind::restart:
        return restart(world, job, *operation);
      case tenants::OperationKind::move:
        return move_member(world, job, *operation);
      default:
        world.keeper.run(job, *operation);
        // While it ran, its addresses showed a notice.
        return show_tenant(world, job.connection, operation->tenant_id);
    }
  } catch (jobs::Retry const&) {
    throw;
  } catch (jobs::Permanent const&) {
    throw;
  } catch (...) {
    auto const failure = present_failure();
    if (failure.kind != ErrorClass::permanent && !job.is_last_attempt())
      throw jobs::Retry{failure.code.text() + ": " + failure.what()};
    job.transact([&](db::Tx& tx) {
      tenants::fail(tx, operation->id, failure.code, failure.what());
      job.finish(tx);
    });
    show_tenant(world, job.connection, operation->tenant_id);
  }
}

}  // namespace provisioning
