#pragma once
// Rules that look at log-ins, sessions, keys and the audit trail once a minute, and raise one
// security event per incident. Everything is decided from rows of our own: no location data.
#include "audit/anchors.hpp"
#include "identity/guards/security_events.hpp"
#include "platform/jobs/jobs.hpp"

namespace security {

/// From how much on each rule fires.
namespace thresholds {
using std::chrono::minutes;
/// One address fails for so many different accounts within a short time: a list of leaked
/// passwords.
constexpr int stuffing_accounts = 10;
constexpr minutes stuffing_window{10};
/// So many accounts fail, each only a few times, within an hour: one password for everybody.
constexpr int spraying_accounts = 15, spraying_attempts_each = 3;
constexpr minutes spraying_window{60};
/// A session begins in another network (/16, /32 of IPv6) while one of the same person is in use.
constexpr minutes travel_window{30};
/// So many exports by one actor within a short time.
constexpr int exports = 5;
constexpr minutes export_window{10};
/// How far a look back goes for what is remarkable by itself; longer than a job is ever late.
constexpr minutes look_back{60};
}  // namespace thresholds

/// Applies all rules to the rows up to now; returns how many new events there are.
int look_for_threats(db::Connection& connection);

/// Tells when the audit trail does not fit: a security event of the highest severity.
void raise_finding(db::Tx& tx, audit::Report const& report);

}  // namespace security
