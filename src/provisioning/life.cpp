// What follows the first start: stand still, run again, changes of a live tenant, the archive, the
// end; and what staff ask to be done with it.
#include "domains/rows.hpp"
#include "platform/db/session_lock.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/provisioning.hpp"
#include "tenants/access.hpp"
#include "tenants/jobs.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
using tenants::State;

constexpr auto actor = "provisioning";

db::Query const limits_differ{"provisioning.limits_differ", R"sql(
  SELECT applied_limits IS DISTINCT FROM $2 FROM tenants WHERE id = $1
)sql"};
db::Query const wants_deletion{"provisioning.wants_deletion", R"sql(
  SELECT delete_requested_at IS NOT NULL FROM tenants WHERE id = $1
)sql"};
db::Query const was_ever_live{"provisioning.was_ever_live",
                              "SELECT live_at IS NOT NULL FROM tenants WHERE id = $1"};

std::string owner_link_turn(tenants::TenantId id) { return "provisioning.owner_link:" + id.text(); }

/// A step of life failed: the same job again after a pause, or dead when that cannot help.
[[noreturn]] void again(StepFailure const& failure) {
  auto const text = failure.code + ": " + failure.what();
  if (failure.kind == ErrorClass::permanent) throw jobs::Permanent{text};
  if (failure.kind == ErrorClass::needs_a_person) throw jobs::Retry{text, std::chrono::minutes{5}};
  throw jobs::Retry{text};
}
}  // namespace

void Provisioning::suspend(jobs::Context& job, Instance& instance) {
  auto& tenant = instance.tenant;
  try {
    show(job.connection, tenant);
    driver_.stop(job.connection, tenant);
  } catch (...) {
    again(present_failure());
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

void Provisioning::bring_up(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  bool const had_data = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.one<bool>(was_ever_live, tenant.id);
  }();
  // Written down before the place is made: after a crash it is still known to be empty and untold.
  if (had_data && driver_.state(connection, tenant) == InstanceState::absent &&
      !driver_.keeps_data(connection, tenant)) {
    keeper_.want_newest(connection, tenant);
    db::transact(connection, [&](db::Tx& tx) {
      if (auto const told = find(tx, tenant.id, "configuration")) mark_gone(tx, told->id);
    });
  }
  bool const waits_for_data = keeper_.has_data_to_restore(connection, tenant);
  for (auto const& step : pipeline()) {
    if (!applies(step, blueprint_of(tenant), waits_for_data)) continue;
    if (step.needs_front_door) require_front_door();
    if (!(this->*step.check)(connection, instance)) (this->*step.apply)(connection, instance);
  }
}

void Provisioning::resume(jobs::Context& job, Instance& instance) {
  try {
    bring_up(job.connection, instance);
  } catch (...) {
    again(present_failure());
  }
  job.transact([&](db::Tx& tx) {
    instance.tenant = tenants::lock(tx, instance.tenant.id);
    if (instance.tenant.state == State::resuming) {
      tenants::move(tx, instance.tenant, State::live, actor);
      tenants::set_health(tx, instance.tenant.id, tenants::Health::healthy);
      tell_others(tx, instance.tenant.id);
    }
    job.finish(tx);
  });
}

void Provisioning::settle(jobs::Context& job, Instance& instance) {
  auto const& tenant = instance.tenant;
  auto const limits = limits_text(tenant);
  bool const limits_due = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.one<bool>(limits_differ, tenant.id, limits);
  }();
  try {
    // Its place was lost, with a disk or because only the tables were restored.
    if (settings_.provisioner == config::Provisioner::process &&
        driver_.state(job.connection, tenant) == InstanceState::absent)
      bring_up(job.connection, instance);
    if (limits_due) driver_.set_limits(job.connection, tenant);
    if (settings_.provisioner == config::Provisioner::process)
      driver_.configure(job.connection, instance);
    else if (!blueprint_of(tenant).configure.empty() && !is_configured(job.connection, instance))
      make_configured(job.connection, instance);
    show(job.connection, tenant);
    if (!has_ledger_route(job.connection, tenant)) {
      require_front_door();
      open_route(job.connection, instance);
    }
  } catch (...) {
    auto const failure = present_failure();
    db::transact(job.connection, [&](db::Tx& tx) {
      if (tenants::note_problem(tx, tenant.id, failure.code + ": " + failure.what()))
        tenants::note(tx, tenant.id, "change_waits", actor, failure.code);
    });
    again(failure);
  }
  job.transact([&](db::Tx& tx) {
    if (tenants::note_applied(tx, tenant.id, limits))
      tenants::note(tx, tenant.id, "limits_applied", actor, limits);
    tenants::note_settled(tx, tenant.id, tenant.version);
    job.finish(tx);
  });
}

void Provisioning::archive(jobs::Context& job, Instance& instance) {
  auto& tenant = instance.tenant;
  try {
    show(job.connection, tenant);
    keeper_.keep_last(job, instance, "before_archive");
    driver_.stop(job.connection, tenant);
  } catch (jobs::Retry const&) {
    throw;
  } catch (...) {
    again(present_failure());
  }
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    if (tenant.state == State::archiving) tenants::move(tx, tenant, State::archived, actor);
    job.finish(tx);
  });
}

