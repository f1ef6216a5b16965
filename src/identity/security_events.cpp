// The rows of security events.
#include "identity/security_events.hpp"

namespace identity {

namespace {
db::Query const insert_event{"identity.insert_security_event", R"sql(
  INSERT INTO security_events (kind, severity, staff_id, address, detail)
  VALUES ($1, $2, $3, $4, $5::jsonb)
)sql"};
}  // namespace

void raise(db::Tx& tx, SecurityEvent const& event) {
  tx.exec(insert_event, event.kind, event.severity, event.staff_id, event.address, event.detail);
  realtime::announce(tx, "security");
}

}  // namespace identity
