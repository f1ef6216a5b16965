#pragma once
// What all connections of the edge's thread share: its Asio context, the clock of its deadlines,
// the workers, the counters. Asio lives here; included only by the .cpp files of this folder.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/intrusive/list.hpp>
#include <deque>
#include <optional>
#include <unordered_map>

#include "platform/http/server.hpp"
#include "platform/http/workers.hpp"

namespace http {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Executor = asio::io_context::executor_type;
template <class T = void>
using Awaitable = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> use_awaitable{};
/// One type for TCP and unix sockets.
using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
using Moment = std::chrono::steady_clock::time_point;

/// A coroutine that waits for something other than a socket.
class Waiting {
 public:
  using Handler = asio::async_result<asio::use_awaitable_t<Executor>, void()>::handler_type;

  /// Suspends the caller, then calls `begin`, which must bring about resume().
  template <class Begin>
  auto suspend(Begin begin) {
    return asio::async_initiate<asio::use_awaitable_t<Executor> const, void()>(
        [this, begin](auto&& handler) {
          handler_.emplace(std::move(handler));
          begin();
        },
        use_awaitable);
  }
  bool is_suspended() const { return handler_.has_value(); }
  /// Goes on with the coroutine at once; only on the edge's thread.
  void resume() {
    auto handler = std::move(*handler_);
    handler_.reset();
    std::move(handler)();
  }

 private:
  std::optional<Handler> handler_;
};

/// At most so many at once; the others wait their turn, first come first served. Turns are handed
/// on by the dozen: work that reaches sleeping workers in one go wakes them once.
class Turns {
 public:
  Turns(asio::io_context& context, int at_once)
      : context_{context}, free_{at_once}, dozen_{at_once / 2} {}
  bool take_at_once() { return free_ > 0 && queue_.empty() && free_-- > 0; }
  Awaitable<> wait() {
    Waiting turn;
    co_await turn.suspend([this, &turn] { queue_.push_back(&turn); });
  }
  void give_back() {
    if (++free_ < dozen_) return;
    for (; free_ > 0 && !queue_.empty(); --free_) {
      // Not from inside our own work: that could become ten thousand calls deep.
      asio::post(context_, [next = queue_.front()] { next->resume(); });
      queue_.pop_front();
    }
  }

 private:
  asio::io_context& context_;
  int free_;
  int const dozen_;
  std::deque<Waiting*> queue_;
};

/// A job of a coroutine on the edge.
class Crossing : public Job {
 public:
  /// To a worker and back. The caller has asked workers.has_room(lane).
  auto cross(Workers& workers, Lane lane) {
    return waiting_.suspend([this, &workers, lane] { workers.submit(lane, *this); });
  }
  void arrived() final { waiting_.resume(); }

 protected:
  ~Crossing() = default;

 private:
  Waiting waiting_;
};

/// Whoever holds a socket open. The edge looks at each several times a second, which is far
/// cheaper than a timer for every read.
class Guest : public boost::intrusive::list_base_hook<
                  boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual void look_at_clock(Moment now) = 0;
  virtual void leave_soon() = 0;  // the server stops: finish what is under way
  virtual void leave_now() = 0;   // patience is over

 protected:
  ~Guest() = default;
};

struct Counters {
  std::atomic<std::uint64_t> requests = 0, refused = 0, connections = 0, sockets = 0;
};
inline void count(std::atomic<std::uint64_t>& counter, std::int64_t by = 1) {
  counter.fetch_add(std::uint64_t(by), std::memory_order_relaxed);
}

struct Edge {
  Edge(ServerSettings server_settings, Router const& request_router, realtime::Hub& socket_hub);

  /// The edge's own refusals, in the form the router was given for them.
  Response refuse(Request const& request, int status, std::string_view code,
                  std::string_view detail);
  /// Runs a handler; whatever it throws becomes a 500.
  Response handle(Route const& route, Worker* worker, Request& request) const;
  void enter(Guest& guest);
  void left(std::string const& address);

  ServerSettings const settings;
  Router const& router;
  realtime::Hub& hub;
  Counters counters;
  Moment now;        // as of the last look at the clock
  std::string date;  // likewise, for the Date header
  bool stopping = false;
  boost::intrusive::list<Guest, boost::intrusive::constant_time_size<false>> guests;
  std::unordered_map<std::string, std::size_t> per_address;
  std::unordered_map<std::size_t, std::size_t> passwords;  // under way, by the job's party
  asio::io_context context{1};
  Mailbox mailbox;
  Workers workers;
  /// Sockets that open or look at the database: ten thousand at once must neither fill the queue
  /// that ordinary requests stand in, nor be refused because it is full.
  Turns looks;

 private:
  void look_at_clock();
  void wait_for_clock();

  std::chrono::milliseconds interval_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      clock_;
  bool clock_runs_ = false;
};

/// 32 random hexadecimal digits.
[[nodiscard]] std::string make_request_id();
/// Fills the request's id, remote_address and secure from its headers, as far as they are believed.
void identify(Request& request, ServerSettings const& settings);
[[nodiscard]] std::string_view reason_phrase(int status);

/// The head of an answer and, unless it is long, its body: appended to `out`. Returns what is still
/// to be sent after it.
[[nodiscard]] std::string_view write_answer(std::string& out, Response const& response,
                                            Request const& request, std::string_view date,
                                            bool keep_alive);

/// Speaks HTTP on an accepted socket until either side has had enough.
Awaitable<> serve_connection(Edge& edge, StreamSocket socket, std::string address);

/// Speaks WebSocket on it from then on: the request has asked for it and `open` has agreed.
Awaitable<> serve_socket(Edge& edge, StreamSocket socket, Request request, Socket const& route,
                         Socket::Plan plan);
/// Whether a request may become a WebSocket: an upgrade of version 13.
[[nodiscard]] bool asks_for_socket(Request const& request);

}  // namespace http
