// An answer as bytes. Small bodies travel in the same buffer as the head, so that one system call
// sends all of it; long ones are sent from where they lie.
#include <array>
#include <charconv>

#include "platform/http/edge.hpp"
#include "platform/http/guard.hpp"
#include "platform/log/log.hpp"

namespace http {

namespace {

constexpr std::size_t copied_body = 8 * 1024;  // bytes; a longer one is not worth copying

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// These are the edge's own: a second one beside them would confuse whoever reads the answer.
bool is_for_the_edge(std::string_view name) {
  switch (name.size()) {
    case 4:
      return equals_ignoring_case(name, "date");
    case 10:
      return equals_ignoring_case(name, "connection");
    case 12:
      return equals_ignoring_case(name, "x-request-id") ||
             equals_ignoring_case(name, "content-type");
    case 14:
      return equals_ignoring_case(name, "content-length");
    case 17:
      return equals_ignoring_case(name, "transfer-encoding");
    default:
      return false;
  }
}

/// A line break in a header would be a second header, or a second answer.
bool is_one_line(std::string_view text) {
  for (char const c : text)
    if (static_cast<unsigned char>(c) < ' ' && c != '\t') return false;
  return true;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  if (!is_one_line(value) || !is_one_line(name) || name.empty()) {
    logging::error("http", "an answer's header was left out: it holds control characters");
    return;
  }
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view write_answer(std::string& out, Response const& response, Request const& request,
                              std::string_view date, bool keep_alive) {
  auto const payload = response.payload();
  bool const may_have_body =
      response.status >= 200 && response.status != 204 && response.status != 304;
  out += "HTTP/1.1 ";
  append_number(out, std::size_t(response.status));
  out.append(" ").append(reason_phrase(response.status)).append("\r\nDate: ").append(date);
  out.append("\r\nX-Request-Id: ").append(request.request_id).append("\r\n");
  if (may_have_body) {
    if (response.size() > 0 && !response.content_type.empty())
      append_header(out, "Content-Type", response.content_type);
    out += "Content-Length: ";
    append_number(out, response.size());
    out += "\r\n";
  }
  for (auto const& header : response.headers)
    if (!is_for_the_edge(header.name)) append_header(out, header.name, header.value);
  out += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  if (!may_have_body || request.method == "HEAD" || response.file) return {};
  if (payload.size() > copied_body) return payload;
  out += payload;
  return {};
}

}  // namespace http
