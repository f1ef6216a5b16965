// Strings that strict readers refuse.
#include <doctest/doctest.h>

#include "platform/json/problem.hpp"
#include "stripe/stripe.hpp"

TEST_CASE("any JSON string can be read; what is no character is replaced") {
  auto read = [](std::string const& string) {
    return stripe::text(stripe::parse("{\"a\":\"" + string + "\"}"), "a");
  };
  CHECK(read("plain") == "plain");
  CHECK(read("\\u00e9 \\n \\\\u0000") == "é \n \\u0000");
  CHECK(read("a\\u0000b") == "a\uFFFDb");
  CHECK(read("\\ud83d\\ude00") == "😀");
  CHECK(read("\\ud83d") == "\uFFFD");
  CHECK(read("\\ude00") == "\uFFFD");
  CHECK(read("\\ud83d\\ud83d\\ude00") == "\uFFFD😀");
  CHECK(read("\\ud83dx\\u0041") == "\uFFFDxA");
  CHECK(stripe::parse(R"({"a\u0000b":1})").contains("a\uFFFDb"));
  for (auto const* broken : {"", "[]", "{", "\"\\u", "{\"a\":\"\\u12\"}", "{\"a\":\"\\"})
    CHECK_THROWS_AS((void)stripe::parse(broken), Problem);
}
