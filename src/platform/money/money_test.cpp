// Exact to the last minor unit, and written as the pages write it.
#include "platform/money/money.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>

using i18n::Locale;
using money::Rounding;

namespace {
constexpr auto largest = std::numeric_limits<std::int64_t>::max();
constexpr auto smallest = std::numeric_limits<std::int64_t>::min();
}  // namespace

TEST_CASE("a currency is one of ISO 4217 that is in use, in lower case") {
  for (auto const* code : {"aed", "eur", "jpy", "kwd", "xof", "zwg"}) CHECK(!money::currency(code));
  // Nothing, parts of two, what never was, what is over, and what nobody pays with.
  for (auto const* code :
       {"", "eu", "ed ", " af", "EUR", "euro", "zzz", "bgn", "dem", "xau", "xts"}) {
    CAPTURE(code);
    CHECK(money::currency(code) == &money::not_a_currency);
  }
}

TEST_CASE("a currency has 0, 2 or 3 decimals") {
  CHECK(money::decimals("eur") == 2);
  CHECK(money::decimals("jpy") == 0);
  CHECK(money::decimals("clp") == 0);
  CHECK(money::decimals("kwd") == 3);
  CHECK(money::decimals("huf") == 2);
  CHECK(money::decimals("ugx") == 2);  // as Stripe counts
}

TEST_CASE("amounts are written as Intl.NumberFormat writes them for es-ES and en-GB") {
  struct Case {
    std::int64_t amount;
    char const *currency, *spanish, *english;
  };
  for (auto const& [amount, currency, spanish, english] : {
           Case{4900, "eur", "49,00\u00a0€", "€49.00"},
           Case{123456, "eur", "1.234,56\u00a0€", "€1,234.56"},
           Case{1234567, "eur", "12.345,67\u00a0€", "€12,345.67"},
           Case{-123456789, "eur", "-1.234.567,89\u00a0€", "-€1,234,567.89"},
           Case{0, "eur", "0,00\u00a0€", "€0.00"},
           Case{5, "usd", "0,05\u00a0US$", "US$0.05"},
           Case{-1234550, "usd", "-12.345,50\u00a0US$", "-US$12,345.50"},
           Case{500, "jpy", "500\u00a0JPY", "JP¥500"},
           Case{5000, "clp", "5.000\u00a0CLP", "CLP\u00a05,000"},
           Case{-1234, "kwd", "-1,234\u00a0KWD", "-KWD\u00a01.234"},
           Case{500, "gbp", "5,00\u00a0GBP", "£5.00"},
           Case{500, "mxn", "5,00\u00a0MXN", "MX$5.00"},
           Case{5, "xof", "5\u00a0XOF", "F\u202fCFA\u00a05"},
           Case{smallest, "eur", "-92.233.720.368.547.758,08\u00a0€",
                "-€92,233,720,368,547,758.08"},
       }) {
    CHECK(money::text(amount, currency, Locale::es) == spanish);
    CHECK(money::text(amount, currency, Locale::en) == english);
  }
}

TEST_CASE("sums and differences that do not fit are refused") {
  CHECK(money::add(largest - 1, 1) == largest);
  CHECK_THROWS_AS(static_cast<void>(money::add(largest, 1)), std::overflow_error);
  CHECK_THROWS_AS(static_cast<void>(money::subtract(smallest, 1)), std::overflow_error);
  CHECK(money::divide(money::multiply(largest, largest), largest, Rounding::half_up) == largest);
  CHECK_THROWS_AS(
      static_cast<void>(money::divide(money::multiply(largest, 2), 1, Rounding::toward_zero)),
      std::overflow_error);
  CHECK(money::times(-4900, 3) == -14700);
  CHECK_THROWS_AS(static_cast<void>(money::times(largest, 2)), std::overflow_error);
  CHECK_THROWS_AS(static_cast<void>(money::multiply(money::multiply(largest, largest), largest)),
                  std::overflow_error);
}

TEST_CASE("a share is exact and rounded as it says") {
  CHECK(money::share(1000, 1, 3, Rounding::toward_zero) == 333);
  CHECK(money::share(-1000, 2, 3, Rounding::toward_zero) == -666);
  CHECK(money::share(1000, 2, 3, Rounding::half_up) == 667);
  CHECK(money::share(1, 1, 2, Rounding::half_up) == 1);
  CHECK(money::share(-1, 1, 2, Rounding::half_up) == 0);
  CHECK(money::share(-1000, 2, 3, Rounding::half_up) == -667);
  CHECK(money::share(largest, 1'000'000, 1'000'000, Rounding::half_up) == largest);
  CHECK_THROWS_AS(static_cast<void>(money::share(1, 1, 0, Rounding::half_up)), std::domain_error);
  CHECK_THROWS_AS(static_cast<void>(money::share(1, 1, -1, Rounding::half_up)), std::domain_error);
}

TEST_CASE("amounts of two currencies are never added") {
  money::Sums sums;
  CHECK(sums.empty());
  sums.add("usd", 100);
  sums.add("eur", 4900);
  sums.add("usd", -30);
  CHECK(sums.amounts() == std::vector<money::Amount>{{"eur", 4900}, {"usd", 70}});
  CHECK(money::text(sums.amounts(), Locale::en) == "€49.00 + US$0.70");
  CHECK_THROWS_AS(sums.add("eur", largest), std::overflow_error);
}
