// A WebSocket: the server speaks, the client listens. One coroutine speaks; reading is a callback
// that throws away what it gets, so that an idle client costs little more than Beast's own state.
#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "platform/http/edge.hpp"
#include "platform/http/guard.hpp"
#include "platform/log/log.hpp"

namespace http {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr auto close_deadline = seconds{5};
constexpr auto pause_without_database = seconds{1};
constexpr auto pause_when_busy = milliseconds{250};
constexpr auto session_ended = websocket::close_code(4401);

/// A socket's `message` on a worker.
struct Looking final : Crossing {
  Looking(Socket const& for_route, Request const& for_request)
      : route{for_route}, request{for_request} {}
  void run(Worker& worker) override {
    try {
      message = route.message(worker, request);
      try_again = false;
    } catch (db::Unavailable const&) {
    } catch (std::exception const& error) {
      logging::Scope const scope{request.request_id, {}, {}};
      logging::error("http", "socket {}: {}", route.pattern, error.what());
    }
  }
  Socket const& route;
  Request const& request;
  std::optional<std::string> message;
  bool try_again = true;  // unless it is run and gives a message
};

class Session final : public Guest, private Letter {
 public:
  Session(Edge& edge, StreamSocket socket, Request request, Socket const& route,
          Socket::Plan const& plan)
      : edge_{edge},
        stream_{std::move(socket)},
        request_{std::move(request)},
        route_{route},
        interval_{plan.interval_ms.value_or(0)} {}

  Awaitable<> run(std::vector<std::string> topics);

