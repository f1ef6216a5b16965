// The clock that looks at every connection's deadline, refusals, who the client is.
#include "platform/http/edge.hpp"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "platform/crypto/crypto.hpp"
#include "platform/log/log.hpp"

namespace http {

namespace {
std::string http_date() {
  static constexpr char const* days[]{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr char const* months[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto const seconds = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[parts.tm_wday], parts.tm_mday,
                     months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                     parts.tm_sec);
}

/// A quarter of the shortest deadline is precise enough, four looks a second are cheap enough.
std::chrono::milliseconds interval_for(ServerSettings const& settings) {
  auto const shortest =
      std::min({settings.header_deadline, settings.body_deadline, settings.idle_deadline,
                settings.socket_ping, settings.socket_send_deadline});
  return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{250});
}
}  // namespace

Edge::Edge(ServerSettings server_settings, Router const& request_router, realtime::Hub& socket_hub)
    : settings{std::move(server_settings)},
      router{request_router},
      hub{socket_hub},
      now{std::chrono::steady_clock::now()},
      date{http_date()},
      mailbox{[this] { asio::post(context, [this] { mailbox.deliver(); }); }},
      workers{{.database_url = settings.database_url,
               .standard = settings.standard_workers,
               .slow = settings.slow_workers,
               .password = settings.password_workers,
               .live = settings.live_workers,
               .files = settings.file_workers,
               .queue_limit = settings.queue_limit,
               .password_queue_limit = settings.password_queue_limit},
              mailbox,
              [this] { asio::post(context, [this] { workers.hand_over(); }); }},
      looks{context, std::max(1, settings.live_workers) * 8},
      interval_{interval_for(settings)},
      clock_{context} {}

void Edge::enter(Guest& guest) {
  guests.push_back(guest);
  if (clock_runs_) return;
  // Without guests the clock stands still and an idle server uses no CPU at all.
  clock_runs_ = true;
  now = std::chrono::steady_clock::now();
  date = http_date();
  wait_for_clock();
}

void Edge::wait_for_clock() {
  clock_.expires_after(interval_);
  clock_.async_wait([this](ErrorCode error) {
    if (!error) look_at_clock();
  });
}

void Edge::look_at_clock() {
  now = std::chrono::steady_clock::now();
  date = http_date();
  for (auto& guest : guests) guest.look_at_clock(now);
  clock_runs_ = !guests.empty();
  if (clock_runs_) wait_for_clock();
}

void Edge::left(std::string const& address) {
  count(counters.connections, -1);
  if (address.empty()) return;
  auto const known = per_address.find(address);
  if (known != per_address.end() && --known->second == 0) per_address.erase(known);
}

Response Edge::refuse(Request const& request, int status, std::string_view code,
                      std::string_view detail) {
  count(counters.refused);
  if (router.refuse) {
    try {
      return router.refuse(request, status, code, detail);
    } catch (std::exception const& error) {
      logging::error("http", "the refusal {} could not be written: {}", status, error.what());
    }
  }
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .body = std::string{detail} + "\n"};
}

Response Edge::handle(Route const& route, Worker* worker, Request& request) const {
  std::string why = "an exception of unknown type";
  try {
    return route.handle(worker, request);
  } catch (std::exception const& error) {
    why = error.what();
  } catch (...) {
  }
  logging::Scope const scope{request.request_id, {}, {}};
  logging::error("http", "{} {}: {}", route.method, route.pattern, why);
  static constexpr std::string_view detail = "Something went wrong here. It has been logged.";
  if (router.refuse) return router.refuse(request, 500, "internal_error", detail);
  return {.status = 500, .content_type = "text/plain; charset=utf-8", .body = std::string{detail}};
}

std::string make_request_id() {
  // One system call gives the randomness of 256 ids.
  thread_local std::array<unsigned char, 4096> pool;
  thread_local std::size_t used = pool.size();
  if (used == pool.size()) {
    for (std::size_t filled = 0; filled < pool.size();) {
      auto const got = getrandom(pool.data() + filled, pool.size() - filled, 0);
      if (got > 0) filled += std::size_t(got);
    }
    used = 0;
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::string id(32, '0');
  for (std::size_t i = 0; i < 16; ++i, ++used) {
    id[2 * i] = digits[pool[used] >> 4];
    id[2 * i + 1] = digits[pool[used] & 15];
  }
  return id;
}

void identify(Request& request, ServerSettings const& settings) {
  bool const behind_proxy =
      settings.behind_proxy ||
      (!settings.front_door_key.empty() &&
       crypto::equal_in_constant_time(request.header("x-front-door"), settings.front_door_key));
  auto is_sane_id = [](std::string_view id) {
    return id.size() >= 8 && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '-' || c == '_';
           });
  };
  std::string forwarded;
  for (auto const& header : request.headers) {
    if (header.name == "x-request-id" && is_sane_id(header.value))
      request.request_id = header.value;
    if (!behind_proxy) continue;
    if (header.name == "x-forwarded-proto") request.secure = header.value == "https";
    if (header.name == "x-forwarded-for") {
      // The last element is what the proxy itself saw; the others are hearsay.
      auto const comma = header.value.rfind(',');
      forwarded = header.value.substr(comma == std::string::npos ? 0 : comma + 1);
      std::erase(forwarded, ' ');
    }
  }
  std::array<unsigned char, sizeof(in6_addr)> binary;
  if (!forwarded.empty() && (inet_pton(AF_INET, forwarded.c_str(), binary.data()) == 1 ||
                             inet_pton(AF_INET6, forwarded.c_str(), binary.data()) == 1))
    request.remote_address = std::move(forwarded);
  // What has been read, or must not be believed, is not left lying about.
  std::erase_if(request.headers, [](Header const& header) {
    return header.name.starts_with("x-forwarded-") || header.name == "x-front-door";
  });
  if (request.request_id.empty()) request.request_id = make_request_id();
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

}  // namespace http
