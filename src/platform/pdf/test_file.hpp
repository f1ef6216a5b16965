#pragma once
// Tests look at documents with the tools that readers use: poppler for text and structure, qpdf for
// the file's form.
#include <doctest/doctest.h>

#include <fstream>

#include "platform/files/files.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/pdf/document.hpp"
#include "platform/process/run.hpp"

inline std::string of_tool(std::string const& name, std::vector<std::string> arguments) {
  auto const done = process::run({.executable = "/usr/bin/" + name,
                                  .arguments = std::move(arguments),
                                  .environment = {{"LC_ALL", "C.UTF-8"}},
                                  .run_as = {},
                                  .limits = {}},
                                 std::chrono::seconds{60});
  REQUIRE_MESSAGE(done.ending.success(), done.output);
  return done.output;
}

/// A written document on the disk.
class File {
 public:
  explicit File(pdf::Document const& document) : File{pdf::write(document)} {}
  explicit File(std::string written) : bytes{std::move(written)} {
    std::ofstream{path("file.pdf"), std::ios::binary} << bytes;
  }
  [[nodiscard]] std::string path(std::string const& name) const {
    return (directory_.path() / name).string();
  }
  [[nodiscard]] std::string about() const { return of_tool("pdfinfo", {path("file.pdf")}); }
  [[nodiscard]] std::string text(std::string const& how = "-raw") const {
    static_cast<void>(of_tool("pdftotext", {how, path("file.pdf"), path("file.txt")}));
    return files::read(path("file.txt")).value();
  }
  [[nodiscard]] std::string structure() const {
    return of_tool("pdfinfo", {"-struct-text", path("file.pdf")});
  }
  [[nodiscard]] int pages() const {
    auto const said = about();
    return std::stoi(said.substr(said.find("Pages:") + 6));
  }
  void check_form() const {
    CHECK(of_tool("qpdf", {"--check", path("file.pdf")}).find("No syntax") != std::string::npos);
  }
  std::string bytes;

 private:
  TemporaryDirectory directory_;
};

inline bool has(std::string const& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline int count(std::string const& text, std::string_view part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}
