#pragma once
// JSON text to described values. Every wrong field is reported, not only the first one.
#include <boost/json.hpp>
#include <charconv>
#include <limits>

#include "platform/clock/clock.hpp"
#include "platform/json/fields.hpp"
#include "platform/json/problem.hpp"
#include "platform/text/utf8.hpp"

namespace json {

inline constexpr ProblemType malformed{Kind::bad_request, "malformed_json",
                                       "The body is not valid JSON"};

/// Strict RFC 8259, UTF-8 checked, at most 32 levels deep, no NUL in strings.
/// Throws Problem{malformed} whose detail says where.
[[nodiscard]] boost::json::value parse(std::string_view text);

using Errors = std::vector<FieldError>;

/// Checks rules of a text; adds to `errors` when they are broken.
void check_text(std::string_view value, Rules const& rules, std::string const& pointer,
                Errors& errors);
void check_number(std::int64_t value, Rules const& rules, std::string const& pointer,
                  Errors& errors);

inline void wrong_type(Errors& errors, std::string const& pointer, std::string_view wanted) {
  errors.push_back({pointer, "wrong_type", "must be " + std::string{wanted}});
}

template <class E>
std::string one_of() {
  std::string text = "one of";
  for (auto name : names_of(E{})) text += (text.size() == 6 ? " " : ", ") + std::string{name};
  return text;
}

/// A single value from text (path, query, command line); none when it does not fit the type.
template <class M>
std::optional<M> from_text(std::string_view text) {
  if constexpr (is_optional<M>::value) {
    auto inner = from_text<typename M::value_type>(text);
    return inner ? std::optional<M>{M{std::move(*inner)}} : std::nullopt;
  } else if constexpr (std::is_same_v<M, std::string>) {
    return std::string{text};
  } else if constexpr (std::is_same_v<M, bool>) {
    if (text == "true") return true;
    if (text == "false") return false;
    return {};
  } else if constexpr (is_id<M>::value) {
    return M::parse(text);
  } else if constexpr (std::is_same_v<M, Time>) {
    return clock_source::parse(text);
  } else if constexpr (NamedEnum<M>) {
    return enum_from<M>(text);
  } else if constexpr (std::is_integral_v<M>) {
    M value{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
  } else if constexpr (is_vector<M>::value) {
    M list;  // comma-separated
    while (!text.empty()) {
      auto const comma = text.find(',');
      auto item = from_text<typename M::value_type>(text.substr(0, comma));
      if (!item) return {};
      list.push_back(std::move(*item));
      text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return list;
  } else {
    static_assert(sizeof(M) == 0, "this type cannot stand in a path or query");
  }
}

template <class M>
constexpr std::string_view type_words() {
  if constexpr (is_optional<M>::value)
    return type_words<typename M::value_type>();
  else if constexpr (std::is_same_v<M, std::string>)
    return "a string";
  else if constexpr (std::is_same_v<M, bool>)
    return "true or false";
  else if constexpr (is_id<M>::value)
    return "an id as the API gives it";
  else if constexpr (std::is_same_v<M, Time>)
    return "a time in RFC 3339";
  else if constexpr (std::is_integral_v<M>)
    return "an integer";
  else if constexpr (std::is_floating_point_v<M>)
    return "a number";
  else if constexpr (is_vector<M>::value)
    return "a list";
  else
    return "an object";
}

template <class T>
void decode_object(boost::json::value const& in, T& out, std::string const& pointer, Errors& errors,
                   bool allow_unknown = false);

template <class M>
void decode(boost::json::value const& in, M& out, Rules const& rules, std::string const& pointer,
            Errors& errors) {
  if constexpr (is_optional<M>::value) {
    if (in.is_null()) return;
    out.emplace();
    decode(in, *out, rules, pointer, errors);
  } else if constexpr (Described<M>) {
    decode_object(in, out, pointer, errors);
  } else if constexpr (is_vector<M>::value) {
    if (!in.is_array()) return wrong_type(errors, pointer, "a list");
    auto const& items = in.get_array();
    if (rules.max_length && items.size() > rules.max_length) {
      errors.push_back({pointer, "too_long",
                        "must have at most " + std::to_string(rules.max_length) + " items"});
      return;
    }
    for (std::size_t i = 0; i < items.size(); ++i)
      decode(items[i], out.emplace_back(), Rules{}, pointer + '/' + std::to_string(i), errors);
  } else if constexpr (std::is_same_v<M, RawJson>) {
    out.text = boost::json::serialize(in);
  } else if constexpr (std::is_same_v<M, bool>) {
    if (!in.is_bool()) return wrong_type(errors, pointer, type_words<M>());
    out = in.get_bool();
  } else if constexpr (std::is_integral_v<M>) {
    if (in.is_int64() && in.get_int64() >= std::int64_t{std::numeric_limits<M>::min()} &&
        in.get_int64() <= std::int64_t{std::numeric_limits<M>::max()}) {
      out = static_cast<M>(in.get_int64());
      check_number(out, rules, pointer, errors);
    } else {
      wrong_type(errors, pointer, type_words<M>());
    }
  } else if constexpr (std::is_floating_point_v<M>) {
    if (!in.is_number()) return wrong_type(errors, pointer, type_words<M>());
    out = in.to_number<M>();
  } else {
    if (!in.is_string()) return wrong_type(errors, pointer, "a string");
    std::string_view const text = in.get_string();
    if constexpr (std::is_same_v<M, std::string>) {
      out = text;
      check_text(text, rules, pointer, errors);
    } else {
      auto value = from_text<M>(text);
      if (value)
        out = *value;
      else if constexpr (NamedEnum<M>)
        errors.push_back({pointer, "unknown_value", "must be " + one_of<M>()});
      else
        wrong_type(errors, pointer, type_words<M>());
    }
  }
}

template <class T>
void decode_object(boost::json::value const& in, T& out, std::string const& pointer, Errors& errors,
                   bool allow_unknown) {
  if (!in.is_object()) return wrong_type(errors, pointer, "an object");
  auto const& object = in.get_object();
  std::size_t known = 0;
  each_field<T>([&](auto const& f) {
    using M = typename std::remove_cvref_t<decltype(f)>::value_type;
    auto const at = pointer + '/' + std::string{f.name};
    auto const* value = object.if_contains(f.name);
    if (value) ++known;
    if (!value || (value->is_null() && !std::is_same_v<M, RawJson>)) {
      if constexpr (!is_optional<M>::value) errors.push_back({at, "required", "is required"});
      return;
    }
    decode(*value, out.*f.member, f.rules, at, errors);
  });
  if (allow_unknown || known == object.size()) return;
  for (auto const& [key, _] : object) {
    bool found = false;
    each_field<T>([&](auto const& f) { found |= f.name == std::string_view{key}; });
    if (!found)
      errors.push_back({pointer + '/' + std::string{utf8::first(key, 80)}, "unknown_field",
                        "is not a known field"});
  }
}

/// Reads a whole document of our own making (job payloads, configuration); throws Problem.
template <class T>
[[nodiscard]] T read(std::string_view text, bool allow_unknown = false) {
  T out{};
  Errors errors;
  decode_object(parse(text), out, "", errors, allow_unknown);
  if (!errors.empty()) {
    Problem problem{validation_failed};
    problem.errors = std::move(errors);
    throw problem;
  }
  return out;
}

}  // namespace json
