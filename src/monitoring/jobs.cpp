// GET /api/system/jobs: what the program works on, waits for and has given up.
#include "monitoring/jobs.hpp"

#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace monitoring {

namespace {
enum class JobState { waiting, running, done, dead };
constexpr auto names_of(JobState) {
  return std::array<std::string_view, 4>{"waiting", "running", "done", "dead"};
}

/// Not the payload: it may hold what is nobody else's business.
struct JobView {
  Id<"job"> id;
  std::string kind;
  JobState state;
  std::int64_t attempt, max_attempts;
  Time run_at, created_at;
  std::optional<Time> finished_at;
  std::optional<std::string> worker, last_error, request_id;
  static constexpr auto rules() {
    return ::rules(rule(&JobView::run_at, {.doc = "Not before"}),
                   rule(&JobView::worker, {.doc = "The node that works on it"}),
                   rule(&JobView::last_error, {.doc = "What its last try failed with"}));
  }
};

list::Codes const codes{"jobs", {{"state", "job_state"}}};
}  // namespace

void add_jobs(http::Api& api) {
  list::add(api, {.name = "jobs",
                  .route = "GET /api/system/jobs",
                  .summary = "List jobs",
                  .tag = "System",
                  .scope = "jobs:read",
                  .row = &types::type_of<JobView>,
                  .columns = "page.*",
                  .source = "jobs",
                  .key = "jobs.id",
                  .sorts = {{"id", "jobs.id", "bigint"}},
                  .order = "-id",
                  .filters = {list::any_of<JobState>("state", "jobs.state = $"),
                              list::is<std::string>("kind", "jobs.kind = $", {.max_length = 80})}});
}

}  // namespace monitoring
