// The strict parser's limits and the checks of single values.
#include "platform/json/read.hpp"

#include "platform/json/checks.hpp"

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
    errors.push_back({pointer, "bad_characters", "must not contain NUL"});
  } else if (length < rules.min_length) {
    if (value.empty())
      errors.push_back({pointer, "required", "must not be empty"});
    else
      errors.push_back({pointer, "too_short",
                        "must have at least " + std::to_string(rules.min_length) + " characters"});
  } else if (rules.max_length && length > rules.max_length) {
    errors.push_back({pointer, "too_long",
                      "must have at most " + std::to_string(rules.max_length) + " characters"});
  } else if (rules.check) {
    if (auto const* complaint = rules.check(value))
      errors.push_back({pointer, std::string{checks::code_of(complaint)}, complaint});
  }
}

void check_number(std::int64_t value, Rules const& rules, std::string const& pointer,
                  Errors& errors) {
  if (rules.min && value < *rules.min)
    errors.push_back({pointer, "too_small", "must be at least " + std::to_string(*rules.min)});
  else if (rules.max && value > *rules.max)
    errors.push_back({pointer, "too_large", "must be at most " + std::to_string(*rules.max)});
}

}  // namespace json
