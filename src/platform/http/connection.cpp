// One HTTP connection, as a coroutine that reads like the protocol: head, guard, route, body, work,
// answer, and again. It waits only when a socket has nothing to give or to take.
#include <sys/sendfile.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "platform/files/files.hpp"
#include "platform/http/edge.hpp"
#include "platform/http/guard.hpp"
#include "platform/http/handling.hpp"
#include "platform/http/origins.hpp"
#include "platform/http/rate_limit.hpp"
#include "platform/http/request_parser.hpp"

namespace http {

namespace beast = boost::beast;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t most_discarded = 256 * 1024;  // bytes read after a refusal, see linger()
constexpr milliseconds linger_deadline{2000}, linger_when_stopping{100};
constexpr std::size_t kept_answer = 64 * 1024;  // a buffer that grew larger is given back
constexpr int turns_in_a_row = 32;              // pipelined requests before others have their turn
constexpr std::size_t piece_of_file = 256 * 1024;  // bytes of a file before others have their turn

class Connection final : public Guest {
 public:
  Connection(Edge& edge, StreamSocket socket, std::string const& address)
      : edge_{edge},
        socket_{std::move(socket)},
        address_{address},
        buffer_{edge.settings.header_limit} {}

  /// Until the connection is over or has become a WebSocket.
  Awaitable<> run();

  struct Upgrade {
    StreamSocket socket;
    Request request;
    Socket const* route;
    Socket::Plan plan;
  };
  std::optional<Upgrade> upgrade;

  void look_at_clock(Moment now) override;
  void leave_soon() override;
  void leave_now() override;

 private:
  enum class Phase { idle, reading, working, writing, lingering };
  enum class Next { request, linger, over };
  enum class Received { something, nothing_yet, end };

  Awaitable<Next> serve_one();
  Awaitable<std::size_t> read_head();
  Awaitable<bool> read_body(RequestParser& parser);
  bool has_room(Lane lane, std::size_t party) const;
  Awaitable<Next> work(Route const& route, bool keep_alive);
  Awaitable<Next> open_socket(Socket const& route);
  Awaitable<Next> refuse(Refusal refusal, bool keep_alive = false);
  Awaitable<Next> answer(Response response, bool keep_alive);
  Awaitable<bool> send(std::string_view first, std::string_view second);
  Awaitable<bool> send_file(int file, std::uint64_t size);
  Awaitable<> linger();
  Awaitable<> wait(StreamSocket::wait_type what);

  void begin_request();
  Received receive(std::size_t at_most);
  std::string_view bytes() const {
    return {static_cast<char const*>(buffer_.cdata().data()), buffer_.size()};
  }
  void enter(Phase phase, milliseconds limit) {
    phase_ = phase;
    deadline_ = edge_.now + limit;
  }

