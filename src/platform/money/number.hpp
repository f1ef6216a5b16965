#pragma once
// Numbers without a currency, grouped as amounts are.
#include "platform/i18n/i18n.hpp"

namespace money {

/// 1234500 with two places: "12,345.00" in English, "12.345,00" in Spanish.
[[nodiscard]] std::string number(std::int64_t scaled, int places, i18n::Locale locale);

}  // namespace money
