// The strict parser's limits and the checks of single values.
#include "platform/json/read.hpp"

#include <charconv>

#include "platform/text/utf8.hpp"

namespace json {

namespace {
constexpr std::size_t maximum_depth = 32;

bool has_nul(boost::json::value const& value) {
  if (value.is_string()) return value.get_string().find('\0') != boost::json::string::npos;
  if (value.is_array()) {
    for (auto const& item : value.get_array())
      if (has_nul(item)) return true;
  } else if (value.is_object()) {
    for (auto const& [key, item] : value.get_object())
      if (key.find('\0') != std::string_view::npos || has_nul(item)) return true;
  }
  return false;
}
}  // namespace

boost::json::value parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = maximum_depth;
  boost::json::stream_parser parser{{}, options};
  // A document is read and then thrown away whole: one growing block instead of a hundred small
  // ones.
  parser.reset(boost::json::make_shared_resource<boost::json::monotonic_resource>());
  boost::json::error_code error;
  auto const read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) {
    if (text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
      throw Problem{malformed,
                    "There is more text after the value, at byte " + std::to_string(read) + "."};
  }
  if (!error) parser.finish(error);
  if (error)
    throw Problem{malformed, error.message() + ", near byte " + std::to_string(read) + "."};
  auto value = parser.release();
  // Only its escape can bring one in: the bare character is no JSON.
  if (text.find("\\u0000") != std::string_view::npos && has_nul(value))
    throw Problem{malformed, "A string contains the character NUL (U+0000)."};
  return value;
}

void check_text(std::string_view value, Rules const& rules, std::string const& pointer,
                Errors& errors) {
  auto const length = utf8::count(value);
  if (value.find('\0') != std::string_view::npos) {
    errors.push_back(wrong<faults::bad_characters>(pointer));
  } else if (length < rules.min_length) {
    if (value.empty())
      errors.push_back(wrong<faults::required>(pointer));
    else
      errors.push_back(wrong<faults::too_short>(pointer, rules.min_length));
  } else if (rules.max_length && length > rules.max_length) {
    errors.push_back(wrong<faults::too_long>(pointer, rules.max_length));
  } else if (rules.check) {
    if (auto const* complaint = rules.check(value)) errors.push_back(wrong(pointer, *complaint));
  }
}

void check_number(std::int64_t value, Rules const& rules, std::string const& pointer,
                  Errors& errors) {
  if (rules.min && value < *rules.min)
    errors.push_back(wrong<faults::too_small>(pointer, *rules.min));
  else if (rules.max && value > *rules.max)
    errors.push_back(wrong<faults::too_large>(pointer, *rules.max));
}

void wrong_type(Errors& errors, std::string const& pointer, std::string_view wanted) {
  errors.push_back(wrong<faults::wrong_type>(pointer, wanted));
}

namespace {
/// "live, purged"
std::string labels_of(types::Type const& type) {
  std::string out;
  for (auto label : type.labels) out += (out.empty() ? "" : ", ") + std::string{label};
  return out;
}
}  // namespace

std::string words_of(types::Type const& type) {
  using types::Form;
  switch (type.form) {
    case Form::optional:
      return words_of(*type.inner);
    case Form::text:
    case Form::text_view:
      return "a string";
    case Form::boolean:
      return "true or false";
    case Form::id:
      return "an id as the API gives it";
    case Form::time:
      return "a time in RFC 3339";
    case Form::integer:
      return "an integer";
    case Form::number:
      return "a number";
    case Form::list:
      return "a list";
    case Form::enumeration:
      return "one of " + labels_of(type);
    case Form::raw_json:
    case Form::text_map:
    case Form::object:
      break;
  }
  return "an object";
}

void not_of_type(Errors& errors, std::string const& pointer, types::Type const& type) {
  if (type.when_set().form == types::Form::enumeration)
    errors.push_back(wrong<faults::unknown_value>(pointer, labels_of(type.when_set())));
  else
    wrong_type(errors, pointer, words_of(type));
}

bool stands_in_text(types::Type const& type) {
  using types::Form;
  switch (type.form) {
    case Form::optional:
    case Form::list:
      return stands_in_text(*type.inner);
    case Form::text_view:
    case Form::number:
    case Form::raw_json:
    case Form::text_map:
    case Form::object:
      return false;
    default:
      return true;
  }
}

