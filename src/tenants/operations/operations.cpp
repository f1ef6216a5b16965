// Rows of tenant_operations.
#include "tenants/operations/operations.hpp"

#include "platform/jobs/jobs.hpp"
#include "platform/realtime/hub.hpp"
#include "platform/retention/retention.hpp"
#include "tenants/jobs.hpp"

namespace tenants {

namespace {
constexpr auto columns = R"sql(
  id, tenant_id, kind, arguments, state, stage, result, error_code, error_detail, requested_by,
  created_at, started_at, finished_at
)sql";

db::Query const insert_operation{"tenants.insert_operation", std::string{R"sql(
  INSERT INTO tenant_operations (tenant_id, kind, arguments, requested_by) VALUES ($1, $2, $3, $4)
      ON CONFLICT (tenant_id, kind) WHERE state IN ('queued', 'running') DO NOTHING
  RETURNING )sql"} + columns};
db::Query const running_operation{"tenants.running_operation", R"sql(
  SELECT id FROM tenant_operations
   WHERE tenant_id = $1 AND kind = $2 AND state IN ('queued', 'running')
)sql"};
db::Query const begin_operation{"tenants.begin_operation", std::string{R"sql(
  UPDATE tenant_operations SET state = 'running', started_at = coalesce(started_at, now())
   WHERE id = $1 AND state IN ('queued', 'running') RETURNING )sql"} +
                                                               columns};
db::Query const write_stage{"tenants.write_operation_stage", R"sql(
  UPDATE tenant_operations SET stage = $2 WHERE id = $1 AND state = 'running' RETURNING tenant_id
)sql"};
db::Query const write_argument{"tenants.add_operation_argument", R"sql(
  UPDATE tenant_operations SET arguments = arguments || jsonb_build_object($2::text, $3::text)
   WHERE id = $1
)sql"};
db::Query const end_operation{"tenants.end_operation", std::string{R"sql(
  UPDATE tenant_operations SET state = $2, stage = NULL, result = $3, error_code = $4,
         error_detail = $5, started_at = coalesce(started_at, now()), finished_at = now()
   WHERE id = $1 AND state IN ('queued', 'running') RETURNING )sql"} +
                                                           columns};
db::Query const load_operation{
    "tenants.load_operation",
    std::string{"SELECT "} + columns + " FROM tenant_operations WHERE tenant_id = $1 AND id = $2"};
void end(db::Tx& tx, OperationId id, OperationState state, std::optional<RawJson> const& result,
         std::optional<std::string_view> code, std::optional<std::string_view> detail) {
  auto const ended = tx.maybe<Operation>(end_operation, id, state, result, code, detail);
  if (!ended) return;
  note(tx, ended->tenant_id, ended->requested_by,
       activity::OperationEnded{std::string{name_of(ended->kind)}, id.text(),
                                std::string{name_of(state)}, std::optional<std::string>{code}});
}

retention::Rule const old_operations{{.table = "tenant_operations",
                                      .column = "finished_at",
                                      .keep = std::chrono::days{365},
                                      .least = std::chrono::days{14},
                                      .why = "the history of a tenant shows a year of them"}};
}  // namespace

Operation request(db::Tx& tx, TenantId tenant, OperationKind kind, RawJson const& arguments,
                  std::string_view actor) {
  auto made = tx.maybe<Operation>(insert_operation, tenant, kind, arguments, actor);
  if (!made) {
    auto const running = tx.maybe<OperationId>(running_operation, tenant, kind);
    throw Problem{operation_running}.with("operation", json::text(running));
  }
  jobs::enqueue(tx, Operate{made->id.value, tenant.value}, {.max_attempts = 25});
  note(tx, tenant, actor,
       activity::OperationRequested{std::string{name_of(kind)}, made->id.text()});
  return std::move(*made);
}

std::optional<Operation> begin(db::Tx& tx, OperationId id) {
  auto begun = tx.maybe<Operation>(begin_operation, id);
  if (begun) realtime::announce(tx, "tenant:" + std::to_string(begun->tenant_id.value));
  return begun;
}

void stage(db::Tx& tx, OperationId id, std::string_view text) {
  if (auto const tenant = tx.maybe<TenantId>(write_stage, id, text))
    realtime::announce(tx, "tenant:" + std::to_string(tenant->value));
}

void add_argument(db::Tx& tx, OperationId id, std::string_view name, std::string_view value) {
  tx.exec(write_argument, id, name, value);
}

void succeed(db::Tx& tx, OperationId id, RawJson const& result) {
  end(tx, id, OperationState::succeeded, result, {}, {});
}

void fail(db::Tx& tx, OperationId id, FailureCode code, std::string_view detail) {
  end(tx, id, OperationState::failed, {}, code, detail);
}

Operation operation(db::Tx& tx, TenantId tenant, OperationId id) {
  auto found = tx.maybe<Operation>(load_operation, tenant, id);
  if (!found) throw Problem{operation_not_found};
  return std::move(*found);
}

}  // namespace tenants
