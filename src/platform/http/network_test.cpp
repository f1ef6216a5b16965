#include <doctest/doctest.h>

#include "platform/http/network.hpp"

using http::Network;

TEST_CASE("an address lies in a block or not") {
  auto const in = [](std::string_view block, std::string_view address) {
    return Network::parse(block).value().contains(address);
  };
  CHECK(in("10.0.0.0/8", "10.255.0.1"));
  CHECK(!in("10.0.0.0/8", "11.0.0.1"));
  CHECK(in("192.0.2.128/25", "192.0.2.200"));
  CHECK(!in("192.0.2.128/25", "192.0.2.127"));
  CHECK(in("127.0.0.1", "127.0.0.1"));
  CHECK(!in("127.0.0.1", "127.0.0.2"));
  CHECK(in("0.0.0.0/0", "203.0.113.9"));
  CHECK(!in("0.0.0.0/0", "2001:db8::1"));
  CHECK(in("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK(!in("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(in("::1", "0:0:0:0:0:0:0:1"));
  CHECK(in("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK(!in("10.0.0.0/8", ""));
  CHECK(!in("0.0.0.0/0", "nonsense"));
}

TEST_CASE("what is no block is refused") {
  for (auto const* text :
       {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8", "10.0.0/8",
        "2001:db8::/129", "2001:db8::1/32", "::/ 1", "example.com", "10.0.0.0/8/8"})
    CHECK_MESSAGE(!Network::parse(text), text);
}
