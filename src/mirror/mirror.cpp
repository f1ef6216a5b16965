// One row an object, written only by a newer answer.
#include "mirror/mirror.hpp"

#include "mirror/differences.hpp"
#include "mirror/shape.hpp"
#include "platform/retention/retention.hpp"

namespace mirror {

namespace {
// What was deleted comes back only with an answer to a question that was asked after that.
db::Query const write_object{"mirror.write_object", R"sql(
  INSERT INTO stripe_objects AS o (id, kind, customer_id, belongs_to, state, fetched_at)
  VALUES ($1, $2, $3, nullif($4, ''), $5, $6)
  ON CONFLICT (id) DO UPDATE
     SET customer_id = coalesce(excluded.customer_id, o.customer_id),
         belongs_to = coalesce(excluded.belongs_to, o.belongs_to), state = excluded.state,
         fetched_at = excluded.fetched_at, deleted_at = NULL
   WHERE excluded.fetched_at >= o.fetched_at
     AND (o.deleted_at IS NULL OR excluded.fetched_at > o.deleted_at)
     AND (o.state, o.customer_id, o.belongs_to, o.deleted_at)
         IS DISTINCT FROM (excluded.state, coalesce(excluded.customer_id, o.customer_id),
                           coalesce(excluded.belongs_to, o.belongs_to), NULL)
)sql"};
db::Query const newer_is_kept{"mirror.newer_is_kept", R"sql(
  SELECT EXISTS (SELECT 1 FROM stripe_objects WHERE id = $1 AND fetched_at > $2)
)sql"};
db::Query const mark_object{"mirror.mark_deleted", R"sql(
  UPDATE stripe_objects SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL
)sql"};
db::Query const find_object{"mirror.find", R"sql(
  SELECT state::text FROM stripe_objects WHERE id = $1
)sql"};
db::Query const object_is_deleted{"mirror.is_deleted", R"sql(
  SELECT EXISTS (SELECT 1 FROM stripe_objects WHERE id = $1 AND deleted_at IS NOT NULL)
)sql"};
struct Stands {
  std::optional<customers::CustomerId> customer_id;
  std::string belongs_to;
};
db::Query const place_of_object{"mirror.place_of", R"sql(
  SELECT customer_id, coalesce(belongs_to, '') AS belongs_to FROM stripe_objects WHERE id = $1
)sql"};
db::Query const belonging{"mirror.belonging_to", R"sql(
  SELECT state::text FROM stripe_objects WHERE belongs_to = $1 AND kind = $2 ORDER BY id
)sql"};
db::Query const adopt_objects{"mirror.adopt", R"sql(
  UPDATE stripe_objects SET belongs_to = $2
   WHERE customer_id = $1 AND kind IN ('charge', 'refund', 'dispute') AND belongs_to IS NULL
     AND state ->> 'payment_intent' = ANY ($3::text[])
  RETURNING id
)sql"};

retention::Kept const kept_objects{"stripe_objects", "the books: what was sold and paid"};
}  // namespace

bool keep(db::Tx& tx, stripe::Object const& object, Time fetched_at, Place const& place) {
  auto const id = stripe::text(object, "id");
  if (id.empty()) return false;
  if (!tx.exec(write_object, id, stripe::text(object, "object"), place.customer, place.belongs_to,
               boost::json::serialize(natural(object)), fetched_at))
    return false;
  resolve_difference(tx, id, Resolution::gone);
  return true;
}

bool is_outdated(db::Tx& tx, std::string_view id, Time fetched_at) {
  return tx.one<bool>(newer_is_kept, id, fetched_at);
}

void mark_deleted(db::Tx& tx, std::string_view id, Time at) {
  if (tx.exec(mark_object, id, at)) resolve_difference(tx, id, Resolution::gone);
}

std::optional<stripe::Object> find(db::Tx& tx, std::string_view id) {
  auto const state = tx.maybe<std::string>(find_object, id);
  return state ? std::optional{stripe::parse(*state)} : std::nullopt;
}

bool is_deleted(db::Tx& tx, std::string_view id) { return tx.one<bool>(object_is_deleted, id); }

Place place_of(db::Tx& tx, std::string_view id) {
  auto found = tx.maybe<Stands>(place_of_object, id);
  return found ? Place{found->customer_id, std::move(found->belongs_to)} : Place{};
}

std::vector<stripe::Object> belonging_to(db::Tx& tx, std::string_view id, std::string_view kind) {
  std::vector<stripe::Object> out;
  for (auto const& state : tx.all<std::string>(belonging, id, kind))
    out.push_back(stripe::parse(state));
  return out;
}

std::vector<std::string> adopt(db::Tx& tx, customers::CustomerId customer,
                               std::string_view invoice_id,
                               std::vector<std::string> const& payment_intents) {
  if (payment_intents.empty()) return {};
  return tx.all<std::string>(adopt_objects, customer, invoice_id, payment_intents);
}

}  // namespace mirror
