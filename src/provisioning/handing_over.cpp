// What a node without a front door builds, and what it leaves to one that has it: addresses, and
// whatever touches archives, which may lie in a folder of the server's.
#include "platform/log/log.hpp"
#include "provisioning/provisioning.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;
using tenants::State;

constexpr auto patience = 5s;  // then the step says what it waits for
constexpr auto server_awaited = "server_awaited";

std::string turn_of(std::int64_t tenant) { return "tenant:" + std::to_string(tenant); }
}  // namespace

void Provisioning::add_workers(jobs::Engine& engine) {
  // A tenant that is a process is a child of its server, and nobody else's.
  if (!front_door_ && settings_.provisioner == config::Provisioner::process) return;
  engine.add(jobs::Worker<tenants::Reconcile>{
      .timeout = jobs::Seconds{1800},
      .serialise = [](tenants::Reconcile const& args) { return turn_of(args.tenant_id); },
      .run =
          [this](jobs::Context& job, tenants::Reconcile const& args) {
            reconcile_or_hand_over(job, tenants::TenantId{args.tenant_id});
          }});
  engine.add(jobs::Worker<tenants::Operate>{
      .timeout = jobs::Seconds{3600},
      .serialise = [](tenants::Operate const& args) { return turn_of(args.tenant_id); },
      .run =
          [this](jobs::Context& job, tenants::Operate const& args) {
            if (!hand_over_operation(job, args))
              operate(job, tenants::OperationId{args.operation_id});
          },
      .dead =
          [](db::Tx& tx, tenants::Operate const& args, std::string const& error) {
            tenants::fail(tx, tenants::OperationId{args.operation_id}, "given_up", error);
          }});
  engine.add(jobs::Worker<RefillPool>{
      .timeout = jobs::Seconds{1800},
      .serialise = [](RefillPool const&) { return std::string{"provisioning.pool"}; },
      .run = [this](jobs::Context& job, RefillPool const&) { refill(job); }});
  if (driver_.can_pool()) engine.schedule<RefillPool>(jobs::Seconds{20});
  if (front_door_) add_server_workers(engine);
}

void Provisioning::add_server_workers(jobs::Engine& engine) {
  engine.add(
      jobs::Worker<Finish>{.timeout = jobs::Seconds{1800},
                           .serialise = [](Finish const& args) { return turn_of(args.tenant_id); },
                           .run =
                               [this](jobs::Context& job, Finish const& args) {
                                 tenants::TenantId const id{args.tenant_id};
                                 job.transact([&](db::Tx& tx) { tenants::start_clock(tx, id); });
                                 reconcile(job, id);
                               }});
  engine.add(jobs::Worker<FinishOperation>{
      .timeout = jobs::Seconds{3600},
      .serialise = [](FinishOperation const& args) { return turn_of(args.tenant_id); },
      .run =
          [this](jobs::Context& job, FinishOperation const& args) {
            operate(job, tenants::OperationId{args.operation_id});
          },
      .dead =
          [](db::Tx& tx, FinishOperation const& args, std::string const& error) {
            tenants::fail(tx, tenants::OperationId{args.operation_id}, "given_up", error);
          }});
  engine.add(jobs::Worker<Inspect>{
      .timeout = jobs::Seconds{300},
      .serialise = [](Inspect const&) { return std::string{"provisioning.inspect"}; },
      .run = [this](jobs::Context& job, Inspect const&) { inspect(job); }});
  engine.add(jobs::Worker<ResolveFinding>{
      .timeout = jobs::Seconds{600},
      .serialise =
          [](ResolveFinding const& args) {
            return args.tenant_id ? turn_of(args.tenant_id->value)
                                  : "finding:" + std::to_string(args.finding_id);
          },
      .run = [this](jobs::Context& job, ResolveFinding const& args) { resolve(job, args); }});
  engine.schedule<Inspect>(jobs::Seconds{600});
  engine.add(jobs::Worker<Watch>{
      .timeout = jobs::Seconds{600},
      .serialise = [](Watch const&) { return std::string{"provisioning.watch"}; },
      .run = [this](jobs::Context& job, Watch const&) { watch(job); }});
  engine.schedule<Watch>(jobs::Seconds{5});
  engine.add(jobs::Worker<Measure>{
      .timeout = jobs::Seconds{600},
      .serialise = [](Measure const&) { return std::string{"provisioning.measure"}; },
      .run = [this](jobs::Context& job, Measure const&) { measure(job); }});
  engine.schedule<Measure>(jobs::Seconds{15});
}

bool Provisioning::is_for_server(tenants::Tenant const& tenant) const {
  // The last backups are made on its way to the archive and to the end.
  return tenant.state == State::archiving || tenant.state == State::purging ||
         tenant.provisioner != name_of(settings_.provisioner);
}

void Provisioning::reconcile_or_hand_over(jobs::Context& job, tenants::TenantId id) {
  try {
    reconcile(job, id);
  } catch (ForServer const& rest) {
    hand_over(job, id, rest.step);
  }
}

void Provisioning::hand_over(jobs::Context& job, tenants::TenantId id, std::string_view step) {
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

bool Provisioning::hand_over_operation(jobs::Context& job, tenants::Operate const& args) {
  if (front_door_) return false;
  return job.transact([&](db::Tx& tx) {
    tenants::TenantId const tenant{args.tenant_id};
    auto const kind = tenants::operation(tx, tenant, tenants::OperationId{args.operation_id}).kind;
    bool const is_ours =
        kind == tenants::OperationKind::restart || kind == tenants::OperationKind::move;
    if (is_ours && !is_for_server(tenants::get(tx, tenant))) return false;
    jobs::enqueue(tx, FinishOperation{args.operation_id, args.tenant_id}, {.max_attempts = 25});
    job.finish(tx);
    return true;
  });
}

}  // namespace provisioning
