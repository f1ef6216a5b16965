// The edge over real sockets: what it answers, and that no abuse keeps it from answering the next.
#include "platform/http/server.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "platform/http/test_client.hpp"

using namespace http;
using namespace http::test;
using std::chrono::milliseconds;

namespace {
std::string get(std::string const& path, std::string const& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string post(std::string const& fields, std::string const& body) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string chunked(std::string const& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
}  // namespace

TEST_CASE("requests are answered in order on one connection") {
  TestServer server;
  server.start();
  auto client = server.client();
  client.send("\r\n" + get("/hello") + get("/worker") + chunked("2\r\nab\r\n0\r\n\r\n") +
              post("Content-Length: 3\r\n", "xyz") + get("/nowhere") + get("/hello"));
  CHECK(client.answer().ends_with("\r\n\r\nhello"));
  CHECK(client.answer().ends_with("\r\n\r\nhello"));
  CHECK(client.answer().ends_with("\r\n\r\nab"));
  CHECK(client.answer().ends_with("\r\n\r\nxyz"));
  CHECK(status_of(client.answer()) == 404);
  auto const last = client.answer();
  CHECK(contains(last, "Connection: keep-alive\r\n"));
  CHECK(contains(last, "\r\nDate: "));
  CHECK(contains(last, "\r\nX-Request-Id: "));
  CHECK_FALSE(contains(last, "Server"));
}

TEST_CASE("many pipelined requests do not lose one") {
  TestServer server;
  server.start();
  auto client = server.client();
  std::string all;
  for (int i = 0; i < 1000; ++i) all += get("/hello");
  std::thread writer{[&] { client.send(all); }};
  for (int i = 0; i < 1000; ++i) REQUIRE(client.answer().ends_with("hello"));
  writer.join();
}

TEST_CASE("HEAD, 204 and 304 have no body, 405 and 426 say what would be right") {
  TestServer server;
  for (int const status : {204, 304})
    server.router.add(Route{.method = "GET",
                            .pattern = "/" + std::to_string(status),
                            .lane = Lane::edge,
                            .handle = [status](Worker*, Request&) {
                              return Response{.status = status, .body = "never"};
                            }});
  server.router.add(Socket{.pattern = "/socket"});
  server.start();
  auto client = server.client();
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/204") + get("/304") +
              "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/socket"));
  auto const head = client.answer(false);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(contains(head, "Content-Length: 5\r\n"));
  for (int const status : {204, 304}) {
    auto const answer = client.answer();
    CHECK(status_of(answer) == status);
    CHECK_FALSE(contains(answer, "never"));
    CHECK_FALSE(contains(answer, "Content-Length"));
  }
  auto const refused = client.answer();
  CHECK(status_of(refused) == 405);
  CHECK(contains(refused, "Allow: GET, HEAD\r\n"));
  auto const upgrade = client.answer();
  CHECK(status_of(upgrade) == 426);
  CHECK(contains(upgrade, "Upgrade: websocket\r\n"));
}

TEST_CASE("connections end when either side says so") {
  TestServer server;
  server.router.add(Route{
      .method = "GET", .pattern = "/bye", .lane = Lane::edge, .handle = [](Worker*, Request&) {
        return Response{.close = true};
      }});
  server.start();
  for (auto const& request : {get("/hello", "Connection: close\r\n"),
                              std::string{"GET /hello HTTP/1.0\r\n\r\n"}, get("/bye")}) {
    auto client = server.client();
    client.send(request + get("/hello"));
    auto const answers = client.everything();
    CHECK(contains(answers, "Connection: close\r\n"));
    CHECK(answers.find("HTTP/1.1", 1) == std::string::npos);  // the second was not looked at
  }
  auto old = server.client();
  old.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n");
  CHECK(contains(old.answer(), "Connection: keep-alive\r\n"));
  CHECK(contains(old.everything(), "Connection: close\r\n"));
  auto half = server.client();
  half.send(get("/worker"));
  half.finish_sending();
  CHECK(half.everything().ends_with("hello"));
}

