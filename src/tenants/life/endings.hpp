#pragma once
// What stands between a tenant's end and taking it back.
#include "tenants/tenants.hpp"

namespace tenants {

inline constexpr ProblemType end_chosen{Kind::conflict, "end_chosen",
                                        "How its subscription ends has been chosen already"};
inline constexpr ProblemType order_over{Kind::conflict, "order_over",
                                        "What was paid for it goes back to its customer"};

/// What was paid for a tenant that was rolled back goes back, so it is not built again: its
/// customer orders anew, or staff make one of their own. Call it under the row's lock.
void require_unpaid(db::Tx& tx, Tenant const& tenant);

/// When what is archived, or will be, is purged by itself; none: never.
void keep_archive_until(db::Tx& tx, TenantId id, std::optional<Time> until);

}  // namespace tenants
