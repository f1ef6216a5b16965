#pragma once
// What the rooms that build tenants and look after them write down in a tenant's row.
#include "tenants/tenants.hpp"

namespace tenants {

/// It was built with these limits (provisioning::limits_text) as its row stood at `version`.
void note_built(db::Tx& tx, TenantId id, std::string_view limits, std::int64_t version);
/// The running application has these limits now; true when that is news. What kept it from them is
/// over.
bool note_applied(db::Tx& tx, TenantId id, std::string_view limits);
/// What keeps its changes from being applied; true when that is news.
bool note_problem(db::Tx& tx, TenantId id, i18n::Message const& problem);
/// The world matches its row as it stood at `version`.
void note_settled(db::Tx& tx, TenantId id, std::int64_t version);
/// Its place was ready before anybody asked for it.
void note_from_pool(db::Tx& tx, TenantId id);
/// The machine of the cluster that it lies on.
void note_member(db::Tx& tx, TenantId id, std::string_view member);
/// How long each of them took to answer, in milliseconds; both lists have one order.
void note_latencies(db::Tx& tx, std::vector<std::int64_t> const& ids,
                    std::vector<std::int64_t> const& latencies);
/// What keeps it in a state that is to pass, until it leaves it or somebody tries again; true when
/// that is news. `retry_at`: it is tried again by itself.
bool note_failure(db::Tx& tx, TenantId id, std::string_view code, std::string_view detail,
                  std::optional<Time> retry_at);
/// Nobody tries any more. Where nothing is known to keep it there, this is.
void note_given_up(db::Tx& tx, TenantId id, std::string_view error);
/// There is a verified backup of its data as of `at`.
void note_backed_up(db::Tx& tx, TenantId id, Time at);

/// It is not live before the data of this backup are in it.
void await_data(db::Tx& tx, TenantId id, Id<"bkp"> backup);
void end_wait_for_data(db::Tx& tx, TenantId id);

/// The time to build it does not run out while it waits for others …
void stop_clock(db::Tx& tx, TenantId id);
/// … and begins anew when they are there: 15 minutes.
void start_clock(db::Tx& tx, TenantId id);
/// It has been in its state for too long, and gets two more minutes.
void postpone(db::Tx& tx, TenantId id);

/// Its storage is nearly full, from now on for so many days; true when nobody had said so yet.
bool warn_of_quota(db::Tx& tx, TenantId id, int days);
/// It has space again; true when it had been warned.
bool forget_quota_warning(db::Tx& tx, TenantId id);

}  // namespace tenants
