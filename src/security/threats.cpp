// One query per rule. Each gives the incidents that it sees now; raise() makes one event of each.
#include "security/threats.hpp"

namespace security {

namespace {
using identity::guards::Severity;

struct Incident {
  std::string key;
  std::optional<identity::StaffId> staff_id;
  std::optional<std::int64_t> api_key_id;
  std::string address;
  std::int64_t occurrences;
  Time seen_at;
  bool worse;  // one step more severe than usual
  RawJson detail;
};

// Worse when one of the passwords was right.
db::Query const stuffing{"security.credential_stuffing", R"sql(
  SELECT address AS key, NULL::bigint AS staff_id, NULL::bigint AS api_key_id, address,
         count(*) FILTER (WHERE NOT succeeded) AS occurrences, max(at) AS seen_at,
         bool_or(succeeded) AS worse,
         jsonb_build_object(
             'accounts', count(DISTINCT account_hash) FILTER (WHERE NOT succeeded),
             'got_in', coalesce(jsonb_agg(DISTINCT 'usr_' || staff_id)
                                    FILTER (WHERE succeeded), '[]')) AS detail
    FROM login_attempts WHERE at > $1::timestamptz
   GROUP BY address
  HAVING count(DISTINCT account_hash) FILTER (WHERE NOT succeeded) >= $2
)sql"};

// Addresses that fill a list of accounts quickly are the other rule's.
db::Query const spraying{"security.password_spraying", R"sql(
  WITH accounts AS (
    SELECT count(*) AS attempts, max(at) AS at, array_agg(DISTINCT address) AS addresses
      FROM login_attempts
     WHERE at > $1::timestamptz AND NOT succeeded
       AND address NOT IN (SELECT address FROM security_events
                            WHERE kind = 'credential_stuffing' AND last_seen_at > $1::timestamptz)
     GROUP BY account_hash HAVING count(*) <= $3)
  SELECT 'installation' AS key, NULL::bigint AS staff_id, NULL::bigint AS api_key_id,
         CASE WHEN count(DISTINCT addresses[1]) = 1 AND max(cardinality(addresses)) = 1
              THEN min(addresses[1]) ELSE '' END AS address,
         sum(attempts)::bigint AS occurrences, max(at) AS seen_at, false AS worse,
         jsonb_build_object('accounts', count(*),
                            'networks', count(DISTINCT address_block(addresses[1]))) AS detail
    FROM accounts HAVING count(*) >= $2
)sql"};

db::Query const travel{"security.impossible_travel", R"sql(
  SELECT DISTINCT ON (fresh.staff_id)
         fresh.staff_id::text AS key, fresh.staff_id, NULL::bigint AS api_key_id, fresh.address,
         1::bigint AS occurrences, fresh.created_at AS seen_at, false AS worse,
         jsonb_build_object('other_address', other.address, 'other_used_at', other.last_used_at,
                            'user_agent', fresh.user_agent) AS detail
    FROM sessions AS fresh
    JOIN sessions AS other ON other.staff_id = fresh.staff_id AND other.created_at < fresh.created_at
     AND other.last_used_at > fresh.created_at - make_interval(mins => $2)
     AND other.expires_at > fresh.created_at
     AND (other.revoked_at IS NULL OR other.revoked_at > fresh.created_at)
     AND address_block(other.address) <> address_block(fresh.address)
   WHERE fresh.created_at > $1::timestamptz
   ORDER BY fresh.staff_id, fresh.created_at DESC
)sql"};

// A key's first network is where it belongs.
db::Query const key_network{"security.key_from_new_network", R"sql(
  SELECT fresh.api_key_id || ' ' || fresh.network AS key, NULL::bigint AS staff_id,
         fresh.api_key_id, fresh.address, 1::bigint AS occurrences, first_seen_at AS seen_at,
         false AS worse,
         jsonb_build_object('key', prefix, 'network', fresh.network, 'known',
             (SELECT jsonb_agg(network) FROM api_key_networks AS known
               WHERE known.api_key_id = fresh.api_key_id
                 AND known.first_seen_at < fresh.first_seen_at)) AS detail
    FROM api_key_networks AS fresh JOIN api_keys ON api_keys.id = fresh.api_key_id
   WHERE first_seen_at > $1::timestamptz
     AND EXISTS (SELECT 1 FROM api_key_networks AS known
                  WHERE known.api_key_id = fresh.api_key_id
                    AND known.first_seen_at < fresh.first_seen_at)
)sql"};

db::Query const mass_export{"security.mass_export", R"sql(
  SELECT actor AS key, admin_id AS staff_id, api_key_id, max(address) AS address,
         count(*) AS occurrences, max("timestamp") AS seen_at, false AS worse,
         jsonb_build_object('actor', actor, 'actions', jsonb_agg(DISTINCT action)) AS detail
    FROM audit_logs
   WHERE "timestamp" > $1::timestamptz AND action LIKE '%.exported'
   GROUP BY actor, admin_id, api_key_id HAVING count(*) >= $2
)sql"};

db::Query const off_hours{"security.off_hours_deletion", R"sql(
  SELECT actor || ' ' || ("timestamp" AT TIME ZONE settings.time_zone)::date AS key,
         admin_id AS staff_id, api_key_id, max(address) AS address, count(*) AS occurrences,
         max("timestamp") AS seen_at, false AS worse,
         jsonb_build_object('actor', actor, 'targets', jsonb_agg(DISTINCT target),
                            'time_zone', settings.time_zone) AS detail
    FROM audit_logs, security_settings AS settings
   WHERE "timestamp" > $1::timestamptz AND action ~ '\.(deleted|purged|removed)$'
     AND is_off_hours("timestamp", settings)
   GROUP BY 1, actor, admin_id, api_key_id, settings.time_zone
)sql"};

Severity one_more(Severity severity) {
  return severity == Severity::critical ? severity : Severity(int(severity) + 1);
}

int raise_all(db::Tx& tx, std::string_view kind, Severity severity,
              std::vector<Incident> const& incidents) {
  int count = 0;
  for (auto const& incident : incidents)
    count +=
        identity::guards::raise(tx, {.kind = kind,
                                     .severity = incident.worse ? one_more(severity) : severity,
                                     .staff_id = incident.staff_id,
                                     .address = incident.address,
                                     .detail = incident.detail,
                                     .dedupe_key = incident.key,
                                     .occurrences = incident.occurrences,
                                     .seen_at = incident.seen_at,
                                     .api_key_id = incident.api_key_id});
  return count;
}
}  // namespace

int look_for_threats(db::Connection& connection) {
  using namespace thresholds;
  auto const now = clock_source::now();
  return db::transact(connection, [&](db::Tx& tx) {
    auto const look = [&](std::string_view kind, Severity severity, db::Query const& rule,
                          auto const&... parameters) {
      return raise_all(tx, kind, severity, tx.all<Incident>(rule, parameters...));
    };
    return look("credential_stuffing", Severity::high, stuffing, now - stuffing_window,
                stuffing_accounts) +
           look("password_spraying", Severity::high, spraying, now - spraying_window,
                spraying_accounts, spraying_attempts_each) +
           look("impossible_travel", Severity::high, travel, now - look_back,
                travel_window.count()) +
           look("key_from_new_network", Severity::medium, key_network, now - look_back) +
           look("mass_export", Severity::medium, mass_export, now - export_window, exports) +
           look("off_hours_deletion", Severity::medium, off_hours, now - look_back);
  });
}

void raise_finding(db::Tx& tx, audit::Report const& report) {
  if (report.finding == audit::Finding::whole) return;
  identity::guards::raise(tx, {.kind = "audit_trail_changed",
                               .severity = Severity::critical,
                               .detail = {json::text(report)},
                               .dedupe_key = "audit_logs",
                               .seen_at = report.at});
}

}  // namespace security
