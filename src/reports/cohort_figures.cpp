// D10 both ways: out of the ledger's sums by cohort, or of the steps of all customers.
#include <algorithm>
#include <map>

#include "reports/mrr_lines.hpp"
#include "reports/steps_ahead.hpp"

namespace reports {

namespace {
using ledger::Day;
using ledger::Movement;

struct Sum {
  std::string cohort, month;
  Movement kind;
  std::int64_t amount, customers;
};
db::Query const cohort_sums{"reports.cohort_sums", R"sql(
  SELECT anchor::text AS cohort, month::text AS month, kind, sum(amount)::bigint AS amount,
         sum(customers)::bigint AS customers
    FROM (SELECT anchor, month, kind, amount, customers FROM mrr_rollup_months
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND span = 'cohort'
             AND anchor BETWEEN $3::date AND $4::date
             AND month < date_trunc('month', $5::date::timestamp)
          UNION ALL
          SELECT anchor, date_trunc('month', day::timestamp)::date, kind, amount, customers
            FROM mrr_rollup_days
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND span = 'cohort'
             AND anchor BETWEEN $3::date AND $4::date
             AND day BETWEEN date_trunc('month', $5::date::timestamp) AND $5::date
          UNION ALL
          SELECT anchor, date_trunc('month', day::timestamp)::date, kind, amount, customers
            FROM mrr_rollup_deltas
           WHERE policy = $1::mrr_policy AND currency = $2::char(3) AND span = 'cohort'
             AND anchor BETWEEN $3::date AND $4::date AND day <= $5::date) AS moved
   GROUP BY 1, 2, 3
)sql"};

Day first_cohort(MrrQuestion const& question) {
  return ledger::first_of_month(question.periods.front().first_day);
}
Day last_month(MrrQuestion const& question) { return ledger::first_of_month(question.today); }

std::size_t months_between(Day first, Day last) {
  auto const month = [](Day day) {
    std::chrono::year_month_day const date{day};
    return date.year() / date.month();
  };
  return std::size_t((month(last) - month(first)).count());
}

/// One for each month, with a balance for each that has come.
std::vector<Cohort> empty_cohorts(MrrQuestion const& question) {
  std::vector<Cohort> out;
  auto const last =
      std::min(last_month(question), ledger::first_of_month(question.periods.back().first_day));
  for (auto month = first_cohort(question); month <= last; month = ledger::plus_months(month, 1))
    out.push_back(
        {month, 0, std::vector<Cohort::End>(months_between(month, last_month(question)) + 1)});
  return out;
}

class Following {
 public:
  Following(MrrQuestion const& question, Rates const& rates)
      : question_{question}, rates_{rates}, cohorts_{empty_cohorts(question)} {}

  /// A customer comes with what he pays first, in whichever currency.
  void follow(std::span<Line const> lines) {
    if (cohorts_.empty()) return;
    auto came = Day::max();
    for (auto const& line : lines) came = std::min(came, line.changes.front().day);
    auto const month = ledger::first_of_month(came);
    if (month < cohorts_.front().month || month > cohorts_.back().month) return;
    auto& cohort = cohorts_[months_between(cohorts_.front().month, month)];
    ++cohort.size;
    for (std::size_t k = 0; k < cohort.ends.size(); ++k) {
      auto& end = cohort.ends[k];
      auto const next =
          std::min(ledger::plus_months(month, int(k) + 1), question_.today + std::chrono::days{1});
      bool pays = false;
      for (auto const& line : lines) {
        auto const level = line.level_at(next);
        pays |= level > 0;
        auto const day = next - std::chrono::days{1};
        auto const amount = rates_.convert(level, line.currency, day);
        if (!amount && !end.missing) end.missing = {line.currency, ledger::first_of_month(day)};
        end.amount = money::add(end.amount, amount.value_or(0));
      }
      end.customers += pays;
    }
  }

  std::vector<Cohort> take() { return std::move(cohorts_); }

 private:
  MrrQuestion const& question_;
  Rates const& rates_;
  std::vector<Cohort> cohorts_;
};
}  // namespace

std::optional<std::vector<Cohort>> cohorts_from_rollups(db::Tx& tx, MrrQuestion const& question) {
  if (!rollups_hold(tx, question)) return {};
  auto out = empty_cohorts(question);
  if (out.empty()) return out;
  auto const add = [&](Day month, Day moved, Movement kind, ledger::Sum const& sum) {
    using enum Movement;
    auto& cohort = out.at(months_between(out.front().month, month));
    auto& end = cohort.ends.at(months_between(month, ledger::first_of_month(moved)));
    end.amount =
        money::add(end.amount, ledger::is_up(kind) ? sum.amount : money::subtract(0, sum.amount));
    if (kind == new_business) cohort.size += sum.customers;
    if (kind == new_business || kind == reactivation) end.customers += sum.customers;
    if (kind == churn) end.customers -= sum.customers;
  };
  for (auto const& sum : tx.all<Sum>(
           cohort_sums, question.policy, question.currency, series::day_text(out.front().month),
           series::day_text(out.back().month), series::day_text(question.today)))
    add(*series::parse_day(sum.cohort), *series::parse_day(sum.month), sum.kind,
        {sum.amount, sum.customers});
  for (auto const& [at, sum] : without_steps_ahead(tx, question))
    if (at.span == ledger::Span::cohort && at.anchor >= out.front().month &&
        at.anchor <= out.back().month)
      add(at.anchor, at.day, at.kind, sum);
  for (auto& cohort : out)
    for (std::size_t k = 1; k < cohort.ends.size(); ++k) {
      cohort.ends[k].amount = money::add(cohort.ends[k].amount, cohort.ends[k - 1].amount);
      cohort.ends[k].customers += cohort.ends[k - 1].customers;
    }
  return out;
}

std::vector<Cohort> cohorts_from_steps(db::Tx& tx, MrrQuestion const& question) {
  auto const rates = question.is_converted ? Rates{tx, question.currency, question.as_of} : Rates{};
  Following following{question, rates};
  by_customer(lines_of(tx, question), [&](auto lines) { following.follow(lines); });
  return following.take();
}

}  // namespace reports
