#pragma once
// Why something about a tenant failed, as rows and answers say it.
#include <algorithm>
#include <string>
#include <string_view>

namespace tenants {

/// Pages have words for each, `failure.<code>`.
inline constexpr std::string_view failure_codes[] = {
    "address_silent",
    "application_silent",
    "archive_damaged",
    "archive_incomplete",
    "archive_too_large",
    "backup_clock_wrong",
    "backup_disk_full",
    "backup_failed",
    "backup_in_cold_storage",
    "backup_missing",
    "backup_not_found",
    "backup_not_usable",
    "backup_target_away",
    "backup_target_failed",
    "backup_target_not_set",
    "backup_target_refused",
    "backup_too_large",
    "blueprint_missing",
    "clone_given_up",
    "configuration_taken",
    "configure_failed",
    "database_permission_missing",
    "database_refused",
    "database_taken",
    "deleted",
    "directory_failed",
    "directory_missing",
    "directory_taken",
    "disk_full",
    "given_up",
    "image_missing",
    "incus_busy",
    "incus_disk_full",
    "incus_failed",
    "incus_forbidden",
    "incus_member_unreachable",
    "incus_network_unclear",
    "incus_not_found",
    "incus_not_trusted",
    "incus_operation_lost",
    "incus_pool_unclear",
    "incus_timeout",
    "incus_unreachable",
    "instance_missing",
    "instance_taken",
    "interrupted",
    "limit_below_use",
    "limits_incomplete",
    "limits_not_applied",
    "name_taken",
    "no_address",
    "no_free_port",
    "no_other_machine",
    "no_such_machine",
    "no_user_id",
    "no_user_ids",
    "not_offered",
    "not_ours",
    "nothing_to_back_up",
    "nothing_to_heal",
    "owner_access_failed",
    "place_and_backup_lost",
    "pool_place_missing",
    "pool_place_taken",
    "port_missing",
    "postgresql_programs_missing",
    "process_taken",
    "restore_failed",
    "role_missing",
    "route_taken",
    "server_awaited",
    "start_failed",
    "state_conflict",
    "step_unconfirmed",
    "tenant_disk_full",
    "tenant_exhausted",
    "timeout",
    "unexpected",
};

/// One of them: no other compiles.
class FailureCode {
 public:
  consteval FailureCode(char const* code) : code_{code} {
    if (std::ranges::find(failure_codes, code_) == std::ranges::end(failure_codes))
      throw "it does not stand among failure_codes";
  }
  [[nodiscard]] std::string text() const { return std::string{code_}; }
  [[nodiscard]] operator std::string_view() const { return code_; }
  bool operator==(FailureCode const&) const = default;

 private:
  std::string_view code_;
};

}  // namespace tenants
