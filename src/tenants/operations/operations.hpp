#pragma once
// What somebody asked to be done with a tenant: a row with its progress and its outcome, worked off
// by a job, one of a kind at a time for each tenant.
#include "tenants/failure_codes.hpp"
#include "tenants/tenants.hpp"

namespace tenants {

using OperationId = Id<"top">;

enum class OperationKind { restart, backup, restore, clone, move, upgrade };
constexpr auto names_of(OperationKind) {
  return std::array<std::string_view, 6>{"restart", "backup", "restore",
                                         "clone",   "move",   "upgrade"};
}
enum class OperationState { queued, running, succeeded, failed };
constexpr auto names_of(OperationState) {
  return std::array<std::string_view, 4>{"queued", "running", "succeeded", "failed"};
}

inline constexpr ProblemType operation_not_found{Kind::not_found, "operation_not_found",
                                                 "There is no such operation"};
inline constexpr ProblemType operation_running{Kind::conflict, "operation_running",
                                               "The same is being done already"};

struct Operation {
  OperationId id;
  TenantId tenant_id;
  OperationKind kind;
  RawJson arguments;
  OperationState state;
  std::optional<std::string> stage;
  std::optional<RawJson> result;
  std::optional<std::string> error_code, error_detail;
  std::string requested_by;
  Time created_at;
  std::optional<Time> started_at, finished_at;
  static constexpr auto rules() {
    return ::rules(rule(&Operation::stage, {.doc = "What is being done at the moment"}));
  }
};

/// Writes the row and its job (tenants::Operate). `arguments` is a JSON object. Throws
/// Problem{operation_running} with the id of the one that is under way.
Operation request(db::Tx& tx, TenantId tenant, OperationKind kind, RawJson const& arguments,
                  std::string_view actor);
/// Queued → running; again after a crash it stays as it is. None when it has ended already.
[[nodiscard]] std::optional<Operation> begin(db::Tx& tx, OperationId id);
void stage(db::Tx& tx, OperationId id, std::string_view text);
/// What a second try must know of the first, beside what was asked for.
void add_argument(db::Tx& tx, OperationId id, std::string_view name, std::string_view value);
/// `result` is a JSON object.
void succeed(db::Tx& tx, OperationId id, RawJson const& result);
void fail(db::Tx& tx, OperationId id, FailureCode code, std::string_view detail);

/// Problem{operation_not_found} also when it is another tenant's.
[[nodiscard]] Operation operation(db::Tx& tx, TenantId tenant, OperationId id);

}  // namespace tenants
