// The statements behind the actions and switches of an incident.
#include "security/incidents.hpp"

#include "platform/retention/retention.hpp"

namespace security {

namespace {

db::Query const load_switch{"security.load_read_only", R"sql(
  SELECT on_since, reason, email AS changed_by
    FROM incident_switches LEFT JOIN staff ON staff.id = changed_by
   WHERE incident_switches.name = 'read_only'
)sql"};
db::Query const turn_switch{"security.set_read_only", R"sql(
  UPDATE incident_switches
     SET on_since = CASE WHEN $1 THEN coalesce(on_since, $2::timestamptz) END, reason = $3,
         changed_by = $4
   WHERE name = 'read_only'
)sql"};
db::Query const insert_block{"security.block_address", R"sql(
  INSERT INTO blocked_addresses (address, reason, event_id, blocked_by, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (address) DO UPDATE SET reason = excluded.reason, event_id = excluded.event_id,
      blocked_by = excluded.blocked_by, created_at = excluded.created_at,
      expires_at = greatest(blocked_addresses.expires_at, excluded.expires_at)
  RETURNING id
)sql"};
db::Query const delete_block{"security.unblock_address",
                             "DELETE FROM blocked_addresses WHERE id = $1"};
db::Query const delete_block_of{"security.unblock_by_address", R"sql(
  DELETE FROM blocked_addresses WHERE address::inet = $1::inet RETURNING address
)sql"};
db::Query const list_blocks{"security.list_blocked_addresses", R"sql(
  SELECT blocked.id, address, reason, event_id, email AS blocked_by, blocked.created_at, expires_at
    FROM blocked_addresses AS blocked LEFT JOIN staff ON staff.id = blocked_by
   WHERE expires_at > $1 ORDER BY blocked.created_at DESC, blocked.id DESC LIMIT 1000
)sql"};

struct LoggedIn {
  std::string address, email;
};
db::Query const logged_in{"security.logged_in", R"sql(
  SELECT DISTINCT address, email FROM sessions JOIN staff ON staff.id = staff_id
   WHERE revoked_at IS NULL AND expires_at > $1 ORDER BY email, address
)sql"};
db::Query const widen{"security.block_for_address", R"sql(
  SELECT CASE family($1::inet) WHEN 6 THEN network(set_masklen($1::inet, 64))::text
                               ELSE host($1::inet) END
)sql"};

retention::Rule const old_blocks{{.table = "blocked_addresses",
                                  .column = "expires_at",
                                  .keep = std::chrono::days{90},
                                  .least = std::chrono::days{1},
                                  .why = "they block nobody any more; events show them"}};
retention::Kept const kept_incident_switches{"incident_switches", "one row a switch"};
retention::Kept const kept_security_settings{"security_settings", "one row"};
}  // namespace

Switch read_only_switch(db::Tx& tx) { return tx.one<Switch>(load_switch); }

void set_read_only(db::Tx& tx, bool on, std::string_view reason, std::optional<StaffId> by) {
  tx.exec(turn_switch, on, clock_source::now(), reason, by);
}

BlockId block(db::Tx& tx, Block const& block) {
  return tx.one<BlockId>(insert_block, block.address, block.reason, block.event_id, block.by,
                         clock_source::now(), block.expires_at);
}

bool unblock(db::Tx& tx, BlockId id) { return tx.exec(delete_block, id) > 0; }

std::optional<std::string> unblock(db::Tx& tx, std::string_view address) {
  if (!http::Network::parse(address)) return {};
  return tx.maybe<std::string>(delete_block_of, address);
}

std::vector<BlockView> blocks(db::Tx& tx) {
  return tx.all<BlockView>(list_blocks, clock_source::now());
}

void refuse_to_shut_out(db::Tx& tx, std::string_view address,
                        std::vector<std::string> const& askers) {
  auto const network = http::Network::parse(address);
  if (!network) return;
  if (network->is_too_wide())
    throw Problem{block_too_wide, "At most a /8 of IPv4 or a /32 of IPv6 can be blocked at once."};
  for (auto const& asker : askers)
    if (network->contains(asker)) throw Problem{own_address, asker + " is your own address."};
  if (network->contains("127.0.0.1") || network->contains("::1"))
    throw Problem{block_of_this_machine};
  if (!network->is_range()) return;
  auto const people = tx.all<LoggedIn>(logged_in, clock_source::now());
  bool const all = std::all_of(people.begin(), people.end(), [&](LoggedIn const& person) {
    return network->contains(person.address);
  });
  if (!people.empty() && all)
    throw Problem{block_of_everybody,
                  "All sessions come from there. If none of them is yours, end them first "
                  "(revoke-everything)."};
}

std::vector<std::string> people_within(db::Tx& tx, std::string_view address) {
  std::vector<std::string> out;
  auto const network = http::Network::parse(address);
  for (auto const& person : tx.all<LoggedIn>(logged_in, clock_source::now()))
    if (network && network->contains(person.address) && (out.empty() || out.back() != person.email))
      out.push_back(person.email);
  return out;
}

std::optional<std::string> block_for(db::Tx& tx, std::string_view address) {
  if (!http::Network::parse(address)) return {};
  return tx.one<std::string>(widen, address);
}

}  // namespace security
