// Figures out of the sums that the ledger keeps: what is read are months, kinds and the days of the
// present month, however many customers there are.
#include <algorithm>
#include <set>

#include "ledger/contributions.hpp"
#include "ledger/ledger.hpp"
#include "reports/mrr_figures.hpp"

namespace reports {

namespace {
using ledger::Day;
using ledger::Movement;
using series::Granularity;

// A zone that is being taken over has changed some customers and not others. What is still to come
// today is in the day already.
db::Query const sums_hold{"reports.sums_hold", R"sql(
  SELECT NOT EXISTS (SELECT FROM ledger_runs WHERE reason = 'settings' AND finished_at IS NULL)
     AND NOT EXISTS (SELECT FROM mrr_steps
                      WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND at > $3
                        AND at < (($3::timestamptz AT TIME ZONE $4)::date + 1)::timestamp
                                 AT TIME ZONE $4)
)sql"};

// Months are whole before $4, days count from there on. One statement: one moment.
db::Query const sums{"reports.mrr_sums", R"sql(
  WITH target AS (
    SELECT place, span::mrr_span AS span, anchor, upto,
           date_trunc('month', upto::timestamp)::date AS present
      FROM unnest($5::bigint[], $6::text[], $7::date[], $8::date[])
             AS t (place, span, anchor, upto))
  SELECT true AS is_level, place, kind, sum(amount)::bigint AS amount,
         sum(customers)::bigint AS customers
    FROM (SELECT width_bucket(month, $3::date[]) AS place, kind, amount, customers
            FROM mrr_rollup_months
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND span = 'day'
             AND anchor < $4::date AND month = anchor
          UNION ALL
          SELECT width_bucket(day, $3::date[]), kind, amount, customers FROM mrr_rollup_days
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND span = 'day'
             AND anchor >= $4::date
          UNION ALL
          SELECT width_bucket(day, $3::date[]), kind, amount, customers FROM mrr_rollup_deltas
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND span = 'day') AS moved
   GROUP BY place, kind
  UNION ALL
  SELECT false, place, kind, sum(amount)::bigint, sum(customers)::bigint
    FROM (SELECT place, kind, amount, customers
            FROM target JOIN mrr_rollup_months AS m USING (span, anchor)
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND month < present
          UNION ALL
          SELECT place, kind, amount, customers
            FROM target JOIN mrr_rollup_days AS d USING (span, anchor)
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND day >= present
             AND day < upto
          UNION ALL
          SELECT place, kind, amount, customers
            FROM target JOIN mrr_rollup_deltas AS d USING (span, anchor)
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND day < upto) AS netted
   GROUP BY place, kind
)sql"};
struct Sum {
  bool is_level;
  std::int64_t place;
  Movement kind;
  std::int64_t amount, customers;
};

/// What is netted, from its anchor up to a day.
struct Target {
  ledger::Span span;
  Day anchor, upto;
};

/// Days of a month are gone when it has long been over, but for its first week.
bool has_days(Target const& target, Day today) {
  constexpr std::chrono::days kept{7};
  auto const present = ledger::first_of_month(target.upto);
  return target.span == ledger::Span::week || target.upto == present ||
         target.upto - target.anchor <= kept || present == ledger::first_of_month(today);
}

/// None: it does not begin where sums do, or goes on for too long.
std::optional<Target> target_of(Day anchor, Day upto, Day today) {
  auto const by_month = anchor == ledger::first_of_month(anchor);
  auto const reach =
      by_month ? ledger::plus_months(anchor, ledger::months_netted) : anchor + std::chrono::days{7};
  if (!by_month && anchor != ledger::monday_of(anchor)) return {};
  Target const out{by_month ? ledger::Span::month : ledger::Span::week, anchor, upto};
  if (upto > reach || !has_days(out, today)) return {};
  return out;
}

void add(Moves& to, Sum const& sum) {
  auto const kind = std::size_t(sum.kind);
  to.amounts[kind] = money::add(to.amounts[kind], sum.amount);
  to.counts[kind] += sum.customers;
}

void add(Balance& to, Sum const& sum) {
  using enum Movement;
  to.amount = ledger::is_up(sum.kind) ? money::add(to.amount, sum.amount)
                                      : money::subtract(to.amount, sum.amount);
  if (sum.kind == new_business || sum.kind == reactivation) to.customers += sum.customers;
  if (sum.kind == churn) to.customers -= sum.customers;
}

Retention retention_of(Balance const& before, Moves const& netted) {
  using enum Movement;
  auto const kept = money::subtract(money::subtract(before.amount, netted.amount(contraction)),
                                    netted.amount(churn));
  return {before, money::add(kept, netted.amount(expansion)), kept, netted.count(churn)};
}

/// Where levels are asked for, in order.
std::vector<Day> edges_of(MrrQuestion const& question) {
  std::set<Day> out;
  for (auto const& period : question.periods) {
    out.insert(question.begin_of(period));
    out.insert(question.end_of(period));
    if (auto const then = question.year_before(period)) out.insert(*then);
  }
  return {out.begin(), out.end()};
}

/// Before it there is no edge within a month.
Day first_within(std::vector<Day> const& edges) {
  for (auto const edge : edges)
    if (edge != ledger::first_of_month(edge)) return ledger::first_of_month(edge);
  return edges.back();
}
}  // namespace

bool rollups_hold(db::Tx& tx, MrrQuestion const& question) {
  if (question.as_of || question.plan || question.country || question.is_converted) return false;
  return question.timezone == ledger::zone(tx) &&
         tx.one<bool>(sums_hold, question.policy, question.currency, question.until,
                      question.timezone);
}

std::optional<std::vector<Figures>> from_rollups(db::Tx& tx, MrrQuestion const& question) {
  if (!rollups_hold(tx, question)) return {};
  auto const& periods = question.periods;
  bool const are_days = question.granularity == Granularity::day;
  std::vector<std::int64_t> places;
  std::vector<ledger::Span> spans;
  std::vector<std::string> anchors, uptos;
  auto const ask = [&](std::size_t place, std::optional<Target> const& target) {
    if (!target) return false;
    places.push_back(std::int64_t(place));
    spans.push_back(target->span);
    anchors.push_back(series::day_text(target->anchor));
    uptos.push_back(series::day_text(target->upto));
    return true;
  };
  for (std::size_t i = 0; i < periods.size(); ++i) {
    auto const end = question.end_of(periods[i]);
    auto const begin = question.begin_of(periods[i]);
    if (!are_days && begin < end && !ask(i, target_of(begin, end, question.today))) return {};
    if (auto const then = question.year_before(periods[i]))
      if (!ask(periods.size() + i, target_of(*then, end, question.today))) return {};
  }
  auto const edges = edges_of(question);
  std::vector<std::string> edge_texts;
  for (auto const edge : edges) edge_texts.push_back(series::day_text(edge));

  std::vector<Balance> levels(edges.size() + 1);
  std::vector<Moves> moved(edges.size() + 1), netted(2 * periods.size());
  for (auto const& sum :
       tx.all<Sum>(sums, question.policy, question.currency, edge_texts,
                   series::day_text(first_within(edges)), places, spans, anchors, uptos)) {
    auto const place = std::size_t(sum.place);
    add(sum.is_level ? moved.at(place) : netted.at(place), sum);
    if (sum.is_level) add(levels.at(place), sum);
  }
  // At an edge is what all before it have made.
  for (std::size_t i = 1; i < levels.size(); ++i) {
    levels[i].amount = money::add(levels[i].amount, levels[i - 1].amount);
    levels[i].customers += levels[i - 1].customers;
  }
  auto const place_of = [&](Day edge) {
    return std::size_t(std::ranges::lower_bound(edges, edge) - edges.begin());
  };
  std::vector<Figures> out;
  for (std::size_t i = 0; i < periods.size(); ++i) {
    auto& figures = out.emplace_back();
    auto const first = place_of(question.begin_of(periods[i]));
    auto const end = place_of(question.end_of(periods[i]));
    figures.starts = levels[first];
    figures.ends = levels[end];
    for (auto place = first + 1; place <= end; ++place)
      for (std::size_t kind = 0; kind < ledger::movements; ++kind)
        add(figures.moved,
            {true, 0, Movement(kind), moved[place].amounts[kind], moved[place].counts[kind]});
    figures.netted = are_days ? figures.moved : netted[i];
    figures.retention = retention_of(figures.starts, figures.netted);
    if (auto const then = question.year_before(periods[i]))
      figures.year = retention_of(levels[place_of(*then)], netted[periods.size() + i]);
  }
  return out;
}

}  // namespace reports
