// Figures out of the sums that the ledger keeps: what is read are months, kinds and the days of the
// present month, however many customers there are.
#include <algorithm>
#include <set>

#include "ledger/ledger.hpp"
#include "reports/steps_ahead.hpp"

namespace reports {

namespace {
using ledger::Day;
using ledger::Movement;
using series::Granularity;

// A zone that is being taken over has changed some customers and not others.
db::Query const sums_hold{"reports.sums_hold", R"sql(
  SELECT NOT EXISTS (SELECT FROM ledger_runs WHERE reason = 'settings' AND finished_at IS NULL)
)sql"};

// Months are whole before $4, days count from there on.
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

/// Days of a month are gone when it has long been over.
bool has_days(Day upto, Day today) {
  auto const month = ledger::first_of_month(upto);
  return upto == month || month == ledger::first_of_month(today);
}

/// None: it does not begin where sums do, or goes on for too long.
std::optional<Target> target_of(Granularity granularity, Day anchor, Day upto, Day today) {
  auto const month = ledger::first_of_month(anchor);
  if (granularity == Granularity::week) {
    if (anchor != std::max(ledger::monday_of(anchor), month)) return {};
    return Target{ledger::Span::week, anchor, upto};
  }
  auto const reach = ledger::plus_months(anchor, ledger::months_netted);
  if (anchor != month || upto > reach || !has_days(upto, today)) return {};
  return Target{ledger::Span::month, anchor, upto};
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
    out.insert(period.first_day);
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

/// What has moved before each edge and what is netted up to each target.
std::vector<Sum> sums_of(db::Tx& tx, MrrQuestion const& question, std::vector<Day> const& edges,
                         std::map<std::size_t, Target> const& targets) {
  std::vector<std::int64_t> places;
  std::vector<ledger::Span> spans;
  std::vector<std::string> edge_texts, anchors, uptos;
  for (auto const edge : edges) edge_texts.push_back(series::day_text(edge));
  for (auto const& [place, target] : targets) {
    places.push_back(std::int64_t(place));
    spans.push_back(target.span);
    anchors.push_back(series::day_text(target.anchor));
    uptos.push_back(series::day_text(target.upto));
  }
  auto out = tx.all<Sum>(sums, question.policy, question.currency, edge_texts,
                         series::day_text(first_within(edges)), places, spans, anchors, uptos);
  for (auto const& [at, sum] : without_steps_ahead(tx, question)) {
    if (at.span == ledger::Span::day)
      out.push_back({true, std::ranges::upper_bound(edges, at.day) - edges.begin(), at.kind,
                     sum.amount, sum.customers});
    for (auto const& [place, target] : targets)
      if (target.span == at.span && target.anchor == at.anchor && at.day < target.upto)
        out.push_back({false, std::int64_t(place), at.kind, sum.amount, sum.customers});
  }
  return out;
}
}  // namespace

bool rollups_hold(db::Tx& tx, MrrQuestion const& question) {
  if (question.as_of || question.plan || question.country || question.is_converted) return false;
  return question.timezone == ledger::zone(tx) && tx.one<bool>(sums_hold);
}

std::optional<std::vector<Figures>> from_rollups(db::Tx& tx, MrrQuestion const& question) {
  if (!rollups_hold(tx, question)) return {};
  auto const& periods = question.periods;
  bool const are_days = question.granularity == Granularity::day;
  std::map<std::size_t, Target> targets;
  auto const ask = [&](std::size_t place, Day anchor, Day upto) {
    auto const target = target_of(question.granularity, anchor, upto, question.today);
    if (target) targets.emplace(place, *target);
    return target.has_value();
  };
  for (std::size_t i = 0; i < periods.size(); ++i) {
    auto const end = question.end_of(periods[i]);
    if (!are_days && !ask(i, periods[i].first_day, end)) return {};
    if (auto const then = question.year_before(periods[i]))
      if (!ask(periods.size() + i, *then, end)) return {};
  }
  auto const edges = edges_of(question);
  std::vector<Balance> levels(edges.size() + 1);
  std::vector<Moves> moved(edges.size() + 1), netted(2 * periods.size());
  for (auto const& sum : sums_of(tx, question, edges, targets)) {
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
    auto const first = place_of(periods[i].first_day);
    auto const end = place_of(question.end_of(periods[i]));
    figures.starts = levels[first];
    figures.ends = levels[end];
    for (auto place = first + 1; place <= end; ++place)
      for (std::size_t kind = 0; kind < ledger::movements; ++kind)
        add(figures.moved,
            {true, 0, Movement(kind), moved[place].amounts[kind], moved[place].counts[kind]});
    figures.netted = are_days ? figures.moved : netted[i];
    figures.came =
        figures.moved.count(Movement::new_business) + figures.moved.count(Movement::reactivation);
    figures.left = figures.moved.count(Movement::churn);
    figures.retention = retention_of(figures.starts, figures.netted);
    if (auto const then = question.year_before(periods[i]))
      figures.year = retention_of(levels[place_of(*then)], netted[periods.size() + i]);
  }
  return out;
}

}  // namespace reports
