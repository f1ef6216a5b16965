#pragma once
// Just enough HTML: one frame for all pages, and the words in both languages.
#include <string>
#include <string_view>
#include <vector>

#include "platform/html/html.hpp"
#include "platform/http/message.hpp"
#include "platform/money/money.hpp"

namespace sandbox {

using i18n::Locale;

using ::html::escaped;
/// One of two texts.
[[nodiscard]] inline std::string_view say(Locale locale, std::string_view english,
                                          std::string_view spanish) {
  return locale == Locale::es ? spanish : english;
}
/// Spanish or English: what was asked for by name, else what the browser prefers.
[[nodiscard]] Locale locale_of(std::string_view wanted, http::Request const& request);
/// "23 Nov 2026" or "23 nov 2026".
[[nodiscard]] std::string day_of(std::int64_t moment, Locale locale);

struct Document {
  Locale locale = Locale::en;
  std::string title;
  std::string body;                       // escaped HTML
  std::vector<std::string> form_targets;  // URLs that a form may lead to, besides our own
  int status = 200;
};
[[nodiscard]] http::Response html(Document const& page);
/// "https://host:port" of an address; empty for what has none.
[[nodiscard]] std::string origin_of(std::string_view url);
/// 303 to another address.
[[nodiscard]] http::Response see_other(std::string location);

/// The strip on top of every page that asks for money.
[[nodiscard]] std::string sandbox_banner(Locale locale);

}  // namespace sandbox
