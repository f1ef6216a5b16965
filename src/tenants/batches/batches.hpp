#pragma once
// One action for many tenants: the rows are written when it is asked for, a job works them off,
// each in a transaction of its own, and each keeps what came of it in the world.
#include "identity/directory.hpp"
#include "platform/jobs/jobs.hpp"
#include "tenants/list.hpp"

namespace tenants {

using BatchId = Id<"bat">;

enum class BatchAction { suspend, resume, backup, restart, release_hold, change_plan };
constexpr auto names_of(BatchAction) {
  return std::array<std::string_view, 6>{"suspend", "resume",       "backup",
                                         "restart", "release_hold", "change_plan"};
}
enum class BatchState { queued, running, done };
constexpr auto names_of(BatchState) {
  return std::array<std::string_view, 3>{"queued", "running", "done"};
}
enum class BatchRowState { waiting, running, ok, skipped, failed };
constexpr auto names_of(BatchRowState) {
  return std::array<std::string_view, 5>{"waiting", "running", "ok", "skipped", "failed"};
}

inline constexpr ProblemType batch_not_found{Kind::not_found, "batch_not_found",
                                             "There is no such batch"};
inline constexpr ProblemType count_moved{
    Kind::conflict, "count_moved", "Other tenants match by now than when the list was looked at"};

/// What the action needs besides its tenants.
struct BatchArguments {
  std::optional<std::string> reason;
  std::optional<Hold> hold;
  std::optional<std::string> to_plan;
};

struct BatchView {
  BatchId id;
  BatchAction action;
  BatchState state;
  std::int64_t total, done, running, ok, skipped, failed;
  std::string requested_by;
  Time created_at;
  std::optional<Time> finished_at;
  static constexpr auto rules() {
    return ::rules(rule(&BatchView::done, {.doc = "Those with a result: ok, skipped or failed"}),
                   rule(&BatchView::running, {.doc = "Those where it is under way"}),
                   rule(&BatchView::ok, {.doc = "Those where it has come to a good end"}));
  }
};

struct BatchRow {
  TenantId tenant_id;
  std::string subdomain;
  BatchRowState state;
  std::optional<std::string> why;
  std::optional<Time> finished_at;
  static constexpr auto rules() {
    return ::rules(rule(&BatchRow::why, {.doc = "Why it was skipped or failed"}));
  }
};

/// Which tenants: those of `ids`, or all that match the filter; without `exclude`.
struct Selection {
  std::vector<std::pair<std::string, std::string>> filter;  // as in the list's URL
  std::optional<std::vector<TenantId>> ids;
  std::vector<TenantId> exclude;
  std::int64_t expected_count;
};

/// Throws Problem{count_moved} with the present count when it is not the expected one.
BatchView start_batch(db::Tx& tx, BatchAction action, BatchArguments const& arguments,
                      Selection const& selection, http::Actor const& actor);
/// Problem{batch_not_found} when there is none.
[[nodiscard]] BatchView batch(db::Tx& tx, BatchId id);
void add_batch_worker(jobs::Engine& engine, identity::Directory& directory);

}  // namespace tenants
