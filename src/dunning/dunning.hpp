#pragma once
// Unpaid invoices: a case for each tenant whose collection failed, and steps that are taken on
// their days. Stripe alone tries to charge; what is written, suspended, archived and purged in the
// meantime is ours. Paying by any way ends the case.
#include "platform/config/config.hpp"
#include "platform/settings/groups.hpp"
#include "tenants/tenants.hpp"

namespace dunning {

/// Whether there is anything to follow up, or was a moment ago.
[[nodiscard]] bool concerns(db::Tx& tx, tenants::TenantId id);

/// Brings the tenant's case up to the facts: opened when a payment fails, closed when nothing is
/// open any more. Takes the tenant's lock; repeating it changes nothing.
void follow(db::Tx& tx, tenants::TenantId id);

/// Whether its case suspends it. Read it after follow().
[[nodiscard]] bool wants_hold(db::Tx& tx, tenants::TenantId id);

/// Whether its case has archived it, and told its customer.
[[nodiscard]] bool has_archived(db::Tx& tx, tenants::TenantId id);

/// Whether a tenant may run has to be decided anew. Worked off by billing.
struct RightChanged {
  static constexpr std::string_view kind = "dunning.right_changed";
  std::int64_t tenant_id;
};

/// Once a minute: takes the steps that are due.
struct Round {
  static constexpr std::string_view kind = "dunning.round";
};

/// Declares the group "dunning".
void add_settings(settings::Groups& groups, http::Api& api);
/// GET and PUT /api/customers/{id}/dunning.
void add_exception_endpoints(http::Api& api);
/// GET /api/tenants/{id}/what-happens-next.
void add_calendar_endpoint(http::Api& api);
void add_workers(jobs::Engine& engine, config::Settings const& settings);

}  // namespace dunning
