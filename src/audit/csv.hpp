#pragma once
// Lines of CSV (RFC 4180) that no spreadsheet takes for formulas.
#include <string>
#include <string_view>

namespace audit {

class CsvLine {
 public:
  explicit CsvLine(std::string& out) : out_{out} {}
  ~CsvLine() { out_ += "\r\n"; }
  CsvLine(CsvLine const&) = delete;
  CsvLine& operator=(CsvLine const&) = delete;

  CsvLine& add(std::string_view text) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    if (!text.empty() && std::string_view{"=+-@\t\r"}.find(text.front()) != std::string_view::npos)
      out_ += '\'';
    for (char const c : text) {
      if (c == '"') out_ += '"';
      out_ += c;
    }
    out_ += '"';
    return *this;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace audit
