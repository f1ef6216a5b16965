// Listening, accepting, stopping. What happens on a connection is in connection.cpp.
#include "platform/http/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>
#include <cstring>
#include <future>

#include "platform/http/edge.hpp"
#include "platform/log/log.hpp"

namespace http {

namespace {

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol, Executor>;
using Endpoint = asio::generic::stream_protocol::endpoint;

std::string reason() { return std::strerror(errno); }

/// A socket file that nobody answers on is left over from a crash and may go.
void remove_stale_socket(std::string const& path, Endpoint const& endpoint) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return;
  if (!S_ISSOCK(found.st_mode))
    throw std::runtime_error{path + " exists and is not a socket; remove it or listen elsewhere"};
  int const probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool const answered = ::connect(probe, endpoint.data(), socklen_t(endpoint.size())) == 0;
  int const error = errno;
  ::close(probe);
  if (answered || error != ECONNREFUSED)
    throw std::runtime_error{"another process listens on " + path +
                             "; stop it or choose another place with --http-listen"};
  ::unlink(path.c_str());
}

Endpoint unix_endpoint(std::string const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error{"the path of the unix socket is too long (" +
                             std::to_string(path.size()) + " bytes, at most 107): " + path};
  std::memcpy(address.sun_path, path.data(), path.size());
  return {&address, offsetof(sockaddr_un, sun_path) + path.size() + 1, 0};
}

Endpoint tcp_endpoint(std::string const& listen) {
  auto const colon = listen.rfind(':');
  auto host = listen.substr(0, colon);
  int port = -1;
  if (colon != std::string::npos && colon + 1 < listen.size() && listen.size() - colon <= 6 &&
      std::all_of(listen.begin() + long(colon) + 1, listen.end(),
                  [](char c) { return c >= '0' && c <= '9'; }))
    port = std::stoi(listen.substr(colon + 1));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(std::uint16_t(port));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(std::uint16_t(port));
  if (port >= 0 && port <= 65535) {
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) return {&v4, sizeof v4, IPPROTO_TCP};
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) return {&v6, sizeof v6, IPPROTO_TCP};
  }
  throw std::runtime_error{"cannot listen on \"" + listen +
                           "\": give the path of a unix socket or address:port (127.0.0.1:8000)"};
}

constexpr std::string_view handed_over = "fd:";

