// Reads as much of somebody's movements as the change can reach: a year before it for the levels,
// a year after it for what is netted against them.
#include "ledger/rollups.hpp"

#include <algorithm>

#include "platform/retention/retention.hpp"

namespace ledger {

namespace {
struct Began {
  std::optional<std::int64_t> day, week, month;
};
// In the order of the lines. Days are numbers, as PostgreSQL and std::chrono count them from 1970.
db::Query const line_beginnings{"ledger.line_beginnings", R"sql(
  SELECT (SELECT day FROM mrr_movements AS m
           WHERE m.customer_id = line.customer_id AND m.currency = line.currency::char(3)
             AND m.policy = line.policy::mrr_policy AND upper_inf(believed) AND kind = 'new')
         - date '1970-01-01' AS day,
         week.day - date '1970-01-01' AS week, month.day - date '1970-01-01' AS month
    FROM unnest($1::bigint[], $2::text[], $3::text[])
           WITH ORDINALITY AS line (customer_id, currency, policy, place)
    LEFT JOIN LATERAL (
      SELECT day FROM mrr_movements AS m
       WHERE m.customer_id = line.customer_id AND m.currency = line.currency::char(3)
         AND m.policy = line.policy::mrr_policy AND upper_inf(believed) AND mrr_after > 0
         AND NOT EXISTS (
           SELECT FROM mrr_movements AS n
            WHERE n.customer_id = line.customer_id AND n.currency = line.currency::char(3)
              AND n.policy = line.policy::mrr_policy AND upper_inf(n.believed) AND n.day > m.day
              AND n.day < date_trunc('week', m.day::timestamp) + interval '1 week')
       ORDER BY day LIMIT 1) AS week ON true
    LEFT JOIN LATERAL (
      SELECT day FROM mrr_movements AS m
       WHERE m.customer_id = line.customer_id AND m.currency = line.currency::char(3)
         AND m.policy = line.policy::mrr_policy AND upper_inf(believed) AND mrr_after > 0
         AND NOT EXISTS (
           SELECT FROM mrr_movements AS n
            WHERE n.customer_id = line.customer_id AND n.currency = line.currency::char(3)
              AND n.policy = line.policy::mrr_policy AND upper_inf(n.believed) AND n.day > m.day
              AND n.day < date_trunc('month', m.day::timestamp) + interval '1 month')
       ORDER BY day LIMIT 1) AS month ON true
   ORDER BY place
)sql"};

struct Level {
  std::int64_t place, anchor, level;
};
db::Query const line_levels{"ledger.line_levels", R"sql(
  SELECT place, anchor - date '1970-01-01' AS anchor,
         coalesce((SELECT mrr_after FROM mrr_movements AS m
                    WHERE m.customer_id = line.customer_id AND m.currency = line.currency::char(3)
                      AND m.policy = line.policy::mrr_policy AND upper_inf(believed)
                      AND day < anchor
                    ORDER BY day DESC LIMIT 1), 0) AS level
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
           WITH ORDINALITY AS line (customer_id, currency, policy, first, place),
         LATERAL (SELECT (date '1970-01-01' + first::int)::timestamp AS at) AS begins,
         LATERAL (SELECT date_trunc('week', at)::date AS anchor
                  UNION
                  SELECT generate_series(date_trunc('month', at) - interval '11 months',
                                         date_trunc('month', at), interval '1 month')::date)
           AS anchors
)sql"};

struct Stands {
  std::int64_t place, day, before, after;
};
db::Query const line_days{"ledger.line_days", R"sql(
  SELECT place, m.day - date '1970-01-01' AS day, mrr_before AS before, mrr_after AS after
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
           WITH ORDINALITY AS line (customer_id, currency, policy, first, until, place),
         LATERAL (SELECT day, mrr_before, mrr_after FROM mrr_movements AS m
                   WHERE m.customer_id = line.customer_id AND m.currency = line.currency::char(3)
                     AND m.policy = line.policy::mrr_policy AND upper_inf(believed)
                     AND day >= date '1970-01-01' + first::int
                     AND day <= coalesce(date '1970-01-01' + until::int, 'infinity')) AS m
   ORDER BY place, day
)sql"};

db::Query const append{"ledger.append_rollups", R"sql(
  INSERT INTO mrr_rollup_deltas (policy, currency, span, anchor, day, kind, amount, customers)
  SELECT policy::mrr_policy, currency, span::mrr_span, date '1970-01-01' + anchor::int,
         date '1970-01-01' + day::int, kind::movement_kind, sum(amount), sum(customers)
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
                $7::bigint[], $8::bigint[])
           AS changed (policy, currency, span, anchor, day, kind, amount, customers)
   GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(amount) <> 0 OR sum(customers) <> 0
)sql"};

retention::Kept const kept_deltas{"mrr_rollup_deltas", "folded every ten seconds"};
retention::Kept const kept_months{"mrr_rollup_months",
                                  "one a policy, currency, kind and two months of a year"};
retention::Rule const whole_months{
    {.table = "mrr_rollup_days",
     .column = "day",
     .keep = std::chrono::days{100},
     .least = std::chrono::days{63},
     .only = "t.span IN ('month', 'cohort')",
     .why = "months that are over are read whole; the days of a day and a week stay"}};

std::int64_t number(Day day) { return day.time_since_epoch().count(); }
Day day_of(std::int64_t number) { return Day{std::chrono::days{number}}; }
std::optional<Day> day_of(std::optional<std::int64_t> number) {
  return number ? std::optional{day_of(*number)} : std::nullopt;
}
}  // namespace

