// Language negotiation and amounts in words of either language.
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

int minor_digits(std::string_view currency) {
  static constexpr std::string_view none[]{"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga",
                                           "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"};
  static constexpr std::string_view three[]{"bhd", "jod", "kwd", "omr", "tnd"};
  if (std::find(std::begin(none), std::end(none), currency) != std::end(none)) return 0;
  if (std::find(std::begin(three), std::end(three), currency) != std::end(three)) return 3;
  return 2;
}

std::string money(std::int64_t minor_units, std::string_view currency, Locale locale) {
  int const digits = minor_digits(currency);
  auto text = std::to_string(std::llabs(minor_units));
  while (int(text.size()) <= digits) text.insert(0, 1, '0');
  auto const whole_digits = text.size() - std::size_t(digits);
  std::string grouped;
  // Spanish leaves four digits ungrouped (RAE; CLDR minimumGroupingDigits 2).
  bool const groups = whole_digits > (locale == Locale::es ? 4u : 3u);
  for (std::size_t i = 0; i < whole_digits; ++i) {
    if (groups && i > 0 && (whole_digits - i) % 3 == 0) grouped += locale == Locale::es ? '.' : ',';
    grouped += text[i];
  }
  if (digits) grouped += (locale == Locale::es ? "," : ".") + text.substr(whole_digits);
  std::string symbol = currency == "eur" ? "€" : currency == "usd" ? "$" : std::string{};
  std::string upper{currency};
  for (auto& c : upper) c = char(std::toupper(static_cast<unsigned char>(c)));
  std::string const sign = minor_units < 0 ? "-" : "";
  if (locale == Locale::es) return sign + grouped + " " + (currency == "eur" ? "€" : upper);
  return symbol.empty() ? sign + upper + " " + grouped : sign + symbol + grouped;
}

}  // namespace i18n
