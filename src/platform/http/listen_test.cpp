// Where the server listens, and how it stops.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/http/test_client.hpp"

using namespace http;
using namespace http::test;
using std::chrono::milliseconds;

namespace {
std::string get(std::string const& path, std::string const& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
struct TemporaryFolder {
  TemporaryFolder() {
    char name[] = "/tmp/onboarding-edge-XXXXXX";
    path = mkdtemp(name);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};
}  // namespace

TEST_CASE("a unix socket: mode, stale files, and nobody is pushed aside") {
  TemporaryFolder folder;
  auto const path = (folder.path / "http.sock").string();
  {
    // What a crash leaves behind: a socket file that nobody listens on.
    int const fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    ::close(fd);
  }
  TestServer server{{.listen = path, .unix_socket_mode = 0600}};
  server.start();
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  RawClient client{path};
  client.send(get("/worker"));
  CHECK(client.answer().ends_with("hello"));

  TestServer second{{.listen = path}};
  CHECK_THROWS_AS(second.start(), std::runtime_error);
  client.send(get("/worker"));
  CHECK(client.answer().ends_with("hello"));
  server.server->stop();
  CHECK_FALSE(std::filesystem::exists(path));

  std::ofstream{path} << "a file";
  TestServer third{{.listen = path}};
  CHECK_THROWS_AS(third.start(), std::runtime_error);
  CHECK(std::filesystem::exists(path));
  TestServer fourth{{.listen = folder.path / std::string(120, 'a')}};
  CHECK_THROWS_AS(fourth.start(), std::runtime_error);
  for (auto const* nonsense : {"localhost", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ":80"}) {
    TestServer fifth{{.listen = nonsense}};
    CHECK_THROWS_AS(fifth.start(), std::runtime_error);
  }
}

TEST_CASE("stopping finishes what is under way and nothing more") {
  TestServer server;
  Gate gate;
  server.router.add(Route{.method = "GET", .pattern = "/wait", .handle = [&](Worker*, Request&) {
                            gate.pass();
                            return Response{.body = "passed"};
                          }});
  server.start();
  int const port = server.server->port();
  auto idle = server.client(), busy = server.client();
  idle.send(get("/hello"));
  CHECK(idle.answer().ends_with("hello"));
  busy.send(get("/wait"));
  REQUIRE(eventually([&] { return gate.waiting == 1; }));
  std::thread stopping{[&] { server.server->stop(); }};
  CHECK(idle.everything().empty());
  CHECK_THROWS(RawClient{port});
  gate.open();
  auto const answer = busy.everything();
  CHECK(answer.ends_with("passed"));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  stopping.join();
}

TEST_CASE("stopping does not wait for ever") {
  TestServer server;
  server.start();
  auto half = server.client();
  half.send("GET /hello");
  CHECK(eventually([&] { return server.server->statistics().connections == 1; }));
  server.server->stop(milliseconds{20});
  half.everything();
}
