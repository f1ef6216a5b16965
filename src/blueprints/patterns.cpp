// How names and scripts of a blueprint may look.
#include "blueprints/patterns.hpp"

#include <regex>

namespace blueprints {

bool names_a_shell(std::string const& line) {
  static std::regex const shell{R"(#!/(usr/)?bin/(env )?(ba|da)?sh\b)"};
  return std::regex_search(line, shell, std::regex_constants::match_continuous);
}

bool writes_commands_down(std::string const& line) {
  static std::regex const tracing{R"(^\s*set\s+-[a-wyz]*x.*|^#!.*\s-[a-wyz]*x\s*$)"};
  return std::regex_match(line, tracing);
}

bool is_name(std::string const& text) {
  static std::regex const name{"[a-z][a-z0-9-]{0,39}"};
  return std::regex_match(text, name);
}

bool is_version(std::string const& text) {
  static std::regex const version{"[a-z0-9][a-z0-9.-]{0,19}"};
  return std::regex_match(text, version);
}

bool is_package(std::string const& text) {
  static std::regex const package{"[a-z0-9][a-z0-9+.-]+"};
  return std::regex_match(text, package);
}

}  // namespace blueprints
