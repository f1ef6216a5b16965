#include "invariants/invariants.hpp"
#include "invariants/results.hpp"
#include "platform/json/checks.hpp"

namespace invariants {

namespace {
constexpr ProblemType invariant_not_found{Kind::not_found, "invariant_not_found",
                                          "There is no such check"};

/// Somebody waits for the answer.
constexpr std::chrono::milliseconds at_most{15'000};
constexpr int shown_of_each = 10;

enum class State { green, red, unknown };
constexpr auto names_of(State) {
  return std::array<std::string_view, 3>{"green", "red", "unknown"};
}
enum class RunState { idle, waiting, running };
constexpr auto names_of(RunState) {
  return std::array<std::string_view, 3>{"idle", "waiting", "running"};
}

/// What is told of one in every answer.
struct View {
  std::string name, text, why;
  Severity severity;
  State state;
  std::optional<std::int64_t> offenders;
  std::optional<Time> since, checked_at;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> error;
  RawJson rows;
  static constexpr auto rules() {
    return ::rules(
        rule(&View::name, {.doc = "What it is; stays the same", .example = "movement_chain"}),
        rule(&View::text, {.doc = "What must be true, in English"}),
        rule(&View::why, {.doc = "Why it matters, in English"}),
        rule(&View::state, {.doc = "unknown: not checked yet, or it could not be: see error"}),
        rule(&View::offenders, {.doc = "More than a thousand are not counted"}),
        rule(&View::since, {.doc = "Since when there have been any without a break"}),
        rule(&View::error, {.doc = "Why it could not be checked: PostgreSQL's code, or timeout",
                            .example = "timeout"}),
        rule(&View::rows, {.doc = "Those for which it is not true: {subject, link_kind, link_id, "
                                  "details}; ten in the list, a hundred of one"}));
  }
};

struct Run {
  RunState state = RunState::idle;
  std::optional<Time> asked_at{};
  static constexpr auto rules() {
    return ::rules(rule(&Run::state, {.doc = "Whether a round waits or runs at this moment"}));
  }
};

struct Everything {
  std::vector<View> data;
  Run run;
  bool overdue;
  static constexpr auto rules() {
    return ::rules(
        rule(&Everything::data, {.doc = "As the last round has found them"}),
        rule(&Everything::overdue, {.doc = "No round has come to its end for two days"}));
  }
};

struct One {
  std::string name;
  static constexpr auto rules() {
    return ::rules(rule(&One::name, {.doc = "Name of the check", .max_length = 80}));
  }
};

db::Query const load_run{"invariants.load_run", R"sql(
  SELECT state, created_at AS asked_at FROM jobs
   WHERE kind = $1 AND state IN ('waiting', 'running') ORDER BY state DESC, id LIMIT 1
)sql"};

Run run_of(db::Tx& tx) { return tx.maybe<Run>(load_run, Check::kind).value_or(Run{}); }

State state_of(std::optional<std::int64_t> const& offenders) {
  if (!offenders) return State::unknown;
  return *offenders > 0 ? State::red : State::green;
}

View view_of(Invariant const& invariant, Result const* result) {
  View out{.name = std::string{invariant.name},
           .text = std::string{invariant.says},
           .why = std::string{invariant.why},
           .severity = invariant.severity,
           .state = State::unknown,
           .rows = {"[]"}};
  if (!result) return out;
  out.state = state_of(result->offenders);
  out.offenders = result->offenders;
  out.since = result->since;
  out.checked_at = result->checked_at;
  out.duration_ms = result->duration_ms;
  out.error = result->error;
  out.rows = result->sample;
  return out;
}

Everything everything(http::Context& context, http::Nothing const&) {
  auto const known = results(context.tx, shown_of_each);
  Everything out{.data = {}, .run = run_of(context.tx), .overdue = is_overdue(context.tx)};
  for (auto const& invariant : all()) {
    auto const result = std::ranges::find(known, invariant.name, &Result::name);
    out.data.push_back(view_of(invariant, result == known.end() ? nullptr : &*result));
  }
  return out;
}

/// Looked at now; since when is what the last round knows.
View one(http::Context& context, One const& request) {
  auto const* invariant = find(request.name);
  if (!invariant) throw Problem{invariant_not_found};
  auto const known = [&] {
    db::Tx tx{context.worker.connection, db::Mode::autocommit};
    return result_of(tx, request.name);
  }();
  auto const found = check(context.worker.connection, *invariant, at_most);
  auto out = view_of(*invariant, nullptr);
  if (!found.error) out.offenders = found.count;
  out.state = state_of(out.offenders);
  if (known && out.state != State::green) out.since = known->since;
  out.checked_at = clock_source::now();
  out.duration_ms = found.took.count();
  out.error = found.error;
  out.rows = {json::text(found.offenders)};
  return out;
}
}  // namespace

void add_endpoints(http::Api& api) {
  api.add(http::Endpoint<http::Nothing, Everything>{
      .route = "GET /api/invariants",
      .summary = "List what must always be true of the books, the tenants and the work, and "
                 "whether it is",
      .tag = "Billing",
      .scope = "billing:read",
      .handle = everything,
  });
  api.add(http::Endpoint<One, View>{
      .route = "GET /api/invariants/{name}",
      .summary = "Look now for the rows for which one of them is not true",
      .tag = "Billing",
      .scope = "billing:read",
      .problems = {invariant_not_found},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = one,
  });
  api.add(http::Endpoint<http::Nothing, Run>{
      .route = "POST /api/invariants/run",
      .summary = "Check all of them now; a round that waits already is joined",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "invariants.run",
      .status = 202,
      .idempotent = true,
      .handle =
          [](http::Context& context, http::Nothing const&) {
            jobs::enqueue(context.tx, Check{}, {.dedupe_key = std::string{Check::kind}});
            return run_of(context.tx);
          },
  });
}

}  // namespace invariants
