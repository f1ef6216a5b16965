#pragma once
// Outgoing HTTP(S) over libcurl: blocking, for jobs and the slow lane. Never inside a transaction.
#include <chrono>
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
  std::string connect_to;            // "host:port" to connect to, keeping the URL's Host and SNI
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
  Failure(std::string const& message, bool was_sent)
      : std::runtime_error{message}, sent{was_sent} {}
  bool sent;
};

/// Connections are kept per thread and used again. Redirects are not followed.
[[nodiscard]] Response send(Request const& request);

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
