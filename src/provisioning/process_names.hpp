#pragma once
// How the process driver names what it makes.
#include <unistd.h>

#include "platform/files/files.hpp"
#include "tenants/tenants.hpp"

namespace provisioning {

constexpr std::string_view process_prefix = "tenant-";
inline std::string name_of_process(tenants::TenantId id) {
  return std::string{process_prefix} + std::to_string(id.value);
}

// Tenants get user ids of their own, far above those of the system's users.
constexpr uid_t first_tenant_user = 1'000'000;
/// Whom its files belong to; none when not started by root: then they are ours.
inline std::optional<files::Owner> owner_of(tenants::TenantId id) {
  if (::geteuid() != 0) return {};
  auto const user = first_tenant_user + uid_t(id.value);
  return files::Owner{user, user};
}

/// The tenant's database while a backup is read into it, and the one that it replaces.
constexpr auto restoring_suffix = "_restoring", replaced_suffix = "_replaced";

}  // namespace provisioning
