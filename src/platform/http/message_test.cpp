// The small grammars of a request.
#include "platform/http/message.hpp"

#include <doctest/doctest.h>

using namespace http;

TEST_CASE("percent-decoding gives clean UTF-8 or nothing") {
  CHECK(percent_decode("a%20b+c", false) == "a b+c");
  CHECK(percent_decode("a%20b+c", true) == "a b c");
  CHECK(percent_decode("%C3%A9%e2%82%ac%F0%9F%98%80", false) == "é€😀");
  CHECK(percent_decode("a%2Fb", false) == "a/b");
  for (std::string_view const broken :
       {"%", "%2", "%zz", "%2g", "a%", "%00", "a%00b", "%FF", "%C3", "%C3%28", "%C0%AF",
        "%E0%80%AF", "%ED%A0%80", "%F4%90%80%80", "%F8%88%80%80%80", "%80"}) {
    CAPTURE(broken);
    CHECK_FALSE(percent_decode(broken, false));
  }
  CHECK(percent_encode("a b/é~") == "a%20b%2F%C3%A9~");
}

TEST_CASE("forms keep their order and their repetitions") {
  auto const form = parse_form("a=1&b=x+y%26&a=2&c&&d=");
  REQUIRE(form);
  REQUIRE(form->size() == 5);
  CHECK(form->at(1) == std::pair<std::string, std::string>{"b", "x y&"});
  CHECK(form->at(2) == std::pair<std::string, std::string>{"a", "2"});
  CHECK(form->at(3) == std::pair<std::string, std::string>{"c", ""});
  CHECK_FALSE(parse_form("a=%"));
  CHECK_FALSE(parse_form("%00=a"));
  CHECK(parse_form("")->empty());
}

TEST_CASE("cookies are found by their whole name") {
  Request request;
  request.headers = {{"cookie", "xsession=no; session=yes;  other = x; quoted=\"q\""},
                     {"cookie", "late=1"}};
  CHECK(request.cookie("session") == "yes");
  CHECK(request.cookie("late") == "1");
  CHECK(request.cookie("quoted") == "q");
  CHECK(request.cookie("sess") == "");
  CHECK(request.cookie("missing") == "");
}

TEST_CASE("targets are decoded segment by segment and cannot climb") {
  auto path_of = [](std::string target) -> std::string {
    Request request;
    request.target = std::move(target);
    return read_target(request) ? request.path + "|" + request.query : "refused";
  };
  CHECK(path_of("/a/b?c=d?e") == "/a/b|c=d?e");
  CHECK(path_of("/a%2Fb") == "/a/b|");
  CHECK(path_of("/caf%C3%A9/x.css") == "/café/x.css|");
  CHECK(path_of("/...") == "/...|");
  CHECK(path_of("/?%00") == "/|%00");  // queries are decoded by who reads them
  for (std::string const bad : {"/.", "/..", "/a/../b", "/%2e%2e/b", "/a/.%2E", "/a%2f..%2fb",
                                "/..%5cb", "/%00", "/%", "/%FF", "/a/./b", "/..\\b"}) {
    CAPTURE(bad);
    CHECK(path_of(bad) == "refused");
  }
}
