#include "platform/list/rows.hpp"

#include "platform/i18n/message.hpp"

namespace list {

namespace {
using types::Form;

/// "2026-11-23 12:00:00.12345+00" as 2026-11-23T12:00:00.123Z; other forms the long way.
void write_time(std::string& out, std::string_view text) {
  bool const usual = text.size() >= 22 && text.size() <= 29 && text[4] == '-' && text[10] == ' ' &&
                     text.ends_with("+00") && (text.size() == 22 || text[19] == '.');
  if (!usual) {
    Time time{};
    db::read_value(text, types::type_of<Time>, &time);
    return clock_source::append_rfc3339(out, time);
  }
  out.append(text, 0, 10);
  out += 'T';
  out.append(text, 11, 8);
  out += '.';
  auto const fraction = text.size() > 22 ? text.substr(20, text.size() - 23) : std::string_view{};
  out.append(fraction.substr(0, 3));
  out.append(3 - std::min<std::size_t>(3, fraction.size()), '0');
  out += 'Z';
}

void write_cell(std::string& out, types::Type const& type, std::string_view text) {
  switch (type.form) {
    case Form::optional:
      return write_cell(out, *type.inner, text);
    case Form::text:
      return json::write_string(out, text);
    case Form::boolean:
      out += text == "t" ? "true" : "false";
      return;
    case Form::integer:
    case Form::raw_json:
    case Form::object:  // one of jsonb: its parts have columns of their own otherwise
      out += text;
      return;
    case Form::number:
      out += text == "NaN" || text.ends_with("Infinity") ? std::string_view{"null"} : text;
      return;
    case Form::time:
      out += '"';
      write_time(out, text);
      out += '"';
      return;
    case Form::id:
      out += '"';
      out += type.prefix;
      out += '_';
      out += text;
      out += '"';
      return;
    case Form::enumeration:
      out += '"';
      out += text;
      out += '"';
      return;
    case Form::list: {
      out += '[';
      bool first = true;
      for (auto const& item : db::read_array(text)) {
        if (!first) out += ',';
        first = false;
        write_cell(out, *type.inner, item);
      }
      out += ']';
      return;
    }
    case Form::text_view:
    case Form::text_map:
      throw std::logic_error{"no column can be shown as this type"};
  }
}

/// What a member without a value says that has no null.
std::string_view empty_value(types::Type const& type) {
  switch (type.form) {
    case Form::text:
      return "\"\"";
    case Form::boolean:
      return "false";
    case Form::integer:
    case Form::number:
      return "0";
    case Form::list:
      return "[]";
    default:
      return "null";
  }
}

void write_object(std::string& out, db::Columns const& columns, types::Type const& type,
                  std::vector<db::Columns::Place> const& places, int index) {
  auto const begin = out.size();
  auto place = places.begin();
  for (auto const& member : type.members()) {
    auto const& here = *place++;
    out += member.key;
    auto const text = columns.cell(index, here.first());
    if (!here.parts.empty() && (text || !member.is_optional()))
      write_object(out, columns, member.type->when_set(), here.parts, index);
    else if (text)
      write_cell(out, *member.type, *text);
    else
      out += empty_value(*member.type);
  }
  out[begin] = '{';  // instead of the first comma
  out += '}';
}

void add_headings(std::vector<std::string>& out, types::Type const& type,
                  std::string const& prefix) {
  for (auto const& member : type.members()) {
    auto const name = prefix + std::string{member.name};
    if (auto const& inner = member.type->when_set();
        inner.form == Form::object && &inner != &types::type_of<i18n::Message>)
      add_headings(out, inner, name + ".");
    else
      out.push_back(name);
  }
}
}  // namespace

void write_json(std::string& out, db::Columns const& columns, types::Type const& row, int index) {
  write_object(out, columns, row, columns.places(), index);
}

std::vector<std::string> headings(types::Type const& row) {
  std::vector<std::string> out;
  add_headings(out, row, {});
  return out;
}

}  // namespace list
