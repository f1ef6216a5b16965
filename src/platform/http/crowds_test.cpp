// Crowds over real sockets: a full queue answers at once, and guessers wait behind themselves.
#include <doctest/doctest.h>

#include <mutex>
#include <vector>

#include "platform/http/server.hpp"
#include "platform/http/test_client.hpp"

using namespace http;
using namespace http::test;

namespace {
std::string get(std::string const& path, std::string const& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
}  // namespace

TEST_CASE("a full queue answers 503 at once, and other lanes go on") {
  ServerSettings settings;
  settings.standard_workers = 1;
  settings.queue_limit = 2;
  TestServer server{settings};
  Gate gate;
  server.router.add(Route{.method = "GET", .pattern = "/wait", .handle = [&](Worker*, Request&) {
                            gate.pass();
                            return Response{.body = "passed"};
                          }});
  server.start();
  auto first = server.client(), second = server.client(), third = server.client();
  first.send(get("/wait"));
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  second.send(get("/wait"));
  third.send(get("/wait"));
  REQUIRE(eventually([&] { return server.server->statistics().standard_queue == 2; }));
  auto fourth = server.client();
  fourth.send(get("/wait") + get("/hello"));
  auto const refused = fourth.answer();
  CHECK(status_of(refused) == 503);
  CHECK(contains(refused, "Retry-After: 1\r\n"));
  CHECK(fourth.answer().ends_with("hello"));
  gate.open();
  for (auto* client : {&first, &second, &third}) CHECK(client->answer().ends_with("passed"));
}

TEST_CASE("who guesses many passwords waits behind himself, not before the others") {
  ServerSettings settings{.behind_proxy = true, .password_workers = 1, .passwords_per_address = 4};
  TestServer server{settings};
  Gate gate;
  std::mutex mutex;
  std::string order;
  server.router.add(Route{.method = "GET",
                          .pattern = "/log-in",
                          .lane = Lane::password,
                          .handle = [&](Worker*, Request& request) {
                            gate.pass();
                            std::scoped_lock lock{mutex};
                            order += request.remote_address + " ";
                            return Response{.body = "in"};
                          }});
  server.start();
  auto const from = [](std::string const& address) {
    return get("/log-in", "X-Forwarded-For: " + address + "\r\n");
  };
  auto const queued = [&](std::size_t count) {
    return eventually([&] { return server.server->statistics().password_queue == count; });
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  auto send = [&](std::string const& address) {
    clients.push_back(std::make_unique<RawClient>(server.server->port()));
    clients.back()->send(from(address));
  };
  send("1.1.1.1");
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  for (std::size_t i = 1; i <= 3; ++i) {
    send("1.1.1.1");
    REQUIRE(queued(i));
  }
  // A fifth of his is refused; others are not.
  RawClient fifth{server.server->port()};
  fifth.send(from("1.1.1.1"));
  CHECK(status_of(fifth.answer()) == 503);
  send("2.2.2.2");
  REQUIRE(queued(4));
  send("3.3.3.3");
  REQUIRE(queued(5));
  send("2.2.2.2");
  REQUIRE(queued(6));
  gate.open();
  for (auto& client : clients) CHECK(client->answer().ends_with("in"));
  CHECK(order == "1.1.1.1 1.1.1.1 2.2.2.2 3.3.3.3 1.1.1.1 2.2.2.2 1.1.1.1 ");
}

TEST_CASE("a crowd of guessers shuts nobody out who comes for the first time") {
  ServerSettings settings{.behind_proxy = true,
                          .password_workers = 1,
                          .password_queue_limit = 3,
                          .passwords_per_address = 2};
  TestServer server{settings};
  Gate gate;
  server.router.add(Route{.method = "GET",
                          .pattern = "/log-in",
                          .lane = Lane::password,
                          .handle = [&](Worker*, Request&) {
                            gate.pass();
                            return Response{.body = "in"};
                          }});
  server.start();
  std::vector<std::unique_ptr<RawClient>> clients;
  auto const send = [&](std::string const& address) -> RawClient& {
    clients.push_back(std::make_unique<RawClient>(server.server->port()));
    clients.back()->send(get("/log-in", "X-Forwarded-For: " + address + "\r\n"));
    return *clients.back();
  };
  auto const queued = [&](std::size_t count) {
    return eventually([&] { return server.server->statistics().password_queue == count; });
  };
  send("1.1.1.1");
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  std::size_t waiting = 0;
  for (auto const* guesser : {"1.1.1.1", "2.2.2.2", "2.2.2.2"}) {
    send(guesser);
    REQUIRE(queued(++waiting));
  }
  // Their queue is full; whoever has nobody in it yet comes in.
  send("9.9.9.9");
  REQUIRE(queued(++waiting));
  RawClient second{server.server->port()};
  second.send(get("/log-in", "X-Forwarded-For: 9.9.9.9\r\n"));
  CHECK(status_of(second.answer()) == 503);
  // So does a crowd, but not without end.
  while (waiting < 12) {
    send("10.0.0." + std::to_string(waiting));
    REQUIRE(queued(++waiting));
  }
  RawClient last{server.server->port()};
  last.send(get("/log-in", "X-Forwarded-For: 10.0.0.99\r\n"));
  CHECK(status_of(last.answer()) == 503);
  gate.open();
  for (auto& client : clients) CHECK(client->answer().ends_with("in"));
}
