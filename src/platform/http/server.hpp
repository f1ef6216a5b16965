#pragma once
// The edge: sockets, framing, deadlines, limits. Everything behind it is plain blocking code on
// worker threads; a request crosses over once and comes back once.
#include <chrono>

#include "platform/http/route.hpp"
#include "platform/realtime/hub.hpp"

namespace http {

struct ServerSettings {
  /// "/path/to.sock", "127.0.0.1:port" (port 0 takes a free one), or "fd:3": a bound socket that
  /// this process was started with.
  std::string listen;
  /// Believe X-Forwarded-For, X-Forwarded-Proto: only behind HAProxy.
  bool behind_proxy = false;
  /// On a TCP port anybody of this machine can connect: HAProxy shows this in X-Front-Door with
  /// each request, and only then is believed. Empty: nobody has one.
  std::string front_door_key;
  std::string database_url;  // empty: workers run without a database (unit tests, sandbox pages)
  int standard_workers = 4, slow_workers = 2, password_workers = 2;
  int live_workers = 2, file_workers = 2;
  std::size_t queue_limit = 512;          // waiting requests per lane
  std::size_t password_queue_limit = 64;  // a log-in that waits longer is better told to come again
  std::size_t passwords_per_address = 8;  // of them
  std::size_t header_limit = 16 * 1024;   // bytes
  std::chrono::milliseconds header_deadline{10'000};
  std::chrono::milliseconds body_deadline{20'000};
  std::chrono::milliseconds idle_deadline{60'000};  // keep-alive
  std::size_t connections_per_address = 256;        // not applied on a unix socket
  std::size_t connections = 10'000;
  std::size_t socket_message_limit = 64 * 1024;
  std::chrono::milliseconds socket_ping{20'000};
  std::chrono::milliseconds socket_send_deadline{20'000};  // for a client to take one message
  unsigned unix_socket_mode = 0660;
};

class Server {
 public:
  /// The router and the hub must outlive the server.
  Server(ServerSettings settings, Router const& router, realtime::Hub& hub);
  ~Server();

  /// Binds and starts the threads; throws std::runtime_error with a sentence that says what to do
  /// (port taken, no permission, path too long).
  void start();
  /// The bound TCP port; 0 on a unix socket.
  [[nodiscard]] int port() const;
  /// Graceful: no new connections, requests under way are finished (at most `patience`), sockets
  /// get {"type":"reconnect"} and close code 1012.
  void stop(std::chrono::milliseconds patience = std::chrono::seconds{10});

  struct Statistics {
    std::uint64_t requests = 0, refused = 0, connections = 0, sockets = 0;
    std::size_t standard_queue = 0, slow_queue = 0, password_queue = 0;
  };
  [[nodiscard]] Statistics statistics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace http
