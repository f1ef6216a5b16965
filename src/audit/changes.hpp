#pragma once
// Before and after of what was changed, for audit rows: only the members that differ, secrets
// masked.
#include "platform/http/endpoint.hpp"

namespace audit {

/// Two objects with the same members, those that differ; `null` both when nothing does.
struct Changes {
  RawJson before, after;
};
[[nodiscard]] Changes changes(types::Type const& type, void const* before, void const* after);
template <Described T>
[[nodiscard]] Changes changes(T const& before, T const& after) {
  return changes(types::type_of<T>, &before, &after);
}

/// A described value as a whole.
[[nodiscard]] RawJson described(types::Type const& type, void const* value);
template <Described T>
[[nodiscard]] RawJson described(T const& value) {
  return described(types::type_of<T>, &value);
}

/// Notes a change on the request's audit row.
template <Described T>
void note(http::Context& context, T const& before, T const& after) {
  auto found = changes(before, after);
  context.audit_before = std::move(found.before);
  context.audit_after = std::move(found.after);
}

}  // namespace audit
