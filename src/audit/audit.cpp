// One statement per row; the chain itself is kept by audit_append() in the schema.
#include "audit/audit.hpp"

#include "platform/retention/retention.hpp"

#include <boost/json.hpp>

namespace audit {

namespace {
db::Query const append{"audit.append", R"sql(
  SELECT audit_append($1::bigint, $2, $3, $4::bigint, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb)
)sql"};

struct Person {
  std::int64_t id;
  std::string email, role;
};
db::Query const person_of{"audit.person_of", "SELECT id, email, role FROM staff WHERE id = $1"};

db::Query const verify_chain{"audit.verify", R"sql(
  SELECT count(*) AS rows,
         min(id) FILTER (WHERE hash <> computed OR previous_hash <> expected) AS first_broken_id
    FROM (SELECT id, hash, previous_hash,
                 coalesce(lag(hash) OVER (ORDER BY id), 'genesis') AS expected,
                 audit_row_hash(audit_logs) AS computed
            FROM audit_logs) AS chain
)sql"};

std::optional<std::string> or_null(RawJson const& value) {
  return value.text == "null" ? std::nullopt : std::optional{value.text};
}

std::optional<std::string_view> or_null(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional{text};
}

/// Of two objects only what differs; anything else stays as it is.
std::pair<RawJson, RawJson> differences(RawJson const& before, RawJson const& after) {
  if (!before.text.starts_with('{') || !after.text.starts_with('{')) return {before, after};
  auto was = boost::json::parse(before.text).as_object(),
       is = boost::json::parse(after.text).as_object();
  for (auto const& [name, value] : boost::json::object{was}) {
    auto const* now = is.if_contains(name);
    if (!now || *now != value) continue;
    was.erase(name);
    is.erase(name);
  }
  return {{boost::json::serialize(was)}, {boost::json::serialize(is)}};
}

/// Whoever begins or renews a session comes as a visitor and has just proved to be its person.
std::optional<Person> proven_person(db::Tx& tx, http::AuditEntry const& entry) {
  if (entry.actor.is_known() || !entry.action.starts_with("session.")) return {};
  auto const id = Id<"usr">::parse(entry.target);
  return id ? tx.maybe<Person>(person_of, id->value) : std::nullopt;
}

retention::Kept const kept_audit_logs{"audit_logs", "evidence: each row is sealed by the next one"};
}  // namespace

void write(db::Tx& tx, http::AuditEntry const& entry) {
  auto actor = entry.actor;
  if (auto const person = proven_person(tx, entry)) {
    actor.user_id = person->id;
    actor.email = person->email;
    actor.role = person->role;
  }
  auto const [before, after] = differences(entry.before, entry.after);
  tx.one<std::int64_t>(
      append, actor.user_id ? std::optional{actor.user_id} : std::nullopt,
      entry.by.empty() ? actor.label() : entry.by, or_null(std::string_view{actor.role}),
      actor.api_key_id ? std::optional{actor.api_key_id} : std::nullopt, entry.action, entry.target,
      or_null(entry.reason), entry.request.remote_address, entry.request.request_id,
      or_null(before), or_null(after));
}

void write_by_system(db::Tx& tx, std::string_view actor, std::string_view action,
                     std::string_view target, RawJson const& after, std::string_view reason) {
  tx.one<std::int64_t>(append, std::nullopt, actor, std::nullopt, std::nullopt, action, target,
                       or_null(reason), "", "", std::nullopt, or_null(after));
}

Verification verify(db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<Verification>(verify_chain);
}

}  // namespace audit
