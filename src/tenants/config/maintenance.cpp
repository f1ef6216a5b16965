// The maintenance window of a tenant: from, until, and what its visitors read meanwhile.
#include "platform/http/preconditions.hpp"
#include "platform/json/checks.hpp"
#include "tenants/detail.hpp"
#include "tenants/endpoints.hpp"

namespace tenants {

namespace {
struct Window {
  TenantId id;
  std::optional<Time> from, until;
  std::optional<std::string> message;
  static constexpr auto rules() {
    return ::rules(rule(&Window::id, {.doc = "Id of the tenant"}),
                   rule(&Window::from, {.doc = "Begins then; without it: now"}),
                   rule(&Window::until, {.doc = "Ends then; without it: when it is ended"}),
                   rule(&Window::message, {.doc = "What visitors read, as plain text",
                                           .max_length = 500,
                                           .check = checks::one_line}));
  }
};

constexpr FieldCode before_from{"before_from", "must be later than its beginning"};

void require_sensible(Window const& window) {
  Problem problem{validation_failed};
  if (window.until && *window.until <= clock_source::now())
    problem.errors.push_back(wrong<faults::in_the_past>("/until"));
  else if (window.until && window.from && *window.until <= *window.from)
    problem.errors.push_back(wrong<before_from>("/until"));
  if (!problem.errors.empty()) throw problem;
}

MaintenanceView show(http::Context& context, TenantId id) {
  auto const tenant = get(context.tx, id);
  http::add_version(context.response, tenant.version);
  return maintenance_of(tenant);
}

MaintenanceView put(http::Context& context, Window const& window) {
  require_sensible(window);
  auto& tx = context.tx;
  context.audit_target = window.id.text();
  context.audit_before.text = json::text(maintenance_of(lock(tx, window.id)));
  set_maintenance(tx, window.id, {window.from, window.until, window.message},
                  context.actor.label());
  auto out = show(context, window.id);
  context.audit_after.text = json::text(out);
  return out;
}

http::Nothing end(http::Context& context, OneTenant const& request) {
  context.audit_target = request.id.text();
  context.audit_before.text = json::text(maintenance_of(lock(context.tx, request.id)));
  clear_maintenance(context.tx, request.id, context.actor.label());
  return {};
}
}  // namespace

void add_maintenance_endpoints(http::Api& api) {
  api.add(http::Endpoint<OneTenant, MaintenanceView>{
      .route = "GET /api/tenants/{id}/maintenance",
      .summary = "Show a tenant's maintenance window",
      .tag = "Tenants",
      .scope = "tenants:read",
      .problems = {tenant_not_found},
      .handle = [](http::Context& context,
                   OneTenant const& request) { return show(context, request.id); },
  });
  api.add(http::Endpoint<Window, MaintenanceView>{
      .route = "PUT /api/tenants/{id}/maintenance",
      .summary = "Show a page instead of the tenant, now or later",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.maintenance_set",
      .problems = {tenant_not_found, state_conflict},
      .handle = put,
  });
  api.add(http::Endpoint<OneTenant, http::Nothing>{
      .route = "DELETE /api/tenants/{id}/maintenance",
      .summary = "End a tenant's maintenance, or call it off",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.maintenance_ended",
      .problems = {tenant_not_found},
      .handle = end,
  });
}

}  // namespace tenants
