#pragma once
// The ledger of things outside the tables: written before a thing is made, marked when it is there
// and when it is gone. What stands here and not as "gone" is ours to remove.
#include "tenants/tenants.hpp"

namespace provisioning {

struct Resource {
  std::int64_t id;
  std::string kind, name;
  std::optional<std::string> detail;
  bool present;
};

/// Plans a resource, or returns the one planned before; none when another tenant has that name.
[[nodiscard]] std::optional<Resource> plan(db::Tx& tx, tenants::TenantId tenant,
                                           std::string_view kind, std::string_view name,
                                           std::optional<std::string> const& detail = {});
void mark_present(db::Tx& tx, std::int64_t id);
void mark_gone(db::Tx& tx, std::int64_t id);
/// The tenant's resource of a kind that is not gone.
[[nodiscard]] std::optional<Resource> find(db::Tx& tx, tenants::TenantId tenant,
                                           std::string_view kind);
/// Newest first: the order of undoing.
[[nodiscard]] std::vector<Resource> all(db::Tx& tx, tenants::TenantId tenant);

}  // namespace provisioning
