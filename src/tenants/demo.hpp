#pragma once
// The tenants of the demo business. Their provisioner is "demo": nothing runs for them, and they
// take no place from real ones.
#include "tenants/tenants.hpp"

namespace tenants {

inline constexpr std::string_view demo_provisioner = "demo";
/// Nothing runs for it: what is done with it changes its rows alone.
[[nodiscard]] inline bool is_demo(Tenant const& tenant) {
  return tenant.provisioner == demo_provisioner;
}

struct DemoTenant {
  std::int64_t id, customer_id;
  std::string subdomain, plan_id;
  std::int64_t max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent;
  Time created_at, live_at;
  std::optional<Time> purged_at;
};

/// From here on ids are free; add_demo() takes those that its rows use.
[[nodiscard]] std::int64_t first_free_id(db::Tx& tx);
/// With their history.
void add_demo(db::Tx& tx, std::vector<DemoTenant> const& tenants);
void remove_demo(db::Tx& tx);

}  // namespace tenants
