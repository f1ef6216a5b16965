// The language that people asked for.
#include "platform/i18n/i18n.hpp"

#include <doctest/doctest.h>

using i18n::Locale;

TEST_CASE("the browser's preferred language wins") {
  CHECK(i18n::from_accept_language("es-MX,es;q=0.9,en;q=0.8") == Locale::es);
  CHECK(i18n::from_accept_language("fr,en;q=0.5,es;q=0.7") == Locale::es);
  CHECK(i18n::from_accept_language("de") == Locale::en);
  CHECK(i18n::from_accept_language("") == Locale::en);
}
