// The rows of batches and the job that works them off, some at a time.
#include "platform/list/batch.hpp"

#include "platform/list/find.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace list {

namespace {
constexpr std::chrono::seconds look_again_after{2};
// Then others have their turn with the worker.
constexpr int rows_in_a_turn = 100;
constexpr std::chrono::seconds longest_turn{5};

struct RunBatch {
  static constexpr std::string_view kind = "list.run_batch";
  std::int64_t batch_id;
};

db::Query const insert_batch{"list.insert_batch", R"sql(
  INSERT INTO list_batches (list, action, arguments, requested_by, staff_id, api_key_id, total)
  VALUES ($1, $2, $3, $4, nullif($5::bigint, 0), nullif($6::bigint, 0), $7) RETURNING id
)sql"};
db::Query const has_batch{"list.has_batch", R"sql(
  SELECT EXISTS (SELECT FROM list_batches WHERE list = $1 AND id = $2)
)sql"};
db::Query const load_batch{"list.load_batch", R"sql(
  SELECT id, action,
         CASE WHEN finished_at IS NOT NULL THEN 'done' WHEN started_at IS NOT NULL THEN 'running'
              ELSE 'queued' END AS state,
         total, ok + skipped + failed AS done, running, ok, skipped, failed, requested_by,
         created_at, finished_at
    FROM list_batches,
         LATERAL (SELECT count(*) FILTER (WHERE state = 'running') AS running,
                         count(*) FILTER (WHERE state = 'ok') AS ok,
                         count(*) FILTER (WHERE state = 'skipped') AS skipped,
                         count(*) FILTER (WHERE state = 'failed') AS failed
                    FROM list_batch_rows WHERE batch_id = list_batches.id) AS counted
   WHERE list = $1 AND id = $2
)sql"};
struct Task {
  std::string list, action;
  RawJson arguments;
  std::string requested_by;
  std::optional<std::int64_t> staff_id, api_key_id;
};
db::Query const begin_batch{"list.begin_batch", R"sql(
  UPDATE list_batches SET started_at = coalesce(started_at, now())
   WHERE id = $1 AND finished_at IS NULL
  RETURNING list, action, arguments, requested_by, staff_id, api_key_id
)sql"};
db::Query const next_rows{"list.next_batch_rows", R"sql(
  SELECT row_id FROM list_batch_rows WHERE batch_id = $1 AND state = 'waiting'
   ORDER BY row_id LIMIT $2
)sql"};
db::Query const end_row{"list.end_batch_row", R"sql(
  UPDATE list_batch_rows
     SET state = $3, why = $4, finished_at = now()
   WHERE batch_id = $1 AND row_id = $2 AND state = 'waiting'
)sql"};
db::Query const run_row_on{"list.run_batch_row_on", R"sql(
  UPDATE list_batch_rows SET state = 'running', begun_at = now(), mark = $3
   WHERE batch_id = $1 AND row_id = $2 AND state = 'waiting'
)sql"};
db::Query const end_rest{"list.end_rest_of_batch", R"sql(
  UPDATE list_batch_rows
     SET state = 'failed', why = $2, finished_at = now()
   WHERE batch_id = $1 AND state IN ('waiting', 'running')
)sql"};
db::Query const end_batch{"list.end_batch",
                          "UPDATE list_batches SET finished_at = now() WHERE id = $1"};

constexpr i18n::Code<"gone", "It is not there any more"> gone;
constexpr i18n::Code<"may_not_any_more", "Whoever asked for it may not do it any more">
    may_not_any_more;
constexpr i18n::Code<"database_refused", "The database refused it"> database_refused;
constexpr i18n::Code<"never_ended", "It has not come to its end within a day"> never_ended;
constexpr i18n::Code<"action_gone", "This version of the program has no such action"> action_gone;
constexpr i18n::Code<"broke_off", "The batch broke off before it was done"> broke_off;

std::string table_of(List const& list) { return list.key.substr(0, list.key.find('.')); }

/// Works off the rows of one batch that wait for their turn.
class Turn {
 public:
  Turn(jobs::Context& job, BatchId id, Task const& task, List const& list, Action const& action,
       MayStill const& may_still)
      : job_{job}, id_{id}, task_{task}, list_{list}, action_{action}, may_still_{may_still} {
    json::Errors errors;
    arguments_ = action.read(json::parse(task.arguments.text), errors);
    json::refuse(std::move(errors));
    lock_ = {std::string{list.name} + ".lock_row",
             "SELECT 1 FROM " + table_of(list) + " WHERE " + list.key + " = $1 FOR NO KEY UPDATE"};
  }

