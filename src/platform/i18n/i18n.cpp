// Language negotiation.
#include "platform/i18n/i18n.hpp"

#include <algorithm>
#include <cstdlib>

namespace i18n {

Locale from_accept_language(std::string_view header) {
  double best = 0;
  Locale chosen = Locale::en;
  while (!header.empty()) {
    auto part = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), part.size() + 1));
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    double quality = 1;
    if (auto const q = part.find(";q="); q != std::string_view::npos)
      quality = std::strtod(std::string{part.substr(q + 3)}.c_str(), nullptr);
    auto const locale = part.starts_with("es")   ? std::optional{Locale::es}
                        : part.starts_with("en") ? std::optional{Locale::en}
                                                 : std::nullopt;
    if (locale && quality > best) {
      best = quality;
      chosen = *locale;
    }
  }
  return chosen;
}

}  // namespace i18n
