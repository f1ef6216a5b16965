// Queries of the trail: keyset pages, one prepared statement per combination of filters.
#include "audit/trail.hpp"

#include "platform/db/like.hpp"

namespace audit {

namespace {
/// Parameters $1 to $7 are the same in every variant; unused ones are NULL.
std::string list_sql(Filters const& filters) {
  std::string sql = R"sql(
    SELECT id, "timestamp", actor, admin_id AS actor_id, actor_role AS role, api_key_id, action,
           target, reason, address, request_id, before, after
      FROM audit_logs
     WHERE ($1::text IS NULL OR true) AND ($2::text IS NULL OR true) AND ($3::text IS NULL OR true)
       AND ($4::timestamptz IS NULL OR true) AND ($5::timestamptz IS NULL OR true)
       AND ($6::text IS NULL OR true) AND ($7::bigint IS NULL OR id < $7))sql";
  if (filters.actor) sql += " AND actor = $1";
  if (filters.action)
    sql += filters.action->ends_with('.') ? " AND starts_with(action, $2)" : " AND action = $2";
  if (filters.target) sql += " AND target = $3";
  if (filters.from) sql += R"( AND "timestamp" >= $4)";
  if (filters.to) sql += R"( AND "timestamp" < $5)";
  if (filters.q)
    sql += R"( AND lower(concat_ws(' ', actor, action, target, address, reason, before::text,
                                   after::text)) LIKE $6)";
  return sql + " ORDER BY id DESC LIMIT {limit}";
}

std::string variant(Filters const& filters) {
  std::string name = "audit.list_";
  if (filters.actor) name += 'a';
  if (filters.action) name += filters.action->ends_with('.') ? 'p' : 'c';
  if (filters.target) name += 't';
  if (filters.from) name += 'f';
  if (filters.to) name += 'u';
  if (filters.q) name += 'q';
  return name;
}

/// Made on first use and kept; their number is bounded by the combinations.
db::PagedQuery& query_for(Filters const& filters) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<db::PagedQuery>> made;
  std::scoped_lock lock{mutex};
  auto const name = variant(filters);
  auto& slot = made[name];
  if (!slot) slot = std::make_unique<db::PagedQuery>(name, list_sql(filters));
  return *slot;
}
}  // namespace

std::vector<Entry> entries(db::Tx& tx, Filters const& filters, std::optional<AuditId> before,
                           int limit) {
  return tx.all<Entry>(query_for(filters).with_limit(limit), filters.actor, filters.action,
                       filters.target, filters.from, filters.to, db::like_pattern(filters.q),
                       before);
}

std::string words(Filters const& filters) {
  std::string out;
  for (auto const& member : types::members_of<Filters>()) {
    auto const* const value = member.type->value(member.of(&filters));
    if (!value) continue;
    if (!out.empty()) out += ", ";
    out += member.name;
    out += '=';
    if (member.type->inner->form == types::Form::time)
      out += clock_source::rfc3339(*static_cast<Time const*>(value));
    else
      out += *static_cast<std::string const*>(value);
  }
  return out.empty() ? "none" : out;
}

}  // namespace audit
