// The guard, as a table: every line is one spelling that somebody might try.
#include "platform/http/guard.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace http;

namespace {
int status_of_head(std::string const& head) { return judge_head(head).refusal.status; }
/// A request with `fields` between its Host and its end.
int with_fields(std::string const& fields, std::string const& version = "1.1") {
  return status_of_head("POST /a HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n");
}
}  // namespace

TEST_CASE("the guard judges request lines") {
  struct Row {
    std::string line;
    int status;
  };
  std::vector<Row> const rows{
      {"GET / HTTP/1.1", 0},
      {"GET /a%20b?c=d&e=%zz HTTP/1.1", 0},
      {"PURGE /a HTTP/1.1", 0},
      {"OPTIONS * HTTP/1.1", 0},
      {"GET http://a/b?c HTTP/1.1", 0},
      {"GET HTTPS://A/ HTTP/1.1", 0},
      {"GET / HTTP/1.0", 0},
      {"GET / HTTP/1.2", 400},
      {"GET / HTTP/2.0", 400},
      {"PRI * HTTP/2.0", 400},
      {"GET / HTTP/0.9", 400},
      {"GET / HTTP/11", 400},
      {"GET / http/1.1", 400},
      {"GET / HTTP/1.1 ", 400},
      {"GET /", 400},
      {"GET", 400},
      {"", 400},
      {" GET / HTTP/1.1", 400},
      {"GET  / HTTP/1.1", 400},
      {"GET /  HTTP/1.1", 400},
      {"GET\t/\tHTTP/1.1", 400},
      {"GET /a b HTTP/1.1", 400},
      {"G(T / HTTP/1.1", 400},
      {std::string("G\0T / HTTP/1.1", 14), 400},
      {std::string("GET /\0 HTTP/1.1", 15), 400},
      {"GET /\x01 HTTP/1.1", 400},
      {"GET /\xC3\xA9 HTTP/1.1", 400},
      {"GET /a#b HTTP/1.1", 400},
      {"GET /\x7F HTTP/1.1", 400},
      {"GET /a\rb HTTP/1.1", 400},
      {"GET * HTTP/1.1", 400},
      {"GET a HTTP/1.1", 400},
      {"GET ftp://a/ HTTP/1.1", 400},
      {"GET http:///a HTTP/1.1", 400},
      {"GET http://a HTTP/1.1", 400},
      {"GET http://user@a/ HTTP/1.1", 400},
      {"GET http://b/ HTTP/1.1", 400},  // not the Host
      {"CONNECT a:443 HTTP/1.1", 405},
      {"CONNECT / HTTP/1.1", 405},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1", 414},
      {std::string(33, 'G') + " / HTTP/1.1", 400},
  };
  for (auto const& row : rows) {
    CAPTURE(row.line);
    CHECK(status_of_head(row.line + "\r\nHost: a\r\n\r\n") == row.status);
  }
}

