#pragma once
// The MRR of customers as steps tell it: what each day changed, whatever the zone, the belief, the
// plan.
#include "reports/mrr_figures.hpp"

namespace reports {

/// What one customer pays in one currency.
struct Line {
  struct Change {
    ledger::Day day;
    std::int64_t before, after;
  };
  std::int64_t customer_id;
  std::string currency;
  std::vector<Change> changes;

  /// Just before a day begins.
  [[nodiscard]] std::int64_t level_at(ledger::Day day) const;
  /// The first day that is followed by revenue until its day, week or month is over; none: never.
  [[nodiscard]] std::optional<ledger::Day> begins(series::Granularity granularity) const;
};

/// Whose steps the question is about, the lines of a customer beside each other.
[[nodiscard]] std::vector<Line> lines_of(db::Tx& tx, MrrQuestion const& question);

/// Calls `work` with the lines of each customer.
template <class Work>
void by_customer(std::vector<Line> const& lines, Work&& work) {
  for (auto first = lines.begin(); first != lines.end();) {
    auto const next = std::find_if(first, lines.end(), [&](Line const& line) {
      return line.customer_id != first->customer_id;
    });
    work(std::span{first, next});
    first = next;
  }
}

}  // namespace reports
