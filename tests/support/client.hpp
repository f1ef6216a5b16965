#pragma once
// An HTTP client for tests: what a script or a browser would send, and answers easy to look into.
#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "platform/http_client/http_client.hpp"

namespace support {

using Json = boost::json::value;
using Headers = std::vector<std::string>;  // "Name: value"

struct Reply {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  Json json;  // null when the body is not JSON

  /// A member as text, by a dotted path: reply["data.0.subdomain"]; empty when it is not there.
  std::string operator[](std::string_view path) const;
  /// The same for a part of the document.
  static std::string text(Json const& json, std::string_view path);
  std::string header(std::string_view name) const;
  /// Pointers of all field problems, sorted, separated by blanks.
  std::string wrong_fields() const;
  /// The code of one field's problem.
  std::string problem_of(std::string_view pointer) const;
};

/// Somebody who sends requests: an address and the headers that go with each of them.
class Caller {
 public:
  Caller(std::string base, Headers headers)
      : base_{std::move(base)}, headers_{std::move(headers)} {}

  Reply get(std::string const& path, Headers headers = {}) const;
  Reply post(std::string const& path, Json const& body, Headers headers = {}) const;
  Reply send(std::string const& method, std::string const& path, std::string const& body,
             Headers headers) const;
  /// The same caller with more headers.
  [[nodiscard]] Caller with(Headers headers) const;
  Headers const& headers() const { return headers_; }
  std::string const& base() const { return base_; }

 private:
  std::string base_;
  Headers headers_;
};

/// A page read and filled in as by a browser without scripts.
struct Page {
  Reply reply;
  std::string address;
  std::vector<std::pair<std::string, std::string>> fields;  // of its form
  std::string action;

  static Page open(std::string const& address);
  /// Posts the form with what is typed over its fields, and with the page's own Origin.
  Page submit(std::vector<std::pair<std::string, std::string>> const& typed) const;
};

/// Waits for what another thread or process brings about; false after `seconds`.
bool eventually(std::function<bool()> const& condition, int seconds = 30);

/// HMAC-SHA256 in hexadecimal, computed apart from the program's own code.
std::string hmac_hex(std::string_view key, std::string_view message);
/// A Stripe-Signature header for a body.
std::string stripe_signature(std::string_view secret, std::string_view body, std::int64_t at);

int free_port();

}  // namespace support
