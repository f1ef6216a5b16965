#pragma once
// CSV (RFC 4180) that no spreadsheet takes for formulas.
#include <string>
#include <string_view>

namespace csv {

/// Appends a text between quotes. What a spreadsheet would calculate gets an apostrophe in front:
/// only texts, since numbers and dates begin with a minus rightly.
inline void append_text(std::string& out, std::string_view text) {
  out += '"';
  if (!text.empty() && std::string_view{"=+-@\t\r"}.find(text.front()) != std::string_view::npos)
    out += '\'';
  for (char const c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

/// One line of texts; it ends where its life ends.
class Line {
 public:
  explicit Line(std::string& out) : out_{out} {}
  ~Line() { out_ += "\r\n"; }
  Line(Line const&) = delete;
  Line& operator=(Line const&) = delete;

  Line& add(std::string_view text) {
    if (!first_) out_ += ',';
    first_ = false;
    append_text(out_, text);
    return *this;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace csv
