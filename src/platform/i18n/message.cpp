#include "platform/i18n/message.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <stdexcept>

namespace i18n {

namespace {
/// platform/json says problems in these words, so it stands above and its writer is out of reach.
std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view{text.data(), text.size()});
}

/// "1.5 GiB"
std::string size_text(std::int64_t bytes) {
  constexpr std::int64_t unit = 1024;
  constexpr std::string_view names[]{" B", " KiB", " MiB", " GiB", " TiB"};
  std::size_t at = 0;
  std::int64_t scale = 1;
  while (at + 1 < std::size(names) && bytes / scale >= unit) {
    scale *= unit;
    ++at;
  }
  auto const tenths = (bytes * 10 + scale / 2) / scale;
  auto out = std::to_string(tenths / 10);
  if (tenths % 10) out += '.' + std::to_string(tenths % 10);
  return out + std::string{names[at]};
}

/// The different names in braces, in the order in which they first stand there.
std::vector<std::string_view> names_of_pattern(std::string_view pattern) {
  std::vector<std::string_view> names;
  for (auto open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    auto const name = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

/// A literal of SQL.
std::string literal(std::string_view text) {
  std::string out = "'";
  for (char const c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}
}  // namespace

void Value::set_text(std::string_view text) {
  words_ = text;
  json_ = json_string(text);
}

void Value::set_number(std::int64_t number) {
  number_ = number;
  words_ = json_ = std::to_string(number);
}

void Value::set_money(std::int64_t amount, std::string_view currency, std::string words) {
  json_ = std::to_string(amount);
  currency_ = currency;
  words_ = std::move(words);
}

Message message(std::string_view code, std::string_view pattern,
                std::initializer_list<Value> values) {
  auto const names = names_of_pattern(pattern);
  if (names.size() != values.size())
    throw std::logic_error{"the message " + std::string{code} + " has other parameters"};
  Message out{.code = std::string{code}, .parameters = {"{"}, .text = std::string{pattern}};
  auto& parameters = out.parameters.text;
  auto add = [&](std::string_view name, std::string_view json) {
    if (parameters.size() > 1) parameters += ',';
    parameters += json_string(name);
    parameters += ':';
    parameters += json;
  };
  std::vector<std::string> words;
  for (auto name = names.begin(); auto const& value : values) {
    add(*name, value.json_);
    if (!value.currency_.empty() && parameters.find("\"currency\":") == std::string::npos)
      add("currency", json_string(value.currency_));
    words.push_back(value.number_ && name->ends_with("bytes") ? size_text(*value.number_)
                                                              : value.words_);
    ++name;
  }
  parameters += '}';
  // In one pass from the left, so that braces within a value stay what they are.
  std::string text;
  for (std::size_t at = 0; at < pattern.size();) {
    auto const open = std::min(pattern.find('{', at), pattern.size());
    text += pattern.substr(at, open - at);
    if (open == pattern.size()) break;
    auto const close = pattern.find('}', open);
    auto const name = pattern.substr(open + 1, close - open - 1);
    text += words[std::size_t(std::find(names.begin(), names.end(), name) - names.begin())];
    at = close + 1;
  }
  out.text = std::move(text);
  return out;
}

std::string message_sql(std::string_view code, std::string_view pattern,
                        std::initializer_list<std::string_view> values) {
  auto const names = names_of_pattern(pattern);
  if (names.size() != values.size())
    throw std::logic_error{"the message " + std::string{code} + " has other parameters"};
  std::string parameters, text = literal(pattern);
  for (auto name = names.begin(); auto const value : values) {
    parameters += (parameters.empty() ? "" : ", ") + literal(*name) + ", " + std::string{value};
    text = "replace(" + text + ", " + literal("{" + std::string{*name} + "}") + ", (" +
           std::string{value} + ")::text)";
    ++name;
  }
  return "jsonb_build_object('code', " + literal(code) + ", 'parameters', jsonb_build_object(" +
         parameters + "), 'text', " + text + ")";
}

}  // namespace i18n
