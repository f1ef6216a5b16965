// Reading, writing and comparing the documents.
#include "sandbox/value.hpp"

#include "platform/crypto/crypto.hpp"
#include "platform/json/write.hpp"

namespace sandbox {

namespace {
template <class O, class V>
V* walk(O& object, std::string_view path) {
  O* here = &object;
  for (;;) {
    auto const dot = path.find('.');
    auto* found = here->if_contains(path.substr(0, dot));
    if (!found || found->is_null()) return nullptr;
    if (dot == std::string_view::npos) return found;
    here = found->if_object();
    if (!here) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

void write_pretty(std::string& out, Value const& value, std::size_t depth, bool all = false) {
  auto const new_line = [&](std::size_t by) {
    out += '\n';
    out.append(by * 2, ' ');
  };
  if (auto const* object = value.if_object()) {
    bool first = true;
    out += '{';
    for (auto const& [key, item] : *object) {
      if (key.starts_with('_') && !all) continue;
      if (!first) out += ',';
      first = false;
      new_line(depth + 1);
      json::write_string(out, key);
      out += ": ";
      write_pretty(out, item, depth + 1, key == "metadata");
    }
    if (!first) new_line(depth);
    out += '}';
  } else if (auto const* array = value.if_array()) {
    bool first = true;
    out += '[';
    for (auto const& item : *array) {
      if (!first) out += ',';
      first = false;
      new_line(depth + 1);
      write_pretty(out, item, depth + 1);
    }
    if (!first) new_line(depth);
    out += ']';
  } else if (auto const* string = value.if_string()) {
    json::write_string(out, *string);
  } else if (auto const* real = value.if_double()) {
    out += fmt::format("{}", *real);
  } else {
    out += boost::json::serialize(value);
  }
}
}  // namespace

Object mould(std::string_view json_text) { return boost::json::parse(json_text).as_object(); }

Value const* at(Object const& object, std::string_view path) {
  return walk<Object const, Value const>(object, path);
}
Value* at(Object& object, std::string_view path) { return walk<Object, Value>(object, path); }

std::string text(Object const& object, std::string_view path) {
  auto const* value = at(object, path);
  if (!value || !value->is_string()) return {};
  return std::string{std::string_view{value->get_string()}};
}

std::int64_t number(Object const& object, std::string_view path, std::int64_t otherwise) {
  auto const* value = at(object, path);
  return value && value->is_int64() ? value->get_int64() : otherwise;
}

bool truth(Object const& object, std::string_view path) {
  auto const* value = at(object, path);
  return value && value->is_bool() && value->get_bool();
}

bool has(Object const& object, std::string_view path) { return at(object, path) != nullptr; }

Object const& part(Object const& object, std::string_view path) {
  static Object const none;
  auto const* value = at(object, path);
  return value && value->is_object() ? value->get_object() : none;
}

Array const& items(Object const& object, std::string_view path) {
  static Array const none;
  auto const* value = at(object, path);
  return value && value->is_array() ? value->get_array() : none;
}

Value text_or_null(std::string_view text) { return text.empty() ? Value(nullptr) : Value(text); }

Value number_or_null(std::optional<std::int64_t> number) {
  return number ? Value(*number) : Value(nullptr);
}

std::string pretty(Value const& value) {
  std::string out;
  write_pretty(out, value, 0);
  return out;
}

Object without_private(Object const& object) {
  Object out;
  for (auto const& [key, value] : object)
    if (!key.starts_with('_')) out.emplace(key, value);
  return out;
}

void shorten_lists(Object& object) {
  constexpr std::size_t shown = 10;
  for (auto& [key, member] : object) {
    if (auto* array = member.if_array())
      for (auto& entry : *array)
        if (auto* inner = entry.if_object()) shorten_lists(*inner);
    auto* inner = member.if_object();
    if (!inner) continue;
    auto* data = inner->if_contains("data");
    if (key != "items" && text(*inner, "object") == "list" && data->as_array().size() > shown) {
      auto& all = data->as_array();
      all.erase(all.begin() + shown, all.end());
      (*inner)["has_more"] = true;
    }
    shorten_lists(*inner);
  }
}

Object difference(Object const& before, Object const& after) {
  Object out;
  for (auto const& [key, now] : after) {
    if (key.starts_with('_')) continue;
    auto const* then = before.if_contains(key);
    if (!then) {
      out.emplace(key, nullptr);
    } else if (*then != now) {
      if (then->is_object() && now.is_object() && !then->get_object().contains("data"))
        out.emplace(key, difference(then->get_object(), now.get_object()));
      else
        out.emplace(key, *then);
    }
  }
  for (auto const& [key, then] : before)
    if (!key.starts_with('_') && !after.contains(key)) out.emplace(key, then);
  return out;
}

std::string new_id(std::string_view prefix, std::size_t length) {
  static constexpr std::string_view letters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  auto const random = crypto::random_hex(length);
  std::string out{prefix};
  for (std::size_t i = 0; i < length; ++i) {
    auto const byte = std::stoul(random.substr(2 * i, 2), nullptr, 16);
    out += letters[byte % letters.size()];
  }
  return out;
}

Object list_of(Array data, std::string_view url) {
  return {{"object", "list"}, {"data", std::move(data)}, {"has_more", false}, {"url", url}};
}

}  // namespace sandbox
