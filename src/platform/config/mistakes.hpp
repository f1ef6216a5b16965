#pragma once
// For whoever finds something wrong with the settings as they were given, and says what to type.
#include "platform/config/config.hpp"

namespace config {

/// Throws all of them as one Mistake, one a line; nothing when there are none.
void refuse(std::vector<std::string> const& mistakes);
/// A setting as the person wrote it: --blueprint, ONBOARDING_BLUEPRINT, or its plain name.
[[nodiscard]] std::string spelled(Loaded const& loaded, std::string const& name);

/// The words of a command as they can be typed here: `onboarding config show` where PATH leads to
/// this program, else with the program's own path. Without backticks.
[[nodiscard]] std::string command_line(std::string_view words);

}  // namespace config
