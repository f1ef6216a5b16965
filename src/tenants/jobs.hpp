#pragma once
// What tenants ask others to do.
#include "tenants/tenants.hpp"

namespace tenants {

/// "Make the world match the row." Worked off by provisioning, one at a time per tenant.
struct Reconcile {
  static constexpr std::string_view kind = "tenants.reconcile";
  std::int64_t tenant_id;
  static constexpr auto fields() { return ::fields(field("tenant_id", &Reconcile::tenant_id)); }
};

}  // namespace tenants
