// Amounts and languages as people of either language expect them.
#include "platform/i18n/i18n.hpp"

#include <doctest/doctest.h>

using i18n::Locale;

TEST_CASE("amounts follow the currency's digits and the language's signs") {
  CHECK(i18n::money(4900, "eur", Locale::es) == "49,00 €");
  CHECK(i18n::money(4900, "eur", Locale::en) == "€49.00");
  CHECK(i18n::money(123456789, "usd", Locale::en) == "$1,234,567.89");
  CHECK(i18n::money(123456, "eur", Locale::es) == "1234,56 €");
  CHECK(i18n::money(5, "usd", Locale::es) == "0,05 USD");
  CHECK(i18n::money(500, "jpy", Locale::en) == "JPY 500");
  CHECK(i18n::money(-1234, "kwd", Locale::en) == "-KWD 1.234");
}

TEST_CASE("the browser's preferred language wins") {
  CHECK(i18n::from_accept_language("es-MX,es;q=0.9,en;q=0.8") == Locale::es);
  CHECK(i18n::from_accept_language("fr,en;q=0.5,es;q=0.7") == Locale::es);
  CHECK(i18n::from_accept_language("de") == Locale::en);
  CHECK(i18n::from_accept_language("") == Locale::en);
}
