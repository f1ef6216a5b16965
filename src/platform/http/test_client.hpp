#pragma once
// For tests only: a client that sends exactly the bytes it is told to, and a server of its own for
// each test.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>

#include "platform/http/server.hpp"

namespace http::test {

/// Waits for a condition that another thread brings about; false after ten seconds.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    ::poll(nullptr, 0, 5);
  }
  return false;
}

/// Something that handlers wait at until the test opens it.
class Gate {
 public:
  void open() {
    std::scoped_lock lock{mutex_};
    is_open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock{mutex_};
    ++waiting;
    changed_.wait(lock, [this] { return is_open_; });
  }
  std::atomic<int> waiting = 0;  // how many have come so far

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

class RawClient {
 public:
  explicit RawClient(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(std::uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(AF_INET, &address, sizeof address);
  }
  explicit RawClient(std::string const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    connect(AF_UNIX, &address, sizeof address);
  }
  ~RawClient() { hang_up(); }
  RawClient(RawClient const&) = delete;
  RawClient& operator=(RawClient const&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto const sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server has had enough; what it said can still be read
      bytes.remove_prefix(std::size_t(sent));
    }
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  void hang_up() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  /// One answer with its body; empty when the server closed. `body_follows` is false for HEAD.
  std::string answer(bool body_follows = true) {
    std::size_t head = std::string::npos;
    while ((head = received_.find("\r\n\r\n")) == std::string::npos)
      if (!receive()) return std::exchange(received_, {});
    auto size = head + 4;
    auto const length = received_.find("Content-Length: ");
    if (body_follows && length < head) size += std::stoul(received_.substr(length + 16));
    while (received_.size() < size)
      if (!receive()) return std::exchange(received_, {});
    auto answer = received_.substr(0, size);
    received_.erase(0, size);
    return answer;
  }
  /// All that comes until the server closes.
  std::string everything() {
    while (receive()) {
    }
    return std::exchange(received_, {});
  }

 private:
  void connect(int family, void const* address, std::size_t size) {
    fd_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval const patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd_, static_cast<sockaddr const*>(address), socklen_t(size)) != 0)
      throw std::runtime_error{std::string{"connect: "} + std::strerror(errno)};
  }
  bool receive() {
    char bytes[4096];
    auto const count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) throw std::runtime_error{"the server is silent"};
    if (count > 0) received_.append(bytes, std::size_t(count));
    return count > 0;
  }

  int fd_ = -1;
  std::string received_;
};

inline int status_of(std::string_view answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(std::string{answer.substr(9, 3)}) : 0;
}

/// A server on a free port of the loopback. Routes are added before start().
struct TestServer {
  explicit TestServer(ServerSettings wanted = {}) : settings{std::move(wanted)} {
    if (settings.listen.empty()) settings.listen = "127.0.0.1:0";
    router.add(Route{.method = "GET", .pattern = "/hello", .lane = Lane::edge, .handle = hello});
    router.add(Route{.method = "GET", .pattern = "/worker", .handle = hello});
    router.add(Route{.method = "POST",
                     .pattern = "/echo",
                     .body_limit = 1000,
                     .handle = [](Worker*, Request& request) {
                       return Response{.content_type = "text/plain", .body = request.body};
                     }});
  }
  void start() {
    server = std::make_unique<Server>(settings, router, hub);
    server->start();
  }
  RawClient client() const { return RawClient{server->port()}; }
  /// Whether the server still does its work, whatever was done to it.
  bool is_well() const {
    auto well = client();
    well.send("GET /worker HTTP/1.1\r\nHost: a\r\n\r\n");
    return well.answer().ends_with("hello");
  }
  static Response hello(Worker*, Request&) {
    return {.content_type = "text/plain", .body = "hello"};
  }

  ServerSettings settings;
  Router router;
  realtime::Hub hub;
  std::unique_ptr<Server> server;
};

}  // namespace http::test
