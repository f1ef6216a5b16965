// Reading a wish.
#include "platform/list/wish.hpp"

#include "platform/db/time_zones.hpp"
#include "platform/list/rows.hpp"

namespace list {

namespace {
std::optional<std::string> taken(Values& values, std::string_view name) {
  auto const at = std::find_if(values.begin(), values.end(),
                               [&](auto const& pair) { return pair.first == name; });
  if (at == values.end()) return {};
  auto text = std::move(at->second);
  values.erase(at);
  return text;
}

void read_columns(Wish& wish, List const& list, std::optional<std::string> const& text,
                  std::string const& pointer, json::Errors& errors) {
  auto const known = headings(*list.row);
  if (!text) {
    for (std::size_t i = 0; i < known.size(); ++i) wish.columns.push_back(i);
    return;
  }
  std::vector<std::string> names;
  static_cast<void>(json::from_text(*text, types::type_of<std::vector<std::string>>, &names));
  if (names.empty()) errors.push_back(wrong<faults::required>(pointer));
  for (auto const& name : names) {
    auto const at = std::find(known.begin(), known.end(), name);
    if (at == known.end())
      return errors.push_back(wrong<faults::unknown_value>(pointer, "the columns of this list"));
    wish.columns.push_back(std::size_t(at - known.begin()));
  }
}
}  // namespace

std::string Wish::filters() const {
  std::string out;
  for (auto const& [name, text] : asked) out += (out.empty() ? "" : ", ") + name + "=" + text;
  return out.empty() ? "none" : out;
}

Wish read_wish(List const& list, Values values, Pointers pointers) {
  Wish wish;
  json::Errors errors;
  auto const at = [&](char const* name) { return std::string{pointers.wish} + name; };
  auto const read_name = [&](char const* name, types::Type const& type, void* out) {
    auto const text = taken(values, name);
    if (text && !json::from_text(*text, type, out)) json::not_of_type(errors, at(name), type);
    return text.has_value();
  };
  read_name("format", types::type_of<Format>, &wish.format);
  i18n::Locale language{};
  if (read_name("language", types::type_of<i18n::Locale>, &language)) wish.language = language;
  // A document is for people.
  if (wish.format == Format::pdf && !wish.language) wish.language = i18n::Locale::en;
  if (auto zone = taken(values, "zone")) {
    json::check_text(*zone, Rules{.min_length = 1, .max_length = 60}, at("zone"), errors);
    wish.zone = std::move(*zone);
  }
  read_columns(wish, list, taken(values, "columns"), at("columns"), errors);
  json::refuse(std::move(errors));
  wish.selection = select(list, values, Takes::order, pointers.filters);
  wish.asked = std::move(values);
  return wish;
}

void require_zone(db::Tx& tx, std::string const& zone, Pointers pointers) {
  if (!db::is_time_zone(tx, zone))
    json::refuse({wrong<faults::not_a_time_zone>(std::string{pointers.wish} + "zone")});
}

}  // namespace list
