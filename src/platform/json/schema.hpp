#pragma once
// JSON Schema (2020-12, as OpenAPI 3.1 uses it), computed from fields().
#include "platform/json/read.hpp"

namespace json {

template <class T>
boost::json::object schema();

template <class M>
boost::json::object field_schema(Rules const& rules) {
  auto out = schema<M>();
  if (!rules.doc.empty()) out["description"] = rules.doc;
  if (!rules.format.empty()) out["format"] = rules.format;
  if (!rules.example.empty()) out["examples"] = boost::json::array{rules.example};
  bool const list = is_vector<M>::value;
  if (rules.min_length) out[list ? "minItems" : "minLength"] = rules.min_length;
  if (rules.max_length) out[list ? "maxItems" : "maxLength"] = rules.max_length;
  if (rules.min) out["minimum"] = *rules.min;
  if (rules.max) out["maximum"] = *rules.max;
  return out;
}

template <class T>
boost::json::object schema() {
  namespace bj = boost::json;
  if constexpr (Described<T>) {
    bj::object properties;
    bj::array required;
    each_field<T>([&](auto const& f) {
      using M = typename std::remove_cvref_t<decltype(f)>::value_type;
      properties[f.name] = field_schema<M>(f.rules);
      if (!is_optional<M>::value) required.push_back(bj::string{f.name});
    });
    bj::object out{{"type", "object"}, {"properties", properties}};
    if (!required.empty()) out["required"] = required;
    return out;
  } else if constexpr (is_optional<T>::value) {
    auto inner = schema<typename T::value_type>();
    if (auto* type = inner.if_contains("type"); type && type->is_string())
      inner["type"] = bj::array{*type, "null"};
    if (auto* values = inner.if_contains("enum")) values->as_array().push_back(nullptr);
    return inner;
  } else if constexpr (is_vector<T>::value) {
    return {{"type", "array"}, {"items", schema<typename T::value_type>()}};
  } else if constexpr (is_text_map<T>::value) {
    return {{"type", "object"}, {"additionalProperties", schema<typename T::mapped_type>()}};
  } else if constexpr (std::is_same_v<T, RawJson>) {
    return {};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::is_same_v<T, Time>) {
    return {{"type", "string"}, {"format", "date-time"}};
  } else if constexpr (is_id<T>::value) {
    return {{"type", "string"}, {"pattern", "^" + std::string{T::prefix()} + "_[0-9]+$"}};
  } else if constexpr (NamedEnum<T>) {
    bj::array values;
    for (auto name : names_of(T{})) values.push_back(bj::string{name});
    return {{"type", "string"}, {"enum", values}};
  } else if constexpr (std::is_integral_v<T>) {
    return {{"type", "integer"}, {"format", sizeof(T) == 8 ? "int64" : "int32"}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {{"type", "number"}};
  } else {
    return {{"type", "string"}};
  }
}

}  // namespace json
