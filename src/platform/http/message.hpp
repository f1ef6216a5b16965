#pragma once
// One request and one answer, as the workers see them. No Beast here.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace files {
class Descriptor;
}

namespace http {

struct Header {
  std::string name;   // lower case in requests, as written in answers
  std::string value;  // in requests UTF-8: other bytes have become U+FFFD
};

struct Request {
  std::string method;
  std::string target;        // as sent: path and query
  std::string path;          // percent-decoded
  std::string query;         // raw, without '?'
  std::string_view route{};  // the pattern that fits the path, for logs: a path may hold a secret
  std::vector<Header> headers;
  std::string body;            // raw bytes, within the route's limit
  std::string remote_address;  // the client's, as HAProxy told it on a trusted listener
  std::string request_id;      // taken from X-Request-Id when that is sane, else made
  bool secure = false;         // the client spoke TLS to the front door
  std::vector<std::pair<std::string_view, std::string>> path_parameters;

  /// The header's value, empty when it is missing. `name` in lower case.
  std::string_view header(std::string_view name) const {
    for (auto const& header : headers)
      if (header.name == name) return header.value;
    return {};
  }
  std::string_view path_parameter(std::string_view name) const {
    for (auto const& [key, value] : path_parameters)
      if (key == name) return value;
    return {};
  }
  /// The value of one cookie, empty when it is missing.
  std::string_view cookie(std::string_view name) const;
  /// What the client calls itself, as far as it is kept: at most 200 characters.
  std::string_view user_agent() const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<Header> headers;
  /// Bytes that outlive the answer (embedded files); used instead of `body` when set.
  std::string_view static_body{};
  /// Sent from the disk piece by piece, so that its size does not matter; used instead of `body`.
  std::shared_ptr<files::Descriptor const> file{};
  std::uint64_t file_size = 0;
  bool close = false;  // end the connection after this answer

  std::string_view payload() const { return static_body.data() ? static_body : body; }
  std::uint64_t size() const { return file ? file_size : payload().size(); }
  Response&& with(std::string name, std::string value) && {
    headers.push_back({std::move(name), std::move(value)});
    return std::move(*this);
  }
};

/// Percent-decoding of one path segment or form value; none when the text is malformed, is not
/// UTF-8 or contains NUL. `plus_is_space` for forms and queries.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
[[nodiscard]] std::string percent_encode(std::string_view text);
/// Fills `path` and `query` from `target`; false when a segment is malformed or tries to climb
/// ("." and "..", also behind "%2F" or a backslash).
[[nodiscard]] bool read_target(Request& request);
/// The segments of the target's path as sent: "/a/b%2Fc" gives "a" and "b%2Fc".
[[nodiscard]] std::vector<std::string_view> raw_segments(Request const& request);
/// "a=1&b=2" into decoded pairs, in order; none when malformed.
[[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>> parse_form(
    std::string_view text);

}  // namespace http
