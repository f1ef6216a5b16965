#pragma once
// Outgoing HTTP(S) over libcurl: blocking, for jobs and the slow lane. Never inside a transaction.
#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace http_client {

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // sent (also when empty) for POST, PUT and PATCH
  std::string unix_socket;           // connect here instead of to the URL's host
  std::string ca_file;               // trust these certificates only; empty: the system's
  std::string pinned_file;           // the only server certificate believed, whatever its names
  std::string certificate_file, key_file;  // our own, for servers that ask who we are (PEM)
  std::filesystem::path body_file;         // sent instead of `body`, read while it is sent
  /// Takes the body of a 2xx answer, at most `answer_file_limit` bytes of it (0: all). An answer of
  /// which nothing comes for a minute is given up.
  std::filesystem::path answer_file;
  std::uint64_t answer_file_limit = 0;
  std::string connect_to;  // "host:port" to connect to, keeping the URL's Host and SNI
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{30'000};
  std::size_t answer_limit = 8 * 1024 * 1024;  // bytes; a longer answer is a failure
};

struct Response {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case

  std::string_view header(std::string_view name) const {
    for (auto const& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

/// No answer came: the connection failed, broke or took too long. `sent` is false when the request
/// certainly did not reach the other side.
struct Failure : std::runtime_error {
  Failure(std::string const& message, bool was_sent, bool took_too_long = false)
      : std::runtime_error{message}, sent{was_sent}, timed_out{took_too_long} {}
  bool sent;
  bool timed_out;
};

/// Connections are kept per thread and used again. Redirects are not followed.
[[nodiscard]] Response send(Request const& request);

/// The certificate (PEM) that an https server shows, without believing it: for comparing with a
/// fingerprint that came another way.
[[nodiscard]] std::string certificate_of(std::string const& url, std::chrono::milliseconds timeout);

/// application/x-www-form-urlencoded as Stripe wants it: space is %20, brackets stay literal.
class Form {
 public:
  Form& add(std::string_view name, std::string_view value);
  Form& add(std::string_view name, std::int64_t value) { return add(name, std::to_string(value)); }
  std::string const& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace http_client
