#pragma once
// What a person types into a search field, as a pattern. PostgreSQL lowers it as it lowers the
// texts that are searched: what is a capital depends on the database.
#include <cctype>
#include <string>
#include <vector>

#include "platform/text/utf8.hpp"

namespace db {

/// With the pattern's own signs escaped.
inline std::string like_escaped(std::string_view part) {
  std::string out;
  for (char c : part) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// What a text may look like that has this part. An index of trigrams does not find fewer than
/// three letters unless they begin a word: those find beginnings only. Scripts from U+3000 on put
/// no blanks between words.
inline std::vector<std::string> like_patterns(std::string_view part) {
  auto const text = like_escaped(part);
  auto const first = static_cast<unsigned char>(text.front());
  bool const is_letter = std::isalnum(first) || first >= 0x80;
  if (!is_letter || first >= 0xe3 || utf8::count(part) >= 3) return {"%" + text + "%"};
  std::vector<std::string> out{text + "%"};
  for (auto const* before : {" ", "-", "@", ".", "(", "\"", "/", "\\_"})
    out.push_back("%" + std::string{before} + text + "%");
  return out;
}

}  // namespace db
