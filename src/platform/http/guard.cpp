// RFC 9112 read strictly: of every doubtful spelling there is exactly one outcome, a refusal.
#include "platform/http/guard.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace http {

namespace {

constexpr std::size_t most_fields = 100, longest_target = 8 * 1024, longest_method = 32;

constexpr std::array<bool, 256> make_table(bool (*holds)(unsigned)) {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = holds(c);
  return table;
}
constexpr bool is_alphanumeric(unsigned c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr auto token_bytes = make_table([](unsigned c) {
  return is_alphanumeric(c) ||
         (c < 127 && std::string_view{"!#$%&'*+-.^_`|~"}.find(char(c)) != std::string_view::npos);
});
constexpr auto value_bytes =
    make_table([](unsigned c) { return c == '\t' || (c >= ' ' && c != 127); });
constexpr auto target_bytes = make_table([](unsigned c) { return c > ' ' && c < 127 && c != '#'; });
constexpr auto host_bytes = make_table([](unsigned c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' || c == ']';
});

bool consists_of(std::string_view text, std::array<bool, 256> const& table) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr Refusal bad(std::string_view code, std::string_view detail) {
  return {400, code, detail};
}

Refusal judge_request_line(std::string_view line, Framing& framing, bool& is_1_0,
                           std::string_view& authority) {
  auto const method_end = line.find(' ');
  auto const target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || method_end == target_end)
    return bad("bad_request_line", "The request line is malformed.");
  auto const method = line.substr(0, method_end);
  auto target = line.substr(method_end + 1, target_end - method_end - 1);
  auto const version = line.substr(target_end + 1);
  if (method.empty() || method.size() > longest_method || !consists_of(method, token_bytes))
    return bad("bad_method", "The method is malformed.");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    bool const looks_right = version.size() == 8 && version.starts_with("HTTP/") &&
                             version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                             version[7] >= '0' && version[7] <= '9';
    if (!looks_right) return bad("bad_request_line", "The request line is malformed.");
    return {400, "unsupported_version", "This server speaks HTTP/1.1."};
  }
  is_1_0 = version == "HTTP/1.0";
  if (target.size() > longest_target) return {414, "target_too_long", "The address is too long."};
  if (target.empty() || !consists_of(target, target_bytes))
    return bad("bad_target", "The address holds characters that must be percent-encoded.");
  if (method == "CONNECT") return {405, "method_not_allowed", "This server is not a proxy."};

  if (target == "*" && method == "OPTIONS") {
    framing.target = target;
    return {};
  }
  if (!target.starts_with('/')) {
    auto const scheme_end = target.find("://");
    auto const scheme = target.substr(0, std::min(scheme_end, target.size()));
    if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https"))
      return bad("bad_target", "The address must start with '/'.");
    target.remove_prefix(scheme_end + 3);
    auto const path = target.find('/');
    authority = target.substr(0, path);
    // "http://host?x" has no path to answer for.
    if (path == std::string_view::npos || authority.empty() || !consists_of(authority, host_bytes))
      return bad("bad_target", "The absolute address is malformed.");
    target.remove_prefix(path);
  }
  framing.target = target;
  return {};
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool list_contains(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    auto const end = std::min(list.find(','), list.size());
    if (equals_ignoring_case(trimmed(list.substr(0, end)), token)) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

bool is_forbidden_trailer(std::string_view name) {
  static constexpr std::array<std::string_view, 16> names{
      "content-length", "transfer-encoding", "host",         "authorization",    "cookie",
      "connection",     "upgrade",           "te",           "trailer",          "expect",
      "keep-alive",     "proxy-connection",  "content-type", "content-encoding", "origin",
      "x-csrf-token"};
  return std::any_of(names.begin(), names.end(),
                     [&](auto other) { return equals_ignoring_case(name, other); });
}

HeadScan scan_head(std::string_view bytes, std::size_t from) {
  for (auto at = from; at < bytes.size(); ++at) {
    auto const* found =
        static_cast<char const*>(std::memchr(bytes.data() + at, '\n', bytes.size() - at));
    if (!found) return {};
    at = std::size_t(found - bytes.data());
    if (at == 0 || bytes[at - 1] != '\r') return {.malformed = true};
    if (at >= 3 && bytes[at - 2] == '\n') return {.size = at + 1};
  }
  return {};
}

Judgement judge_head(std::string_view head) {
  Judgement judgement;
  auto& framing = judgement.framing;
  auto refuse = [&](Refusal refusal) {
    judgement.refusal = refusal;
    return judgement;
  };
  if (!head.ends_with("\r\n\r\n")) return refuse(bad("bad_request_line", "The head has no end."));
  auto next_line = [&head] {
    auto const end = head.find("\r\n");
    auto const line = head.substr(0, end);
    head.remove_prefix(end + 2);
    return line;
  };

  bool is_1_0 = false;
  std::string_view authority, host;
  if (auto const refusal = judge_request_line(next_line(), framing, is_1_0, authority))
    return refuse(refusal);

  std::size_t fields = 0, hosts = 0, lengths = 0, encodings = 0, credentials = 0;
  bool says_close = false, says_keep_alive = false;
  while (true) {
    auto const line = next_line();
    if (line.empty()) break;
    if (++fields > most_fields) return refuse({431, "too_many_fields", "Too many header fields."});
    if (line.front() == ' ' || line.front() == '\t')
      return refuse(bad("folded_header", "A header field must stand on one line."));
    auto const colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 ||
        !consists_of(line.substr(0, colon), token_bytes))
      return refuse(bad("bad_header_name", "A header field's name is malformed."));
    auto const name = line.substr(0, colon);
    auto const value = trimmed(line.substr(colon + 1));
    if (!consists_of(value, value_bytes))
      return refuse(bad("bad_header_value", "A header field holds control characters."));

    if (equals_ignoring_case(name, "host")) {
      ++hosts;
      host = value;
    } else if (equals_ignoring_case(name, "content-length")) {
      if (++lengths > 1) return refuse(bad("bad_framing", "Two Content-Length fields."));
      std::uint64_t length = 0;
      auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      // from_chars takes no sign and no space for unsigned numbers; 18 digits cannot overflow.
      if (value.empty() || value.size() > 18 || error != std::errc{} ||
          end != value.data() + value.size())
        return refuse(bad("bad_framing", "Content-Length is not a number."));
      framing.content_length = length;
    } else if (equals_ignoring_case(name, "transfer-encoding")) {
      if (++encodings > 1 || !equals_ignoring_case(value, "chunked"))
        return refuse(bad("bad_framing", "The only Transfer-Encoding is \"chunked\", once."));
      framing.chunked = true;
    } else if (equals_ignoring_case(name, "connection")) {
      says_close = says_close || list_contains(value, "close");
      says_keep_alive = says_keep_alive || list_contains(value, "keep-alive");
    } else if (equals_ignoring_case(name, "expect")) {
      if (!equals_ignoring_case(value, "100-continue"))
        return refuse({417, "expectation_failed", "The only expectation met is 100-continue."});
      framing.expects_continue = !is_1_0;
    } else if (equals_ignoring_case(name, "authorization")) {
      if (++credentials > 1) return refuse(bad("bad_header", "Two Authorization fields."));
    }
  }
  if (hosts > 1 || (hosts == 0 && !is_1_0))
    return refuse(bad("bad_host", "A request has exactly one Host field."));
  if (hosts == 1 && (host.empty() || !consists_of(host, host_bytes)))
    return refuse(bad("bad_host", "The Host field is malformed."));
  if (!authority.empty() && hosts == 1 && !equals_ignoring_case(authority, host))
    return refuse(bad("bad_host", "The Host field and the address differ."));
  if (framing.chunked && (lengths > 0 || is_1_0))
    return refuse(
        bad("bad_framing", "Transfer-Encoding stands beside Content-Length or in HTTP/1.0."));
  framing.keep_alive = !says_close && (!is_1_0 || says_keep_alive);
  return judgement;
}

}  // namespace http
