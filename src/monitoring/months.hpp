#pragma once
// Months of a business, from the counters' monthly sums.
#include "platform/money/money.hpp"

namespace monitoring {

/// What a counter changed by in one month ("2026-11").
struct MonthTotal {
  std::string metric, currency, month;
  std::int64_t amount;
};

/// How MRR moved in one month and currency.
struct MrrMonth {
  std::string month, currency;
  std::int64_t new_business, expansion, contraction, churn, reactivation, end;
  static constexpr auto fields() {
    return ::fields(field("month", &MrrMonth::month, {.example = "2026-11"}),
                    field("currency", &MrrMonth::currency), field("new", &MrrMonth::new_business),
                    field("expansion", &MrrMonth::expansion),
                    field("contraction", &MrrMonth::contraction, {.doc = "Positive"}),
                    field("churn", &MrrMonth::churn, {.doc = "Positive"}),
                    field("reactivation", &MrrMonth::reactivation),
                    field("end", &MrrMonth::end, {.doc = "MRR at the month's end"}));
  }
};

/// Only months in which something happened; levels are counted back from the present MRR.
[[nodiscard]] std::vector<MrrMonth> mrr_months(std::vector<MonthTotal> const& totals,
                                               std::vector<money::Amount> const& present);

}  // namespace monitoring
