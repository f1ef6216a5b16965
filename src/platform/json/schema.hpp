#pragma once
// JSON Schema (2020-12, as OpenAPI 3.1 uses it), computed from types. An object is described once
// and referred to by its name.
#include <boost/json.hpp>
#include <map>

#include "platform/types/type.hpp"

namespace json {

class Schemas {
 public:
  /// The schema of a value of this type; objects are references to `#/components/schemas/…`.
  [[nodiscard]] boost::json::object of(types::Type const& type);
  /// The same with what the rules say.
  [[nodiscard]] boost::json::object of(types::Type const& type, Rules const& rules);
  /// Members as an object of its own, not referred to.
  [[nodiscard]] boost::json::object of(std::vector<types::Member const*> const& members);
  /// Every object that was referred to, by name.
  [[nodiscard]] boost::json::object const& components() const { return components_; }

 private:
  std::string name_of(types::Type const& type);

  std::map<std::string, types::Type const*, std::less<>> named_;
  boost::json::object components_;
};

/// The schema of a type that no object is part of.
[[nodiscard]] boost::json::object schema(types::Type const& type, Rules const& rules);

}  // namespace json
