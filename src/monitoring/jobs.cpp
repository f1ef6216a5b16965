// GET /api/system/jobs: what the program works on, waits for and has given up; and what a person
// does with those that it has given up.
#include "monitoring/jobs.hpp"

#include "platform/jobs/dead.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/list.hpp"
#include "platform/list/words.hpp"

namespace monitoring {

namespace {
enum class JobState { waiting, running, done, dead };
constexpr auto names_of(JobState) {
  return std::array<std::string_view, 4>{"waiting", "running", "done", "dead"};
}

using JobId = Id<"job">;

/// Not the payload: it may hold what is nobody else's business.
struct JobView {
  JobId id;
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

struct Why {
  std::optional<std::string> reason;
  static constexpr auto rules() {
    return ::rules(
        rule(&Why::reason,
             {.doc = "Why, for colleagues", .max_length = 500, .check = checks::one_line}));
  }
};

constexpr i18n::Code<"job_not_dead", "It has not failed for good"> job_not_dead;
constexpr i18n::Code<"job_of_schedule", "Its schedule starts a new one by itself"> job_of_schedule;
constexpr i18n::Code<"job_failed_again", "It has failed again: {error}"> job_failed_again;

list::Batch batch() {
  auto const retry = list::action<JobId, Why>(
      {.name = "retry",
       .doc = "has them tried again, with all their attempts",
       .hindrances = {{"jobs.state <> 'dead'", job_not_dead.sql()},
                      {"jobs.schedule IS NOT NULL", job_of_schedule.sql()}},
       .apply =
           [](db::Tx& tx, JobId id, Why const&, std::string const&) {
             jobs::retry(tx, id.value);
             return list::under_way();
           },
       .done = "SELECT row_id, CASE state WHEN 'done' THEN 'ok' WHEN 'dead' THEN 'failed' END AS "
               "outcome, " +
               job_failed_again.sql("coalesce(last_error, '')") +
               " AS why FROM running JOIN jobs ON jobs.id = row_id"});
  auto const discard =
      list::action<JobId, Why>({.name = "discard",
                                .doc = "removes them for good",
                                .hindrances = {{"jobs.state <> 'dead'", job_not_dead.sql()}},
                                .apply = [](db::Tx& tx, JobId id, Why const&, std::string const&) {
                                  jobs::discard(tx, id.value);
                                  return list::Outcome{};
                                }});
  return {.scope = "jobs:write",
          .audit = "jobs.batch_started",
          .label = "jobs.kind",
          .actions = {retry, discard}};
}

list::Codes const codes{"jobs", {{"state", "job_state"}, {"kind", "job_kind"}}};
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
                              list::is<std::string>("kind", "jobs.kind = $", {.max_length = 80})},
                  .batch = batch()});
}

}  // namespace monitoring
