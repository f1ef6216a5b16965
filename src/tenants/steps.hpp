#pragma once
// The steps of building a tenant as rows, with their real times, and the estimate that history
// gives.
#include "tenants/failure_codes.hpp"
#include "tenants/tenants.hpp"

namespace tenants {

enum class StepState { queued, running, done, failed, undone, skipped };
constexpr auto names_of(StepState) {
  return std::array<std::string_view, 6>{"queued", "running", "done",
                                         "failed", "undone",  "skipped"};
}

struct Step {
  std::string name;
  StepState state;
  std::optional<Time> started_at, finished_at;
  std::int64_t attempts;
  std::optional<std::string> error_code;
};

/// Seconds from payment to live, over the last 50 tenants of the same blueprint and provisioner.
struct Estimate {
  double p50_seconds, p90_seconds;
  std::int64_t samples;
};

/// Writes the plan: rows for steps that are not there yet.
void plan_steps(db::Tx& tx, TenantId id, std::vector<std::string_view> const& names);
void begin_step(db::Tx& tx, TenantId id, std::string_view name);
/// `error_code` for failed steps.
void end_step(db::Tx& tx, TenantId id, std::string_view name, StepState state,
              std::optional<FailureCode> error_code = {});

/// It cannot begin yet; `code` says what it waits for.
void await_step(db::Tx& tx, TenantId id, std::string_view name, FailureCode code);

[[nodiscard]] std::vector<Step> steps(db::Tx& tx, TenantId id);
/// None while there is no history.
[[nodiscard]] std::optional<Estimate> estimate(db::Tx& tx, std::string_view blueprint,
                                               std::string_view provisioner);
/// Share of finished work from 0 to 1, each step weighted by its usual duration.
[[nodiscard]] double progress(db::Tx& tx, std::vector<Step> const& steps,
                              std::string_view blueprint);

}  // namespace tenants
