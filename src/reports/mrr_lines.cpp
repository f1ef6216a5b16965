#include "reports/mrr_lines.hpp"

#include <algorithm>

namespace reports {

namespace {
using ledger::Day;
using series::Granularity;

struct Changed {
  std::int64_t customer_id;
  std::string currency;
  std::int64_t day, delta;
};
// Sign-up has sold at products of its own: what is no plan's product is the plan that somebody came
// with.
db::Query const changes{"reports.mrr_changes", R"sql(
  WITH first_sold AS (
    SELECT coalesce(s.stripe_subscription_id, 'sub_of_row_' || s.id) AS id,
           coalesce(u.plan_id, t.plan_id) AS plan_id
      FROM subscriptions AS s JOIN tenants AS t ON t.id = s.tenant_id
      LEFT JOIN signups AS u ON u.tenant_id = t.id)
  SELECT customer_id, currency, (at AT TIME ZONE $3)::date - date '1970-01-01' AS day,
         sum(delta)::bigint AS delta
    FROM mrr_steps
   WHERE policy = $1::mrr_policy AND ($2::text IS NULL OR currency = $2::char(3)) AND at <= $4
     AND believed_at <= coalesce($5::timestamptz, 'infinity')
     AND ($6::text IS NULL
          OR price_id IN (SELECT id FROM stripe_prices WHERE product = 'plan_' || $6::text)
          OR price_id NOT IN (SELECT s.id FROM stripe_prices AS s
                                JOIN plans AS p ON s.product = 'plan_' || p.id)
             AND subscription_id IN (SELECT id FROM first_sold WHERE plan_id = $6::text))
     AND ($7::text IS NULL
          OR customer_id IN (SELECT id FROM customers WHERE country = $7::char(2)))
   GROUP BY 1, 2, 3 HAVING sum(delta) <> 0 ORDER BY 1, 2, 3
)sql"};

/// The first day after the one, the week or the month that a day is in.
Day end_of(Granularity granularity, Day day) {
  if (granularity == Granularity::day) return day + std::chrono::days{1};
  if (granularity == Granularity::week) return ledger::monday_of(day) + std::chrono::days{7};
  return ledger::plus_months(ledger::first_of_month(day), 1);
}
}  // namespace

std::int64_t Line::level_at(Day day) const {
  auto const later = std::ranges::lower_bound(changes, day, {}, &Change::day);
  return later == changes.begin() ? 0 : std::prev(later)->after;
}

std::optional<Day> Line::begins(Granularity granularity) const {
  for (auto change = changes.begin(); change != changes.end(); ++change) {
    if (change->after <= 0) continue;
    auto const next = std::next(change);
    if (next == changes.end() || next->day >= end_of(granularity, change->day)) return change->day;
  }
  return {};
}

std::vector<Line> lines_of(db::Tx& tx, MrrQuestion const& question) {
  std::vector<Line> out;
  auto const currency = question.is_converted ? std::nullopt : std::optional{question.currency};
  for (auto const& row :
       tx.all<Changed>(changes, question.policy, currency, question.timezone, question.until,
                       question.as_of, question.plan, question.country)) {
    if (out.empty() || out.back().customer_id != row.customer_id ||
        out.back().currency != row.currency)
      out.push_back({row.customer_id, row.currency, {}});
    auto& known = out.back().changes;
    auto const before = known.empty() ? 0 : known.back().after;
    known.push_back({Day{std::chrono::days{row.day}}, before, money::add(before, row.delta)});
  }
  return out;
}

}  // namespace reports
