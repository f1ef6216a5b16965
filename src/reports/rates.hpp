#pragma once
// Exchange rates as staff keep them: of a currency and a month, so much of the reports' currency
// for one of it.
#include <map>

#include "ledger/movement.hpp"
#include "platform/db/db.hpp"
#include "platform/i18n/message.hpp"
#include "platform/money/money.hpp"

namespace reports {

inline constexpr i18n::Code<"rate_missing", "there is no exchange rate of {currency} for {month}">
    rate_missing;

struct MissingRate {
  std::string currency;
  ledger::Day month;
  /// As answers say it.
  [[nodiscard]] i18n::Message message() const;
};

/// A decimal as it was written: `digits` ÷ 10^`places`.
struct Rate {
  std::int64_t digits = 1;
  int places = 0;
};

class Rates {
 public:
  /// None is needed where all is of one currency.
  Rates() = default;
  /// All that are kept, to a currency; as they were told then.
  Rates(db::Tx& tx, std::string to, std::optional<Time> as_of);

  /// round_half_up (D11), by the rate of the month that a day is in; none: there is no rate.
  [[nodiscard]] std::optional<std::int64_t> convert(std::int64_t amount,
                                                    std::string const& currency,
                                                    ledger::Day day) const;

 private:
  std::string to_;
  std::map<std::pair<std::string, ledger::Day>, Rate> rates_;
};

}  // namespace reports
