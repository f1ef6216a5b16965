// The rows of batches and the job that works them off.
#include "tenants/batches/batches.hpp"

#include "identity/standing.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/operations/operations.hpp"

namespace tenants {

namespace {
constexpr auto write_scope = "tenants:write";
constexpr std::chrono::seconds look_again_after{2};

struct RunBatch {
  static constexpr std::string_view kind = "tenants.run_batch";
  std::int64_t batch_id;
};

db::Query const insert_batch{"tenants.insert_batch", R"sql(
  INSERT INTO tenant_batches (action, arguments, requested_by, staff_id, api_key_id, total)
  VALUES ($1, $2, $3, nullif($4::bigint, 0), nullif($5::bigint, 0), $6) RETURNING id
)sql"};
db::Query const insert_rows{"tenants.insert_batch_rows", R"sql(
  INSERT INTO tenant_batch_rows (batch_id, tenant_id) SELECT $1, unnest($2::bigint[])
)sql"};
db::Query const load_batch{"tenants.load_batch", R"sql(
  SELECT id, action,
         CASE WHEN finished_at IS NOT NULL THEN 'done' WHEN started_at IS NOT NULL THEN 'running'
              ELSE 'queued' END AS state,
         total, ok + skipped + failed AS done, running, ok, skipped, failed, requested_by,
         created_at, finished_at
    FROM tenant_batches,
         LATERAL (SELECT count(*) FILTER (WHERE state = 'running') AS running,
                         count(*) FILTER (WHERE state = 'ok') AS ok,
                         count(*) FILTER (WHERE state = 'skipped') AS skipped,
                         count(*) FILTER (WHERE state = 'failed') AS failed
                    FROM tenant_batch_rows WHERE batch_id = tenant_batches.id) AS counted
   WHERE id = $1
)sql"};
struct Task {
  BatchAction action;
  RawJson arguments;
  std::string requested_by;
  std::optional<std::int64_t> staff_id, api_key_id;
};
db::Query const begin_batch{"tenants.begin_batch", R"sql(
  UPDATE tenant_batches SET started_at = coalesce(started_at, now())
   WHERE id = $1 AND finished_at IS NULL
  RETURNING action, arguments, requested_by, staff_id, api_key_id
)sql"};
db::Query const next_row{"tenants.next_batch_row", R"sql(
  SELECT tenant_id FROM tenant_batch_rows WHERE batch_id = $1 AND state = 'waiting'
   ORDER BY tenant_id LIMIT 1
)sql"};
db::Query const end_row{"tenants.end_batch_row", R"sql(
  UPDATE tenant_batch_rows SET state = $3, why = $4, finished_at = now()
   WHERE batch_id = $1 AND tenant_id = $2
)sql"};
db::Query const run_row_on{"tenants.run_batch_row_on", R"sql(
  UPDATE tenant_batch_rows SET state = 'running', begun_at = now(), operation_id = $3, version = $4
   WHERE batch_id = $1 AND tenant_id = $2
)sql"};
// What has become of those that are under way. A change that waits for a person (a limit below
// what is used, say) is not waited for as long as for what simply takes its time.
db::Query const follow_rows{"tenants.follow_batch_rows", R"sql(
  WITH following AS (  -- subscriptions that follow a new plan
    SELECT (payload->>'tenant_id')::bigint AS tenant_id, state, finished_at, last_error FROM jobs
     WHERE $2 = 'change_plan' AND kind = 'tenants.plan_changed'
       AND state IN ('waiting', 'running', 'dead')),
  seen AS (
    SELECT r.tenant_id, t.state::text AS state, o.state AS operation,
           t.limits_message->>'text' AS limits_problem,
           o.error_code || coalesce(': ' || nullif(o.error_detail, ''), '') AS error,
           t.settled_version >= r.version AS is_settled,
           EXISTS (SELECT 1 FROM tenant_holds h
                    WHERE h.tenant_id = t.id AND h.reason = 'admin') AS is_held,
           (SELECT string_agg(h.reason::text, ', ' ORDER BY h.reason) FROM tenant_holds h
             WHERE h.tenant_id = t.id) AS holds,
           EXISTS (SELECT 1 FROM following f
                    WHERE f.tenant_id = t.id AND f.state <> 'dead') AS is_being_charged,
           (SELECT max('its subscription stays as it was: ' || coalesce(f.last_error, ''))
              FROM following f
             WHERE f.tenant_id = t.id AND f.state = 'dead' AND f.finished_at >= r.begun_at)
             AS not_followed,
           (SELECT max(coalesce(e.data->>'error',
                                format('%s is not sold in %s per %s; the subscription stays as it '
                                       'was', e.data->>'plan', e.data->>'currency',
                                       e.data->>'interval'))) FROM activity e
             WHERE $2 = 'change_plan' AND e.tenant_id = t.id AND e.kind = 'plan_not_charged'
               AND e.at >= r.begun_at) AS not_charged,
           r.begun_at < now() - interval '15 minutes' AS long_ago,
           r.begun_at < now() - interval '1 day' AS too_long_ago
      FROM tenant_batch_rows r JOIN tenants t ON t.id = r.tenant_id
      LEFT JOIN tenant_operations o ON o.id = r.operation_id
     WHERE r.batch_id = $1 AND r.state = 'running'),
  judged AS (
    SELECT tenant_id,
      CASE WHEN operation = 'succeeded' THEN 'ok'
           WHEN operation = 'failed' THEN 'failed'
           WHEN operation IS NULL AND $2 = 'suspend' THEN
             CASE WHEN state NOT IN ('live', 'resuming', 'suspending') THEN 'ok'
                  WHEN NOT is_held THEN 'failed' END
           WHEN operation IS NULL AND $2 IN ('resume', 'release_hold') THEN
             CASE WHEN state NOT IN ('suspending', 'suspended', 'resuming') THEN 'ok'
                  WHEN holds IS NOT NULL THEN 'failed' END
           WHEN operation IS NULL AND $2 = 'change_plan' THEN
             CASE WHEN is_being_charged THEN NULL
                  WHEN not_followed IS NOT NULL OR not_charged IS NOT NULL THEN 'failed'
                  WHEN is_settled OR state <> 'live' THEN 'ok'
                  WHEN long_ago AND limits_problem IS NOT NULL THEN 'failed' END
      END AS outcome,
      CASE WHEN operation = 'failed' THEN error
           WHEN $2 = 'suspend' AND state IN ('live', 'resuming', 'suspending')
             THEN 'its hold was released meanwhile'
           WHEN $2 IN ('resume', 'release_hold') AND holds IS NOT NULL
                AND state IN ('suspending', 'suspended', 'resuming')
             THEN 'another hold keeps it: ' || holds
           WHEN $2 = 'change_plan' THEN coalesce(not_followed, not_charged, limits_problem)
      END AS why, too_long_ago
      FROM seen),
  ended AS (
    UPDATE tenant_batch_rows r
       SET state = coalesce(outcome, 'failed')::batch_row_state, finished_at = now(),
           why = CASE WHEN outcome IS NULL THEN 'it has not come to its end within a day'
                      WHEN outcome = 'failed' THEN judged.why END
      FROM judged
     WHERE r.batch_id = $1 AND r.tenant_id = judged.tenant_id
       AND (outcome IS NOT NULL OR too_long_ago)
    RETURNING 1)
  SELECT (SELECT count(*) FROM seen) - (SELECT count(*) FROM ended)
)sql"};
db::Query const end_batch{"tenants.end_batch",
                          "UPDATE tenant_batches SET finished_at = now() WHERE id = $1"};

struct Outcome {
  BatchRowState state = BatchRowState::ok;
  std::optional<std::string> why{};
  std::optional<OperationId> operation{};  // of a row that runs on
  std::optional<std::int64_t> version{};
};
Outcome skipped(std::string why) { return {BatchRowState::skipped, std::move(why)}; }
Outcome under_way() { return {.state = BatchRowState::running}; }
/// What was written down is done when the tenant has followed.
Outcome changed(bool it_did, char const* otherwise) {
  return it_did ? under_way() : skipped(otherwise);
}
std::string state_words(Tenant const& tenant) {
  return "it is " + std::string{name_of(tenant.state)};
}

Outcome apply(db::Tx& tx, TenantId id, Task const& task, BatchArguments const& arguments) {
  auto const tenant = lock(tx, id);
  auto const& actor = task.requested_by;
  auto ask = [&](OperationKind kind) {
    if (tenant.state != State::live) return skipped(state_words(tenant));
    auto outcome = under_way();
    outcome.operation = request(tx, id, kind, {"{}"}, actor).id;
    return outcome;
  };
  switch (task.action) {
    case BatchAction::suspend:
      if (is_unpaid(tenant.state) || is_final(tenant.state)) return skipped(state_words(tenant));
      // A note of its own is nobody else's to change.
      if (auto const held = holds(tx, id);
          std::find(held.begin(), held.end(), Hold::admin) != held.end())
        return skipped("it is held by staff already");
      place_hold(tx, id, Hold::admin, actor, arguments.reason);
      return under_way();
    case BatchAction::resume:
      return changed(release_hold(tx, id, Hold::admin, actor), "it is not held by staff");
    case BatchAction::release_hold:
      return changed(release_hold(tx, id, *arguments.hold, actor), "it has no such hold");
    case BatchAction::change_plan: {
      auto outcome =
          changed(change(tx, id, {.plan = arguments.to_plan}, actor), "it has this plan already");
      outcome.version = get(tx, id).version;
      return outcome;
    }
    case BatchAction::backup:
      return ask(OperationKind::backup);
    case BatchAction::restart:
      return ask(OperationKind::restart);
  }
  return {};
}

/// Refusals that only say that there is nothing to do; everything else is a failure.
bool is_skip(Problem const& problem) {
  return problem.type.code == state_conflict.code || problem.type.code == operation_running.code;
}

void run_row(jobs::Context& job, BatchId batch_id, TenantId tenant, Task const& task,
             BatchArguments const& arguments) {
  auto end = [&](db::Tx& tx, Outcome const& outcome) {
    if (outcome.state == BatchRowState::running)
      tx.exec(run_row_on, batch_id, tenant, outcome.operation, outcome.version);
    else
      tx.exec(end_row, batch_id, tenant, outcome.state, outcome.why);
  };
  try {
    job.transact([&](db::Tx& tx) { end(tx, apply(tx, tenant, task, arguments)); });
  } catch (Problem const& problem) {
    Outcome const outcome{
        is_skip(problem) ? BatchRowState::skipped : BatchRowState::failed,
        problem.detail.empty() ? std::string{problem.type.title} : problem.detail};
    job.transact([&](db::Tx& tx) { end(tx, outcome); });
  } catch (db::Failure const& failure) {
    logging::error("tenants", "{} of {}: {}", batch_id.text(), tenant.text(), failure.what());
    job.transact([&](db::Tx& tx) { end(tx, {BatchRowState::failed, "the database refused it"}); });
  }
}

void run_batch(jobs::Context& job, BatchId id, identity::Directory& directory) {
  auto const task = job.transact([&](db::Tx& tx) { return tx.maybe<Task>(begin_batch, id); });
  if (!task) return;
  auto const arguments = json::read<BatchArguments>(task->arguments.text);
  while (auto const tenant =
             job.transact([&](db::Tx& tx) { return tx.maybe<TenantId>(next_row, id); })) {
    if (identity::may_still(*directory.now(), task->staff_id, task->api_key_id, write_scope))
      run_row(job, id, *tenant, *task, arguments);
    else
      job.transact([&](db::Tx& tx) {
        tx.exec(end_row, id, *tenant, BatchRowState::failed,
                "whoever asked for it may not do it any more");
      });
  }
  auto const left = job.transact(
      [&](db::Tx& tx) { return tx.one<std::int64_t>(follow_rows, id, name_of(task->action)); });
  if (left > 0) throw jobs::Snooze{look_again_after};
  job.transact([&](db::Tx& tx) {
    tx.exec(end_batch, id);
    realtime::announce(tx, "batch:" + std::to_string(id.value));
    job.finish(tx);
  });
}

retention::Rule const old_batches{
    {.table = "tenant_batches",
     .column = "finished_at",
     .keep = std::chrono::days{365},
     .least = std::chrono::days{14},
     .why = "what was done to many at once; the audit trail has it, too"}};
retention::Kept const kept_tenant_batch_rows{"tenant_batch_rows", "they go with their batch"};
}  // namespace

BatchView start_batch(db::Tx& tx, BatchAction action, BatchArguments const& arguments,
                      Selection const& selection, http::Actor const& actor) {
  auto chosen = selection.ids ? existing(tx, *selection.ids) : matching(tx, selection.filter);
  std::erase_if(chosen, [&](TenantId id) {
    return std::find(selection.exclude.begin(), selection.exclude.end(), id) !=
           selection.exclude.end();
  });
  auto const count = std::int64_t(chosen.size());
  if (count != selection.expected_count)
    throw Problem{count_moved, "There are " + std::to_string(count) + " by now."}.with(
        "count", std::to_string(count));
  auto const id = tx.one<BatchId>(insert_batch, action, json::text(arguments), actor.label(),
                                  actor.user_id, actor.api_key_id, count);
  tx.exec(insert_rows, id, chosen);
  jobs::enqueue(tx, RunBatch{id.value}, {.max_attempts = 25});
  return batch(tx, id);
}

BatchView batch(db::Tx& tx, BatchId id) {
  auto found = tx.maybe<BatchView>(load_batch, id);
  if (!found) throw Problem{batch_not_found};
  return std::move(*found);
}

void add_batch_worker(jobs::Engine& engine, identity::Directory& directory) {
  engine.add(jobs::Worker<RunBatch>{
      .timeout = jobs::Seconds{600},
      .serialise =
          [](RunBatch const& args) { return "tenants.batch:" + std::to_string(args.batch_id); },
      .run = [&directory](
                 jobs::Context& job,
                 RunBatch const& args) { run_batch(job, BatchId{args.batch_id}, directory); }});
}

}  // namespace tenants