TEST_CASE("whatever is refused ends the connection, and the server goes on") {
  TestServer server;
  server.start();
  struct Row {
    std::string bytes;
    int status;
  };
  std::string const smuggled = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  std::vector<Row> const rows{
      {"GET /hello HTTP/1.1\nHost: a\n\n", 400},
      {"\n", 400},
      {"\r\n\r\n" + smuggled, 400},
      {get("/hello", "Transfer-Encoding: xchunked\r\n"), 400},
      {post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), 400},
      {post("Content-Length: 3\r\nContent-Length: 30\r\n", "abc"), 400},
      {post("Expect: something\r\n", ""), 417},
      {get("/hello", "Host: b\r\n"), 400},
      {get("/%"), 400},
      {get("/a/../hello"), 400},
      {get("/%2e%2e/hello"), 400},
      {get("/%C0%AF"), 400},
      {"GET /hello HTTP/3.0\r\nHost: a\r\n\r\n", 400},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {get("/hello", "A: " + std::string(20'000, 'a') + "\r\n"), 431},
      {get("/hello", "A: " + std::string(200'000, 'a')), 431},
      {post("Content-Length: 1001\r\n", std::string(1001, 'a')), 413},
      {post("Content-Length: 100000000000\r\n", ""), 413},
      // chunks
      {chunked("3e9\r\n" + std::string(1001, 'a') + "\r\n0\r\n\r\n"), 413},
      {chunked("3e0\r\n" + std::string(992, 'a') + "\r\n20\r\n" + std::string(32, 'a')), 413},
      {chunked("ffffffffffffffff\r\n"), 413},
      {chunked("10000000000000000\r\n"), 400},
      {chunked("-1\r\n"), 400},
      {chunked("+1\r\na\r\n0\r\n\r\n"), 400},
      {chunked("0x1\r\na\r\n0\r\n\r\n"), 400},
      {chunked(" 1\r\na\r\n0\r\n\r\n"), 400},
      {chunked("1 x\r\na\r\n0\r\n\r\n"), 400},
      {chunked("\r\n"), 400},
      {chunked("1\r\nabc\r\n0\r\n\r\n"), 400},
      {chunked("1\na\n0\n\n"), 400},
      {chunked("1;" + std::string(300, 'x') + "\r\na\r\n0\r\n\r\n"), 400},
      {chunked("1;" + std::string(30'000, 'x')), 400},
      {chunked(std::string(30'000, '0')), 400},
      {chunked("1;a\"\r\na\r\n0\r\n\r\n"), 400},
      // trailers
      {chunked("0\r\nContent-Length: 5\r\n\r\n"), 400},
      {chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
      {chunked("0\r\nHost: b\r\n\r\n"), 400},
      {chunked("0\r\nAuthorization: b\r\n\r\n"), 400},
      {chunked("0\r\nCookie: b\r\n\r\n"), 400},
      {chunked("0\r\nA: " + std::string(30'000, 'a')), 400},
  };
  for (auto const& row : rows) {
    CAPTURE(row.bytes.substr(0, 120));
    auto client = server.client();
    client.send(row.bytes + smuggled);
    auto const answers = client.everything();
    CHECK(status_of(answers) == row.status);
    CHECK(contains(answers, "Connection: close\r\n"));
    CHECK_FALSE(contains(answers, "hello"));
    REQUIRE(server.is_well());
  }
  CHECK(server.server->statistics().refused >= rows.size());
}

TEST_CASE("what looks odd and is right is accepted") {
  TestServer server;
  server.start();
  auto client = server.client();
  auto answered = [&](std::string const& request) {
    client.send(request);
    auto const answer = client.answer();
    return answer.substr(answer.find("\r\n\r\n") + 4);
  };
  CHECK(answered(chunked("3;a=b;c=\"d\"\r\nabc\r\n00\r\nX-Checksum: 1\r\n\r\n")) == "abc");
  CHECK(answered(chunked("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n")) ==
        "01234567890123456789");
  CHECK(answered(post("Content-Length: 1000\r\n", std::string(1000, 'a'))).size() == 1000);
  CHECK(answered("GET http://A:1/hello HTTP/1.1\r\nHost: a:1\r\n\r\n") == "hello");
  // One byte at a time.
  for (char const c : chunked("3\r\nabc\r\n0\r\n\r\n")) client.send(std::string_view{&c, 1});
  CHECK(client.answer().ends_with("\r\n\r\nabc"));
}

TEST_CASE("100-continue is answered before the body, and not when it would be refused") {
  TestServer server;
  server.start();
  auto client = server.client();
  client.send(post("Expect: 100-continue\r\nContent-Length: 3\r\n", ""));
  CHECK(client.answer(false) == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  CHECK(client.answer().ends_with("abc"));
  client.send(post("Expect: 100-continue\r\nContent-Length: 3000\r\n", ""));
  CHECK(status_of(client.everything()) == 413);
}

TEST_CASE("whoever dawdles is sent away") {
  ServerSettings settings;
  settings.header_deadline = milliseconds{60};
  settings.body_deadline = milliseconds{60};
  settings.idle_deadline = milliseconds{60};
  TestServer server{settings};
  server.start();
  auto silent = server.client();
  CHECK(silent.everything().empty());
  auto slow_header = server.client();
  slow_header.send("GET /hello HTTP/1.1\r\nHost");
  CHECK(status_of(slow_header.everything()) == 408);
  auto slow_body = server.client();
  slow_body.send(post("Content-Length: 3\r\n", "ab"));
  CHECK(status_of(slow_body.everything()) == 408);
  auto slow_chunk = server.client();
  slow_chunk.send(chunked("3\r\nab"));
  CHECK(status_of(slow_chunk.everything()) == 408);
  auto idle = server.client();
  idle.send(get("/hello"));
  CHECK(idle.answer().ends_with("hello"));
  CHECK(idle.everything().empty());
  for (auto* client : {&slow_header, &slow_body, &slow_chunk}) client->hang_up();
  CHECK(server.is_well());
  CHECK(eventually([&] { return server.server->statistics().connections == 0; }));
}

TEST_CASE("a client that does not read its long answer is dropped, one that reads gets all of it") {
  // More than the kernel buffers for one connection.
  static std::string const long_text(40'000'000, 'x');
  Route const route{
      .method = "GET", .pattern = "/long", .lane = Lane::edge, .handle = [](Worker*, Request&) {
        return Response{.static_body = long_text};
      }};
  TestServer patient;
  patient.router.add(route);
  patient.start();
  auto reader = patient.client();
  reader.send(get("/long"));
  CHECK(reader.answer().size() > long_text.size());

  ServerSettings settings;
  settings.body_deadline = milliseconds{60};
  TestServer server{settings};
  server.router.add(route);
  server.start();
  auto sleeper = server.client();
  sleeper.send(get("/long"));
  CHECK(eventually([&] { return server.server->statistics().requests == 1; }));
  CHECK(eventually([&] { return server.server->statistics().connections == 0; }));
  CHECK(server.is_well());
}

TEST_CASE("clients that hang up in the middle do no harm") {
  TestServer server;
  server.start();
  for (auto const& bytes : {std::string{}, std::string{"GET"}, get("/worker"), get("/hello"),
                            post("Content-Length: 3\r\n", "a"), chunked("3\r\na")})
    for (int i = 0; i < 20; ++i) server.client().send(bytes);
  CHECK(server.is_well());
  CHECK(eventually([&] { return server.server->statistics().connections == 0; }));
}

TEST_CASE("handlers that throw, or try to write a second answer, are contained") {
  TestServer server;
  for (auto const lane : {Lane::edge, Lane::standard})
    server.router.add(
        Route{.method = "GET",
              .pattern = lane == Lane::edge ? "/throw" : "/throw-there",
              .lane = lane,
              .handle = [](Worker*, Request&) -> Response { throw std::runtime_error{"secret"}; }});
  server.router.add(Route{
      .method = "GET", .pattern = "/split", .lane = Lane::edge, .handle = [](Worker*, Request&) {
        return Response{.body = "x"}
            .with("Location", "/a\r\nX-Evil: 1")
            .with("Content-Length", "7")
            .with("X-Good", "1");
      }});
  server.router.refuse = [](Request const&, int status, std::string_view code, std::string_view) {
    return Response{.status = status, .body = "{\"code\":\"" + std::string{code} + "\"}"};
  };
  server.start();
  auto client = server.client();
  client.send(get("/throw") + get("/throw-there") + get("/split") + get("/nowhere"));
  for (int i = 0; i < 2; ++i) {
    auto const answer = client.answer();
    CHECK(status_of(answer) == 500);
    CHECK_FALSE(contains(answer, "secret"));
  }
  auto const split = client.answer();
  CHECK_FALSE(contains(split, "X-Evil"));
  CHECK(contains(split, "X-Good: 1"));
  CHECK_FALSE(contains(split, "Content-Length: 7"));
  CHECK(client.answer().ends_with("{\"code\":\"not_found\"}"));
}

TEST_CASE("who the client is, is believed from the proxy only") {
  for (bool const behind_proxy : {false, true}) {
    TestServer server{{.behind_proxy = behind_proxy}};
    server.router.add(Route{
        .method = "GET", .pattern = "/who", .lane = Lane::edge, .handle = [](Worker*, Request& r) {
          return Response{.body = r.remote_address + (r.secure ? " secure " : " plain ") +
                                  std::string{r.header("x-forwarded-for")}};
        }});
    server.start();
    auto client = server.client();
    auto who = [&](std::string const& fields) {
      client.send(get("/who", fields));
      auto const answer = client.answer();
      return answer.substr(answer.find("\r\n\r\n") + 4);
    };
    std::string const claim =
        "X-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-For: 8.8.8.8, 9.9.9.9\r\n"
        "X-Forwarded-Proto: https\r\n";
    CHECK(who(claim) == (behind_proxy ? "9.9.9.9 secure " : "127.0.0.1 plain "));
    CHECK(who("X-Forwarded-For: <script>\r\n") == "127.0.0.1 plain ");
    client.send(get("/hello", "X-Request-Id: abc-DEF_123\r\n") +
                get("/hello", "X-Request-Id: no spaces\r\n"));
    CHECK(contains(client.answer(), "X-Request-Id: abc-DEF_123\r\n"));
    auto const made = client.answer();
    CHECK(made.find("\r\n", made.find("X-Request-Id: ")) - made.find("X-Request-Id: ") == 14 + 32);
  }
}

TEST_CASE("on a TCP port the front door is believed by its key") {
  TestServer server{{.front_door_key = "of this start", .connections_per_address = 1}};
  server.router.add(Route{
      .method = "GET", .pattern = "/who", .lane = Lane::edge, .handle = [](Worker*, Request& r) {
        return Response{.body = r.remote_address + (r.secure ? " secure " : " plain ") +
                                std::string{r.header("x-front-door")}};
      }});
  server.start();
  auto client = server.client(), another = server.client();
  auto who = [&](std::string const& fields) {
    client.send(get("/who", fields + "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n"));
    auto const answer = client.answer();
    return answer.substr(answer.find("\r\n\r\n") + 4);
  };
  CHECK(who("X-Front-Door: of this start\r\n") == "9.9.9.9 secure ");
  CHECK(who("X-Front-Door: of another\r\n") == "127.0.0.1 plain ");
  CHECK(who("X-Front-Door:\r\n") == "127.0.0.1 plain ");
  CHECK(who("") == "127.0.0.1 plain ");
  another.send(get("/hello"));
  CHECK(another.answer().ends_with("hello"));
}

TEST_CASE("connections are limited, in all and for one address") {
  for (bool const in_all : {false, true}) {
    ServerSettings settings;
    (in_all ? settings.connections : settings.connections_per_address) = 2;
    TestServer server{settings};
    server.start();
    auto first = server.client(), second = server.client();
    for (auto* client : {&first, &second}) {
      client->send(get("/hello"));
      CHECK(client->answer().ends_with("hello"));
    }
    auto third = server.client();
    CHECK(status_of(third.everything()) == (in_all ? 503 : 429));
    first.hang_up();
    CHECK(eventually([&] { return server.server->statistics().connections == 1; }));
    CHECK(server.is_well());
  }
}
