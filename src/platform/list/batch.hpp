#pragma once
// One action for many rows of a list: the rows are written when it is asked for, a job works them
// off, each in a transaction of its own, and each keeps what came of it in the world.
#include "platform/jobs/jobs.hpp"
#include "platform/list/asker.hpp"
#include "platform/list/statements.hpp"

namespace list {

using BatchId = Id<"bat">;

enum class BatchState { queued, running, done };
constexpr auto names_of(BatchState) {
  return std::array<std::string_view, 3>{"queued", "running", "done"};
}

inline constexpr ProblemType batch_not_found{Kind::not_found, "batch_not_found",
                                             "There is no such batch"};
inline constexpr ProblemType count_moved{
    Kind::conflict, "count_moved", "Other rows match by now than when the list was looked at"};

inline constexpr int most_in_a_batch = 100'000;

struct BatchView {
  BatchId id;
  std::string action;
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

/// The doors of a list's batch, for list::add(). The list lives as long as the API.
void add_batch_doors(http::Api& api, std::shared_ptr<List const> const& list);

/// Works off the batches of all lists that `api` has.
void add_batch_worker(jobs::Engine& engine, http::Api const& api, MayStill may_still);

/// What is to be done, as it was asked for and checked.
struct Order {
  Action const& action;
  std::shared_ptr<void const> arguments;
  [[nodiscard]] RawJson text() const;
};

/// Throws Problem{count_moved} with the present count when it is not the expected one.
[[nodiscard]] BatchView start_batch(db::Tx& tx, List const& list, Order const& order,
                                    Chosen const& chosen, std::int64_t expected_count,
                                    http::Actor const& actor);
/// Problem{batch_not_found} also when it is another list's.
[[nodiscard]] BatchView batch(db::Tx& tx, List const& list, BatchId id);
/// Throws batch_not_found. How far it is takes counting its rows; this does not.
void require_batch(db::Tx& tx, List const& list, BatchId id);

/// None: the list has no such action (any more).
[[nodiscard]] Action const* find_action(List const& list, std::string_view name);
/// The first hindrance of a row as a jsonb {code, parameters, text}; NULL: none.
[[nodiscard]] std::string hindrance_sql(Action const& action);
/// Ends the rows of a batch ($1) that have come to their end by now ($2), with its arguments ($3).
/// How many are under way still.
[[nodiscard]] std::string follow_sql(Action const& action);

}  // namespace list
