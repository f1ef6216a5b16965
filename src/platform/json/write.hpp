#pragma once
// Values to JSON text, straight from fields(), without a document in between.
#include <charconv>
#include <cmath>

#include "platform/clock/clock.hpp"
#include "platform/json/fields.hpp"

namespace json {

/// Appends a JSON string with its quotes. Broken UTF-8 must not come in: the reader refuses it.
void write_string(std::string& out, std::string_view text);

template <class T>
void write(std::string& out, T const& value) {
  if constexpr (Described<T>) {
    char separator = '{';
    each_field<T>([&](auto const& f) {
      out += separator;
      out += '"';
      out += f.name;
      out += "\":";
      json::write(out, value.*f.member);
      separator = ',';
    });
    if (separator == '{') out += '{';
    out += '}';
  } else if constexpr (is_optional<T>::value) {
    if (value)
      json::write(out, *value);
    else
      out += "null";
  } else if constexpr (is_vector<T>::value) {
    out += '[';
    bool first = true;
    for (auto const& item : value) {
      if (!first) out += ',';
      first = false;
      json::write(out, item);
    }
    out += ']';
  } else if constexpr (is_text_map<T>::value) {
    out += '{';
    bool first = true;
    for (auto const& [key, item] : value) {
      if (!first) out += ',';
      first = false;
      write_string(out, key);
      out += ':';
      json::write(out, item);
    }
    out += '}';
  } else if constexpr (std::is_same_v<T, RawJson>) {
    out += value.text;
  } else if constexpr (std::is_same_v<T, Time>) {
    out += '"';
    clock_source::append_rfc3339(out, value);
    out += '"';
  } else if constexpr (is_id<T>::value) {
    out += '"';
    out += T::prefix();
    out += '_';
    json::write(out, value.value);
    out += '"';
  } else if constexpr (NamedEnum<T>) {
    out += '"';
    out += name_of(value);
    out += '"';
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) {
        out += "null";
        return;
      }
    }
    char buffer[32];
    auto const end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out.append(buffer, end);
  } else {
    write_string(out, std::string_view{value});
  }
}

template <class T>
[[nodiscard]] std::string text(T const& value) {
  std::string out;
  json::write(out, value);
  return out;
}

}  // namespace json
