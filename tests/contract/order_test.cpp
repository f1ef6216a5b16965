// The dependency rule of src/ORDER: a folder includes itself and the folders above it.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

TEST_CASE("no folder includes one that stands below it in src/ORDER") {
  std::filesystem::path const source{ONBOARDING_SOURCE};
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
  std::regex const include{R"(^#include "([^"]+)\")"};
  for (auto const& entry : std::filesystem::recursive_directory_iterator{source / "src"}) {
    auto const extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp") continue;
    auto const file = std::filesystem::relative(entry.path(), source / "src").string();
    auto const own = folder_of(file);
    if (file != "main.cpp") CHECK_MESSAGE(!own.empty(), file << " lies in no folder of src/ORDER");
    std::ifstream text{entry.path()};
    for (std::string line; std::getline(text, line);) {
      std::smatch found;
      if (own.empty() || !std::regex_search(line, found, include)) continue;
      auto const other = folder_of(found[1]);
      if (other.empty()) continue;
      CHECK_MESSAGE(place[other] <= place[own], file << " (" << own << ") includes "
                                                     << found[1].str() << ", which is below it");
    }
  }
}
