// The copy gets its row at once; the data come while it is built, before it goes live.
#include "backups/new_tenant.hpp"

#include "backups/backup.hpp"
#include "tenants/clones.hpp"
#include "tenants/list.hpp"
#include "tenants/subdomains.hpp"
#include "tenants/world.hpp"

namespace backups {

namespace {
using tenants::TenantView;

struct CopyRequest {
  tenants::TenantId id;
  BackupId backup;
  std::string subdomain;
  std::optional<std::string> company;
  static constexpr auto rules() {
    return ::rules(rule(&CopyRequest::id, {.doc = "Id of the tenant", .example = "ten_1"}),
                   rule(&CopyRequest::backup, {.doc = "Id of the backup", .example = "bkp_1"}),
                   rule(&CopyRequest::subdomain,
                        {.doc = "Name of the new tenant: 3 to 40 letters, digits and hyphens",
                         .example = "acme-test",
                         .min_length = 1,
                         .max_length = 40,
                         .check = tenants::subdomain_rule}),
                   rule(&CopyRequest::company,
                        {.doc = "Company of the new tenant; that of the other unless told",
                         .min_length = 1,
                         .max_length = 120,
                         .check = checks::one_line}));
  }
};
TenantView restore_into(http::Context& context, CopyRequest const& request) {
  auto& tx = context.tx;
  auto const source = tenants::get(tx, request.id);
  auto const backup = get(tx, request.id, request.backup);
  if (!backup.is_usable())
    throw Problem{backup_not_usable, "It is " + std::string{name_of(backup.state)} + "."};
  if (source.provisioner != name_of(context.settings.provisioner)) throw Problem{other_kind};
  auto customer = source.customer_id;
  if (request.company) {
    auto const contact = customers::get(tx, customer);
    customer = customers::create(tx, {*request.company, contact.name, contact.email,
                                      contact.country, contact.locale})
                   .id;
  }
  auto const made =
      tenants::reserve(tx, context.settings, customer, request.subdomain, source.plan_id,
                       context.actor.label(), clock_source::now() + std::chrono::minutes{5});
  tenants::make_alike(tx, made.id, source.id);
  tenants::await_data(tx, made.id, backup.id);
  tenants::start_provisioning(tx, made.id, context.actor.label());
  context.audit_target = made.id.text();
  context.audit_after.text =
      "{\"backup\":" + json::text(backup.id) + ",\"subdomain\":" + json::text(made.subdomain) + "}";
  context.response.headers.push_back({"Location", "/api/tenants/" + made.id.text()});
  return tenants::view(tx, context.settings, made.id);
}

}  // namespace

void add_new_tenant_endpoint(http::Api& api) {
  api.add(http::Endpoint<CopyRequest, TenantView>{
      .route = "POST /api/tenants/{id}/backups/{backup}/restore-into",
      .summary = "Make a new tenant with the data of a backup",
      .tag = "Backups",
      .scope = "tenants:write",
      .audit = "backup.restored_into",
      .limit = http::per_minute(30),
      .problems = {tenants::tenant_not_found, backup_not_found, backup_not_usable, other_kind,
                   tenants::subdomain_taken, tenants::capacity_exhausted},
      .constraints = {{"tenants_subdomain_taken", "/subdomain", faults::taken}},
      .status = 201,
      .idempotent = true,
      .handle = restore_into,
  });
}

}  // namespace backups
