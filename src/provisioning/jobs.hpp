#pragma once
// Provisioning's own jobs.
#include "platform/jobs/jobs.hpp"
#include "provisioning/findings.hpp"

namespace provisioning {

/// Looks after states that last too long, and after health.
struct Watch {
  static constexpr std::string_view kind = "provisioning.watch";
};

/// Samples what tenants use and compares it with what they may.
struct Measure {
  static constexpr std::string_view kind = "provisioning.measure";
};

/// Compares everything in the world with the rows.
struct Inspect {
  static constexpr std::string_view kind = "provisioning.inspect";
};

/// Builds what the standby pool lacks and takes away what nobody can use.
struct RefillPool {
  static constexpr std::string_view kind = "provisioning.refill_pool";
};

/// The rest of a tenants::Reconcile that a node without a front door has begun.
struct Finish {
  static constexpr std::string_view kind = "provisioning.finish";
  std::int64_t tenant_id;
};

/// A tenants::Operate that a node without a front door leaves to one that has it.
struct FinishOperation {
  static constexpr std::string_view kind = "provisioning.finish_operation";
  std::int64_t operation_id, tenant_id;
};

/// Does what somebody decided about a finding.
struct ResolveFinding {
  static constexpr std::string_view kind = "provisioning.resolve_finding";
  std::int64_t finding_id;
  Resolution action;
  std::string actor;
  std::optional<tenants::TenantId> tenant_id;
};

}  // namespace provisioning
