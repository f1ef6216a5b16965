// The worker behind tenants::Reconcile: what each state asks of the world.
#include <set>

#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/provisioning.hpp"
#include "tenants/jobs.hpp"

namespace provisioning {

namespace {
using tenants::State;
using namespace std::chrono_literals;

constexpr auto actor = "provisioning";

struct Owner {
  std::string company;
  i18n::Locale locale;
  static constexpr auto fields() {
    return ::fields(field("company", &Owner::company), field("locale", &Owner::locale));
  }
};
db::Query const load_owner{"provisioning.load_owner",
                           "SELECT company, locale FROM customers WHERE id = $1"};

db::Query const tenants_in_states{"provisioning.tenants_in_states", R"sql(
  SELECT id FROM tenants WHERE state = ANY ($1::text[]::tenant_state[]) AND provisioner = $2
   ORDER BY id
)sql"};

db::Query const overdue{"provisioning.overdue", R"sql(
  SELECT id FROM tenants WHERE state_deadline < now() AND provisioner = $1 ORDER BY state_deadline
   LIMIT 100
)sql"};

db::Query const is_overdue{
    "provisioning.is_overdue",
    "SELECT coalesce(state_deadline < now(), false) FROM tenants WHERE id = $1"};

db::Query const postpone{"provisioning.postpone", R"sql(
  UPDATE tenants SET state_deadline = now() + interval '2 minutes' WHERE id = $1
)sql"};

db::Query const insert_usage{"provisioning.insert_usage", R"sql(
  INSERT INTO tenant_health (tenant_id, cpu, ram, disk) VALUES ($1, $2, $3, $4)
)sql"};

db::Query const needs_usage{"provisioning.needs_usage", R"sql(
  SELECT NOT EXISTS (SELECT 1 FROM tenant_health
                      WHERE tenant_id = $1 AND "timestamp" > now() - interval '55 seconds')
)sql"};

db::Query const prune_usage{"provisioning.prune_usage", R"sql(
  DELETE FROM tenant_health WHERE "timestamp" < now() - interval '48 hours'
)sql"};

std::vector<std::string> names(std::initializer_list<State> states) {
  std::vector<std::string> out;
  for (auto state : states) out.emplace_back(name_of(state));
  return out;
}
}  // namespace

Instance load_instance(db::Connection& connection, tenants::TenantId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto tenant = tenants::get(tx, id);
  auto owner = tx.one<Owner>(load_owner, tenant.customer_id);
  return {std::move(tenant), std::move(owner.company), owner.locale};
}

void Provisioning::reconcile(jobs::Context& job, tenants::TenantId id) {
  logging::Scope const ids{"", id.text(), ""};
  auto instance = load_instance(job.connection, id);
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
        return false;
      });
      try {
        if (timed_out) throw Transient{"timeout", "building took longer than it may"};
        front_door_->route(host_of(instance.tenant), "starting");
        build(job, instance);
      } catch (Transient const& error) {
        return fail(job, instance, error.code, error.what(), false);
      } catch (Hopeless const& error) {
        return fail(job, instance, error.code, error.what(), true);
      } catch (db::Failure const& error) {
        return fail(job, instance, "database_refused", error.what(), false);
      }
      job.transact([&](db::Tx& tx) {
        instance.tenant = tenants::lock(tx, id);
        tenants::move(tx, instance.tenant, State::live, actor);
        tenants::set_health(tx, id, tenants::Health::healthy);
        // A hold that came while it was built takes effect now.
        if (!tenants::holds(tx, id).empty())
          tenants::move(tx, instance.tenant, State::suspending, actor);
        job.finish(tx);
      });
      break;
    }
    case State::suspending:
      suspend(job, instance.tenant);
      break;
    case State::resuming:
      resume(job, instance);
      break;
    default:
      break;
  }
}

void Provisioning::fail(jobs::Context& job, Instance& instance, std::string const& code,
                        std::string const& detail, bool hopeless) {
  auto& tenant = instance.tenant;
  logging::error("provisioning", "attempt {} of {} for {} failed: {}: {}", tenant.attempt,
                 maximum_attempts, tenant.subdomain, code, detail);
  auto const retry_at = clock_source::now() + jobs::backoff(tenant.attempt);
  tenants::Failure const failure{code, detail, retry_at};
  if (hopeless || tenant.attempt >= maximum_attempts) return undo(job, tenant, failure);
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    job.finish(tx);  // the retry is a job of its own
    tenants::move(tx, tenant, State::provision_failed, actor, failure);
  });
}

void Provisioning::undo(jobs::Context& job, tenants::Tenant& tenant,
                        tenants::Failure const& failure) {
  front_door_->remove(host_of(tenant));
  driver_.destroy(job.connection, tenant);
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    if (auto const route = find(tx, tenant.id, "route")) mark_gone(tx, route->id);
    auto const steps = tenants::steps(tx, tenant.id);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step)
      if (step->state == tenants::StepState::done && step->name != "payment")
        tenants::end_step(tx, tenant.id, step->name, tenants::StepState::undone);
    tenants::move(tx, tenant, State::rolled_back, actor, failure);
    job.finish(tx);
  });
}

void Provisioning::suspend(jobs::Context& job, tenants::Tenant& tenant) {
  front_door_->route(host_of(tenant), "suspended");
  driver_.stop(job.connection, tenant);
  job.transact([&](db::Tx& tx) {
    tenant = tenants::lock(tx, tenant.id);
    if (tenant.state == State::suspending) {
      tenants::move(tx, tenant, State::suspended, actor);
      tenants::set_health(tx, tenant.id, tenants::Health::unknown);
    }
    job.finish(tx);
  });
}