/// A socket that was made for us: its number and what it is bound to.
std::pair<int, Endpoint> inherited_socket(std::string const& listen) {
  int number = -1;
  auto const digits = std::string_view{listen}.substr(handed_over.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(number, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error{"cannot listen on \"" + listen + "\": " + reason()};
  ::fcntl(number, F_SETFD, FD_CLOEXEC);
  return {number, Endpoint{&address, size, 0}};
}

std::string address_of(Endpoint const& endpoint) {
  char text[INET6_ADDRSTRLEN] = "";
  if (endpoint.data()->sa_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in const*>(endpoint.data())->sin_addr, text,
              sizeof text);
  if (endpoint.data()->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6 const*>(endpoint.data())->sin6_addr, text,
              sizeof text);
  return text;
}

}  // namespace

struct Server::Impl {
  Impl(ServerSettings settings, Router const& router, realtime::Hub& hub)
      : edge{std::move(settings), router, hub}, acceptor{edge.context}, pause{edge.context} {}

  void listen();
  void start();
  void stop(std::chrono::milliseconds patience);
  void accept_all();
  bool accept_one();
  void wait_for_clients();
  void turn_away(StreamSocket socket, int status, std::string_view code, std::string_view detail);
  /// Runs `what` on the edge's thread and waits for it.
  template <class What>
  void on_edge(What what);
  bool wait_until_empty(std::chrono::milliseconds patience);

  Edge edge;
  Acceptor acceptor;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      pause;
  std::thread thread;
  bool is_unix = false, running = false;
  int port = 0;
  std::string unlink_path;
  ino_t unlink_inode = 0;
};

void Server::Impl::listen() {
  auto const& listen = edge.settings.listen;
  if (listen.starts_with(handed_over)) {
    auto const [inherited, bound] = inherited_socket(listen);
    is_unix = bound.data()->sa_family == AF_UNIX;
    acceptor.assign(bound.protocol(), inherited);
    acceptor.non_blocking(true);
    if (::listen(inherited, 1024) != 0)
      throw std::runtime_error{"cannot listen on " + listen + ": " + reason()};
    return;
  }
  is_unix = listen.starts_with('/');
  auto const endpoint = is_unix ? unix_endpoint(listen) : tcp_endpoint(listen);
  if (is_unix) remove_stale_socket(listen, endpoint);
  int const fd =
      ::socket(endpoint.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw std::runtime_error{"no socket to listen with: " + reason()};
  acceptor.assign(endpoint.protocol(), fd);
  acceptor.non_blocking(true);
  int const on = 1;
  if (!is_unix) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, endpoint.data(), socklen_t(endpoint.size())) != 0) {
    auto const hint = errno == EADDRINUSE ? "; stop the other program or choose another port"
                      : errno == EACCES   ? "; choose another place or give the permission"
                                          : "";
    throw std::runtime_error{"cannot listen on " + listen + ": " + reason() + hint};
  }
  if (is_unix) {
    // Nobody can connect before listen(), so the mode is right from the first moment.
    struct stat made {};
    if (::chmod(listen.c_str(), edge.settings.unix_socket_mode) != 0 ||
        ::lstat(listen.c_str(), &made) != 0)
      throw std::runtime_error{"cannot set the mode of " + listen + ": " + reason()};
    unlink_path = listen;
    unlink_inode = made.st_ino;
  } else {
    auto const bound = acceptor.local_endpoint();
    port = ntohs(bound.data()->sa_family == AF_INET
                     ? reinterpret_cast<sockaddr_in const*>(bound.data())->sin_port
                     : reinterpret_cast<sockaddr_in6 const*>(bound.data())->sin6_port);
  }
  if (::listen(fd, 1024) != 0)
    throw std::runtime_error{"cannot listen on " + listen + ": " + reason()};
}

void Server::Impl::start() {
  listen();
  edge.workers.start();
  wait_for_clients();
  running = true;
  thread = std::thread{[this] {
    pthread_setname_np(pthread_self(), "edge");
    auto const keep_running = asio::make_work_guard(edge.context);
    edge.context.run();
  }};
}

void Server::Impl::wait_for_clients() {
  acceptor.async_wait(Acceptor::wait_read, [this](ErrorCode error) {
    if (!error && !edge.stopping) accept_all();
  });
}

void Server::Impl::accept_all() {
  while (accept_one()) {
  }
}

/// False when there is nobody left to accept; what is to happen next is then arranged.
bool Server::Impl::accept_one() {
  ErrorCode error;
  StreamSocket socket{edge.context};
  Endpoint peer;
  acceptor.accept(socket, peer, error);
  if (error == asio::error::would_block || error == asio::error::try_again) {
    wait_for_clients();
    return false;
  }
  if (error == boost::system::errc::too_many_files_open ||
      error == boost::system::errc::too_many_files_open_in_system ||
      error == boost::system::errc::not_enough_memory ||
      error == boost::system::errc::no_buffer_space) {
    logging::warning("http", "no connection could be accepted: {}", error.message());
    pause.expires_after(std::chrono::milliseconds{100});
    pause.async_wait([this](ErrorCode cancelled) {
      if (!cancelled && !edge.stopping) accept_all();
    });
    return false;
  }
  if (error) return !edge.stopping;  // that client has gone already

  socket.non_blocking(true, error);
  auto const& settings = edge.settings;
  std::string address;
  if (!is_unix) {
    int const on = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    address = address_of(peer);
  }
  if (edge.counters.connections.load(std::memory_order_relaxed) >= settings.connections) {
    turn_away(std::move(socket), 503, "busy", "Too many connections. Try again.");
    return true;
  }
  // Behind a front door all come from its address; it counts its own visitors.
  if (!address.empty() && settings.front_door_key.empty()) {
    auto& of_address = edge.per_address[address];
    if (of_address >= settings.connections_per_address) {
      turn_away(std::move(socket), 429, "too_many_connections",
                "Too many connections from this address.");
      return true;
    }
    ++of_address;
  }
  count(edge.counters.connections);
  asio::co_spawn(edge.context, serve_connection(edge, std::move(socket), std::move(address)),
                 [](std::exception_ptr failure) {
                   if (!failure) return;
                   try {
                     std::rethrow_exception(failure);
                   } catch (std::exception const& unexpected) {
                     logging::error("http", "a connection broke: {}", unexpected.what());
                   }
                 });
  return true;
}

