// What was asked to be done with a tenant: list, look at one, restart, move, clone.
#include "tenants/endpoints.hpp"
#include "platform/json/checks.hpp"
#include "platform/list/words.hpp"
#include "tenants/clones.hpp"
#include "tenants/detail.hpp"
#include "tenants/list.hpp"
#include "tenants/subdomains.hpp"

namespace tenants {

namespace {
struct OneOperation {
  TenantId id;
  OperationId operation;
  static constexpr auto rules() {
    return ::rules(rule(&OneOperation::id, {.doc = "Id of the tenant"}),
                   rule(&OneOperation::operation, {.example = "top_1"}));
  }
};

struct CloneRequest {
  TenantId id;
  std::string subdomain;
  std::optional<std::string> company;
  static constexpr auto rules() {
    return ::rules(
        rule(&CloneRequest::id, {.doc = "Id of the tenant"}),
        rule(&CloneRequest::subdomain, {.doc = "Name of the new tenant",
                                        .example = "acme-test",
                                        .min_length = 1,
                                        .max_length = 40,
                                        .check = subdomain_rule}),
        rule(&CloneRequest::company, {.doc = "For another company; without it: the same customer",
                                      .min_length = 1,
                                      .max_length = 120,
                                      .check = checks::one_line}));
  }
};

struct MoveRequest {
  TenantId id;
  std::string member;
  static constexpr auto rules() {
    return ::rules(rule(&MoveRequest::id, {.doc = "Id of the tenant"}),
                   rule(&MoveRequest::member, {.doc = "Name of a machine of the cluster",
                                               .example = "node-b",
                                               .min_length = 1,
                                               .max_length = 63,
                                               .check = checks::one_line}));
  }
};

list::Codes const codes{
    "operations", {{"kind", "operation"}, {"state", "operation_state"}, {"error_code", "failure"}}};

list::List operation_list() {
  return {
      .name = "operations",
      .route = "GET /api/tenants/{id}/operations",
      .summary = "List what was asked to be done with a tenant",
      .tag = "Tenants",
      .scope = "tenants:read",
      .row = &types::type_of<Operation>,
      .columns = "page.*",
      .source = "tenant_operations",
      .key = "tenant_operations.id",
      .sorts = {{"id", "tenant_operations.id", "bigint"}},
      .order = "-id",
      .filters = {list::within<TenantId>("id", "tenant_operations.tenant_id = $",
                                         {.doc = "Id of the tenant"}),
                  list::any_of<OperationState>("state", "tenant_operations.state = $")},
      .problems = {tenant_not_found},
      .require = require_of_path,
  };
}

Operation restart(http::Context& context, OneTenant const& request) {
  auto const tenant = lock(context.tx, request.id);
  if (tenant.state != State::live)
    throw Problem{state_conflict, "It is " + std::string{name_of(tenant.state)} +
                                      "; only what is live can be started again."}
        .with("state", json::text(tenant.state));
  context.audit_target = request.id.text();
  return tenants::request(context.tx, request.id, OperationKind::restart, {"{}"},
                          context.actor.label());
}

Operation move_to_member(http::Context& context, MoveRequest const& request) {
  auto const tenant = lock(context.tx, request.id);
  if (tenant.state != State::live && tenant.state != State::suspended)
    throw Problem{state_conflict, "It is " + std::string{name_of(tenant.state)} +
                                      "; only what is live or suspended can be moved."}
        .with("state", json::text(tenant.state));
  struct Arguments {
    std::string member;
  };
  context.audit_target = request.id.text();
  context.audit_after.text = json::text(Arguments{request.member});
  return tenants::request(context.tx, request.id, OperationKind::move,
                          {json::text(Arguments{request.member})}, context.actor.label());
}

TenantDetail make_clone(http::Context& context, CloneRequest const& request) {
  auto const target = clone(context.tx, context.settings, request.id, request.subdomain,
                            request.company, context.actor.label());
  context.audit_target = request.id.text();
  context.audit_after.text = json::text(CloneArguments{target});
  context.response.headers.push_back({"Location", "/api/tenants/" + target.text()});
  return detail_with_version(context, target);
}
}  // namespace

void add_operation_endpoints(http::Api& api) {
  list::add(api, operation_list());
  api.add(http::Endpoint<OneOperation, Operation>{
      .route = "GET /api/tenants/{id}/operations/{operation}",
      .summary = "Show one operation with its progress",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {operation_not_found},
      .handle =
          [](http::Context& context, OneOperation const& request) {
            return operation(context.tx, request.id, request.operation);
          },
  });
  api.add(http::Endpoint<OneTenant, Operation>{
      .route = "POST /api/tenants/{id}/restart",
      .summary = "Stop a tenant's application and start it again",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.restarted",
      .limit = http::per_minute(60),
      .problems = {tenant_not_found, state_conflict, operation_running},
      .status = 202,
      .idempotent = true,
      .handle = restart,
  });
  api.add(http::Endpoint<MoveRequest, Operation>{
      .route = "POST /api/tenants/{id}/move",
      .summary = "Move a tenant to another machine of the cluster; it stands still meanwhile",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.moved",
      .limit = http::per_minute(60),
      .problems = {tenant_not_found, state_conflict, operation_running},
      .status = 202,
      .idempotent = true,
      .handle = move_to_member,
  });
  api.add(http::Endpoint<CloneRequest, TenantDetail>{
      .route = "POST /api/tenants/{id}/clone",
      .summary = "Make a second tenant with the same data",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.cloned",
      .limit = http::per_minute(60),
      .problems = {tenant_not_found, state_conflict, operation_running, subdomain_taken,
                   capacity_exhausted, plan_not_for_sale},
      .constraints = {{"tenants_subdomain_taken", "/subdomain", faults::taken}},
      .status = 201,
      .idempotent = true,
      .handle = make_clone,
  });
}

}  // namespace tenants
