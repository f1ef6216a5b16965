#include "reports/steps_ahead.hpp"

#include "reports/mrr_lines.hpp"

namespace reports {

namespace {
using series::Granularity;

struct Changed {
  std::int64_t customer_id, day, delta, delta_until_now;
};
// A step that was undone moves nothing.
db::Query const changes_by_midnight{"reports.mrr_changes_by_midnight", R"sql(
  WITH midnight AS (
    SELECT (($3::timestamptz AT TIME ZONE $4)::date + 1)::timestamp AT TIME ZONE $4 AS at),
  ahead AS (
    SELECT customer_id FROM mrr_steps
     WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND at > $3
       AND at < (SELECT at FROM midnight)
     GROUP BY 1 HAVING sum(delta) <> 0)
  SELECT customer_id, (at AT TIME ZONE $4)::date - date '1970-01-01' AS day,
         sum(delta)::bigint AS delta,
         coalesce(sum(delta) FILTER (WHERE at <= $3), 0)::bigint AS delta_until_now
    FROM mrr_steps
   WHERE customer_id IN (SELECT customer_id FROM ahead) AND policy = $1::mrr_policy
     AND currency = $2::char(3) AND at < (SELECT at FROM midnight)
   GROUP BY 1, 2 ORDER BY 1, 2
)sql"};

void change(Line& line, std::int64_t day, std::int64_t delta) {
  if (delta == 0) return;
  auto const before = line.changes.empty() ? 0 : line.changes.back().after;
  line.changes.push_back({ledger::Day{std::chrono::days{day}}, before, money::add(before, delta)});
}

void contribute(Line const& line, int sign, ledger::Contributions& to) {
  ledger::Chain chain{{line.begins(Granularity::day), line.begins(Granularity::week),
                       line.begins(Granularity::month)},
                      {},
                      {}};
  for (auto const& [day, before, after] : line.changes) chain.days.push_back({day, before, after});
  ledger::contribute(chain, sign, to);
}
}  // namespace

ledger::Contributions without_steps_ahead(db::Tx& tx, MrrQuestion const& question) {
  std::map<std::int64_t, std::pair<Line, Line>> lines;
  for (auto const& row : tx.all<Changed>(changes_by_midnight, question.policy, question.currency,
                                         question.until, question.timezone)) {
    auto& [at_midnight, now] = lines[row.customer_id];
    change(at_midnight, row.day, row.delta);
    change(now, row.day, row.delta_until_now);
  }
  ledger::Contributions out;
  for (auto const& [customer, line] : lines) {
    contribute(line.first, -1, out);
    contribute(line.second, 1, out);
  }
  std::erase_if(out, [](auto const& entry) {
    return entry.second.amount == 0 && entry.second.customers == 0;
  });
  return out;
}

}  // namespace reports
