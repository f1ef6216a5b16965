#pragma once
// Values to JSON text in one pass, driven by their types, without a document in between.
#include "platform/types/type.hpp"

namespace json {

/// Appends a JSON string with its quotes. Broken UTF-8 must not come in: the reader refuses it.
void write_string(std::string& out, std::string_view text);
void write_integer(std::string& out, std::int64_t value);
/// `null` when it is not finite.
void write_number(std::string& out, double value);

/// Appends the value that lies there.
void write(std::string& out, types::Type const& type, void const* value);

/// A value as it stands in a URL, lists with commas between: what from_text() reads.
[[nodiscard]] std::string url_text(types::Type const& type, void const* value);

template <class T>
void write(std::string& out, T const& value) {
  write(out, types::type_of<T>, &value);
}

template <class T>
[[nodiscard]] std::string text(T const& value) {
  std::string out;
  json::write(out, value);
  return out;
}

}  // namespace json