void Provisioning::resume(jobs::Context& job, Instance& instance) {
  try {
    if (!application_answers(job.connection, instance)) start_application(job.connection, instance);
    open_route(job.connection, instance);
    wait_for_address(job.connection, instance);
  } catch (Transient const& error) {
    throw jobs::Retry{error.code + ": " + error.what()};
  } catch (Hopeless const& error) {
    throw jobs::Permanent{error.code + ": " + error.what()};
  }
  job.transact([&](db::Tx& tx) {
    instance.tenant = tenants::lock(tx, instance.tenant.id);
    if (instance.tenant.state == State::resuming) {
      tenants::move(tx, instance.tenant, State::live, actor);
      tenants::set_health(tx, instance.tenant.id, tenants::Health::healthy);
    }
    job.finish(tx);
  });
}

void Provisioning::start_up(db::Connection& connection) {
  auto const provisioner = name_of(settings_.provisioner);
  auto in = [&](std::initializer_list<State> states) {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(tenants_in_states, names(states), provisioner);
  };
  std::map<std::string, std::string> routes;
  for (auto const id : in({State::live})) {
    auto const instance = load_instance(connection, id);
    try {
      driver_.start(connection, instance);
      routes[host_of(instance.tenant)] = driver_.address(connection, instance.tenant);
    } catch (std::exception const& error) {
      // One tenant that cannot start must not keep the others down; the watch looks after it.
      logging::error("provisioning", "{} cannot be started: {}", instance.tenant.subdomain,
                     error.what());
    }
  }
  for (auto const id : in({State::suspended, State::suspending}))
    routes[host_of(load_instance(connection, id).tenant)] = "suspended";
  for (auto const id :
       in({State::queued, State::provisioning, State::provision_failed, State::resuming}))
    routes[host_of(load_instance(connection, id).tenant)] = "starting";
  front_door_->replace_all(routes);
}

void Provisioning::watch(jobs::Context& job) {
  auto& connection = job.connection;
  auto const provisioner = name_of(settings_.provisioner);
  auto const late = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(overdue, provisioner);
  }();
  for (auto const id : late) {
    db::transact(connection, [&](db::Tx& tx) {
      auto tenant = tenants::lock(tx, id);
      if (tenant.state == State::reserved || tenant.state == State::awaiting_payment)
        return tenants::release(tx, id, "timeout");
      logging::warning("provisioning", "{} has been {} for too long", tenant.subdomain,
                       name_of(tenant.state));
      if (tenant.state != State::provisioning) tx.exec(postpone, id);
      jobs::enqueue(tx, tenants::Reconcile{id.value},
                    {.dedupe_key = std::to_string(id.value), .max_attempts = 25});
    });
  }
  auto const live = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(tenants_in_states, names({State::live}), provisioner);
  }();
  // Once for all of them, and after the list: whoever is on it had its route before it was live.
  auto const routes = front_door_->routes();
  for (auto const id : live) {
    auto const instance = load_instance(connection, id);
    if (instance.tenant.state != State::live) continue;
    try {
      auto const state = driver_.state(connection, instance.tenant);
      if (state == InstanceState::stopped || state == InstanceState::absent)
        driver_.start(connection, instance);
      auto const host = host_of(instance.tenant);
      auto const address = driver_.address(connection, instance.tenant);
      if (auto const found = routes.find(host); found == routes.end() || found->second != address)
        front_door_->route(host, address);
      watch_health(connection, instance.tenant);
      watch_usage(connection, instance.tenant);
    } catch (Transient const& error) {
      logging::warning("provisioning", "{}: {}", instance.tenant.subdomain, error.what());
      db::transact(connection,
                   [&](db::Tx& tx) { tenants::set_health(tx, id, tenants::Health::down); });
    }
  }
  db::transact(connection, [](db::Tx& tx) { tx.exec(prune_usage); });
}

void Provisioning::watch_usage(db::Connection& connection, tenants::Tenant const& tenant) {
  db::Tx tx{connection, db::Mode::autocommit};
  if (!tx.one<bool>(needs_usage, tenant.id)) return;
  auto const usage = driver_.usage(connection, tenant);
  if (!usage) return;
  // Per cent of a core over the time since the last look of this process.
  auto const now = std::chrono::steady_clock::now();
  double percent = 0;
  {
    std::scoped_lock lock{samples_mutex_};
    auto& last = samples_[tenant.id.value];
    auto const seconds = std::chrono::duration<double>(now - last.at).count();
    if (last.cpu_seconds >= 0 && usage->cpu_seconds >= last.cpu_seconds && seconds > 0)
      percent = (usage->cpu_seconds - last.cpu_seconds) / seconds * 100;
    last = {now, usage->cpu_seconds};
  }
  tx.exec(insert_usage, tenant.id, percent, usage->memory, usage->disk);
}

void Provisioning::add_workers(jobs::Engine& engine) {
  if (!front_door_) return;
  engine.add(jobs::Worker<tenants::Reconcile>{
      .timeout = jobs::Seconds{600},
      .serialise =
          [](tenants::Reconcile const& args) { return "tenant:" + std::to_string(args.tenant_id); },
      .run =
          [this](jobs::Context& job, tenants::Reconcile const& args) {
            reconcile(job, tenants::TenantId{args.tenant_id});
          }});
  engine.add(jobs::Worker<Watch>{
      .timeout = jobs::Seconds{120},
      .serialise = [](Watch const&) { return std::string{"provisioning.watch"}; },
      .run = [this](jobs::Context& job, Watch const&) { watch(job); }});
  engine.schedule<Watch>(jobs::Seconds{5});
}

}  // namespace provisioning
