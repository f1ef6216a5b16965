// The rows of demo tenants, and of what happened to them.
#include "tenants/demo.hpp"

#include "activity/demo.hpp"

namespace tenants {

namespace {
db::Query const free_id{"tenants.first_free_id", "SELECT coalesce(max(id), 0) + 1 FROM tenants"};
db::Query const advance{"tenants.advance_id", R"sql(
  SELECT setval(pg_get_serial_sequence('tenants', 'id'), (SELECT max(id) FROM tenants))
)sql"};
db::Query const delete_demo{"tenants.delete_demo", R"sql(
  DELETE FROM tenants WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};

std::vector<activity::DemoChange> changes_of(std::vector<DemoTenant> const& tenants) {
  std::vector<activity::DemoChange> out;
  for (auto const& tenant : tenants) {
    out.push_back({tenant.customer_id, tenant.id, tenant.subdomain, "provisioning", "live",
                   "provisioning", tenant.live_at});
    if (tenant.purged_at)
      out.push_back({tenant.customer_id, tenant.id, tenant.subdomain, "purging", "purged",
                     "billing", *tenant.purged_at});
  }
  return out;
}
}  // namespace

std::int64_t first_free_id(db::Tx& tx) { return tx.one<std::int64_t>(free_id); }

void add_demo(db::Tx& tx, std::vector<DemoTenant> const& tenants) {
  std::string rows;
  for (auto const& tenant : tenants)
    db::copy_line(rows, tenant.id, tenant.customer_id, tenant.subdomain, tenant.plan_id,
                  tenant.purged_at ? "purged" : "live", tenant.purged_at.value_or(tenant.live_at),
                  "unknown", tenant.max_users, tenant.storage_limit_mib, tenant.memory_limit_mib,
                  tenant.cpu_limit_percent, demo_provisioner, "sample", tenant.created_at,
                  tenant.created_at, tenant.live_at);
  tx.copy_in(
      "COPY tenants (id, customer_id, subdomain, plan_id, state, state_since, health, max_users, "
      "storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, blueprint, created_at, "
      "queued_at, live_at) FROM STDIN",
      rows);
  tx.one<std::int64_t>(advance);
  activity::add_demo(tx, changes_of(tenants));
}

void remove_demo(db::Tx& tx) {
  activity::remove_demo(tx);
  tx.exec(delete_demo);
}

}  // namespace tenants
