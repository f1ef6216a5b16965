// From names to words.
#include "platform/list/words.hpp"

#include "platform/money/money.hpp"

namespace list {

namespace {
std::vector<Codes const*>& declarations() {
  static std::vector<Codes const*> all;
  return all;
}
}  // namespace

Codes::Codes(std::string_view of_list, std::vector<Column> its_columns)
    : list{of_list}, columns{std::move(its_columns)} {
  declarations().push_back(this);
}
Codes::~Codes() { std::erase(declarations(), this); }
std::vector<Codes const*> Codes::all() { return declarations(); }

std::optional<std::string_view> declared_group(List const& list, std::string_view column) {
  for (auto const* codes : declarations())
    if (codes->list == list.name)
      for (auto const& declared : codes->columns)
        if (declared.name == column) return declared.group;
  return {};
}

std::string Words::of(std::string const& key, std::string_view otherwise) const {
  if (!language_) return std::string{otherwise};
  return std::string{i18n::word(*language_, key).value_or(otherwise)};
}

std::string Words::heading(std::string_view column) const {
  return of("column." + std::string{list_.name} + "." + std::string{column}, column);
}

std::string Words::filter(std::string_view name) const {
  if (!language_) return std::string{name};
  auto const own = i18n::word(*language_, "filter." + std::string{name});
  auto const key = "column." + std::string{list_.name} + "." + std::string{name};
  return of(key, own.value_or(name));
}

std::string Words::value(std::string_view column, std::string_view code) const {
  return of(std::string{declared_group(list_, column).value_or(column)} + "." + std::string{code},
            code);
}

std::string Words::each_of(std::string const& group, std::string_view codes) const {
  auto const end = codes.find(", ");
  auto const first = codes.substr(0, end);
  auto const word = of(group + "." + std::string{first}, first);
  return end == std::string_view::npos ? word : word + ", " + each_of(group, codes.substr(end + 2));
}

std::string Words::message(i18n::Message const& message) const {
  auto const pattern = language_ ? i18n::word(*language_, "reason." + message.code) : std::nullopt;
  if (!pattern) return message.text;
  auto const parameters = boost::json::parse(message.parameters.text).as_object();
  std::vector<std::pair<std::string_view, std::string>> values;
  for (auto const& [name, value] : parameters) {
    std::string_view const key{name.data(), name.size()};
    auto const* text = value.if_string();
    auto words = text ? std::string{*text} : boost::json::serialize(value);
    if (key.ends_with("state")) words = of("state." + words, words);
    if (key.ends_with("failure")) words = of("failure." + words, of("failure.other", words));
    if (key.ends_with("refusal"))
      words = of("refund_failure." + words, of("refund_failure.unknown", words));
    if (key.ends_with("holds")) words = each_of("hold", words);
    auto const* amount = value.if_int64();
    if (auto const* currency = parameters.if_contains("currency");
        amount && currency && key.ends_with("amount"))
      words = money::text(*amount, std::string_view{currency->as_string()}, *language_);
    values.emplace_back(key, std::move(words));
  }
  return i18n::filled(*pattern, values);
}

std::string_view Words::boolean(bool value) const {
  std::string_view const name = value ? "true" : "false";
  if (!language_) return name;
  return i18n::word(*language_, value ? "export.yes" : "export.no").value_or(name);
}

}  // namespace list
