// The rows of security events.
#include "identity/guards/security_events.hpp"

#include "platform/retention/retention.hpp"

namespace identity::guards {

namespace {
db::Query const insert_event{"identity.insert_security_event", R"sql(
  INSERT INTO security_events (kind, severity, staff_id, address, detail, dedupe_key, occurrences,
                               created_at, last_seen_at, api_key_id)
  SELECT $1, $2::security_severity, $3::bigint, $4, $5::jsonb, $6, $7::bigint, $8::timestamptz,
         $9::timestamptz, $10::bigint
   WHERE NOT EXISTS (SELECT 1 FROM security_events
                      WHERE kind = $1 AND dedupe_key = $6 AND closed_at >= $9::timestamptz)
  ON CONFLICT (kind, dedupe_key) WHERE closed_at IS NULL AND dedupe_key IS NOT NULL
  DO UPDATE SET occurrences = greatest(security_events.occurrences, excluded.occurrences),
                last_seen_at = greatest(security_events.last_seen_at, excluded.last_seen_at),
                severity = greatest(security_events.severity, excluded.severity),
                detail = excluded.detail
  RETURNING xmax = 0
)sql"};
db::Query const write_outcome{"identity.close_security_event", R"sql(
  UPDATE security_events SET closed_at = $2, closed_by = $3, outcome = $4, close_reason = $5
   WHERE id = $1 AND closed_at IS NULL
)sql"};

retention::Rule const closed_events{
    {.table = "security_events",
     .column = "closed_at",
     .keep = std::chrono::days{730},
     .least = std::chrono::days{90},
     .unless_named_by = {"blocked_addresses.event_id"},
     .why = "open ones wait for a person; closed ones are evidence for two years"}};
}  // namespace

bool raise(db::Tx& tx, SecurityEvent const& event) {
  auto const now = clock_source::now();
  bool const is_new =
      tx.maybe<bool>(insert_event, event.kind, event.severity, event.staff_id, event.address,
                     event.detail, event.dedupe_key, event.occurrences, now,
                     event.seen_at.value_or(now), event.api_key_id)
          .value_or(false);
  if (is_new) realtime::announce(tx, "security");
  return is_new;
}

void close_event(db::Tx& tx, SecurityEventId id, std::optional<StaffId> by, Outcome outcome,
                 std::string_view reason) {
  tx.exec(write_outcome, id, clock_source::now(), by, outcome, reason);
  realtime::announce(tx, "security");
}

}  // namespace identity::guards
