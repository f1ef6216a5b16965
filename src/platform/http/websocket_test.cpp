// WebSockets, spoken to by Beast's client and, where a client misbehaves, in raw frames.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "platform/http/test_client.hpp"

using namespace http;
using namespace http::test;
using std::chrono::milliseconds;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = boost::asio::ip::tcp;

namespace {

constexpr std::string_view key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
std::string upgrade(std::string const& fields = "") {
  return "GET /live HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
         "websocket\r\n"
         "Sec-WebSocket-Version: 13\r\n" +
         std::string{key} + fields + "\r\n";
}

/// A server with one socket, "/live", that tells a counter.
struct SocketServer : TestServer {
  explicit SocketServer(ServerSettings wanted = {}) : TestServer{std::move(wanted)} {
    router.add(
        Socket{.pattern = "/live",
               .open =
                   [this](Worker&, Request const& request) {
                     std::optional<Socket::Plan> accepted{plan};
                     if (request.header("authorization") == "none") accepted.reset();
                     return std::pair{accepted, Response{.status = 401, .body = "who?"}};
                   },
               .message = [this](Worker& worker,
                                 Request const& request) { return message(worker, request); }});
  }
  Socket::Plan plan{.topics = {"news"}};
  std::atomic<int> calls = 0, at_once = 0, most_at_once = 0;
  std::function<std::optional<std::string>(Worker&, Request const&)> message =
      [this](Worker&, Request const&) {
        return std::optional<std::string>{"message " + std::to_string(++calls)};
      };
};

class SocketClient {
 public:
  explicit SocketClient(int port) : stream_{context_} {
    stream_.next_layer().connect({boost::asio::ip::address_v4::loopback(), std::uint16_t(port)});
    stream_.handshake("a", "/live");
  }
  /// The next message, or "closed <code>".
  std::string next() {
    beast::flat_buffer buffer;
    beast::error_code error;
    stream_.read(buffer, error);
    if (error && stream_.reason()) return "closed " + std::to_string(stream_.reason().code);
    if (error) return error.message();
    return beast::buffers_to_string(buffer.data());
  }
  websocket::stream<tcp::socket>& stream() { return stream_; }

 private:
  boost::asio::io_context context_;
  websocket::stream<tcp::socket> stream_;
};

}  // namespace

TEST_CASE("a socket speaks at once and whenever its topic is announced") {
  SocketServer server;
  server.start();
  SocketClient client{server.server->port()};
  CHECK(client.next() == "message 1");
  server.hub.deliver("other");
  server.hub.deliver("news");
  CHECK(client.next() == "message 2");
  server.hub.deliver_everything();
  CHECK(client.next() == "message 3");
  CHECK(server.server->statistics().sockets == 1);
  beast::error_code error;
  client.stream().close(websocket::close_code::normal, error);
  CHECK(eventually([&] { return server.server->statistics().sockets == 0; }));
  server.hub.deliver("news");  // nobody is there
  CHECK(server.calls == 3);
  CHECK(server.is_well());
}

TEST_CASE("a socket looks again after its interval, and silence is not sent") {
  SocketServer server;
  server.plan = {.interval_ms = 1};
  server.message = [&](Worker&, Request const&) {
    return ++server.calls % 3 == 0 ? "every third" : std::string{};
  };
  server.start();
  SocketClient client{server.server->port()};
  for (int i = 0; i < 3; ++i) CHECK(client.next() == "every third");
}

TEST_CASE("announcements during a look are coalesced, one look at a time") {
  SocketServer server;
  Gate gate;
  server.message = [&](Worker&, Request const&) {
    server.most_at_once = std::max(server.most_at_once.load(), ++server.at_once);
    gate.pass();
    --server.at_once;
    return "message " + std::to_string(++server.calls);
  };
  server.start();
  SocketClient client{server.server->port()};
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  for (int i = 0; i < 100; ++i) server.hub.deliver("news");
  gate.open();
  CHECK(client.next() == "message 1");
  CHECK(client.next() == "message 2");
  server.hub.deliver("news");
  CHECK(client.next() == "message 3");
  CHECK(server.calls == 3);
  CHECK(server.most_at_once == 1);
}

TEST_CASE("a session that has ended closes its socket with 4401") {
  SocketServer server;
  server.message = [&](Worker&, Request const&) -> std::optional<std::string> {
    if (++server.calls > 1) return {};
    return "first";
  };
  server.start();
  SocketClient client{server.server->port()};
  CHECK(client.next() == "first");
  server.hub.deliver("news");
  CHECK(client.next() == "closed 4401");
  CHECK(eventually([&] { return server.server->statistics().connections == 0; }));
}

TEST_CASE("without the database a socket tries again later instead of closing") {
  SocketServer server;
  server.message = [&](Worker&, Request const&) -> std::optional<std::string> {
    if (++server.calls == 1) throw db::Unavailable{"gone"};
    return "back";
  };
  server.start();
  SocketClient client{server.server->port()};
  CHECK(client.next() == "back");
}