void Provisioning::purge(jobs::Context& job, Instance& instance) {
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
    if (has_data) keeper_.keep_last(job, instance, "final");
    remove_routes(job.connection, tenant);
    // What lies on a machine that is down stays in the ledger: that keeps nobody from leaving.
    driver_.destroy(job.connection, tenant);
  } catch (jobs::Retry const&) {
    throw;
  } catch (jobs::Snooze const&) {
    throw;
  } catch (...) {
    again(present_failure());
  }
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    if (tenant.state == State::purging) {
      for (auto const* kind : {"route", "configuration"})
        if (auto const known = find(tx, tenant.id, kind)) mark_gone(tx, known->id);
      domains::remove_all(tx, tenant.id);
      tenants::move(tx, tenant, State::purged, actor);
      tell_others(tx, tenant.id);
    }
    job.finish(tx);
  });
}

bool Provisioning::has_ledger_route(db::Connection& connection, tenants::Tenant const& tenant) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const route = find(tx, tenant.id, "route");
  return route && route->present && route->name == host_of(tenant);
}

std::string Provisioning::owner_link(db::Connection& connection, tenants::TenantId id) {
  db::SessionLock const turn{connection, owner_link_turn(id)};
  return driver_.owner_link(connection, load_instance(connection, id));
}

std::string Provisioning::customer_link(db::Connection& connection, vault::Vault& vault,
                                        tenants::TenantId id) {
  // Two new passwords at once would leave one link that shows the wrong one.
  db::SessionLock const turn{connection, owner_link_turn(id)};
  auto const instance = load_instance(connection, id);
  if (blueprint_of(instance.tenant).access == blueprints::Access::password) {
    auto const known = db::transact(connection, [&](db::Tx& tx) -> std::optional<std::string> {
      if (auto link = tenants::repeat_access(tx, settings_, vault, id)) return link;
      if (tenants::was_access_seen(tx, id))
        return tenants::url_of(settings_, instance.tenant.subdomain);
      return {};
    });
    if (known) return *known;
  }
  try {
    return driver_.owner_link(connection, instance);
  } catch (StepFailure const& failure) {
    throw Problem{world_unreachable, failure.what()};
  }
}

void Provisioning::restart(jobs::Context& job, tenants::Operation const& operation) {
  auto const instance = load_instance(job.connection, operation.tenant_id);
  if (instance.tenant.state != State::live) {
    job.transact([&](db::Tx& tx) {
      tenants::fail(tx, operation.id, "state_conflict", "only a live tenant can be started again");
      job.finish(tx);
    });
    return;
  }
  driver_.stop(job.connection, instance.tenant);
  driver_.start(job.connection, instance);
  wait_for_application(job.connection, instance);
  show_tenant(job.connection, instance.tenant.id);  // its address may be another one now
  job.transact([&](db::Tx& tx) {
    tenants::succeed(tx, operation.id, RawJson{"{}"});
    job.finish(tx);
  });
}

void Provisioning::move_member(jobs::Context& job, tenants::Operation const& operation) {
  struct Arguments {
    std::string member;
    static constexpr auto fields() { return ::fields(field("member", &Arguments::member)); }
  };
  auto const instance = load_instance(job.connection, operation.tenant_id);
  auto const arguments = json::read<Arguments>(operation.arguments.text);
  driver_.move(job.connection, instance.tenant, arguments.member);
  if (instance.tenant.state == State::live) {
    driver_.start(job.connection, instance);
    wait_for_application(job.connection, instance);
    show_tenant(job.connection, instance.tenant.id);
  }
  job.transact([&](db::Tx& tx) {
    tenants::succeed(tx, operation.id, RawJson{"{}"});
    job.finish(tx);
  });
}

void Provisioning::operate(jobs::Context& job, tenants::OperationId id) {
  auto const operation = job.transact([&](db::Tx& tx) { return tenants::begin(tx, id); });
  if (!operation) return;  // it has ended already: the job came twice
  logging::Scope const ids{"", operation->tenant_id.text(), ""};
  try {
    switch (operation->kind) {
      case tenants::OperationKind::restart:
        return restart(job, *operation);
      case tenants::OperationKind::move:
        return move_member(job, *operation);
      default:
        keeper_.run(job, *operation);
        // While it ran, its addresses showed a notice.
        return show_tenant(job.connection, operation->tenant_id);
    }
  } catch (jobs::Retry const&) {
    throw;
  } catch (jobs::Permanent const&) {
    throw;
  } catch (...) {
    auto const failure = present_failure();
    if (failure.kind != ErrorClass::permanent && !job.is_last_attempt())
      throw jobs::Retry{failure.code + ": " + failure.what()};
    job.transact([&](db::Tx& tx) {
      tenants::fail(tx, operation->id, failure.code, failure.what());
      job.finish(tx);
    });
    show_tenant(job.connection, operation->tenant_id);
  }
}

}  // namespace provisioning
