// Objects of an audit row. A secret shows that it is there or was changed, never what it is.
#include "audit/changes.hpp"

namespace audit {

namespace {
std::string value_text(types::Member const& member, void const* object) {
  std::string out;
  json::write(out, *member.type, member.of(object));
  return out;
}

void append(std::string& object, types::Member const& member, std::string_view value) {
  object += member.key;
  object += member.rules.secret ? std::string_view{"\"********\""} : value;
}

RawJson closed(std::string object) {
  if (object.empty()) return {};
  object[0] = '{';  // instead of the first comma
  return {std::move(object) + '}'};
}
}  // namespace

Changes changes(types::Type const& type, void const* before, void const* after) {
  std::string was, is;
  for (auto const& member : type.members()) {
    auto const old_text = value_text(member, before), new_text = value_text(member, after);
    if (old_text == new_text) continue;
    append(was, member, old_text);
    append(is, member, new_text);
  }
  return {closed(std::move(was)), closed(std::move(is))};
}

RawJson described(types::Type const& type, void const* value) {
  std::string object;
  for (auto const& member : type.members()) append(object, member, value_text(member, value));
  return closed(std::move(object));
}

}  // namespace audit
