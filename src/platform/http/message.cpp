// The small grammars inside a request: percent-encoding, paths, forms, cookies. Everything that
// comes out is UTF-8 without NUL, so that nothing behind the edge has to ask again.
#include "platform/http/message.hpp"

#include <algorithm>

#include "platform/text/utf8.hpp"

namespace http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

/// A decoded "%2F" or "%5C" must not smuggle a climbing step past those who open files.
bool climbs(std::string_view segment) {
  while (true) {
    auto const end = std::min(segment.find_first_of("/\\"), segment.size());
    auto const step = segment.substr(0, end);
    if (step == "." || step == "..") return true;
    if (end == segment.size()) return false;
    segment.remove_prefix(end + 1);
  }
}

}  // namespace

std::string_view Request::cookie(std::string_view name) const {
  for (auto const& header : headers) {
    if (header.name != "cookie") continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      auto const end = std::min(rest.find(';'), rest.size());
      auto pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (pair.starts_with(' ') || pair.starts_with('\t')) pair.remove_prefix(1);
      while (pair.ends_with(' ') || pair.ends_with('\t')) pair.remove_suffix(1);
      if (!pair.starts_with(name) || pair.size() <= name.size() || pair[name.size()] != '=')
        continue;
      pair.remove_prefix(name.size() + 1);
      if (pair.size() >= 2 && pair.starts_with('"') && pair.ends_with('"'))
        pair = pair.substr(1, pair.size() - 2);
      return pair;
    }
  }
  return {};
}

std::string_view Request::user_agent() const { return utf8::first(header("user-agent"), 200); }

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return {};
      int const high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return {};
      out += char(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  if (!utf8::is_clean(out)) return {};
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (char const c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    auto const byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    auto const pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    auto const encoded_name = pair.substr(0, pair.find('='));
    auto name = percent_decode(encoded_name, true);
    auto value = percent_decode(pair.substr(std::min(encoded_name.size() + 1, pair.size())), true);
    if (!name || !value) return {};
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

std::vector<std::string_view> raw_segments(Request const& request) {
  std::string_view path = request.target.empty() ? request.path : request.target;
  path = path.substr(0, path.find('?'));
  if (path.starts_with('/')) path.remove_prefix(1);
  std::vector<std::string_view> segments;
  segments.reserve(8);
  while (true) {
    auto const end = path.find('/');
    segments.push_back(path.substr(0, end));
    if (end == std::string_view::npos) return segments;
    path.remove_prefix(end + 1);
  }
}

bool read_target(Request& request) {
  std::string_view const target = request.target;
  auto const question = std::min(target.find('?'), target.size());
  request.query = target.substr(std::min(question + 1, target.size()));
  auto const path = target.substr(0, question);
  bool const needs_care = path.find_first_of("%.\\") != std::string_view::npos;
  if (!needs_care && utf8::is_clean(path)) {
    request.path = path;
    return true;
  }
  request.path.clear();
  for (auto const segment : raw_segments(request)) {
    auto const decoded = percent_decode(segment, false);
    if (!decoded || climbs(*decoded)) return false;
    request.path += '/';
    request.path += *decoded;
  }
  return true;
}

}  // namespace http
