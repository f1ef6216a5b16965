// Words of the catalogues inside the program.
#include "platform/i18n/words.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using i18n::Locale;

TEST_CASE("every word is found in both languages, and nothing else is") {
  auto const all = i18n::words();
  CHECK(all.size() > 1000);
  CHECK(std::is_sorted(all.begin(), all.end(),
                       [](auto const& one, auto const& other) { return one.key < other.key; }));
  for (auto const& word : all) {
    CHECK(i18n::word(Locale::en, word.key) == word.en);
    CHECK(i18n::word(Locale::es, word.key) == word.es);
  }
  CHECK(i18n::word(Locale::es, "state.live") == "Activo");
  for (auto const* unknown : {"", "state", "state.", "state.livee", "zzz", "~"})
    CHECK(!i18n::word(Locale::en, unknown));
}

TEST_CASE("what is filled in is not looked through for names again") {
  CHECK(i18n::filled("{list}, as of {time}", {{"list", "{time}"}, {"time", "noon"}}) ==
        "{time}, as of noon");
  CHECK(i18n::filled("{unknown} and {list", {{"list", "x"}}) == "{unknown} and {list");
  CHECK(i18n::filled("", {}).empty());
  CHECK(i18n::filled("{a}{a}", {{"a", "مرحبا"}}) == "مرحبامرحبا");
}
