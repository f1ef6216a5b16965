// One round: each invariant by itself, so that one which cannot be checked stops none of the
// others.
#include "invariants/invariants.hpp"
#include "invariants/results.hpp"
#include "platform/log/log.hpp"

namespace invariants {

namespace {
/// Nobody waits for it, and nothing waits behind it.
constexpr std::chrono::milliseconds at_most{50'000};

/// "2 of mrr_rollups, 1 of job_dead"
std::string told(std::vector<Red> const& red) {
  std::string out;
  for (auto const& [name, says, severity, offenders] : red)
    out += (out.empty() ? "" : ", ") + std::to_string(offenders) + " of " + name;
  return out;
}

void tell(jobs::Context& job, Standing const& now) {
  if (!now.red.empty()) {
    logging::warning("invariants", "{} are not true: {}", now.red.size(), told(now.red));
    job.note(told(now.red));
  }
}

void check_all(jobs::Context& job) {
  for (auto const& invariant : all()) {
    auto const found = check(job.connection, invariant, at_most);
    job.transact([&](db::Tx& tx) { write(tx, invariant, found); });
  }
  job.transact([&](db::Tx& tx) {
    forget_others(tx);
    tell(job, standing(tx));
    realtime::announce(tx, "dashboard");
    job.finish(tx);
  });
}
}  // namespace

void add_workers(jobs::Engine& engine) {
  engine.add(jobs::Worker<Check>{.timeout = jobs::Seconds{3600},
                                 .serialise = [](Check const&) { return std::string{Check::kind}; },
                                 .run = [](jobs::Context& job, Check const&) { check_all(job); }});
  engine.schedule<Check>(std::chrono::hours{24});
}

}  // namespace invariants
