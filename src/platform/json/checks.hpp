#pragma once
// Checks of single values, for Rules::check. Each returns nullptr or a sentence with "must …".
#include <string_view>

namespace checks {

/// Something that mail can be sent to: one @, a dotted domain, no spaces or control characters.
[[nodiscard]] char const* email(std::string_view text);
/// The same for an account of this installation: its domain may be a bare host (owner@localhost).
[[nodiscard]] char const* account_email(std::string_view text);
/// ISO 3166-1 alpha-2, upper case; user-assigned codes are refused.
[[nodiscard]] char const* country(std::string_view text);
/// One line of human text: not only spaces, no control characters.
[[nodiscard]] char const* one_line(std::string_view text);

}  // namespace checks
