// Characters of one to four bytes, whole, broken and cut.
#include "platform/text/utf8.hpp"

#include <doctest/doctest.h>

TEST_CASE("characters are counted and never cut") {
  CHECK(utf8::count("") == 0);
  CHECK(utf8::count("aé€😀") == 4);
  CHECK(utf8::first("aé€😀", 0).empty());
  CHECK(utf8::first("aé€😀", 2) == "aé");
  CHECK(utf8::first("aé€😀", 3) == "aé€");
  CHECK(utf8::first("aé€😀", 9) == "aé€😀");
  CHECK(utf8::at("é", 0) == 0xE9);
  CHECK(utf8::at("€", 0) == 0x20AC);
  CHECK(utf8::at("😀", 0) == 0x1F600);
}

TEST_CASE("what is no text becomes U+FFFD, byte by byte") {
  using namespace std::literals;
  for (auto const text : {""sv, "plain"sv, "aé€😀"sv, "\xEF\xBF\xBD"sv}) {
    CHECK(utf8::is_clean(text));
    CHECK(utf8::cleaned(text) == text);
  }
  for (auto const text : {"\xFF"sv, "\x80"sv, "a\xC3"sv, "\xC0\xAF"sv, "\xED\xA0\x80"sv,
                          "\xF4\x90\x80\x80"sv, "\xE2\x82"sv, "\xF0\x9F\x98"sv, "a\0b"sv}) {
    CHECK_FALSE(utf8::is_clean(text));
    CHECK(utf8::is_clean(utf8::cleaned(text)));
    CHECK(utf8::count(utf8::cleaned(text)) == utf8::count(text));
  }
  CHECK(utf8::cleaned("a\xC3z") == "a\uFFFDz");
  CHECK(utf8::first("\xFF\xFFz", 2) == "\xFF\xFF");
}

TEST_CASE("what takes no ink at the ends of a text goes, and nothing inside it") {
  for (auto const* text : {"zeta", "  zeta", "zeta\t\n", "\u00a0\u200bzeta\u3000"})
    CHECK(utf8::trimmed(text) == "zeta");
  CHECK(utf8::trimmed(" café  ñandú ") == "café  ñandú");
  CHECK(utf8::trimmed(" \u200b ").empty());
  CHECK(utf8::trimmed("").empty());
  CHECK(utf8::trimmed(" \xC3 ") == "\xC3");
}