/// Best effort: whoever comes in crowds gets one answer and no patience.
void Server::Impl::turn_away(StreamSocket socket, int status, std::string_view code,
                             std::string_view detail) {
  Request request;
  request.request_id = make_request_id();
  auto response = edge.refuse(request, status, code, detail);
  response.headers.push_back({"Retry-After", "1"});
  std::string out;
  out += write_answer(out, response, request, edge.date, false);
  ErrorCode ignored;
  socket.write_some(asio::buffer(out), ignored);
  socket.shutdown(StreamSocket::shutdown_both, ignored);
}

template <class What>
void Server::Impl::on_edge(What what) {
  std::promise<void> done;
  asio::post(edge.context, [&] {
    what();
    done.set_value();
  });
  done.get_future().wait();
}

bool Server::Impl::wait_until_empty(std::chrono::milliseconds patience) {
  auto const until = std::chrono::steady_clock::now() + patience;
  while (edge.counters.connections.load() > 0) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

void Server::Impl::stop(std::chrono::milliseconds patience) {
  if (!running) return;
  running = false;
  on_edge([this] {
    ErrorCode ignored;
    edge.stopping = true;
    acceptor.close(ignored);
    pause.cancel();
    for (auto& guest : edge.guests) guest.leave_soon();
  });
  struct stat found {};
  if (!unlink_path.empty() && lstat(unlink_path.c_str(), &found) == 0 &&
      found.st_ino == unlink_inode)
    ::unlink(unlink_path.c_str());  // unless a successor has put its own there

  if (!wait_until_empty(patience)) {
    if (patience.count() > 0)
      logging::warning("http", "{} connections were still open after {} ms and are closed",
                       edge.counters.connections.load(), patience.count());
    on_edge([this] {
      for (auto& guest : edge.guests) guest.leave_now();
    });
  }
  // A handler cannot be interrupted: its thread is waited for, then its connection ends too.
  edge.workers.stop();
  wait_until_empty(std::chrono::seconds{5});
  edge.context.stop();
  thread.join();
}

Server::Server(ServerSettings settings, Router const& router, realtime::Hub& hub)
    : impl_{std::make_unique<Impl>(std::move(settings), router, hub)} {}

Server::~Server() { stop(std::chrono::milliseconds{0}); }

void Server::start() { impl_->start(); }
int Server::port() const { return impl_->port; }
void Server::stop(std::chrono::milliseconds patience) { impl_->stop(patience); }

Server::Statistics Server::statistics() const {
  auto const& edge = impl_->edge;
  return {.requests = edge.counters.requests,
          .refused = edge.counters.refused,
          .connections = edge.counters.connections,
          .sockets = edge.counters.sockets,
          .standard_queue = edge.workers.waiting(Lane::standard),
          .slow_queue = edge.workers.waiting(Lane::slow),
          .password_queue = edge.workers.waiting(Lane::password)};
}

}  // namespace http
