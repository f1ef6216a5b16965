#pragma once
// The two languages of everything that people read.
#include "platform/types/fields.hpp"

namespace i18n {

enum class Locale { en, es };
constexpr auto names_of(Locale) { return std::array<std::string_view, 2>{"en", "es"}; }

/// The best of ours for an Accept-Language header (RFC 9110 §12.5.4, q-values obeyed); English when
/// nothing fits.
[[nodiscard]] Locale from_accept_language(std::string_view header);

/// "49,00 €" in Spanish, "€49.00" in English; minor units by ISO 4217 (JPY 0, KWD 3 digits).
[[nodiscard]] std::string money(std::int64_t minor_units, std::string_view currency, Locale locale);
/// Digits after the point of a currency, by ISO 4217.
[[nodiscard]] int minor_digits(std::string_view currency);

}  // namespace i18n
