// The five characters that mean something in HTML.
#include "platform/html/html.hpp"

namespace html {

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (char const c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace html
