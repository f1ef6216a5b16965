#pragma once
// How the process driver names what it makes.
#include "platform/db/db.hpp"
#include "tenants/tenants.hpp"

namespace provisioning {

constexpr std::string_view process_prefix = "tenant-";
inline std::string name_of_process(tenants::TenantId id) {
  return std::string{process_prefix} + std::to_string(id.value);
}

/// What the names of tenants' roles and databases begin with on this database.
[[nodiscard]] std::string role_prefix(db::Tx& tx);

/// The tenant's database while a backup is read into it, and the one that it replaces.
constexpr auto restoring_suffix = "_restoring", replaced_suffix = "_replaced";

}  // namespace provisioning
