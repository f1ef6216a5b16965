// Spellings of one origin, and what is none.
#include "platform/text/origin.hpp"

#include <doctest/doctest.h>

TEST_CASE("spellings of one origin are one") {
  for (auto const* text : {"https://c.example.test", "https://c.example.test:443",
                           "HTTPS://C.Example.TEST", "https://c.example.test/"})
    CHECK(origin_of(text) == "https://c.example.test");
  CHECK(origin_of("http://127.0.0.1:80") == "http://127.0.0.1");
  CHECK(origin_of("http://c.example.test:443") == "http://c.example.test:443");
  CHECK(origin_of("https://[::1]:4443") == "https://[::1]:4443");
}

TEST_CASE("what is no origin is none") {
  for (auto const* text :
       {"", "null", "c.example.test", "://c", "https://", "https:c.example.test", "ftp://c.example",
        "https://user@c.example", "https://c.example/path", "https://c.example?q",
        "https://c.example#f", "https://c.example:", "https://c.example:0",
        "https://c.example:443443", "https://c.example:4 4", "https://c.example:44x",
        "https://c.example:65536", "https://a,https://b", "https://a,b"})
    CHECK_FALSE(origin_of(text));
}