  void look_at_clock(Moment now) override;
  void leave_soon() override {
    stopping_ = true;
    ring();
  }
  void leave_now() override {
    ErrorCode ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  Awaitable<bool> accept();
  Awaitable<> speak();
  Awaitable<bool> look();
  Awaitable<> say_good_bye();
  Awaitable<> ping();
  Awaitable<> close(websocket::close_code code, char const* reason);
  Awaitable<bool> send(std::string_view text);
  void read_next();

  /// The bell wakes the speaker. It is rung by the clock, by topics and by the end of reading.
  void ring();
  Awaitable<> bell();

  void arrived() override {  // a topic was announced
    is_poked_ = false;
    wants_look_ = true;
    ring();
  }
  void poke() {  // on the listening thread
    if (!is_poked_.exchange(true)) edge_.mailbox.send(*this);
  }

  Edge& edge_;
  websocket::stream<StreamSocket, false> stream_;
  Request const request_;
  Socket const& route_;
  milliseconds const interval_;
  std::vector<int> joined_;
  Waiting waiting_;
  Moment deadline_ = Moment::max(), next_look_ = Moment::max(), next_ping_ = Moment::max();
  std::atomic<bool> is_poked_ = false;
  bool is_rung_ = false, is_ringing_ = false;  // ringing: the resumption is on its way
  bool is_reading_ = false, heard_ = true;
  bool wants_look_ = true, wants_ping_ = false, stopping_ = false;
  std::array<char, 512> unread_;
};

void Session::ring() {
  is_rung_ = true;
  if (!waiting_.is_suspended() || is_ringing_) return;
  is_ringing_ = true;
  // Not at once: the bell is rung in the middle of other people's loops.
  asio::post(edge_.context, [this] {
    is_ringing_ = false;
    waiting_.resume();
  });
}

Awaitable<> Session::bell() {
  if (!is_rung_) co_await waiting_.suspend([] {});
  is_rung_ = false;
}

void Session::look_at_clock(Moment now) {
  if (now >= deadline_) {
    deadline_ = Moment::max();
    leave_now();
  }
  if (now >= next_look_) {
    next_look_ = Moment::max();
    wants_look_ = true;
    ring();
  }
  if (now >= next_ping_) {
    next_ping_ = now + edge_.settings.socket_ping;
    wants_ping_ = true;
    ring();
  }
}

void Session::read_next() {
  is_reading_ = true;
  stream_.async_read_some(asio::buffer(unread_), [this](ErrorCode error, std::size_t) {
    heard_ = true;
    if (!error) return read_next();
    is_reading_ = false;
    ring();
  });
}

Awaitable<> Session::run(std::vector<std::string> topics) {
  edge_.enter(*this);
  bool const accepted = co_await accept();
  if (!accepted) co_return;
  for (auto& topic : topics)
    joined_.push_back(edge_.hub.join(std::move(topic), [this](std::string_view) { poke(); }));
  read_next();
  next_ping_ = edge_.now + edge_.settings.socket_ping;
  co_await speak();

  // From here on nobody may know this object any more: not the hub, not the mailbox, not Beast.
  for (int const id : joined_) edge_.hub.leave(id);
  leave_now();
  while (is_reading_ || is_poked_) co_await bell();
}

Awaitable<bool> Session::accept() {
  stream_.read_message_max(edge_.settings.socket_message_limit);
  stream_.auto_fragment(false);
  stream_.text(true);
  stream_.control_callback([this](websocket::frame_type, beast::string_view) { heard_ = true; });
  stream_.set_option(websocket::stream_base::decorator([this](websocket::response_type& response) {
    response.set(beast::http::field::server, "");  // Beast would name itself
    response.set(beast::http::field::date, edge_.date);
    response.set("X-Request-Id", request_.request_id);
  }));

  beast::http::request<beast::http::empty_body> handshake{beast::http::verb::get, request_.target,
                                                          11};
  for (auto const* name :
       {"host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version"}) {
    auto const value = request_.header(name);
    handshake.set(name, beast::string_view{value.data(), value.size()});
  }
  deadline_ = edge_.now + edge_.settings.header_deadline;
  ErrorCode error;
  co_await stream_.async_accept(handshake, asio::redirect_error(use_awaitable, error));
  deadline_ = Moment::max();
  stream_.set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
  co_return !error;
}

Awaitable<> Session::speak() {
  while (is_reading_) {
    // Each co_await stands alone: g++ 12 compiles one inside an else-if into a trap.
    if (stopping_ || edge_.stopping) {
      co_await say_good_bye();
      co_return;
    }
    if (wants_ping_) {
      wants_ping_ = false;
      if (!heard_) co_return;  // neither a pong nor anything else since the last ping
      heard_ = false;
      co_await ping();
      continue;
    }
    if (wants_look_) {
      wants_look_ = false;
      bool const goes_on = co_await look();
      if (!goes_on) co_return;
      continue;
    }
    co_await bell();
  }
}

Awaitable<> Session::say_good_bye() {
  bool const sent = co_await send(R"({"type":"reconnect"})");
  if (sent) co_await close(websocket::close_code::service_restart, "restarting");
}

/// Asks a worker for the message to send now. False when the socket is over.
Awaitable<bool> Session::look() {
  if (!edge_.looks.take_at_once()) co_await edge_.looks.wait();
  if (!edge_.workers.has_room(Lane::live)) {
    edge_.looks.give_back();
    next_look_ = edge_.now + pause_when_busy;
    co_return true;
  }
  Looking looking{route_, request_};
  co_await looking.cross(edge_.workers, Lane::live);
  edge_.looks.give_back();

  if (looking.try_again)
    next_look_ = edge_.now + pause_without_database;
  else if (interval_ > milliseconds{0})
    next_look_ = edge_.now + interval_;
  if (looking.try_again) co_return true;
  if (!looking.message) {
    co_await close(session_ended, "session ended");
    co_return false;
  }
  if (looking.message->empty()) co_return true;
  co_return co_await send(*looking.message);
}

Awaitable<bool> Session::send(std::string_view text) {
  deadline_ = edge_.now + edge_.settings.socket_send_deadline;
  ErrorCode error;
  co_await stream_.async_write(asio::const_buffer{text.data(), text.size()},
                               asio::redirect_error(use_awaitable, error));
  deadline_ = Moment::max();
  co_return !error;
}

Awaitable<> Session::ping() {
  deadline_ = edge_.now + edge_.settings.socket_send_deadline;
  ErrorCode error;
  co_await stream_.async_ping({}, asio::redirect_error(use_awaitable, error));
  deadline_ = Moment::max();
}

Awaitable<> Session::close(websocket::close_code code, char const* reason) {
  deadline_ = edge_.now + close_deadline;
  ErrorCode error;
  co_await stream_.async_close({code, reason}, asio::redirect_error(use_awaitable, error));
  deadline_ = Moment::max();
}

}  // namespace

bool asks_for_socket(Request const& request) {
  return request.method == "GET" && list_contains(request.header("upgrade"), "websocket") &&
         list_contains(request.header("connection"), "upgrade") &&
         request.header("sec-websocket-version") == "13" &&
         request.header("sec-websocket-key").size() == 24;
}

Awaitable<> serve_socket(Edge& edge, StreamSocket socket, Request request, Socket const& route,
                         Socket::Plan plan) {
  Session session{edge, std::move(socket), std::move(request), route, plan};
  co_await session.run(std::move(plan.topics));
}

}  // namespace http
