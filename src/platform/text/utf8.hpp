#pragma once
// Text as characters instead of bytes: how many there are, where one may be cut, which of them a
// name must not have.
#include <cstddef>
#include <string>
#include <string_view>

namespace utf8 {

/// How many bytes the character at `at` has; 0 when it is broken, overlong or a surrogate.
[[nodiscard]] std::size_t length_at(std::string_view text, std::size_t at);
/// Whole characters only, and none of them NUL.
[[nodiscard]] bool is_clean(std::string_view text);
/// In characters (code points); a broken byte counts as one.
[[nodiscard]] std::size_t count(std::string_view text);
/// At most so many characters from the beginning, and never a part of one.
[[nodiscard]] std::string_view first(std::string_view text, std::size_t characters);
/// The same text with U+FFFD for NUL and for every byte that belongs to no character.
[[nodiscard]] std::string cleaned(std::string_view text);

/// The character at `at`; of one that is not whole its first byte.
[[nodiscard]] char32_t at(std::string_view text, std::size_t at);

/// C0, DEL, C1, and the separators of lines and paragraphs.
[[nodiscard]] bool is_control(char32_t c);
/// Turns the direction of what follows (embeddings, overrides, isolates): "exe.doc" for "cod.exe".
[[nodiscard]] bool turns_direction(char32_t c);
/// Takes no ink: blanks of all widths, joiners, marks of direction, selectors, fillers.
[[nodiscard]] bool is_invisible(char32_t c);

/// Without what takes no ink at its ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// Calls `visit` with each character; with a broken byte as it is.
template <class Visit>
void each(std::string_view text, Visit visit) {
  for (std::size_t i = 0, length = 0; i < text.size(); i += length ? length : 1) {
    length = length_at(text, i);
    visit(at(text, i));
  }
}

}  // namespace utf8
