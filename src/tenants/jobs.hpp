#pragma once
// What tenants ask others to do.
#include "tenants/tenants.hpp"

namespace tenants {

/// "Make the world match the row." Worked off by provisioning, one at a time per tenant.
struct Reconcile {
  static constexpr std::string_view kind = "tenants.reconcile";
  std::int64_t tenant_id;
};

/// A tenant runs for the first time; the sign-up tells its owner.
struct WentLive {
  static constexpr std::string_view kind = "tenants.went_live";
  std::int64_t tenant_id;
};

/// Building was given up; the sign-up gives the money back and tells its owner.
struct RolledBack {
  static constexpr std::string_view kind = "tenants.rolled_back";
  std::int64_t tenant_id;
};

/// A tenant ends, and what bills for it with it. Worked off by billing.
struct EndBilling {
  static constexpr std::string_view kind = "tenants.end_billing";
  std::int64_t tenant_id;
  BillingEnd ends;
  Refund refund;
};

/// The end of a tenant was taken back: what was to end with its period goes on.
struct KeepBilling {
  static constexpr std::string_view kind = "tenants.keep_billing";
  std::int64_t tenant_id;
};

/// Works off a row of tenant_operations.
struct Operate {
  static constexpr std::string_view kind = "tenants.operate";
  std::int64_t operation_id, tenant_id;
};

/// The row has another plan, or another number of it: the subscription follows. A later change has
/// a job of its own.
struct PlanChanged {
  static constexpr std::string_view kind = "tenants.plan_changed";
  std::int64_t tenant_id;
  std::optional<Time> quoted_at{};  // the moment for which its price was shown
  std::optional<std::string> plan{};
  std::optional<std::int64_t> quantity{}, price{};  // of one, as it was shown
};

/// A plan has got another name: bills say it, too.
struct PlanRenamed {
  static constexpr std::string_view kind = "tenants.plan_renamed";
  std::string plan_id;
};

}  // namespace tenants
