#pragma once
// Provisioning's own jobs.
#include "platform/jobs/jobs.hpp"
#include "provisioning/findings.hpp"

namespace provisioning {

/// Looks after states that last too long, and after health.
struct Watch {
  static constexpr std::string_view kind = "provisioning.watch";
  static constexpr auto fields() { return ::fields(); }
};

/// Samples what tenants use and compares it with what they may.
struct Measure {
  static constexpr std::string_view kind = "provisioning.measure";
  static constexpr auto fields() { return ::fields(); }
};

/// Compares everything in the world with the rows.
struct Inspect {
  static constexpr std::string_view kind = "provisioning.inspect";
  static constexpr auto fields() { return ::fields(); }
};

/// Builds what the standby pool lacks and takes away what nobody can use.
struct RefillPool {
  static constexpr std::string_view kind = "provisioning.refill_pool";
  static constexpr auto fields() { return ::fields(); }
};

/// Does what somebody decided about a finding.
struct ResolveFinding {
  static constexpr std::string_view kind = "provisioning.resolve_finding";
  std::int64_t finding_id;
  Resolution action;
  std::string actor;
  static constexpr auto fields() {
    return ::fields(field("finding_id", &ResolveFinding::finding_id),
                    field("action", &ResolveFinding::action),
                    field("actor", &ResolveFinding::actor));
  }
};

}  // namespace provisioning
