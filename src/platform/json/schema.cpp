// Types to JSON Schema.
#include "platform/json/schema.hpp"

#include <algorithm>

namespace json {

namespace {
namespace bj = boost::json;

void add_rules(bj::object& out, types::Type const& type, Rules const& rules) {
  if (!rules.doc.empty()) out["description"] = rules.doc;
  if (!rules.format.empty()) out["format"] = rules.format;
  if (!rules.example.empty()) out["examples"] = bj::array{rules.example};
  bool const list = type.when_set().form == types::Form::list;
  if (rules.min_length) out[list ? "minItems" : "minLength"] = rules.min_length;
  if (rules.max_length) out[list ? "maxItems" : "maxLength"] = rules.max_length;
  if (rules.min) out["minimum"] = *rules.min;
  if (rules.max) out["maximum"] = *rules.max;
}

bj::object or_null(bj::object schema) {
  if (schema.if_contains("$ref")) return {{"anyOf", {schema, {{"type", "null"}}}}};
  if (auto* type = schema.if_contains("type"); type && type->is_string())
    schema["type"] = bj::array{*type, "null"};
  if (auto* values = schema.if_contains("enum")) values->as_array().push_back(nullptr);
  return schema;
}

/// "identity::{anonymous}::KeyView" in its parts, without the unnamed ones.
std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> out{{}};
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    char const c = name[i];
    if (c == '{' || c == '(') ++depth;
    if (depth == 0 && c == ':') {
      if (!out.back().empty()) out.emplace_back();
    } else if (depth == 0 && std::isalnum(static_cast<unsigned char>(c))) {
      out.back() += c;
    } else if (depth == 0 && c == '<') {  // Page<X>: what follows is a name of its own
      out.back() += "Of";
      auto const inner = parts_of(name.substr(i + 1));
      out.back() += inner.back();
      return out;
    } else if (c == '_' && depth == 0) {
      out.back() += '_';
    }
    if (c == '}' || c == ')') --depth;
  }
  if (out.back().empty() && out.size() > 1) out.pop_back();
  return out;
}

std::string capital(std::string text) {
  if (!text.empty()) text[0] = char(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}
}  // namespace

std::string Schemas::name_of(types::Type const& type) {
  for (auto const& [name, known] : named_)
    if (known == &type) return name;
  auto const parts = parts_of(type.name());
  // Two types of one name are told apart by where they stand.
  std::string name;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    name = capital(*part) + name;
    if (!named_.contains(name)) break;
  }
  for (int i = 2; named_.contains(name); ++i) name = capital(parts.back()) + std::to_string(i);
  named_.emplace(name, &type);
  return name;
}

bj::object Schemas::of(types::Type const& type) {
  using types::Form;
  switch (type.form) {
    case Form::object: {
      auto const name = name_of(type);
      if (!components_.contains(name)) {
        components_[name] = nullptr;  // it may refer to itself
        std::vector<types::Member const*> members;
        for (auto const& member : type.members()) members.push_back(&member);
        auto schema = of(members);
        components_[name] = std::move(schema);
      }
      return {{"$ref", "#/components/schemas/" + name}};
    }
    case Form::optional:
      return or_null(of(*type.inner));
    case Form::list:
      return {{"type", "array"}, {"items", of(*type.inner)}};
    case Form::text_map:
      return {{"type", "object"}, {"additionalProperties", of(*type.inner)}};
    case Form::raw_json:
      return {};
    case Form::boolean:
      return {{"type", "boolean"}};
    case Form::time:
      return {{"type", "string"}, {"format", "date-time"}};
    case Form::id:
      return {{"type", "string"}, {"pattern", "^" + std::string{type.prefix} + "_[0-9]+$"}};
    case Form::enumeration: {
      bj::array labels;
      for (auto label : type.labels) labels.push_back(bj::string{label});
      return {{"type", "string"}, {"enum", labels}};
    }
    case Form::integer:
      return {{"type", "integer"}, {"format", type.size == 8 ? "int64" : "int32"}};
    case Form::number:
      return {{"type", "number"}};
    case Form::text:
    case Form::text_view:
      break;
  }
  return {{"type", "string"}};
}

bj::object Schemas::of(types::Type const& type, Rules const& rules) {
  auto out = of(type);
  add_rules(out, type, rules);
  return out;
}

bj::object Schemas::of(std::vector<types::Member const*> const& members) {
  bj::object properties;
  bj::array required;
  for (auto const* member : members) {
    properties[member->name] = of(*member->type, member->rules);
    if (!member->is_optional()) required.push_back(bj::string{member->name});
  }
  bj::object out{{"type", "object"}, {"properties", properties}};
  if (!required.empty()) out["required"] = required;
  return out;
}

bj::object schema(types::Type const& type, Rules const& rules) { return Schemas{}.of(type, rules); }

}  // namespace json
