// What a node without a front door builds, and what it leaves to one that has it: addresses, and
// whatever touches archives, which may lie in a folder of the server's.
#include "platform/log/log.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;
using tenants::State;

constexpr auto patience = 5s;  // then the step says what it waits for
constexpr tenants::FailureCode server_awaited{"server_awaited"};

std::string turn_of(std::int64_t tenant) { return "tenant:" + std::to_string(tenant); }

void hand_over(jobs::Context& job, tenants::TenantId id, std::string_view step) {
  job.transact([&](db::Tx& tx) {
    jobs::Options options{.dedupe_key = std::to_string(id.value), .max_attempts = 25};
    bool const is_asked = !jobs::enqueue(tx, Finish{id.value}, options);
    tenants::stop_clock(tx, id);
    job.finish(tx);
    if (step.empty()) return;
    if (is_asked) return tenants::await_step(tx, id, step, server_awaited);
    // Looks again: where nobody has come by then, it is said.
    options.run_at = clock_source::now() + patience;
    jobs::enqueue(tx, tenants::Reconcile{id.value}, options);
  });
}

void reconcile_or_hand_over(World& world, jobs::Context& job, tenants::TenantId id) {
  try {
    reconcile(world, job, id);
  } catch (ForServer const& rest) {
    hand_over(job, id, rest.step);
  }
}

bool hand_over_operation(World& world, jobs::Context& job, tenants::Operate const& args) {
  if (world.front_door) return false;
  return job.transact([&](db::Tx& tx) {
    tenants::TenantId const tenant{args.tenant_id};
    auto const kind = tenants::operation(tx, tenant, tenants::OperationId{args.operation_id}).kind;
    bool const is_ours =
        kind == tenants::OperationKind::restart || kind == tenants::OperationKind::move;
    if (is_ours && !is_for_server(world, tenants::get(tx, tenant))) return false;
    jobs::enqueue(tx, FinishOperation{args.operation_id, args.tenant_id}, {.max_attempts = 25});
    job.finish(tx);
    return true;
  });
}

/// Whoever waits for the tenant is told that nobody tries any more.
template <class Args>
void given_up(db::Tx& tx, Args const& args, std::string const& error) {
  tenants::note_given_up(tx, tenants::TenantId{args.tenant_id}, error);
}

void add_server_workers(World& world, jobs::Engine& engine) {
  engine.add(
      jobs::Worker<Finish>{.timeout = jobs::Seconds{1800},
                           .serialise = [](Finish const& args) { return turn_of(args.tenant_id); },
                           .run =
                               [&world](jobs::Context& job, Finish const& args) {
                                 tenants::TenantId const id{args.tenant_id};
                                 job.transact([&](db::Tx& tx) { tenants::start_clock(tx, id); });
                                 reconcile(world, job, id);
                               },
                           .dead = given_up<Finish>});
  engine.add(jobs::Worker<FinishOperation>{
      .timeout = jobs::Seconds{3600},
      .serialise = [](FinishOperation const& args) { return turn_of(args.tenant_id); },
      .run =
          [&world](jobs::Context& job, FinishOperation const& args) {
            operate(world, job, tenants::OperationId{args.operation_id});
          },
      .dead =
          [](db::Tx& tx, FinishOperation const& args, std::string const& error) {
            tenants::fail(tx, tenants::OperationId{args.operation_id}, "given_up", error);
          }});
  engine.add(jobs::Worker<Inspect>{
      .timeout = jobs::Seconds{300},
      .serialise = [](Inspect const&) { return std::string{"provisioning.inspect"}; },
      .run = [&world](jobs::Context& job, Inspect const&) { inspect(world, job); }});
  engine.add(jobs::Worker<ResolveFinding>{
      .timeout = jobs::Seconds{600},
      .serialise =
          [](ResolveFinding const& args) {
            return args.tenant_id ? turn_of(args.tenant_id->value)
                                  : "finding:" + std::to_string(args.finding_id);
          },
      .run = [&world](jobs::Context& job,
                      ResolveFinding const& args) { resolve(world, job, args); }});
  engine.schedule<Inspect>(jobs::Seconds{600});
  engine.add(jobs::Worker<Watch>{
      .timeout = jobs::Seconds{600},
      .serialise = [](Watch const&) { return std::string{"provisioning.watch"}; },
      .run = [&world](jobs::Context& job, Watch const&) { watch(world, job); }});
  engine.schedule<Watch>(jobs::Seconds{5});
  engine.add(jobs::Worker<Measure>{
      .timeout = jobs::Seconds{600},
      .serialise = [](Measure const&) { return std::string{"provisioning.measure"}; },
      .run = [&world](jobs::Context& job, Measure const&) { measure(world, job); }});
  engine.schedule<Measure>(jobs::Seconds{15});
}
}  // namespace

void require_front_door(World const& world, std::string_view step) {
  if (!world.front_door) throw ForServer{step};
}

bool is_for_server(World const& world, tenants::Tenant const& tenant) {
  // The last backups are made on its way to the archive and to the end.
  return tenant.state == State::archiving || tenant.state == State::purging ||
         tenant.provisioner != name_of(world.settings.provisioner);
}

void add_workers(World& world, jobs::Engine& engine) {
  // A tenant that is a process is a child of its server, and nobody else's.
  if (!world.front_door && world.settings.provisioner == config::Provisioner::process) return;
  engine.add(jobs::Worker<tenants::Reconcile>{
      .timeout = jobs::Seconds{1800},
      .serialise = [](tenants::Reconcile const& args) { return turn_of(args.tenant_id); },
      .run =
          [&world](jobs::Context& job, tenants::Reconcile const& args) {
            reconcile_or_hand_over(world, job, tenants::TenantId{args.tenant_id});
          },
      .dead = given_up<tenants::Reconcile>});
  engine.add(jobs::Worker<tenants::Operate>{
      .timeout = jobs::Seconds{3600},
      .serialise = [](tenants::Operate const& args) { return turn_of(args.tenant_id); },
      .run =
          [&world](jobs::Context& job, tenants::Operate const& args) {
            if (!hand_over_operation(world, job, args))
              operate(world, job, tenants::OperationId{args.operation_id});
          },
      .dead =
          [](db::Tx& tx, tenants::Operate const& args, std::string const& error) {
            tenants::fail(tx, tenants::OperationId{args.operation_id}, "given_up", error);
          }});
  engine.add(jobs::Worker<RefillPool>{
      .timeout = jobs::Seconds{1800},
      .serialise = [](RefillPool const&) { return std::string{"provisioning.pool"}; },
      .run = [&world](jobs::Context& job, RefillPool const&) { refill(world, job); }});
  if (world.driver.can_pool()) engine.schedule<RefillPool>(jobs::Seconds{20});
  if (world.front_door) add_server_workers(world, engine);
}

}  // namespace provisioning
