// The copy has a row of its own from the start, so that its name is taken while the data are made.
#include "backups/new_tenant.hpp"

#include "backups/rows.hpp"
#include "tenants/list.hpp"
#include "tenants/operations.hpp"
#include "tenants/subdomains.hpp"

namespace backups {

namespace {
using tenants::TenantView;

// As long as the backup of the source may take; the name is given back afterwards.
constexpr std::chrono::hours lease_of_a_clone{6};
constexpr std::chrono::minutes lease{5};

db::Query const make_a_copy{"backups.make_a_copy", R"sql(
  UPDATE tenants SET cloned_from = $2, blueprint = $3, restore_backup_id = $4 WHERE id = $1
)sql"};
db::Query const copy_customer{"backups.copy_customer", R"sql(
  SELECT name, email, country, locale FROM customers WHERE id = $1
)sql"};

struct Contact {
  std::string name, email, country;
  i18n::Locale locale;
  static constexpr auto fields() {
    return ::fields(field("name", &Contact::name), field("email", &Contact::email),
                    field("country", &Contact::country), field("locale", &Contact::locale));
  }
};

struct CopyRequest {
  tenants::TenantId id;
  std::string subdomain;
  std::optional<std::string> company;
  static constexpr auto fields() {
    return ::fields(field("id", &CopyRequest::id, {.doc = "Id of the tenant", .example = "ten_1"}),
                    field("subdomain", &CopyRequest::subdomain,
                          {.doc = "Name of the new tenant: 3 to 40 letters, digits and hyphens",
                           .example = "acme-test",
                           .min_length = 1,
                           .max_length = 40,
                           .check = tenants::subdomain_rule}),
                    field("company", &CopyRequest::company,
                          {.doc = "Company of the new tenant; that of the other unless told",
                           .min_length = 1,
                           .max_length = 120,
                           .check = checks::one_line}));
  }
};
struct CopyOfBackup : CopyRequest {
  BackupId backup;
  static constexpr auto fields() {
    return std::tuple_cat(CopyRequest::fields(),
                          ::fields(field("backup", &CopyOfBackup::backup,
                                         {.doc = "Id of the backup", .example = "bkp_1"})));
  }
};

/// Reserves the new tenant with the plan of the old one.
tenants::Tenant reserve_copy(http::Context& context, tenants::Tenant const& source,
                             CopyRequest const& request, std::optional<BackupId> backup,
                             std::chrono::minutes lease_time) {
  if (source.provisioner != name_of(context.settings.provisioner)) throw Problem{other_kind};
  auto customer = source.customer_id;
  if (request.company) {
    auto contact = context.tx.one<Contact>(copy_customer, source.customer_id);
    customer = customers::create(context.tx, {*request.company, contact.name, contact.email,
                                              contact.country, contact.locale})
                   .id;
  }
  auto const made =
      tenants::reserve(context.tx, context.settings, customer, request.subdomain, source.plan_id,
                       context.actor.email, clock_source::now() + lease_time);
  context.tx.exec(make_a_copy, made.id, source.id, source.blueprint, backup);
  context.audit_target = made.id.text();
  context.response.headers.push_back({"Location", "/api/tenants/" + made.id.text()});
  return made;
}

TenantView restore_into(http::Context& context, CopyOfBackup const& request) {
  auto const source = tenants::get(context.tx, request.id);
  auto const backup = get(context.tx, request.id, request.backup);
  if (!backup.is_usable())
    throw Problem{backup_not_usable, "It is " + std::string{name_of(backup.state)} + "."};
  auto const made = reserve_copy(context, source, request, backup.id, lease);
  tenants::start_provisioning(context.tx, made.id, context.actor.email);
  context.audit_after.text =
      "{\"backup\":" + json::text(backup.id) + ",\"subdomain\":" + json::text(made.subdomain) + "}";
  return tenants::view(context.tx, context.settings, made.id);
}

TenantView clone(http::Context& context, CopyRequest const& request) {
  auto const source = tenants::lock(context.tx, request.id);
  if (source.state != tenants::State::live && source.state != tenants::State::suspended)
    throw Problem{tenants::state_conflict,
                  "It is " + std::string{name_of(source.state)} + ", not live or suspended."};
  auto const made = reserve_copy(context, source, request, {}, lease_of_a_clone);
  tenants::request(context.tx, source.id, tenants::OperationKind::clone,
                   RawJson{"{\"tenant\":" + json::text(made.id) + "}"}, context.actor.email);
  context.audit_after.text = "{\"cloned_from\":" + json::text(source.id) +
                             ",\"subdomain\":" + json::text(made.subdomain) + "}";
  return tenants::view(context.tx, context.settings, made.id);
}

}  // namespace

void add_new_tenant_endpoints(http::Api& api) {
  api.add(http::Endpoint<CopyOfBackup, TenantView>{
      .route = "POST /api/tenants/{id}/backups/{backup}/restore-into",
      .summary = "Make a new tenant with the data of a backup",
      .tag = "Backups",
      .scope = "tenants:write",
      .audit = "backup.restored_into",
      .limit = http::per_minute(30),
      .problems = {tenants::tenant_not_found, backup_not_found, backup_not_usable, other_kind,
                   tenants::subdomain_taken, tenants::capacity_exhausted},
      .constraints = {{"tenants_subdomain_taken", "/subdomain", "taken", "is taken"}},
      .status = 201,
      .idempotent = true,
      .handle = restore_into,
  });
  api.add(http::Endpoint<CopyRequest, TenantView>{
      .route = "POST /api/tenants/{id}/clone",
      .summary = "Make a new tenant with the present data of this one",
      .tag = "Tenants",
      .scope = "tenants:write",
      .audit = "tenant.cloned",
      .limit = http::per_minute(30),
      .problems = {tenants::tenant_not_found, tenants::state_conflict, other_kind,
                   tenants::operation_running, tenants::subdomain_taken,
                   tenants::capacity_exhausted},
      .constraints = {{"tenants_subdomain_taken", "/subdomain", "taken", "is taken"}},
      .status = 201,
      .idempotent = true,
      .handle = clone,
  });
}

}  // namespace backups
