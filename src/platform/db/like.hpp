#pragma once
// What a person types into a search field, for LIKE on lower-cased text.
#include <optional>
#include <string>

namespace db {

/// "%part%" in lower case, with the pattern's own signs escaped; none stays none.
inline std::optional<std::string> like_pattern(std::optional<std::string> const& part) {
  if (!part) return {};
  std::string out = "%";
  for (char c : *part) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  }
  return out + "%";
}

}  // namespace db