namespace {
template <class T>
bool kept(std::optional<T> value, void* out) {
  if (value) *static_cast<T*>(out) = *value;
  return value.has_value();
}

std::optional<std::int64_t> integer_from(std::string_view text) {
  std::int64_t value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// "ten_12"
bool id_from(std::string_view text, types::Type const& type, void* out) {
  if (!text.starts_with(type.prefix)) return false;
  text.remove_prefix(type.prefix.size());
  return kept(id_number(text), out);
}

bool list_from(std::string_view text, types::Type const& type, void* out) {
  type.clear(out);
  while (!text.empty()) {
    auto const comma = text.find(',');
    if (!from_text(text.substr(0, comma), *type.inner, type.append(out))) return false;
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return true;
}
}  // namespace

bool from_text(std::string_view text, types::Type const& type, void* out) {
  using types::Form;
  switch (type.form) {
    case Form::optional:
      return from_text(text, *type.inner, type.emplace(out));
    case Form::text:
      *static_cast<std::string*>(out) = text;
      return true;
    case Form::boolean:
      *static_cast<bool*>(out) = text == "true";
      return text == "true" || text == "false";
    case Form::id:
      return id_from(text, type, out);
    case Form::time:
      return kept(clock_source::parse(text), out);
    case Form::enumeration:
      return types::set_label(type, out, text);
    case Form::integer: {
      auto const value = integer_from(text);
      if (!value || !types::holds(type, *value)) return false;
      types::set_integer(type, out, *value);
      return true;
    }
    case Form::list:
      return list_from(text, type, out);
    default:
      throw std::logic_error{"this type cannot stand in a path or query"};
  }
}

namespace {
void decode_list(boost::json::value const& in, types::Type const& type, void* out,
                 Rules const& rules, std::string const& pointer, Errors& errors) {
  if (!in.is_array()) return wrong_type(errors, pointer, "a list");
  auto const& items = in.get_array();
  if (rules.max_length && items.size() > rules.max_length) {
    errors.push_back(wrong<faults::too_many>(pointer, rules.max_length));
    return;
  }
  type.clear(out);  // of what it has by default
  for (std::size_t i = 0; i < items.size(); ++i)
    decode(items[i], *type.inner, type.append(out), Rules{}, pointer + '/' + std::to_string(i),
           errors);
}

void decode_integer(boost::json::value const& in, types::Type const& type, void* out,
                    Rules const& rules, std::string const& pointer, Errors& errors) {
  if (!in.is_int64() || !types::holds(type, in.get_int64()))
    return not_of_type(errors, pointer, type);
  types::set_integer(type, out, in.get_int64());
  check_number(in.get_int64(), rules, pointer, errors);
}

void decode_text(boost::json::value const& in, types::Type const& type, void* out,
                 Rules const& rules, std::string const& pointer, Errors& errors) {
  if (!in.is_string()) return wrong_type(errors, pointer, "a string");
  std::string_view const text = in.get_string();
  if (!from_text(text, type, out)) return not_of_type(errors, pointer, type);
  if (type.form == types::Form::text) check_text(text, rules, pointer, errors);
}
}  // namespace

void decode(boost::json::value const& in, types::Type const& type, void* out, Rules const& rules,
            std::string const& pointer, Errors& errors) {
  using types::Form;
  switch (type.form) {
    case Form::optional:
      if (!in.is_null()) decode(in, *type.inner, type.emplace(out), rules, pointer, errors);
      return;
    case Form::object:
      return decode_object(in, type, out, pointer, errors);
    case Form::list:
      return decode_list(in, type, out, rules, pointer, errors);
    case Form::raw_json:
      static_cast<RawJson*>(out)->text = boost::json::serialize(in);
      return;
    case Form::boolean:
      if (!in.is_bool()) return not_of_type(errors, pointer, type);
      *static_cast<bool*>(out) = in.get_bool();
      return;
    case Form::integer:
      return decode_integer(in, type, out, rules, pointer, errors);
    case Form::number:
      if (!in.is_number()) return not_of_type(errors, pointer, type);
      return types::set_number(type, out, in.to_number<double>());
    default:
      return decode_text(in, type, out, rules, pointer, errors);
  }
}

void decode_object(boost::json::value const& in, types::Type const& type, void* out,
                   std::string const& pointer, Errors& errors, bool allow_unknown) {
  if (!in.is_object()) return wrong_type(errors, pointer, "an object");
  auto const& object = in.get_object();
  auto const members = type.members();
  std::size_t known = 0;
  for (auto const& member : members) {
    auto const at = pointer + '/' + std::string{member.name};
    auto const* value = object.if_contains(member.name);
    if (value) ++known;
    if (!value || (value->is_null() && member.type->form != types::Form::raw_json)) {
      if (!member.is_optional()) errors.push_back(wrong<faults::required>(at));
      continue;
    }
    decode(*value, *member.type, member.of(out), member.rules, at, errors);
  }
  if (allow_unknown || known == object.size()) return;
  for (auto const& [key, _] : object) {
    std::string_view const name = key;
    if (std::any_of(members.begin(), members.end(),
                    [&](types::Member const& member) { return member.name == name; }))
      continue;
    errors.push_back(
        wrong<faults::unknown_field>(pointer + '/' + std::string{utf8::first(name, 80)}));
  }
}

void refuse(Errors errors) {
  if (errors.empty()) return;
  Problem problem{validation_failed};
  problem.errors = std::move(errors);
  throw problem;
}

}  // namespace json