  /// False when there are more of them.
  bool run() {
    auto const rows = job_.transact(
        [&](db::Tx& tx) { return tx.all<std::int64_t>(next_rows, id_, rows_in_a_turn); });
    auto const end = std::chrono::steady_clock::now() + longest_turn;
    for (auto const row : rows) {
      run_row(row);
      if (std::chrono::steady_clock::now() > end) return false;
    }
    return int(rows.size()) < rows_in_a_turn;
  }

  /// How many are under way still.
  std::int64_t follow(db::Tx& tx) const {
    if (action_.done.empty()) return 0;
    auto const id = std::to_string(id_.value);
    auto const now = db::Parameter{clock_source::now()};
    std::array<char const*, 3> const values{id.c_str(), now.text(), task_.arguments.text.c_str()};
    auto const result = tx.result_of(
        {fmt::format("{}.{}.follow", list_.name, action_.name), follow_sql(action_)}, values);
    std::int64_t left{};
    db::read_value(PQgetvalue(result.get(), 0, 0), types::type_of<std::int64_t>, &left);
    return left;
  }

 private:
  void run_row(std::int64_t row) {
    auto const end = [&](Outcome const& outcome) {
      job_.transact([&](db::Tx& tx) { write(tx, row, outcome); });
    };
    if (!may_still_({task_.staff_id, task_.api_key_id}, list_.batch->scope))
      return end({RowState::failed, may_not_any_more()});
    try {
      job_.transact([&](db::Tx& tx) { write(tx, row, apply(tx, row)); });
    } catch (Problem const& problem) {
      end({problem.type.kind == Kind::conflict ? RowState::skipped : RowState::failed,
           i18n::Message{
               .code = std::string{problem.type.code},
               .parameters = {"{}"},
               .text = problem.detail.empty() ? std::string{problem.type.title} : problem.detail}});
    } catch (db::Failure const& failure) {
      logging::error("list", "{}, row {}: {}", id_.text(), row, failure.what());
      end({RowState::failed, database_refused()});
    }
  }

  Outcome apply(db::Tx& tx, std::int64_t row) const {
    auto const key = std::to_string(row);
    std::array<char const*, 1> const values{key.c_str()};
    if (PQntuples(tx.result_of(lock_, values).get()) == 0) return skipped(gone());
    Chosen one{.selection = {}, .ids = {{row}}};
    one.selection.values.resize(list_.filters.size());
    auto const asked =
        chosen_statement(list_, one, hindrance_sql(action_) + " AS why", task_.arguments, 1)
            .run(tx);
    if (PQntuples(asked.get()) == 0) return skipped(gone());
    if (!PQgetisnull(asked.get(), 0, 0)) {
      i18n::Message why;
      db::read_value(PQgetvalue(asked.get(), 0, 0), types::type_of<i18n::Message>, &why);
      return skipped(std::move(why));
    }
    return action_.apply(tx, row, arguments_.get(), task_.requested_by);
  }

  void write(db::Tx& tx, std::int64_t row, Outcome const& outcome) const {
    if (outcome.state == RowState::running)
      tx.exec(run_row_on, id_, row, outcome.mark);
    else
      tx.exec(end_row, id_, row, outcome.state,
              outcome.why ? std::optional{json::text(*outcome.why)} : std::nullopt);
  }

  jobs::Context& job_;
  BatchId id_;
  Task const& task_;
  List const& list_;
  Action const& action_;
  MayStill const& may_still_;
  std::shared_ptr<void const> arguments_;
  db::Statement lock_;
};

void run_batch(jobs::Context& job, BatchId id, http::Api const& api, MayStill const& may_still) {
  auto const task = job.transact([&](db::Tx& tx) { return tx.maybe<Task>(begin_batch, id); });
  if (!task) return;
  auto const list = find(api, task->list);
  auto const* const action = list ? find_action(*list, task->action) : nullptr;
  std::optional<Turn> turn;
  if (action) turn.emplace(job, id, *task, *list, *action, may_still);
  if (turn && !turn->run()) throw jobs::Snooze{std::chrono::milliseconds{0}};
  auto const left = job.transact([&](db::Tx& tx) {
    if (turn) return turn->follow(tx);
    tx.exec(end_rest, id, json::text(action_gone()));
    return std::int64_t{0};
  });
  if (left > 0) throw jobs::Snooze{look_again_after};
  job.transact([&](db::Tx& tx) {
    tx.exec(end_batch, id);
    job.finish(tx);
  });
}

retention::Rule const old_batches{
    {.table = "list_batches",
     .column = "finished_at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{14},
     .why = "what was done to many at once; the audit trail has it, too"}};
retention::Kept const kept_batch_rows{"list_batch_rows", "they go with their batch"};
}  // namespace

