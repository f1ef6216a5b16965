#pragma once
// What a child prints: cut into lines, kept in a file of bounded size (one older file beside it),
// and handed to whoever wants the lines.
#include <deque>
#include <functional>

#include "platform/files/files.hpp"

namespace process {

class Output {
 public:
  using OnLine = std::function<void(std::string_view line)>;
  /// `file` empty: no file. `limit` bytes, then FILE becomes FILE.1.
  Output(std::filesystem::path file, std::size_t limit, OnLine on_line);

  void add(std::string_view bytes);
  /// Hands on a last line that had no newline.
  void finish();
  /// The newest lines, joined; for saying why a child ended.
  [[nodiscard]] std::string tail() const;

 private:
  void line(std::string_view text);
  void write(std::string_view bytes);

  std::filesystem::path path_;
  std::size_t limit_, size_ = 0;
  OnLine on_line_;
  files::Descriptor file_;
  std::string partial_;
  std::deque<std::string> recent_;
};

}  // namespace process
