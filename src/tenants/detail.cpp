// One tenant in full: its row, and what stands about it in other tables.
#include "tenants/detail.hpp"

#include "platform/http/preconditions.hpp"

namespace tenants {

namespace {
constexpr std::int64_t mib = 1024 * 1024;

struct Facts {
  std::optional<Time> archived_at, state_deadline, quota_warned_at, quota_deadline;
  std::optional<std::string> application_version, member;
};
db::Query const load_facts{"tenants.load_facts", R"sql(
  SELECT archived_at, state_deadline, quota_warned_at, quota_deadline, application_version, member
    FROM tenants WHERE id = $1
)sql"};
db::Query const load_failure{"tenants.load_failure", R"sql(
  SELECT failure_code AS code, failure_detail AS detail, attempt, retry_at
    FROM tenants WHERE id = $1 AND failure_code IS NOT NULL
)sql"};
constexpr i18n::Code<"deletion_requested", "its deletion was asked for"> deletion_requested;

// Holds of deletions from before said so in their note.
db::Query const load_holds{"tenants.load_holds", std::string{R"sql(
  SELECT h.reason, h.placed_at, h.placed_by, h.expires_at,
         CASE WHEN is_deletion THEN nullif(h.note, 'deletion') ELSE h.note END AS note,
         CASE WHEN is_deletion THEN )sql"} + deletion_requested.sql() +
                                                     R"sql( END AS message
    FROM tenant_holds AS h JOIN tenants AS t ON t.id = h.tenant_id,
         LATERAL (SELECT h.reason = 'admin' AND t.delete_requested_at IS NOT NULL) AS d (is_deletion)
   WHERE h.tenant_id = $1
   ORDER BY h.placed_at, h.reason
)sql"};
db::Query const load_aliases{"tenants.load_aliases", R"sql(
  SELECT subdomain, expires_at FROM tenant_aliases WHERE tenant_id = $1 AND expires_at > now()
   ORDER BY created_at DESC, subdomain LIMIT 100
)sql"};
db::Query const load_disk{"tenants.load_disk", R"sql(
  SELECT disk FROM tenant_health WHERE tenant_id = $1 ORDER BY "timestamp" DESC LIMIT 1
)sql"};
}  // namespace

std::vector<HoldView> holds_in_full(db::Tx& tx, TenantId id) {
  return tx.all<HoldView>(load_holds, id);
}

MaintenanceView maintenance_of(Tenant const& tenant) {
  return {tenant.in_maintenance(), tenant.maintenance_from, tenant.maintenance_until,
          tenant.maintenance_message};
}

std::optional<std::int64_t> disk_in_use(db::Tx& tx, TenantId id) {
  return tx.maybe<std::int64_t>(load_disk, id);
}

TenantDetail detail(db::Tx& tx, config::Settings const& settings, TenantId id) {
  TenantDetail out;
  static_cast<TenantView&>(out) = view(tx, settings, id);
  auto const tenant = get(tx, id);
  auto const facts = tx.one<Facts>(load_facts, id);
  out.maintenance_window = maintenance_of(tenant);
  out.version = tenant.version;
  out.plan_quantity = tenant.plan_quantity;
  out.max_users = tenant.max_users;
  out.storage_limit_mib = tenant.storage_limit_mib;
  out.memory_limit_mib = tenant.memory_limit_mib;
  out.cpu_limit_percent = tenant.cpu_limit_percent;
  out.process_limit = tenant.process_limit;
  out.limits_applied = tenant.settled_version >= tenant.version && !tenant.limits_message;
  out.limits_problem = tenant.limits_message;
  out.blueprint = tenant.blueprint;
  out.holds_detail = holds_in_full(tx, id);
  out.aliases = tx.all<AliasView>(load_aliases, id);
  out.archived_at = facts.archived_at;
  if (tenant.state == State::archived) out.restorable_until = facts.state_deadline;
  out.delete_requested_at = tenant.delete_requested_at;
  out.application_version = facts.application_version;
  out.member = facts.member;
  out.cloned_from = tenant.cloned_from;
  auto const disk = disk_in_use(tx, id);
  out.quota = {{}, tenant.storage_limit_mib, facts.quota_warned_at, facts.quota_deadline};
  if (disk) {
    out.quota.used_mib = (*disk + mib - 1) / mib;
    if (*disk > tenant.storage_limit_mib * mib)
      out.warnings.push_back(Warning::storage_over_limit);
    else if (*disk >= tenant.storage_limit_mib * mib / 10 * 9)
      out.warnings.push_back(Warning::storage_nearly_full);
  }
  out.steps = steps(tx, id);
  out.failure = tx.maybe<FailureView>(load_failure, id);
  return out;
}

TenantDetail detail_with_version(http::Context& context, TenantId id) {
  auto out = detail(context.tx, context.settings, id);
  http::add_version(context.response, out.version);
  return out;
}

void require_confirmation(Tenant const& tenant, std::string_view pointer,
                          std::optional<std::string> const& given) {
  if (given && *given == tenant.subdomain) return;
  std::string where{pointer};
  throw refusal(given ? wrong<faults::does_not_match>(where) : wrong<faults::required>(where));
}

}  // namespace tenants
