// One row an object, written only by a newer answer.
#include "mirror/mirror.hpp"

#include "platform/retention/retention.hpp"

namespace mirror {

namespace {
db::Query const write_object{"mirror.write_object", R"sql(
  INSERT INTO stripe_objects AS o (id, kind, customer_id, belongs_to, state, fetched_at)
  VALUES ($1, $2, $3, nullif($4, ''), $5, $6)
  ON CONFLICT (id) DO UPDATE
     SET customer_id = coalesce(excluded.customer_id, o.customer_id),
         belongs_to = coalesce(excluded.belongs_to, o.belongs_to), state = excluded.state,
         fetched_at = excluded.fetched_at, deleted_at = NULL
   WHERE excluded.fetched_at >= o.fetched_at
     AND (o.state, o.customer_id, o.belongs_to, o.deleted_at)
         IS DISTINCT FROM (excluded.state, coalesce(excluded.customer_id, o.customer_id),
                           coalesce(excluded.belongs_to, o.belongs_to), NULL)
)sql"};
db::Query const mark_object{"mirror.mark_deleted", R"sql(
  UPDATE stripe_objects SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL
)sql"};
db::Query const find_object{"mirror.find", R"sql(
  SELECT state::text FROM stripe_objects WHERE id = $1
)sql"};
db::Query const belonging{"mirror.belonging_to", R"sql(
  SELECT state::text FROM stripe_objects WHERE belongs_to = $1 AND kind = $2 ORDER BY id
)sql"};

retention::Kept const kept_objects{"stripe_objects", "the books: what was sold and paid"};
}  // namespace

bool keep(db::Tx& tx, stripe::Object const& object, Time fetched_at, Place const& place) {
  auto const id = stripe::text(object, "id");
  if (id.empty()) return false;
  return tx.exec(write_object, id, stripe::text(object, "object"), place.customer, place.belongs_to,
                 boost::json::serialize(object), fetched_at) > 0;
}

void mark_deleted(db::Tx& tx, std::string_view id, Time at) { tx.exec(mark_object, id, at); }

std::optional<stripe::Object> find(db::Tx& tx, std::string_view id) {
  auto const state = tx.maybe<std::string>(find_object, id);
  return state ? std::optional{stripe::parse(*state)} : std::nullopt;
}

std::vector<stripe::Object> belonging_to(db::Tx& tx, std::string_view id, std::string_view kind) {
  std::vector<stripe::Object> out;
  for (auto const& state : tx.all<std::string>(belonging, id, kind))
    out.push_back(stripe::parse(state));
  return out;
}

}  // namespace mirror
