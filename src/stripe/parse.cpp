// JSON as Stripe sends it: its strings may hold what PostgreSQL and strict readers do not take.
#include <charconv>

#include "platform/json/read.hpp"
#include "stripe/stripe.hpp"

namespace stripe {

namespace {
constexpr std::string_view replacement = "\\ufffd";
constexpr std::size_t escape_length = 6;  // \u0000

/// The code unit of the escape that begins here; none when it is none.
std::optional<unsigned> unit_at(std::string_view text, std::size_t at) {
  if (text.size() < at + escape_length || text.substr(at, 2) != "\\u") return {};
  unsigned unit = 0;
  auto const* const end = text.data() + at + escape_length;
  auto const [read, error] = std::from_chars(text.data() + at + 2, end, unit, 16);
  if (error != std::errc{} || read != end) return {};
  return unit;
}

bool is_high(unsigned unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low(unsigned unit) { return unit >= 0xdc00 && unit < 0xe000; }

/// NUL and halves of a character become U+FFFD.
std::string with_whole_characters(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      out += text[i++];
      continue;
    }
    auto const unit = unit_at(text, i);
    auto length = unit ? escape_length : 2;
    auto const next = unit && is_high(*unit) ? unit_at(text, i + escape_length) : std::nullopt;
    if (next && is_low(*next))
      out += text.substr(i, length = 2 * escape_length);
    else if (unit && (*unit == 0 || is_high(*unit) || is_low(*unit)))
      out += replacement;
    else
      out += text.substr(i, length);
    i += length;
  }
  return out;
}
}  // namespace

Object parse(std::string_view text) {
  std::string whole;
  if (text.find("\\u") != std::string_view::npos) text = whole = with_whole_characters(text);
  auto value = json::parse(text);
  if (!value.is_object()) throw Problem{json::malformed, "The document is not an object."};
  return std::move(value.get_object());
}

}  // namespace stripe
