#pragma once
// Values to JSON text, straight from fields(), without a document in between.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "platform/clock/clock.hpp"
#include "platform/json/fields.hpp"

namespace json {

/// Appends a JSON string with its quotes. Broken UTF-8 must not come in: the reader refuses it.
void write_string(std::string& out, std::string_view text);

/// `,"name":` as one constant, so that a member's key costs one append.
template <class T, std::size_t I>
inline constexpr auto key_of = [] {
  constexpr auto name = std::get<I>(fields_of<T>).name;
  std::array<char, name.size() + 4> text{',', '"'};
  std::copy(name.begin(), name.end(), text.begin() + 2);
  text[name.size() + 2] = '"';
  text[name.size() + 3] = ':';
  return text;
}();

template <class T>
void write(std::string& out, T const& value) {
  if constexpr (Described<T>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      auto const begin = out.size();
      ((out.append(key_of<T, I>.data(), key_of<T, I>.size()),
        json::write(out, value.*std::get<I>(fields_of<T>).member)),
       ...);
      if constexpr (sizeof...(I) == 0)
        out += '{';
      else
        out[begin] = '{';
    }
    (std::make_index_sequence<std::tuple_size_v<decltype(T::fields())>>{});
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
