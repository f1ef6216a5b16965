#pragma once
// How names and scripts of a blueprint may look; beside its reading, because std::regex takes the
// compiler seconds.
#include <string>

namespace blueprints {

/// The first line of a script.
[[nodiscard]] bool names_a_shell(std::string const& line);
/// `set -x`, by which a shell shows secrets as well.
[[nodiscard]] bool writes_commands_down(std::string const& line);
[[nodiscard]] bool is_name(std::string const& text);
[[nodiscard]] bool is_version(std::string const& text);
/// A package of Debian's.
[[nodiscard]] bool is_package(std::string const& text);

}  // namespace blueprints
