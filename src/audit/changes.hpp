#pragma once
// Before and after of what was changed, for audit rows: only the fields that differ, secrets
// masked.
#include "platform/http/endpoint.hpp"

namespace audit {

namespace detail {
/// A secret shows that it is there or was changed, never what it is.
template <class M>
void append_field(std::string& object, std::string_view name, Rules const& rules, M const& value) {
  object += object.empty() ? '{' : ',';
  json::write_string(object, name);
  object += ':';
  if (rules.secret)
    object += "\"********\"";
  else
    json::write(object, value);
}
inline RawJson closed(std::string object) {
  if (object.empty()) return {};
  return {std::move(object) + '}'};
}
}  // namespace detail

/// Two objects with the same members, those that differ; `null` both when nothing does.
struct Changes {
  RawJson before, after;
};
template <class T>
[[nodiscard]] Changes changes(T const& before, T const& after) {
  std::string was, is;
  each_field<T>([&](auto const& f) {
    if (json::text(before.*f.member) == json::text(after.*f.member)) return;
    detail::append_field(was, f.name, f.rules, before.*f.member);
    detail::append_field(is, f.name, f.rules, after.*f.member);
  });
  return {detail::closed(std::move(was)), detail::closed(std::move(is))};
}

/// A described value as a whole.
template <class T>
[[nodiscard]] RawJson described(T const& value) {
  std::string object;
  each_field<T>(
      [&](auto const& f) { detail::append_field(object, f.name, f.rules, value.*f.member); });
  return detail::closed(std::move(object));
}

/// Notes a change on the request's audit row.
template <class T>
void note(http::Context& context, T const& before, T const& after) {
  auto found = changes(before, after);
  context.audit_before = std::move(found.before);
  context.audit_after = std::move(found.after);
}

}  // namespace audit
