// JSON strings: the common case (nothing to escape) is one append.
#include "platform/json/write.hpp"

#include <charconv>
#include <cmath>

namespace json {

void write_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t clean_from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, clean_from, i - clean_from);
    clean_from = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default: {
        static constexpr char hex[] = "0123456789abcdef";
        out += "\\u00";
        out += hex[c >> 4];
        out += hex[c & 15];
      }
    }
  }
  out.append(text, clean_from);
  out += '"';
}

void write_integer(std::string& out, std::int64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void write_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

namespace {
void write_object(std::string& out, std::span<types::Member const> members, void const* object) {
  if (members.empty()) {
    out += "{}";
    return;
  }
  auto const begin = out.size();
  for (auto const& member : members) {
    out += member.key;
    write(out, *member.type, member.of(object));
  }
  out[begin] = '{';  // instead of the first comma
  out += '}';
}

void write_list(std::string& out, types::Type const& type, void const* list) {
  out += '[';
  auto const count = type.count(list);
  for (std::size_t i = 0; i < count; ++i) {
    if (i) out += ',';
    write(out, *type.inner, type.item(list, i));
  }
  out += ']';
}

void write_map(std::string& out, types::Type const& type, void const* map) {
  struct Target {
    std::string& out;
    types::Type const& inner;
    bool first = true;
  } target{out, *type.inner};
  out += '{';
  type.each(map, &target, [](void* context, std::string const& key, void const* value) {
    auto& to = *static_cast<Target*>(context);
    if (!to.first) to.out += ',';
    to.first = false;
    write_string(to.out, key);
    to.out += ':';
    write(to.out, to.inner, value);
  });
  out += '}';
}
}  // namespace

void write(std::string& out, types::Type const& type, void const* value) {
  using types::Form;
  switch (type.form) {
    case Form::text:
      return write_string(out, *static_cast<std::string const*>(value));
    case Form::text_view:
      return write_string(out, *static_cast<std::string_view const*>(value));
    case Form::boolean:
      out += *static_cast<bool const*>(value) ? "true" : "false";
      return;
    case Form::integer:
      return write_integer(out, types::integer_of(type, value));
    case Form::number:
      return write_number(out, types::number_of(type, value));
    case Form::time:
      out += '"';
      clock_source::append_rfc3339(out, *static_cast<Time const*>(value));
      out += '"';
      return;
    case Form::id:
      out += '"';
      out += type.prefix;
      out += '_';
      write_integer(out, *static_cast<std::int64_t const*>(value));
      out += '"';
      return;
    case Form::enumeration:
      out += '"';
      out += types::label_of(type, value);
      out += '"';
      return;
    case Form::raw_json:
      out += static_cast<RawJson const*>(value)->text;
      return;
    case Form::optional:
      if (auto const* inner = type.value(value))
        write(out, *type.inner, inner);
      else
        out += "null";
      return;
    case Form::list:
      return write_list(out, type, value);
    case Form::text_map:
      return write_map(out, type, value);
    case Form::object:
      return write_object(out, type.members(), value);
  }
}

std::string url_text(types::Type const& type, void const* value) {
  if (type.form == types::Form::text) return *static_cast<std::string const*>(value);
  std::string out;
  if (type.form == types::Form::list) {
    for (std::size_t i = 0; i < type.count(value); ++i)
      out += (i ? "," : "") + url_text(*type.inner, type.item(value, i));
    return out;
  }
  write(out, type, value);
  return out.starts_with('"') ? out.substr(1, out.size() - 2) : out;
}

}  // namespace json
