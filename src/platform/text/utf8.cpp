// UTF-8 by RFC 3629; the kinds of characters by Unicode 15 (General_Category Cc and Zs,
// Default_Ignorable_Code_Point, and the fillers that are drawn as nothing).
#include "platform/text/utf8.hpp"

#include <algorithm>

namespace utf8 {

namespace {
constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct Range {
  char32_t first, last;
};

constexpr Range invisible[]{
    {0x20, 0x20},       {0xA0, 0xA0},       {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},
    {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200F},
    {0x2028, 0x202F},   {0x205F, 0x206F},   {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164},
    {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};
}  // namespace

std::size_t length_at(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) {
    return at + i < text.size() ? unsigned(static_cast<unsigned char>(text[at + i])) : 0u;
  };
  auto continues = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  auto const first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && second < 0xA0) return 0;
    if (first == 0xED && second > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xF0 && second < 0x90) return 0;
    if (first == 0xF4 && second > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool is_clean(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\0') return false;
    auto const length = static_cast<unsigned char>(text[i]) < 0x80 ? 1 : length_at(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::size_t count(std::string_view text) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++characters)
    i += std::max<std::size_t>(1, length_at(text, i));
  return characters;
}

std::string_view first(std::string_view text, std::size_t characters) {
  std::size_t end = 0;
  for (; end < text.size() && characters > 0; --characters)
    end += std::max<std::size_t>(1, length_at(text, end));
  return text.substr(0, end);
}

std::string cleaned(std::string_view text) {
  if (is_clean(text)) return std::string{text};
  std::string out;
  out.reserve(text.size() + 16);
  for (std::size_t i = 0; i < text.size();) {
    auto const length = text[i] == '\0' ? 0 : length_at(text, i);
    out += length ? text.substr(i, length) : replacement;
    i += std::max<std::size_t>(1, length);
  }
  return out;
}

char32_t at(std::string_view text, std::size_t at) {
  auto const bits = [&](std::size_t i, unsigned mask) {
    return char32_t(static_cast<unsigned char>(text[at + i]) & mask);
  };
  switch (length_at(text, at)) {
    case 2:
      return bits(0, 0x1F) << 6 | bits(1, 0x3F);
    case 3:
      return bits(0, 0x0F) << 12 | bits(1, 0x3F) << 6 | bits(2, 0x3F);
    case 4:
      return bits(0, 0x07) << 18 | bits(1, 0x3F) << 12 | bits(2, 0x3F) << 6 | bits(3, 0x3F);
    default:
      return bits(0, 0xFF);
  }
}

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

bool turns_direction(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

bool is_invisible(char32_t c) {
  if (is_control(c)) return true;
  return std::any_of(std::begin(invisible), std::end(invisible),
                     [c](Range range) { return range.first <= c && c <= range.last; });
}

std::string_view trimmed(std::string_view text) {
  std::size_t begin = text.size(), end = text.size();
  for (std::size_t i = 0; i < text.size();) {
    auto const next = i + std::max<std::size_t>(1, length_at(text, i));
    if (!is_invisible(at(text, i))) {
      begin = std::min(begin, i);
      end = next;
    }
    i = next;
  }
  return text.substr(begin, end - begin);
}

}  // namespace utf8