TEST_CASE("what the client says is ignored, up to a limit") {
  SocketServer server;
  server.start();
  SocketClient client{server.server->port()};
  CHECK(client.next() == "message 1");
  for (int i = 0; i < 50; ++i) client.stream().write(boost::asio::buffer(std::string(5000, 'a')));
  client.stream().ping({});
  server.hub.deliver("news");
  CHECK(client.next() == "message 2");
  beast::error_code error;
  client.stream().write(boost::asio::buffer(std::string(70'000, 'a')), error);
  CHECK(client.next() == "closed 1009");
  CHECK(server.is_well());
}

TEST_CASE("only a proper request of the same site becomes a socket") {
  SocketServer server;
  server.start();
  auto status = [&](std::string const& request) {
    auto client = server.client();
    client.send(request);
    return status_of(client.answer());
  };
  CHECK(status(upgrade()) == 101);
  CHECK(status(upgrade("Origin: http://a\r\n")) == 101);
  CHECK(status(upgrade("Origin: https://A\r\n")) == 101);
  for (std::string const origin :
       {"http://b", "http://a:81", "null", "http://a.b", "a", "http://"}) {
    CAPTURE(origin);
    CHECK(status(upgrade("Origin: " + origin + "\r\n")) == 403);
  }
  CHECK(status(upgrade("Authorization: none\r\n")) == 401);
  CHECK(status(upgrade("Content-Length: 1\r\n") + "a") == 400);
  CHECK(status(upgrade() + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  auto without = [&](std::string_view part) {
    auto request = upgrade();
    return request.erase(request.find(part), part.size());
  };
  CHECK(status(without("Upgrade: websocket\r\n")) == 426);
  CHECK(status(without("Sec-WebSocket-Version: 13\r\n")) == 426);
  CHECK(status(without(key)) == 426);
  auto client = server.client();
  client.send(upgrade("X-Request-Id: from-the-client\r\n"));
  auto const answer = client.answer();
  CHECK(answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);
  CHECK(answer.find("X-Request-Id: from-the-client\r\n") != std::string::npos);
  CHECK(answer.find("Beast") == std::string::npos);
}

TEST_CASE("broken frames end their socket and nothing else") {
  SocketServer server;
  server.start();
  for (std::string const& frame : {std::string("\x81\x01"
                                               "a"),                            // not masked
                                   std::string("\xF1\x80\0\0\0\0", 6),          // reserved bits
                                   std::string("\x83\x80\0\0\0\0", 6),          // unknown opcode
                                   std::string("\x89\xFE\x00\x7E\0\0\0\0", 8),  // a long ping
                                   std::string("\x80\x80\0\0\0\0", 6),          // continues nothing
                                   std::string("\x81\x81\0\0\0\0\xFF", 7),      // not UTF-8
                                   std::string("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10)}) {
    auto client = server.client();
    client.send(upgrade());
    CHECK(status_of(client.answer()) == 101);
    client.send(frame);
    client.finish_sending();
    client.everything();
    CHECK(eventually([&] { return server.server->statistics().sockets == 0; }));
    REQUIRE(server.is_well());
  }
}

TEST_CASE("a client that answers no ping is dropped, one that does stays") {
  SocketServer server{{.socket_ping = milliseconds{40}}};
  server.start();
  SocketClient living{server.server->port()};
  CHECK(living.next() == "message 1");
  std::atomic<bool> done = false;
  std::string last;
  std::thread reading{[&] { last = living.next(); }};  // reading answers the pings
  auto silent = server.client();
  silent.send(upgrade());
  silent.everything();
  CHECK(eventually([&] { return server.server->statistics().sockets == 1; }));
  server.hub.deliver("news");
  reading.join();
  CHECK(last.starts_with("message"));
}

TEST_CASE("a client that does not read is dropped") {
  SocketServer server{{.socket_send_deadline = milliseconds{60}}};
  server.message = [&](Worker&, Request const&) { return std::string(40'000'000, 'a'); };
  server.start();
  auto client = server.client();
  client.send(upgrade());
  CHECK(status_of(client.answer(false)) == 101);
  CHECK(eventually([&] { return server.server->statistics().sockets == 1; }));
  CHECK(eventually([&] { return server.server->statistics().sockets == 0; }));
  CHECK(server.is_well());
}

TEST_CASE("stopping tells the sockets to come again") {
  SocketServer server;
  server.start();
  SocketClient client{server.server->port()};
  CHECK(client.next() == "message 1");
  std::thread stopping{[&] { server.server->stop(); }};
  CHECK(client.next() == R"({"type":"reconnect"})");
  CHECK(client.next() == "closed 1012");
  stopping.join();
}

TEST_CASE("many sockets and announcements at once, coming and going") {
  SocketServer server;
  server.start();
  std::atomic<bool> done = false;
  std::thread announcing{[&] {
    while (!done) server.hub.deliver("news");
  }};
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<SocketClient>> clients;
    for (int i = 0; i < 20; ++i)
      clients.push_back(std::make_unique<SocketClient>(server.server->port()));
    for (auto& client : clients) CHECK(client->next().starts_with("message"));
  }
  CHECK(eventually([&] { return server.server->statistics().sockets == 0; }));
  done = true;
  announcing.join();
  CHECK(server.is_well());
}