Action const* find_action(List const& list, std::string_view name) {
  if (!list.batch) return nullptr;
  for (auto const& action : list.batch->actions)
    if (action.name == name) return &action;
  return nullptr;
}

std::string hindrance_sql(Action const& action) {
  if (action.hindrances.empty()) return "NULL::jsonb";
  std::string out = "CASE";
  for (auto const& [condition, why] : action.hindrances)
    out += " WHEN " + condition + " THEN " + why;
  return out + " END";
}

std::string follow_sql(Action const& action) {
  return R"sql(
    WITH running AS (
      SELECT row_id, begun_at, mark, $3::jsonb AS arguments, $2::timestamptz AS at
        FROM list_batch_rows WHERE batch_id = $1 AND state = 'running'),
    judged AS ()sql" +
         action.done + R"sql(),
    ended AS (
      UPDATE list_batch_rows AS r
         SET state = coalesce(judged.outcome, 'failed')::batch_row_state, finished_at = now(),
             why = CASE WHEN judged.outcome IS NULL THEN )sql" +
         never_ended.sql() + R"sql(
                        WHEN judged.outcome <> 'ok' THEN judged.why END
        FROM running LEFT JOIN judged USING (row_id)
       WHERE r.batch_id = $1 AND r.row_id = running.row_id
         AND (judged.outcome IS NOT NULL OR running.begun_at < running.at - interval '1 day')
      RETURNING 1)
    SELECT (SELECT count(*) FROM running) - (SELECT count(*) FROM ended)
  )sql";
}

RawJson Order::text() const {
  RawJson out{""};
  json::write(out.text, *action.arguments, arguments.get());
  return out;
}

BatchView start_batch(db::Tx& tx, List const& list, Order const& order, Chosen const& chosen,
                      std::int64_t expected_count, http::Actor const& actor) {
  auto const arguments = order.text();
  auto const id = tx.one<BatchId>(insert_batch, list.name, order.action.name, arguments,
                                  actor.label(), actor.user_id, actor.api_key_id, expected_count);
  auto rows = chosen_statement(
      list, chosen, list.key + " AS row_id, " + std::string{list.batch->label} + " AS label",
      arguments, most_in_a_batch + 1);
  rows.statement.sql = "INSERT INTO list_batch_rows (batch_id, row_id, label) SELECT " +
                       std::to_string(id.value) + ", row_id, label FROM (" + rows.statement.sql +
                       ") AS chosen";
  rows.statement.name.clear();  // each is another one
  auto const inserted = rows.run(tx);
  std::int64_t count{};
  db::read_value(PQcmdTuples(inserted.get()), types::type_of<std::int64_t>, &count);
  if (count != expected_count)
    throw Problem{count_moved, "There are " + std::to_string(count) + " by now."}.with(
        "count", std::to_string(count));
  jobs::enqueue(tx, RunBatch{id.value}, {.max_attempts = 25});
  return batch(tx, list, id);
}

void require_batch(db::Tx& tx, List const& list, BatchId id) {
  if (!tx.one<bool>(has_batch, list.name, id)) throw Problem{batch_not_found};
}

BatchView batch(db::Tx& tx, List const& list, BatchId id) {
  auto found = tx.maybe<BatchView>(load_batch, list.name, id);
  if (!found) throw Problem{batch_not_found};
  return std::move(*found);
}

void add_batch_worker(jobs::Engine& engine, http::Api const& api, MayStill may_still) {
  engine.add(jobs::Worker<RunBatch>{
      .timeout = jobs::Seconds{600},
      .serialise =
          [](RunBatch const& args) { return "list.batch:" + std::to_string(args.batch_id); },
      .run = [&api, may_still = std::move(may_still)](
                 jobs::Context& job,
                 RunBatch const& args) { run_batch(job, BatchId{args.batch_id}, api, may_still); },
      // Nobody is to wait for a batch that nobody works on.
      .dead =
          [](db::Tx& tx, RunBatch const& args, std::string const&) {
            tx.exec(end_rest, args.batch_id, json::text(broke_off()));
            tx.exec(end_batch, args.batch_id);
          }});
}

}  // namespace list
