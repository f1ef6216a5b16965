// Looking up words.
#include "platform/i18n/words.hpp"

#include <algorithm>

namespace i18n {

std::optional<std::string_view> word(Locale locale, std::string_view key) {
  auto const all = words();
  auto const at =
      std::lower_bound(all.begin(), all.end(), key,
                       [](Word const& one, std::string_view wanted) { return one.key < wanted; });
  if (at == all.end() || at->key != key) return {};
  return locale == Locale::es ? at->es : at->en;
}

std::string filled(std::string_view text,
                   std::vector<std::pair<std::string_view, std::string>> const& values) {
  std::string out;
  while (!text.empty()) {
    auto const begin = text.find('{');
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    auto const end = text.find('}');
    auto const name = end == std::string_view::npos ? text : text.substr(1, end - 1);
    auto const at = std::find_if(values.begin(), values.end(),
                                 [&](auto const& value) { return value.first == name; });
    // A value is not looked through for names in its turn.
    out += at == values.end() ? text.substr(0, end == std::string_view::npos ? end : end + 1)
                              : std::string_view{at->second};
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

}  // namespace i18n