TEST_CASE("the guard judges header fields") {
  struct Row {
    std::string fields;
    int status;
  };
  std::vector<Row> const rows{
      {"", 0},
      {"A: b\r\n", 0},
      {"A:b\r\n", 0},
      {"A:\r\n", 0},
      {"A: \t b \t\r\n", 0},
      {"A: caf\xC3\xA9\r\n", 0},
      {"!#$%&'*+-.^_`|~: b\r\n", 0},
      {"Cookie: a=b\r\nCookie: c=d\r\n", 0},
      // names
      {"A : b\r\n", 400},
      {"A\t: b\r\n", 400},
      {": b\r\n", 400},
      {"A\r\n", 400},
      {"A b: c\r\n", 400},
      {"A(: b\r\n", 400},
      {"\xC3\xA9: b\r\n", 400},
      {std::string("A\0: b\r\n", 7), 400},
      // folding
      {" A: b\r\n", 400},
      {"A: b\r\n c\r\n", 400},
      {"A: b\r\n\tc\r\n", 400},
      // values
      {"A: b\rc\r\n", 400},
      {"A: b\r\r\n", 400},
      {std::string("A: b\0c\r\n", 8), 400},
      {"A: b\x01\r\n", 400},
      {"A: b\x7F\r\n", 400},
      {"A: b\x0B\r\n", 400},
      // Host
      {"Host: a\r\n", 400},
      {"HOST: b\r\n", 400},
      // Content-Length
      {"Content-Length: 5\r\n", 0},
      {"Content-Length: 0\r\n", 0},
      {"content-length:5\r\n", 0},
      {"Content-Length: \r\n", 400},
      {"Content-Length: +5\r\n", 400},
      {"Content-Length: -5\r\n", 400},
      {"Content-Length: 5 5\r\n", 400},
      {"Content-Length: 5, 5\r\n", 400},
      {"Content-Length: 5,\r\n", 400},
      {"Content-Length: 0x5\r\n", 400},
      {"Content-Length: 5.0\r\n", 400},
      {"Content-Length: 5e0\r\n", 400},
      {"Content-Length: 18446744073709551616\r\n", 400},
      {"Content-Length: 99999999999999999999999\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
      {"Content-Length: 5\r\nContent_Length: 6\r\n", 0},  // another name, and nobody maps it
      // Transfer-Encoding
      {"Transfer-Encoding: chunked\r\n", 0},
      {"Transfer-Encoding: Chunked\r\n", 0},
      {"transfer-encoding:\tchunked\t\r\n", 0},
      {"Transfer-Encoding: \x0B chunked\r\n", 400},
      {"Transfer-Encoding: xchunked\r\n", 400},
      {"Transfer-Encoding: chunked, chunked\r\n", 400},
      {"Transfer-Encoding: gzip, chunked\r\n", 400},
      {"Transfer-Encoding: chunked, identity\r\n", 400},
      {"Transfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: \"chunked\"\r\n", 400},
      {"Transfer-Encoding: chunked;q=1\r\n", 400},
      {"Transfer-Encoding: ,chunked\r\n", 400},
      {"Transfer-Encoding:\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding : chunked\r\n", 400},
      {" Transfer-Encoding: chunked\r\n", 400},
      // the rest
      {"Expect: 100-continue\r\n", 0},
      {"Expect: 100-Continue\r\n", 0},
      {"Expect: 200-ok\r\n", 417},
      {"Expect: 100-continue, x\r\n", 417},
      {"Authorization: a\r\n", 0},
      {"Authorization: a\r\nAuthorization: a\r\n", 400},
  };
  for (auto const& row : rows) {
    CAPTURE(row.fields);
    CHECK(with_fields(row.fields) == row.status);
  }
  std::string many;
  for (int i = 0; i < 120; ++i) many += "A: b\r\n";
  CHECK(with_fields(many) == 431);
}

TEST_CASE("the guard wants one Host, and knows HTTP/1.0") {
  CHECK(status_of_head("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of_head("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(status_of_head("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  for (std::string const host : {"", "a b", "a/b", "a,b", "u@a", "a\\b", "a#b", "a?b"}) {
    CAPTURE(host);
    CHECK(status_of_head("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n") == 400);
  }
  for (std::string const host : {"a", "a.b:80", "[::1]:80", "xn--a.b", "a_b"}) {
    CAPTURE(host);
    CHECK(status_of_head("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n") == 0);
  }
  CHECK(with_fields("Transfer-Encoding: chunked\r\n", "1.0") == 400);
  CHECK(with_fields("Content-Length: 5\r\n", "1.0") == 0);
  CHECK(status_of_head("GET / HTTP/1.1\r\nHost: a\r\n") == 400);  // no end
}

TEST_CASE("the guard says how the connection goes on") {
  std::string head;  // outlives the views into it
  auto framing = [&](std::string const& version, std::string const& fields) {
    head = "POST http://a/b?c HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n";
    return judge_head(head).framing;
  };
  CHECK(framing("1.1", "").keep_alive);
  CHECK_FALSE(framing("1.1", "Connection: Close\r\n").keep_alive);
  CHECK_FALSE(framing("1.1", "Connection: x, close\r\nConnection: keep-alive\r\n").keep_alive);
  CHECK_FALSE(framing("1.0", "").keep_alive);
  CHECK(framing("1.0", "Connection: keep-alive\r\n").keep_alive);
  CHECK(framing("1.1", "").target == "/b?c");
  CHECK_FALSE(framing("1.1", "Content-Length: 0\r\n").has_body());
  CHECK(framing("1.1", "Content-Length: 7\r\n").content_length == 7);
  CHECK(framing("1.1", "Transfer-Encoding: chunked\r\n").has_body());
  CHECK(framing("1.1", "Expect: 100-continue\r\n").expects_continue);
  CHECK_FALSE(framing("1.0", "Expect: 100-continue\r\n").expects_continue);
}

TEST_CASE("the end of a head is found, whatever pieces it comes in") {
  std::string const head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", more = head + "GET";
  CHECK(scan_head(more, 0).size == head.size());
  for (std::size_t piece = 0; piece < head.size(); ++piece) {
    auto const first = scan_head(more.substr(0, piece), 0);
    CHECK(first.size == 0);
    CHECK_FALSE(first.malformed);
    CHECK(scan_head(more, piece).size == head.size());
  }
  CHECK(scan_head("GET / HTTP/1.1\nHost: a", 0).malformed);
  CHECK(scan_head("\n", 0).malformed);
  CHECK(scan_head("GET / HTTP/1.1\r\nHost: a\r\n\n", 0).malformed);
}
