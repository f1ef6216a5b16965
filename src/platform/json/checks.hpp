#pragma once
// Checks of single values, for Rules::check. Each returns nullptr or what is wrong.
#include "platform/types/fields.hpp"

namespace checks {

/// Something that mail can be sent to, everywhere and without an extension of SMTP: one @, a dotted
/// domain, ASCII.
[[nodiscard]] FieldCode const* email(std::string_view text);
/// The same for an account of this installation: its domain may be a bare host (owner@localhost).
[[nodiscard]] FieldCode const* account_email(std::string_view text);
/// ISO 3166-1 alpha-2, upper case; user-assigned codes are refused.
[[nodiscard]] FieldCode const* country(std::string_view text);
/// One line of human text, of any script: something to see, no control characters or line
/// separators, nothing that turns the direction of what stands beside it.
[[nodiscard]] FieldCode const* one_line(std::string_view text);
/// The same, or nothing.
[[nodiscard]] FieldCode const* one_line_or_none(std::string_view text);
/// The same on several lines, or nothing.
[[nodiscard]] FieldCode const* lines_or_none(std::string_view text);

/// A comma-separated list of origins (https://host:port).
[[nodiscard]] FieldCode const* origins(std::string_view text);

}  // namespace checks
