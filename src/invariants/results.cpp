// One row an invariant, and what the dashboard says of them.
#include "invariants/results.hpp"

#include "invariants/invariants.hpp"
#include "platform/json/write.hpp"
#include "platform/retention/retention.hpp"

namespace invariants {

namespace {
db::Query const write_result{"invariants.write_result", R"sql(
  INSERT INTO invariant_results AS known
         (name, checked_at, duration_ms, offenders, error, sample, since)
  VALUES ($1, now(), $2, $3::integer, $4, $5, CASE WHEN $3::integer > 0 THEN now() END)
  ON CONFLICT (name) DO UPDATE
     SET checked_at = excluded.checked_at, duration_ms = excluded.duration_ms,
         offenders = excluded.offenders, error = excluded.error, sample = excluded.sample,
         since = CASE WHEN excluded.error IS NOT NULL THEN known.since
                      WHEN excluded.offenders > 0 THEN coalesce(known.since, excluded.since) END
)sql"};
db::Query const delete_others{"invariants.forget_others",
                              "DELETE FROM invariant_results WHERE name <> ALL ($1::text[])"};

db::Query const load_results{"invariants.load_results", R"sql(
  SELECT name, checked_at, duration_ms, offenders, error, since,
         jsonb_path_query_array(sample, '$[0 to $last]',
                                jsonb_build_object('last', $1::integer - 1)) AS sample
    FROM invariant_results
)sql"};
db::Query const load_result{"invariants.load_result", R"sql(
  SELECT name, checked_at, duration_ms, offenders, error, since, sample
    FROM invariant_results WHERE name = $1
)sql"};

struct Counted {
  std::string name;
  std::optional<std::int64_t> offenders;
};
db::Query const not_green{"invariants.not_green", R"sql(
  SELECT name, offenders FROM invariant_results WHERE offenders IS DISTINCT FROM 0 ORDER BY name
)sql"};
// The oldest of them counts: a round that was cut off is none.
db::Query const is_late{"invariants.is_late", R"sql(
  SELECT coalesce((SELECT min(checked_at) FROM invariant_results), added_at)
           < now() - interval '2 days'
    FROM job_schedules WHERE name = $1
)sql"};

retention::Kept const kept_results{"invariant_results", "one row a check"};
}  // namespace

void write(db::Tx& tx, Invariant const& invariant, Found const& found) {
  std::optional<std::int64_t> count;
  if (!found.error) count = found.count;
  tx.exec(write_result, invariant.name, found.took.count(), count, found.error,
          json::text(found.offenders));
}

void forget_others(db::Tx& tx) {
  std::vector<std::string_view> names;
  for (auto const& invariant : all()) names.push_back(invariant.name);
  tx.exec(delete_others, names);
}

std::vector<Result> results(db::Tx& tx, int most_of_each) {
  return tx.all<Result>(load_results, most_of_each);
}

std::optional<Result> result_of(db::Tx& tx, std::string_view name) {
  return tx.maybe<Result>(load_result, name);
}

Standing standing(db::Tx& tx) {
  Standing out;
  for (auto const& [name, offenders] : tx.all<Counted>(not_green)) {
    auto const* invariant = find(name);
    if (!invariant) continue;
    if (offenders)
      out.red.push_back({std::string{invariant->name}, std::string{invariant->says},
                         name_of(invariant->severity), *offenders});
    else
      ++out.unchecked;
  }
  out.late = is_overdue(tx);
  return out;
}

bool is_overdue(db::Tx& tx) { return tx.maybe<bool>(is_late, Check::kind).value_or(false); }

}  // namespace invariants
