// Values on their way: what PostgreSQL reads and what it answers, as text.
#include <charconv>

#include "platform/db/db.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"

namespace db {

void Parameter::clock_text(Time value) {
  // Microseconds are kept: PostgreSQL's own times come back equal.
  text_ = clock_source::rfc3339(value);
  auto const microseconds = (value.time_since_epoch().count() % 1000 + 1000) % 1000;
  char digits[4];
  std::snprintf(digits, sizeof digits, "%03d", int(microseconds));
  text_.insert(text_.size() - 1, digits);
}

void Parameter::set_json(types::Type const& type, void const* value) {
  json::write(text_, type, value);
}

void Parameter::append_array_item(Parameter const& item) {
  if (!item.text()) {
    text_ += "NULL";
    return;
  }
  text_ += '"';
  for (char const* c = item.text(); *c; ++c) {
    if (*c == '"' || *c == '\\') text_ += '\\';
    text_ += *c;
  }
  text_ += '"';
}

namespace {
template <class N>
N number_from(std::string_view text, char const* what) {
  N out{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::logic_error{"not " + std::string{what} + " in the database: " + std::string{text}};
  return out;
}

/// PostgreSQL's infinity becomes what is nearest to it in RFC 3339.
Time time_from(std::string_view text) {
  if (text == "infinity") return clock_source::latest;
  if (text == "-infinity") return clock_source::earliest;
  auto const time = clock_source::parse(text);
  if (!time) throw std::logic_error{"not a time in the database: " + std::string{text}};
  return *time;
}
}  // namespace

void read_value(std::string_view text, types::Type const& type, void* out) {
  using types::Form;
  switch (type.form) {
    case Form::optional:
      return read_value(text, *type.inner, type.emplace(out));
    case Form::list:
      type.clear(out);
      for (auto const& item : read_array(text)) read_value(item, *type.inner, type.append(out));
      return;
    case Form::text:
      *static_cast<std::string*>(out) = text;
      return;
    case Form::raw_json:
      static_cast<RawJson*>(out)->text = text;
      return;
    case Form::boolean:
      *static_cast<bool*>(out) = text == "t";
      return;
    case Form::id:
      *static_cast<std::int64_t*>(out) = number_from<std::int64_t>(text, "an id");
      return;
    case Form::time:
      *static_cast<Time*>(out) = time_from(text);
      return;
    case Form::enumeration:
      if (!types::set_label(type, out, text))
        throw std::logic_error{"unknown enum value in the database: " + std::string{text}};
      return;
    case Form::integer:
      return types::set_integer(type, out, number_from<std::int64_t>(text, "an integer"));
    case Form::number:
      return types::set_number(type, out, number_from<double>(text, "a number"));
    case Form::object: {
      json::Errors errors;
      json::decode_object(json::parse(text), type, out, "", errors, true);
      return json::refuse(std::move(errors));
    }
    case Form::text_view:
    case Form::text_map:
      throw std::logic_error{"no column can be read into this type"};
  }
}

Columns::Columns(PGresult const* result, types::Type const& type, std::string_view query)
    : result_{result}, type_{type} {
  if (type.form == types::Form::object) places_ = find(type, {}, query);
}

constexpr Oid type_of_jsonb = 3802;  // pg_type.dat

std::vector<Columns::Place> Columns::find(types::Type const& type, std::string const& prefix,
                                          std::string_view query) const {
  std::vector<Place> places;
  places.reserve(type.members().size());
  for (auto const& member : type.members()) {
    auto& place = places.emplace_back();
    auto const name = prefix + std::string{member.name};
    if (auto const& inner = member.type->when_set(); inner.form == types::Form::object) {
      auto const column = PQfnumber(result_, ('"' + name + '"').c_str());
      if (column >= 0 && PQftype(result_, column) == type_of_jsonb)
        place.column = column;
      else
        place.parts = find(inner, name + ".", query);
      continue;
    }
    // Most statements name their columns in the order of the members.
    int const here = int(places.size()) - 1;
    auto const* const there = prefix.empty() ? PQfname(result_, here) : nullptr;
    place.column = there && name == there ? here : PQfnumber(result_, ('"' + name + '"').c_str());
    if (place.column < 0) throw std::logic_error{std::string{query} + " gives no column " + name};
  }
  return places;
}

std::optional<std::string_view> Columns::cell(int row, int column) const {
  auto const length = std::size_t(PQgetlength(result_, row, column));
  if (length == 0 && PQgetisnull(result_, row, column)) return {};
  return std::string_view{PQgetvalue(result_, row, column), length};
}

void Columns::read(int row, void* out) const {
  if (type_.form == types::Form::object) return read_object(row, places_, type_, out);
  if (auto const text = cell(row, 0)) read_value(*text, type_, out);
}

void Columns::read_object(int row, std::vector<Place> const& places, types::Type const& type,
                          void* out) const {
  auto place = places.begin();
  for (auto const& member : type.members()) {
    auto const& here = *place++;
    auto const text = cell(row, here.first());
    if (here.parts.empty()) {
      if (text) read_value(*text, *member.type, member.of(out));
    } else if (text || !member.is_optional()) {
      auto* const object =
          member.is_optional() ? member.type->emplace(member.of(out)) : member.of(out);
      read_object(row, here.parts, member.type->when_set(), object);
    }
  }
}

std::vector<std::string> read_array(std::string_view text) {
  std::vector<std::string> items;
  if (text.size() < 2 || text.front() != '{') throw std::logic_error{"not an array"};
  text = text.substr(1, text.size() - 2);
  std::string item;
  bool quoted = false, any = !text.empty();
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (c == '\\')
      item += text[++i];
    else if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      items.push_back(std::exchange(item, {}));
    else
      item += c;
  }
  if (any) items.push_back(std::move(item));
  return items;
}

void copy_value(std::string& out, char const* text) {
  if (!text) {
    out += "\\N";
    return;
  }
  for (; *text; ++text) {
    switch (*text) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += *text;
    }
  }
}

}  // namespace db
