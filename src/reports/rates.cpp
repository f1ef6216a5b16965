#include "reports/rates.hpp"

#include "platform/series/range.hpp"

namespace reports {

namespace {
struct Kept {
  std::string currency, month, rate;
};
db::Query const kept_rates{"reports.kept_rates", R"sql(
  SELECT currency, month::text AS month, rate::text AS rate FROM exchange_rates
   WHERE to_currency = $1::char(3)
     AND CASE WHEN $2::timestamptz IS NULL THEN ended_at IS NULL
              ELSE told_at <= $2 AND coalesce(ended_at, 'infinity') > $2 END
)sql"};

Rate rate_of(std::string const& text) {
  Rate out{0, 0};
  auto const point = std::min(text.find('.'), text.size());
  for (char const c : text)
    if (c != '.') out.digits = out.digits * 10 + (c - '0');
  out.places = int(text.size() - std::min(point + 1, text.size()));
  return out;
}

money::Wide power_of_ten(int exponent) {
  money::Wide out = 1;
  while (exponent-- > 0) out *= 10;
  return out;
}
}  // namespace

i18n::Message MissingRate::message() const {
  return rate_missing(currency, series::day_text(month).substr(0, 7));
}

Rates::Rates(db::Tx& tx, std::string to, std::optional<Time> as_of) : to_{std::move(to)} {
  for (auto const& row : tx.all<Kept>(kept_rates, to_, as_of))
    rates_[{row.currency, *series::parse_day(row.month)}] = rate_of(row.rate);
}

std::optional<std::int64_t> Rates::convert(std::int64_t amount, std::string const& currency,
                                           ledger::Day day) const {
  if (to_.empty() || currency == to_ || amount == 0) return amount;
  auto const rate = rates_.find({currency, ledger::first_of_month(day)});
  if (rate == rates_.end()) return {};
  auto const shift = money::decimals(to_) - money::decimals(currency) - rate->second.places;
  auto const product = money::multiply(amount, rate->second.digits);
  return money::divide(money::multiply(product, power_of_ten(shift)), power_of_ten(-shift),
                       money::Rounding::half_up);
}

}  // namespace reports
