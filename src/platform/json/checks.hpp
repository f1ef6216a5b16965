#pragma once
// Checks of single values, for Rules::check. Each returns nullptr or a sentence with "must …".
#include <string_view>

namespace checks {

/// Something that mail can be sent to, everywhere and without an extension of SMTP: one @, a dotted
/// domain, ASCII.
[[nodiscard]] char const* email(std::string_view text);
/// The same for an account of this installation: its domain may be a bare host (owner@localhost).
[[nodiscard]] char const* account_email(std::string_view text);
/// ISO 3166-1 alpha-2, upper case; user-assigned codes are refused.
[[nodiscard]] char const* country(std::string_view text);
/// One line of human text, of any script: something to see, no control characters or line
/// separators, nothing that turns the direction of what stands beside it.
[[nodiscard]] char const* one_line(std::string_view text);

/// A comma-separated list of origins (https://host:port).
[[nodiscard]] char const* origins(std::string_view text);

/// The name that programs know a complaint of these checks by; "invalid" for those of others.
[[nodiscard]] std::string_view code_of(char const* complaint);

}  // namespace checks
