// One walk over the tree, beside the table of what the endpoint knows.
#include "sandbox/parameters.hpp"

#include <charconv>

#include "platform/http/message.hpp"
#include "platform/text/utf8.hpp"

namespace sandbox {

namespace {
/// "items[0][price]" → "items", "0", "price". None when the brackets do not match.
std::optional<std::vector<std::string>> segments_of(std::string_view name) {
  std::vector<std::string> out;
  auto const first = name.find('[');
  out.emplace_back(name.substr(0, first));
  if (out[0].empty()) return {};
  while (first != std::string_view::npos && !name.empty()) {
    auto const open = name.find('[');
    if (open == std::string_view::npos) break;
    auto const close = name.find(']', open);
    if (close == std::string_view::npos) return {};
    out.emplace_back(name.substr(open + 1, close - open - 1));
    name.remove_prefix(close + 1);
    if (!name.empty() && name.front() != '[') return {};
  }
  if (out.size() > 8) return {};
  return out;
}

// Sums and products of such numbers still fit into 64 bits.
constexpr std::int64_t largest_integer = 99'999'999'999, largest_amount = 99'999'999,
                       largest_count = 1'000'000;

bool is_index(std::string_view text) {
  return text.size() <= 4 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

[[noreturn]] void refuse_shape(std::string_view name) {
  throw invalid("Invalid parameter name or nesting: " + std::string{utf8::first(name, 100)}, name);
}

void put(Value& here, std::vector<std::string> const& segments, std::size_t depth,
         std::string_view value, std::string_view name) {
  if (depth == segments.size()) {
    if (here.is_object() || here.is_array()) refuse_shape(name);
    here = value;
    return;
  }
  auto const& segment = segments[depth];
  if (is_index(segment)) {
    if (here.is_null()) here.emplace_array();
    if (!here.is_array()) refuse_shape(name);
    auto& array = here.get_array();
    std::size_t const index = segment.empty() ? array.size() : std::stoul(segment);
    if (index > array.size() || index > 100) {
      if (index > 100) refuse_shape(name);
      array.resize(index);
    }
    if (index == array.size()) array.emplace_back(nullptr);
    put(array[index], segments, depth + 1, value, name);
  } else {
    if (here.is_null()) here.emplace_object();
    if (!here.is_object()) refuse_shape(name);
    put(here.get_object()[segment], segments, depth + 1, value, name);
  }
}

struct Checker {
  std::vector<Parameter> const& table;

  Parameter const* exact(std::string_view path) const {
    for (auto const& parameter : table)
      if (parameter.path == path) return &parameter;
    return nullptr;
  }
  bool leads_on(std::string const& path) const {
    for (auto const& parameter : table)
      if (parameter.path.starts_with(path + ".") || parameter.path.starts_with(path + "[]"))
        return true;
    return false;
  }

  void leaf(Value& value, Parameter const& parameter, std::string const& shown) const {
    switch (parameter.kind) {
      case Kind::ignored:
        return;
      case Kind::metadata:
        if (value.is_string() && value.get_string().empty()) return;
        if (!value.is_object()) throw invalid("Invalid object", shown);
        for (auto const& [key, item] : value.get_object()) {
          if (!item.is_string())
            throw invalid("Metadata values must be strings", shown + "[" + std::string{key} + "]");
          if (key.size() > 40) throw invalid("Metadata keys must be under 40 characters", shown);
          if (item.get_string().size() > 500)
            throw invalid("Metadata values must be under 500 characters", shown);
        }
        return;
      case Kind::address:
        if (value.is_string() && value.get_string().empty()) return;
        if (!value.is_object()) throw invalid("Invalid object", shown);
        for (auto const& [key, item] : value.get_object()) {
          static constexpr std::string_view known[]{"city",  "country",     "line1",
                                                    "line2", "postal_code", "state"};
          if (std::find(std::begin(known), std::end(known), std::string_view{key}) ==
              std::end(known))
            unknown(shown + "[" + std::string{key} + "]");
          if (!item.is_string())
            throw invalid("Invalid string", shown + "[" + std::string{key} + "]");
        }
        return;
      case Kind::range:
        if (value.is_string()) {
          value = integer(value.get_string(), shown);
          return;
        }
        if (!value.is_object()) throw invalid("Invalid object", shown);
        for (auto& [key, item] : value.get_object()) {
          auto const inner = shown + "[" + std::string{key} + "]";
          if (key != "gt" && key != "gte" && key != "lt" && key != "lte") unknown(inner);
          if (!item.is_string()) throw invalid("Invalid integer", inner);
          item = integer(item.get_string(), inner);
        }
        return;
      default:
        break;
    }
    if (!value.is_string())
      throw invalid("Invalid string: " + boost::json::serialize(value), shown);
    std::string const given{std::string_view{value.get_string()}};
    if (parameter.kind == Kind::amount) {
      value = integer(given, shown, largest_amount);
      return;
    }
    if (parameter.kind == Kind::count) {
      value = integer(given, shown, largest_count);
      if (value.get_int64() < 0)
        throw invalid("This value must be greater than or equal to 0.", shown,
                      "parameter_invalid_integer");
      return;
    }
    if (parameter.kind == Kind::integer) {
      if (!given.empty() && !(parameter.choices == given)) value = integer(given, shown);
      return;
    }
    if (parameter.kind == Kind::boolean) {
      if (given != "true" && given != "false") throw invalid("Invalid boolean: " + given, shown);
      value = given == "true";
      return;
    }
    if (parameter.kind == Kind::percent || parameter.kind == Kind::decimal) {
      double number{};
      auto const [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
      if (error != std::errc{} || end != given.data() + given.size())
        throw invalid("Invalid decimal: " + given, shown);
      if (parameter.kind == Kind::percent) value = number;
      return;
    }
    if (given.size() > 5000)
      throw invalid("Invalid string: must be at most 5000 characters", shown);
    if (!parameter.choices.empty() && !given.empty()) {
      auto choices = "|" + std::string{parameter.choices} + "|";
      if (choices.find("|" + given + "|") == std::string::npos) {
        std::string listed{parameter.choices};
        for (std::size_t i; (i = listed.find('|')) != std::string::npos;)
          listed.replace(i, 1, ", ");
        throw invalid("Invalid " + shown + ": must be one of " + listed, shown);
      }
    }
  }

  [[noreturn]] static void unknown(std::string const& shown) {
    throw invalid("Received unknown parameter: " + shown, shown, "parameter_unknown");
  }

  static std::int64_t integer(std::string_view given, std::string const& shown,
                              std::int64_t largest = largest_integer) {
    std::int64_t number{};
    auto const [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
    if (error != std::errc{} || end != given.data() + given.size() || given.empty() ||
        number > largest || number < -largest)
      throw invalid("Invalid integer: " + std::string{utf8::first(given, 100)}, shown,
                    "parameter_invalid_integer");
    return number;
  }

  void object(Object& tree, std::string const& path, std::string const& shown) const {
    for (auto& [key, value] : tree) {
      auto const inner = path.empty() ? std::string{key} : path + "." + std::string{key};
      node(value, inner, shown.empty() ? std::string{key} : shown + "[" + std::string{key} + "]");
    }
    for (auto const& parameter : table) {
      if (parameter.need != Need::required) continue;
      auto const prefix = path.empty() ? std::string{} : path + ".";
      if (!parameter.path.starts_with(prefix)) continue;
      auto const rest = parameter.path.substr(prefix.size());
      if (rest.find('.') != std::string_view::npos) continue;
      auto const name = rest.substr(0, rest.find('['));
      auto const* value = tree.if_contains(name);
      if (!value || (value->is_string() && value->get_string().empty()))
        throw missing_parameter(shown.empty() ? std::string{name}
                                              : shown + "[" + std::string{name} + "]");
    }
  }

  void node(Value& value, std::string const& path, std::string const& shown) const {
    if (auto const* parameter = exact(path)) {
      leaf(value, *parameter, shown);
    } else if (!leads_on(path)) {
      unknown(shown);
    } else if (auto* tree = value.if_object()) {
      if (!leads_on(path) || exact(path + "[]")) throw invalid("Invalid array", shown);
      object(*tree, path, shown);
    } else if (auto* array = value.if_array()) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        auto& item = (*array)[i];
        auto const item_shown = shown + "[" + std::to_string(i) + "]";
        if (item.is_null()) throw invalid("Array indices must be consecutive", shown);
        if (auto const* of_items = exact(path + "[]"))
          leaf(item, *of_items, item_shown);
        else if (auto* inner = item.if_object())
          object(*inner, path + "[]", item_shown);
        else
          throw invalid("Invalid object", item_shown);
      }
    } else if (!(value.is_string() && value.get_string().empty())) {
      throw invalid(exact(path + "[]") ? "Invalid array" : "Invalid object", shown);
    }
  }
};
}  // namespace

Object parse_parameters(std::string_view form) {
  auto const pairs = http::parse_form(form);
  if (!pairs) throw invalid("The request's parameters are not valid form data.");
  Value tree(Object{});
  for (auto const& [name, value] : *pairs) {
    auto const segments = segments_of(name);
    if (!segments) refuse_shape(name);
    put(tree.get_object()[(*segments)[0]], *segments, 1, value, name);
  }
  return std::move(tree.get_object());
}

void check_parameters(Object& tree, std::vector<Parameter> const& table) {
  Checker{table}.object(tree, "", "");
}

void merge_metadata(Object& object, Object const& parameters) {
  auto const* given = parameters.if_contains("metadata");
  if (!given) return;
  if (!given->is_object()) {
    object["metadata"] = Object{};
    return;
  }
  if (!object["metadata"].is_object()) object["metadata"] = Object{};
  auto& metadata = object["metadata"].get_object();
  for (auto const& [key, value] : given->get_object()) {
    if (value.get_string().empty())
      metadata.erase(key);
    else
      metadata[key] = value;
  }
}

void apply(Object& object, Object const& parameters,
           std::initializer_list<std::string_view> names) {
  for (auto const name : names) {
    auto const* value = parameters.if_contains(name);
    if (!value) continue;
    if (value->is_string() && value->get_string().empty())
      object[name] = nullptr;
    else
      object[name] = *value;
  }
}

Value full_address(Value const* address) {
  if (!address || !address->is_object()) return nullptr;
  Object out{{"city", nullptr},  {"country", nullptr},     {"line1", nullptr},
             {"line2", nullptr}, {"postal_code", nullptr}, {"state", nullptr}};
  for (auto const& [key, value] : address->get_object())
    if (!value.is_string() || !value.get_string().empty()) out[key] = value;
  return out;
}

}  // namespace sandbox
