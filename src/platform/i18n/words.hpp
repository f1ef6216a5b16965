#pragma once
// The pages' catalogues (web/locales) inside the program, for what it writes itself in words:
// one text has one place, whoever shows it.
#include <span>

#include "platform/i18n/i18n.hpp"

namespace i18n {

struct Word {
  std::string_view key, en, es;
};

/// Sorted by key; generated when the program is built.
[[nodiscard]] std::span<Word const> words();

/// None where the catalogues have no such key, or plural forms for it.
[[nodiscard]] std::optional<std::string_view> word(Locale locale, std::string_view key);

/// "{name}" in the text is replaced; what is not given stays.
[[nodiscard]] std::string filled(
    std::string_view text, std::vector<std::pair<std::string_view, std::string>> const& values);

}  // namespace i18n
