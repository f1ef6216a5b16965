// Scalars of any width behind an address, and the making of members.
#include "platform/types/type.hpp"

#include <cstring>
#include <stdexcept>

std::optional<std::int64_t> id_number(std::string_view text) {
  if (text.size() < 2 || text.size() > 19 || text[0] != '_') return {};
  std::int64_t out = 0;
  for (char c : text.substr(1)) {
    if (c < '0' || c > '9') return {};
    out = out * 10 + (c - '0');
  }
  return out > 0 ? std::optional{out} : std::nullopt;
}

namespace types {

namespace {
template <class N>
N loaded(void const* value) {
  N out;
  std::memcpy(&out, value, sizeof out);
  return out;
}
template <class N>
void stored(void* value, N from) {
  std::memcpy(value, &from, sizeof from);
}
}  // namespace

std::int64_t integer_of(Type const& type, void const* value) {
  switch (type.size) {
    case 1:
      return type.is_signed ? loaded<std::int8_t>(value) : loaded<std::uint8_t>(value);
    case 2:
      return type.is_signed ? loaded<std::int16_t>(value) : loaded<std::uint16_t>(value);
    case 4:
      return type.is_signed ? loaded<std::int32_t>(value)
                            : std::int64_t{loaded<std::uint32_t>(value)};
    default:
      return loaded<std::int64_t>(value);
  }
}

void set_integer(Type const& type, void* value, std::int64_t to) {
  switch (type.size) {
    case 1:
      return stored(value, std::uint8_t(to));
    case 2:
      return stored(value, std::uint16_t(to));
    case 4:
      return stored(value, std::uint32_t(to));
    default:
      return stored(value, to);
  }
}

bool holds(Type const& type, std::int64_t value) {
  if (type.size == 8) return type.is_signed || value >= 0;
  auto const bits = type.size * 8;
  if (!type.is_signed) return value >= 0 && value < (std::int64_t{1} << bits);
  auto const most = std::int64_t{1} << (bits - 1);
  return value >= -most && value < most;
}

double number_of(Type const& type, void const* value) {
  return type.size == 4 ? double(loaded<float>(value)) : loaded<double>(value);
}

void set_number(Type const& type, void* value, double to) {
  if (type.size == 4)
    stored(value, float(to));
  else
    stored(value, to);
}

std::string_view label_of(Type const& type, void const* value) {
  return type.labels[std::size_t(integer_of(type, value))];
}

bool set_label(Type const& type, void* value, std::string_view label) {
  for (std::size_t i = 0; i < type.labels.size(); ++i) {
    if (type.labels[i] != label) continue;
    set_integer(type, value, std::int64_t(i));
    return true;
  }
  return false;
}

namespace detail {

Member made_member(std::string_view name, std::ptrdiff_t offset, Type const& type, Rules rules) {
  Member out{.name = name, .offset = std::size_t(offset), .type = &type, .rules = rules};
  out.key = ",\"" + std::string{name} + "\":";
  return out;
}

Member& member_at(std::span<Member> members, std::ptrdiff_t offset) {
  for (auto& member : members)
    if (member.offset == std::size_t(offset)) return member;
  throw std::logic_error{"a rule for what is no member"};
}

}  // namespace detail
}  // namespace types
