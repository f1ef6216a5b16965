// The dependency rule of src/ORDER: a folder includes itself and the folders above it; the sandbox
// includes the platform, and others of the sandbox its public header.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "support/source.hpp"

namespace {
struct Include {
  std::string file, included;  // the file from `root`
};

/// What the files below `root` include by a path of ours.
std::vector<Include> includes_below(std::filesystem::path const& root) {
  std::regex const include{R"(^#include "([^"]+)\")"};
  std::vector<Include> out;
  for (auto const& entry : std::filesystem::recursive_directory_iterator{root}) {
    auto const extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp") continue;
    std::ifstream text{entry.path()};
    for (std::string line; std::getline(text, line);)
      if (std::smatch found; std::regex_search(line, found, include))
        out.push_back({std::filesystem::relative(entry.path(), root).string(), found[1]});
  }
  return out;
}
}  // namespace

TEST_CASE("no folder includes one that stands below it in src/ORDER") {
  auto const source = support::source_directory();
  std::map<std::string, int> place;
  std::ifstream order{source / "src/ORDER"};
  for (std::string line; std::getline(order, line);)
    if (!line.empty() && line[0] != '#') place.emplace(line, int(place.size()));
  REQUIRE(place.size() > 10);

  auto folder_of = [&](std::string const& file) {
    for (auto folder = std::filesystem::path{file}.parent_path(); !folder.empty();
         folder = folder.parent_path())
      if (place.contains(folder.string())) return folder.string();
    return std::string{};
  };
  for (auto const& [file, included] : includes_below(source / "src")) {
    auto const own = folder_of(file), other = folder_of(included);
    if (file != "main.cpp") CHECK_MESSAGE(!own.empty(), file << " lies in no folder of src/ORDER");
    if (own.empty() || other.empty()) continue;
    CHECK_MESSAGE(place[other] <= place[own],
                  file << " (" << own << ") includes " << included << ", which is below it");
  }
}

TEST_CASE("the sandbox knows the platform alone, and nobody knows more of it than its header") {
  auto const source = support::source_directory();
  auto const inside = includes_below(source / "sandbox");
  CHECK(inside.size() > 100);
  for (auto const& [file, included] : inside)
    CHECK_MESSAGE((included.starts_with("platform/") || included.starts_with("sandbox/")),
                  "sandbox/" << file << " includes " << included);
  for (auto const* folder : {"src", "tests", "benchmarks"})
    for (auto const& [file, included] : includes_below(source / folder))
      CHECK_MESSAGE((!included.starts_with("sandbox/") || included == "sandbox/sandbox.hpp"),
                    folder << "/" << file << " includes " << included);
}
