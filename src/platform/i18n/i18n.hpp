#pragma once
// The two languages of everything that people read.
#include "platform/types/fields.hpp"

namespace i18n {

enum class Locale { en, es };
constexpr auto names_of(Locale) { return std::array<std::string_view, 2>{"en", "es"}; }

/// The best of ours for an Accept-Language header (RFC 9110 §12.5.4, q-values obeyed); English when
/// nothing fits.
[[nodiscard]] Locale from_accept_language(std::string_view header);

}  // namespace i18n
