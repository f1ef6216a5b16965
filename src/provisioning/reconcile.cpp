// The worker behind tenants::Reconcile: what each state asks of the world.
#include "domains/domain.hpp"
#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/jobs.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
using tenants::State;
using namespace std::chrono_literals;

constexpr auto actor = "provisioning";
constexpr std::chrono::milliseconds time_for_a_person{5min};

db::Query const is_overdue{
    "provisioning.is_overdue",
    "SELECT coalesce(state_deadline < now(), false) FROM tenants WHERE id = $1"};

void undo(World& world, jobs::Context& job, tenants::Tenant& tenant,
          tenants::Failure const& failure) {
  remove_routes(world, job.connection, tenant);
  world.driver.destroy(job.connection, tenant);
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    for (auto const* kind : {"route", "configuration"})
      if (auto const known = find(tx, tenant.id, kind)) mark_gone(tx, known->id);
    auto const steps = tenants::steps(tx, tenant.id);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step)
      if (step->state == tenants::StepState::done && step->name != "payment")
        tenants::end_step(tx, tenant.id, step->name, tenants::StepState::undone);
    domains::remove_all(tx, tenant.id);
    tenants::move(tx, tenant, State::rolled_back, actor, failure);
    tell_others(world, tx, tenant.id);
    job.finish(tx);
  });
}

void fail(World& world, jobs::Context& job, Instance& instance, StepFailure const& error) {
  auto& tenant = instance.tenant;
  logging::error("provisioning", "attempt {} of {} for {} failed ({}): {}: {}", tenant.attempt,
                 maximum_attempts, tenant.subdomain, name_of(error.kind), error.code.text(),
                 error.what());
  auto const pause =
      error.kind == ErrorClass::needs_a_person ? time_for_a_person : jobs::backoff(tenant.attempt);
  tenants::Failure const failure{error.code.text(), error.what(), clock_source::now() + pause};
  if (error.kind == ErrorClass::permanent || tenant.attempt >= maximum_attempts) {
    require_front_door(world);
    return undo(world, job, tenant, failure);
  }
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    job.finish(tx);  // the retry is a job of its own
    tenants::move(tx, tenant, State::provision_failed, actor, failure);
  });
}
}  // namespace

Instance load_instance(db::Connection& connection, tenants::TenantId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto tenant = tenants::get(tx, id);
  auto owner = customers::get(tx, tenant.customer_id);
  return {std::move(tenant),      std::move(owner.company), std::move(owner.name),
          std::move(owner.email), std::move(owner.country), owner.locale};
}

void reconcile(World& world, jobs::Context& job, tenants::TenantId id) {
  logging::Scope const ids{"", id.text(), ""};
  auto instance = load_instance(job.connection, id);
  if (is_for_server(world, instance.tenant)) require_front_door(world);
  switch (instance.tenant.state) {
    case State::queued:
    case State::provision_failed:
    case State::provisioning: {
      bool const timed_out = job.transact([&](db::Tx& tx) {
        instance.tenant = tenants::lock(tx, id);
        auto& tenant = instance.tenant;
        if (tenant.state == State::provisioning) return tx.one<bool>(is_overdue, id);
        if (tenant.state != State::queued && tenant.state != State::provision_failed)
          throw jobs::LeaseLost{"the tenant's state has changed meanwhile"};
        tenants::move(tx, tenant, State::provisioning, actor);
        tell_others(world, tx, id);
        return false;
      });
      try {
        if (timed_out) throw Transient{"timeout", "building took longer than it may"};
        if (world.front_door) world.front_door->route(host_of(world, instance.tenant), "starting");
        build(world, job, instance);
      } catch (...) {
        return fail(world, job, instance, present_failure());
      }
      auto const built = instance.tenant;
      bool const is_unwanted = job.transact([&](db::Tx& tx) {
        instance.tenant = tenants::lock(tx, id);
        if (instance.tenant.delete_requested_at) return true;
        // What was changed while it was built has a job of its own.
        if (instance.tenant.version == built.version)
          tenants::note_built(tx, id, limits_text(built), built.version);
        tenants::move(tx, instance.tenant, State::live, actor);
        tenants::set_health(tx, id, tenants::Health::healthy);
        // A hold that came while it was built takes effect now.
        if (!tenants::holds(tx, id).empty())
          tenants::move(tx, instance.tenant, State::suspending, actor);
        tell_others(world, tx, id);
        job.finish(tx);
        return false;
      });
      if (is_unwanted)
        return fail(world, job, instance,
                    Hopeless{"deleted", "its deletion was asked for while it was built"});
      break;
    }
    case State::suspending:
      suspend(world, job, instance);
      break;
    case State::resuming:
      resume(world, job, instance);
      break;
    case State::live:
      settle(world, job, instance);
      break;
    case State::archiving:
      archive(world, job, instance);
      break;
    case State::purging:
      purge(world, job, instance);
      break;
    case State::suspended:
    case State::archived:
      // A new name, or an old one that is given up.
      show(world, job.connection, instance.tenant);
      break;
    default:
      break;
  }
}

}  // namespace provisioning