  Edge& edge_;
  StreamSocket socket_;
  std::string const& address_;
  beast::flat_buffer buffer_;
  Request request_;
  std::string out_;
  Refusal refusal_;
  Moment deadline_ = Moment::max();
  Phase phase_ = Phase::idle;
  bool expired_ = false;
  bool is_first_ = true;
  int turns_ = 0;
};

void Connection::look_at_clock(Moment now) {
  if (phase_ == Phase::idle && buffer_.size() == 0 && buffer_.capacity() > 0) {
    // Thousands of idle connections must not hold thousands of buffers.
    buffer_ = beast::flat_buffer{edge_.settings.header_limit};
    std::string{}.swap(out_);
  }
  if (now < deadline_) return;
  deadline_ = Moment::max();
  expired_ = true;
  ErrorCode ignored;
  socket_.cancel(ignored);
}

void Connection::leave_soon() {
  // An idle connection looks once more for a request that is just arriving, then closes.
  ErrorCode ignored;
  if (phase_ == Phase::idle) socket_.cancel(ignored);
}

void Connection::leave_now() {
  ErrorCode ignored;
  socket_.close(ignored);
}

Awaitable<> Connection::wait(StreamSocket::wait_type what) {
  turns_ = 0;
  ErrorCode error;
  co_await socket_.async_wait(what, asio::redirect_error(use_awaitable, error));
}

Connection::Received Connection::receive(std::size_t at_most) {
  auto const room = std::min(at_most, buffer_.max_size() - buffer_.size());
  ErrorCode error;
  auto const count = socket_.read_some(buffer_.prepare(room), error);
  buffer_.commit(count);
  if (count > 0) return Received::something;
  bool const can_wait = error == asio::error::would_block || error == asio::error::interrupted;
  return can_wait ? Received::nothing_yet : Received::end;
}

Awaitable<> Connection::run() {
  edge_.enter(*this);
  auto next = Next::request;
  while (next == Next::request) {
    next = co_await serve_one();
    if (++turns_ < turns_in_a_row) continue;
    turns_ = 0;
    co_await asio::post(edge_.context, use_awaitable);
  }
  if (next == Next::linger) co_await linger();
}

void Connection::begin_request() {
  request_.headers.clear();
  request_.path_parameters.clear();
  request_.body.clear();
  request_.query.clear();
  request_.path.clear();
  request_.target.clear();
  request_.method.clear();
  request_.route = {};
  request_.request_id.clear();
  request_.remote_address = address_;
  request_.secure = false;
  refusal_ = {};
}

Awaitable<Connection::Next> Connection::serve_one() {
  begin_request();
  auto const size = co_await read_head();
  if (size == 0) {
    if (!refusal_) co_return Next::over;
    co_return co_await refuse(refusal_);
  }
  count(edge_.counters.requests);
  auto const head = bytes().substr(0, size);
  auto const judgement = judge_head(head);
  if (judgement.refusal) co_return co_await refuse(judgement.refusal);

  auto const& framing = judgement.framing;
  request_.target = framing.target;
  RequestParser parser{request_};
  ErrorCode error;
  auto const parsed = parser.put(asio::const_buffer{head.data(), head.size()}, error);
  // The guard is stricter than the parser: a difference between them is a doubt, so a refusal.
  if (error || parsed != size || parser.chunked() != framing.chunked)
    co_return co_await refuse({400, "bad_request", "The request is malformed."});
  buffer_.consume(size);
  identify(request_, edge_.settings);
  if (!read_target(request_))
    co_return co_await refuse({400, "bad_target", "The address is malformed."});

  auto const match = edge_.router.match(request_);
  if (match.socket && asks_for_socket(request_)) {
    if (framing.has_body() || buffer_.size() > 0)
      co_return co_await refuse({400, "bad_upgrade", "Nothing may follow a request to upgrade."});
    co_return co_await open_socket(*match.socket);
  }
  if (!match.route) {
    bool const keep_alive = framing.keep_alive && !framing.has_body();
    auto response =
        match.socket ? edge_.refuse(request_, 426, "upgrade_required", "This is a WebSocket.")
        : match.allowed_methods.empty()
            ? edge_.refuse(request_, 404, "not_found", "There is nothing at this address.")
            : edge_.refuse(request_, 405, "method_not_allowed",
                           "This address does not know the method.");
    if (match.socket) {
      response.headers.push_back({"Upgrade", "websocket"});
      response.headers.push_back({"Sec-WebSocket-Version", "13"});
    } else if (!match.allowed_methods.empty()) {
      response.headers.push_back({"Allow", match.allowed_methods});
    }
    co_return co_await answer(std::move(response), keep_alive);
  }

  if (framing.content_length.value_or(0) > match.route->body_limit)
    co_return co_await refuse({413, "body_too_large", "The body is too large."});
  if (!parser.is_done()) {
    parser.limit_body(match.route->body_limit);
    if (framing.expects_continue && buffer_.size() == 0) {
      bool const sent = co_await send("HTTP/1.1 100 Continue\r\n\r\n", {});
      if (!sent) co_return Next::over;
    }
    bool const complete = co_await read_body(parser);
    if (!complete) {
      if (!refusal_) co_return Next::over;
      co_return co_await refuse(refusal_);
    }
  }
  co_return co_await work(*match.route, framing.keep_alive);
}

Awaitable<std::size_t> Connection::read_head() {
  auto const& settings = edge_.settings;
  bool begun = false, skipped_empty_line = false;
  bool may_be_readable = edge_.stopping;  // otherwise a vain recv() would cost what the wait does
  std::size_t scanned = 0;
  enter(Phase::idle, is_first_ ? settings.header_deadline : settings.idle_deadline);
  is_first_ = false;
  while (true) {
    if (!begun && buffer_.size() > 0) {
      begun = true;
      enter(Phase::reading, settings.header_deadline);
    }
    // RFC 9112, 2.2: one empty line before a request is forgiven.
    if (!skipped_empty_line && bytes().starts_with("\r\n")) {
      skipped_empty_line = true;
      scanned = 0;
      buffer_.consume(2);
    }
    auto const scan = scan_head(bytes(), scanned);
    if (scan.size > 0) co_return scan.size;
    scanned = buffer_.size();
    if (scan.malformed)
      refusal_ = {400, "bare_line_feed", "A line must end in CR LF."};
    else if (scanned >= settings.header_limit)
      refusal_ = {431, "header_too_large", "The header is too large."};
    if (refusal_) co_return 0;

    if (may_be_readable) {
      auto const received = receive(4096);
      if (received == Received::something) continue;
      if (received == Received::end || (edge_.stopping && !begun)) co_return 0;
      if (expired_) {
        if (begun) refusal_ = {408, "header_timeout", "The header did not arrive in time."};
        co_return 0;
      }
    }
    co_await wait(StreamSocket::wait_read);
    may_be_readable = true;
  }
}

Awaitable<bool> Connection::read_body(RequestParser& parser) {
  enter(Phase::reading, edge_.settings.body_deadline);
  parser.eager(true);
  while (true) {
    if (buffer_.size() > 0) {
      ErrorCode error;
      buffer_.consume(parser.put(buffer_.cdata(), error));
      if (error == beast::http::error::body_limit) {
        refusal_ = {413, "body_too_large", "The body is too large."};
        co_return false;
      }
      if (error && error != beast::http::error::need_more) {
        refusal_ = {400, "bad_body", "The body's framing is malformed."};
        co_return false;
      }
      if (parser.is_done()) co_return true;
      // All but a chunk's first line is consumed at once.
      if (buffer_.size() == buffer_.max_size()) {
        refusal_ = {400, "bad_body", "The body's framing is malformed."};
        co_return false;
      }
    }
    auto const received = receive(buffer_.max_size());
    if (received == Received::something) continue;
    if (received == Received::end) co_return false;
    if (expired_) {
      refusal_ = {408, "body_timeout", "The body did not arrive in time."};
      co_return false;
    }
    co_await wait(StreamSocket::wait_read);
  }
}

/// Whoever guesses a thousand passwords waits behind himself, not before the others.
bool Connection::has_room(Lane lane, std::size_t party) const {
  if (lane != Lane::password) return edge_.workers.has_room(lane);
  auto const known = edge_.passwords.find(party);
  auto const waiting = known == edge_.passwords.end() ? 0 : known->second;
  return waiting < edge_.settings.passwords_per_address &&
         edge_.workers.has_room(lane, waiting == 0);
}

Awaitable<Connection::Next> Connection::work(Route const& route, bool keep_alive) {
  phase_ = Phase::working;
  deadline_ = Moment::max();
  if (route.lane == Lane::edge)
    co_return co_await answer(edge_.handle(route, nullptr, request_), keep_alive);

  Handling handling{edge_, route, request_};
  if (route.lane == Lane::password)
    handling.party = std::hash<std::string>{}(address_group(request_.remote_address));
  if (!has_room(route.lane, handling.party)) {
    auto response = edge_.refuse(request_, 503, "busy", "Too much is going on. Try again.");
    response.headers.push_back({"Retry-After", "1"});
    co_return co_await answer(std::move(response), keep_alive);
  }
  turns_ = 0;
  if (route.lane == Lane::password) ++edge_.passwords[handling.party];
  co_await handling.cross(edge_.workers, route.lane);
  if (route.lane == Lane::password && --edge_.passwords[handling.party] == 0)
    edge_.passwords.erase(handling.party);
  co_return co_await answer(std::move(handling.response), keep_alive);
}

Awaitable<Connection::Next> Connection::open_socket(Socket const& route) {
  auto const& is_own_page = edge_.router.is_own_page ? edge_.router.is_own_page : is_from_its_host;
  if (!request_.header("origin").empty() && !is_own_page(request_))
    co_return co_await refuse({403, "cross_site", "Another site's page may not connect here."});
  phase_ = Phase::working;
  deadline_ = Moment::max();
  // After a restart everybody comes back at once: they wait here, not in the workers' queue.
  if (!edge_.looks.take_at_once()) co_await edge_.looks.wait();
  Opening opening{edge_, route, request_};
  co_await opening.cross(edge_.workers, Lane::live);
  edge_.looks.give_back();
  if (!opening.plan || edge_.stopping)
    co_return co_await answer(std::move(opening.response), false);
  upgrade.emplace(
      Upgrade{std::move(socket_), std::move(request_), &route, std::move(*opening.plan)});
  co_return Next::over;
}

Awaitable<Connection::Next> Connection::refuse(Refusal refusal, bool keep_alive) {
  if (request_.request_id.empty()) request_.request_id = make_request_id();
  co_return co_await answer(edge_.refuse(request_, refusal.status, refusal.code, refusal.detail),
                            keep_alive);
}

Awaitable<Connection::Next> Connection::answer(Response response, bool keep_alive) {
  keep_alive = keep_alive && !response.close && !edge_.stopping;
  out_.clear();
  auto const rest = write_answer(out_, response, request_, edge_.date, keep_alive);
  bool const sent = co_await send(out_, rest);
  if (out_.capacity() > kept_answer) std::string{}.swap(out_);
  if (!sent) co_return Next::over;
  if (response.file && request_.method != "HEAD") {
    bool const whole = co_await send_file(response.file->get(), response.file_size);
    if (!whole) co_return Next::over;
  }
  co_return keep_alive ? Next::request : Next::linger;
}

Awaitable<bool> Connection::send(std::string_view first, std::string_view second) {
  expired_ = false;
  while (!first.empty() || !second.empty()) {
    std::array<asio::const_buffer, 2> const parts{asio::const_buffer{first.data(), first.size()},
                                                  asio::const_buffer{second.data(), second.size()}};
    ErrorCode error;
    auto sent = socket_.write_some(parts, error);
    auto const of_first = std::min(sent, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(sent - of_first);
    if (!error) continue;
    if (error != asio::error::would_block || expired_) co_return false;
    // As long as the client takes something now and then, a long answer may take its time.
    enter(Phase::writing, edge_.settings.body_deadline);
    co_await wait(StreamSocket::wait_write);
  }
  co_return true;
}

/// False also when the file has become shorter: the client notices by the bytes that are missing.
Awaitable<bool> Connection::send_file(int file, std::uint64_t size) {
  expired_ = false;
  off_t at = 0;
  while (std::uint64_t(at) < size) {
    auto const piece = std::min<std::uint64_t>(piece_of_file, size - std::uint64_t(at));
    auto const sent = ::sendfile(socket_.native_handle(), file, &at, piece);
    if (sent == 0) co_return false;
    if (sent > 0) {
      co_await asio::post(edge_.context, use_awaitable);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN || expired_) co_return false;
    enter(Phase::writing, edge_.settings.body_deadline);
    co_await wait(StreamSocket::wait_write);
    deadline_ = Moment::max();  // it took something: the time begins anew
  }
  co_return true;
}

/// Closing a socket with unread bytes resets the connection, and the client might never see the
/// answer. So: say that we are finished, then read on for a little while.
Awaitable<> Connection::linger() {
  ErrorCode error;
  socket_.shutdown(StreamSocket::shutdown_send, error);
  if (error) co_return;
  expired_ = false;
  enter(Phase::lingering, edge_.stopping ? linger_when_stopping : linger_deadline);
  for (std::size_t discarded = 0; discarded < most_discarded && !expired_;) {
    buffer_.clear();
    auto const received = receive(buffer_.max_size());
    if (received == Received::end) co_return;
    discarded += buffer_.size();
    if (received == Received::nothing_yet) co_await wait(StreamSocket::wait_read);
  }
}

}  // namespace

Awaitable<> serve_connection(Edge& edge, StreamSocket socket, std::string address) {
  struct Leaving {
    Edge& edge;
    std::string const& address;
    ~Leaving() { edge.left(address); }
  } const leaving{edge, address};
  std::optional<Connection::Upgrade> upgrade;
  {
    Connection connection{edge, std::move(socket), address};
    co_await connection.run();
    upgrade = std::move(connection.upgrade);
  }
  if (upgrade) {
    count(edge.counters.sockets);
    co_await serve_socket(edge, std::move(upgrade->socket), std::move(upgrade->request),
                          *upgrade->route, std::move(upgrade->plan));
    count(edge.counters.sockets, -1);
  }
}

}  // namespace http
