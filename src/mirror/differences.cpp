#include "mirror/differences.hpp"

#include "platform/retention/retention.hpp"

namespace mirror {

namespace {
db::Query const write_row{"mirror.write_difference", R"sql(
  INSERT INTO mirror_differences AS d (stripe_id, kind, nature, customer_id, members)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (stripe_id) WHERE resolved_at IS NULL
  DO UPDATE SET nature = excluded.nature, members = excluded.members, last_seen = now(),
                customer_id = coalesce(excluded.customer_id, d.customer_id)
)sql"};
db::Query const resolve_row{"mirror.resolve_difference", R"sql(
  UPDATE mirror_differences SET resolved_at = now(), resolution = $2
   WHERE stripe_id = $1 AND resolved_at IS NULL
)sql"};
db::Query const tell_row{"mirror.tell_resolution", R"sql(
  UPDATE mirror_differences SET resolved_at = coalesce(resolved_at, now()), resolution = $2
   WHERE id = $1
)sql"};

db::Query const add_walk{"mirror.add_walk", R"sql(
  INSERT INTO mirror_walks (kind) VALUES ($1) ON CONFLICT (kind) DO NOTHING
)sql"};
db::Query const begin_walk{"mirror.begin_walk", R"sql(
  UPDATE mirror_walks
     SET began_at = $3, after = NULL, compared = 0, not_ours = 0, differing = 0
   WHERE kind = $1 AND began_at IS NULL AND (ended_at IS NULL OR ended_at < $2)
)sql"};
db::Query const load_walk{"mirror.walk", R"sql(
  SELECT began_at, after, ended_at IS NULL AS is_first FROM mirror_walks
   WHERE kind = $1 AND began_at IS NOT NULL
)sql"};
db::Query const mark_met{"mirror.mark_met", R"sql(
  UPDATE stripe_objects SET compared_at = $2 WHERE id = ANY ($1::text[])
)sql"};
db::Query const count_met{"mirror.count_met", R"sql(
  UPDATE mirror_walks
     SET after = nullif($2, ''), compared = compared + $3, not_ours = not_ours + $4,
         differing = differing + $5
   WHERE kind = $1
)sql"};
db::Query const walk_again{"mirror.walk_again", R"sql(
  UPDATE mirror_walks SET began_at = NULL, after = NULL WHERE kind = $1
)sql"};
// A method that was taken off is in no list of its former owner.
db::Query const objects_not_met{"mirror.not_met", R"sql(
  SELECT id FROM stripe_objects
   WHERE kind = $1 AND deleted_at IS NULL AND fetched_at < $2
     AND (compared_at IS NULL OR compared_at < $2)
     AND NOT (kind = 'payment_method' AND state ->> 'customer' IS NULL)
   ORDER BY id
)sql"};
db::Query const close_walk{"mirror.end_walk", R"sql(
  UPDATE mirror_walks SET ended_at = now(), began_at = NULL, after = NULL WHERE kind = $1
)sql"};

retention::Rule const resolved_differences{{.table = "mirror_differences",
                                            .column = "resolved_at",
                                            .keep = std::chrono::days{365},
                                            .least = std::chrono::days{30},
                                            .why = "what was found and how it ended"}};
retention::Kept const kept_walks{"mirror_walks", "one row a kind"};
}  // namespace

void write_difference(db::Tx& tx, Difference const& difference) {
  tx.exec(write_row, difference.stripe_id, difference.kind, difference.nature, difference.customer,
          boost::json::serialize(difference.members));
}

bool resolve_difference(db::Tx& tx, std::string_view stripe_id, Resolution resolution) {
  return tx.exec(resolve_row, stripe_id, resolution) > 0;
}

void tell_resolution(db::Tx& tx, DifferenceId id, Resolution resolution) {
  tx.exec(tell_row, id, resolution);
}

std::optional<Walk> walk_of(db::Tx& tx, std::string_view kind, Time not_since) {
  tx.exec(add_walk, kind);
  tx.exec(begin_walk, kind, not_since, clock_source::now());
  return tx.maybe<Walk>(load_walk, kind);
}

void come_to(db::Tx& tx, std::string_view kind, std::string_view after, Met const& met) {
  tx.exec(mark_met, met.ids, clock_source::now());
  tx.exec(count_met, kind, after, met.ids.size(), met.not_ours, met.differing);
}

void begin_again(db::Tx& tx, std::string_view kind) { tx.exec(walk_again, kind); }

std::vector<std::string> not_met(db::Tx& tx, std::string_view kind, Time began_at) {
  return tx.all<std::string>(objects_not_met, kind, began_at);
}

void end_walk(db::Tx& tx, std::string_view kind, Met const& met) {
  come_to(tx, kind, "", met);
  tx.exec(close_walk, kind);
}

}  // namespace mirror