RollupChange::RollupChange(db::Tx& tx, std::vector<Moved> const& moved) : moved_{moved} {
  std::map<std::tuple<std::int64_t, std::string, Policy>, Line> lines;
  for (auto const& one : moved_) {
    auto& line = lines[{one.customer_id, one.currency, one.policy}];
    line.customer_id = one.customer_id;
    line.currency = one.currency;
    line.policy = one.policy;
    line.moved.push_back(&one);
  }
  for (auto& [id, line] : lines) {
    std::ranges::sort(line.moved, {}, [](Moved const* one) { return one->day.day; });
    lines_.push_back(std::move(line));
  }
  auto const begins = beginnings(tx);
  for (std::size_t i = 0; i < lines_.size(); ++i) lines_[i].begins = begins[i];
}

std::vector<Beginnings> RollupChange::beginnings(db::Tx& tx) const {
  std::vector<std::int64_t> customers;
  std::vector<std::string> currencies;
  std::vector<Policy> policies;
  for (auto const& line : lines_) {
    customers.push_back(line.customer_id);
    currencies.push_back(line.currency);
    policies.push_back(line.policy);
  }
  std::vector<Beginnings> out;
  for (auto const& row : tx.all<Began>(line_beginnings, customers, currencies, policies))
    out.push_back({day_of(row.day), day_of(row.week), day_of(row.month)});
  return out;
}

void RollupChange::write(db::Tx& tx) {
  auto const begins = beginnings(tx);
  std::vector<std::int64_t> customers, firsts;
  std::vector<std::string> currencies;
  std::vector<Policy> policies;
  std::vector<std::optional<std::int64_t>> untils;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    auto const& line = lines_[i];
    customers.push_back(line.customer_id);
    currencies.push_back(line.currency);
    policies.push_back(line.policy);
    firsts.push_back(number(line.moved.front()->day.day));
    auto const reach = plus_months(first_of_month(line.moved.back()->day.day), months_netted);
    untils.push_back(begins[i] == line.begins ? std::optional{number(reach)} : std::nullopt);
  }
  std::vector<Chain> chains(lines_.size());
  for (auto const& row : tx.all<Level>(line_levels, customers, currencies, policies, firsts))
    chains.at(std::size_t(row.place - 1)).levels[day_of(row.anchor)] = row.level;
  for (auto const& row : tx.all<Stands>(line_days, customers, currencies, policies, firsts, untils))
    chains.at(std::size_t(row.place - 1)).days.push_back({day_of(row.day), row.before, row.after});

  std::map<std::pair<Policy, std::string>, Contributions> changes;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    auto const& line = lines_[i];
    auto& change = changes[{line.policy, line.currency}];
    auto& chain = chains[i];
    chain.begins = begins[i];
    contribute(chain, 1, change);
    // As it stood before.
    chain.begins = line.begins;
    std::map<Day, MovedDay> days;
    for (auto const& day : chain.days) days[day.day] = day;
    for (bool const goes : {false, true})
      for (auto const* moved : line.moved) {
        if (moved->goes != goes) continue;
        if (goes)
          days[moved->day.day] = moved->day;
        else
          days.erase(moved->day.day);
      }
    chain.days.clear();
    for (auto const& [day, stood] : days) chain.days.push_back(stood);
    contribute(chain, -1, change);
  }

  std::vector<Span> spans;
  std::vector<std::int64_t> anchors, days, amounts, counts;
  std::vector<Movement> kinds;
  policies.clear();
  currencies.clear();
  for (auto const& [line, change] : changes)
    for (auto const& [place, sum] : change) {
      if (sum.amount == 0 && sum.customers == 0) continue;
      policies.push_back(line.first);
      currencies.push_back(line.second);
      spans.push_back(place.span);
      anchors.push_back(number(place.anchor));
      days.push_back(number(place.day));
      kinds.push_back(place.kind);
      amounts.push_back(sum.amount);
      counts.push_back(sum.customers);
    }
  if (!spans.empty())
    tx.exec(append, policies, currencies, spans, anchors, days, kinds, amounts, counts);
}

}  // namespace ledger
