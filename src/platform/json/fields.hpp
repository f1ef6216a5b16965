#pragma once
// A type describes itself once, with `static constexpr auto fields()`; JSON in both directions,
// validation, OpenAPI and database rows are all computed from that one list.
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// What a value must satisfy beyond its type. Lengths count characters, as OpenAPI and forms do.
struct Rules {
  std::string_view doc{};
  std::string_view example{};
  std::size_t min_length = 0, max_length = 0;
  std::optional<std::int64_t> min{}, max{};
  std::string_view format{};  // OpenAPI format name
  /// Returns nullptr when the text is fine, otherwise a sentence that ends "must …".
  char const* (*check)(std::string_view) = nullptr;
  bool secret = false;  // masked in audit rows
};

template <class Class, class Member>
struct Field {
  std::string_view name;
  Member Class::*member;
  Rules rules;
  using value_type = Member;
};

template <class Class, class Member>
constexpr Field<Class, Member> field(std::string_view name, Member Class::*member,
                                     Rules rules = {}) {
  return {name, member, rules};
}

template <class... F>
constexpr std::tuple<F...> fields(F... f) {
  return {f...};
}

template <class T>
concept Described = requires {
  T::fields();
};

/// T's list of fields, made once by the compiler and not again for every value.
template <Described T>
inline constexpr auto fields_of = T::fields();

template <class T, class Function>
constexpr void each_field(Function&& function) {
  std::apply([&](auto const&... f) { (function(f), ...); }, fields_of<T>);
}

/// An enumeration is described by a function found beside it:
/// `constexpr auto names_of(State) { return std::array<std::string_view, 2>{"live", "purged"}; }`
/// Enumerators must count up from 0 in the same order.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  names_of(e);
};

template <NamedEnum E>
inline constexpr auto names_of_enum = names_of(E{});

template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  return names_of_enum<E>[static_cast<std::size_t>(value)];
}

template <NamedEnum E>
constexpr std::optional<E> enum_from(std::string_view name) {
  for (std::size_t i = 0; i < names_of_enum<E>.size(); ++i)
    if (names_of_enum<E>[i] == name) return static_cast<E>(i);
  return {};
}

template <std::size_t N>
struct FixedString {
  char text[N]{};
  constexpr FixedString(char const (&literal)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = literal[i];
  }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

/// A bigint key in the database, "ten_12" everywhere outside it.
template <FixedString Prefix>
struct Id {
  std::int64_t value = 0;
  static constexpr std::string_view prefix() { return Prefix.view(); }
  auto operator<=>(Id const&) const = default;
  std::string text() const { return std::string{prefix()} + "_" + std::to_string(value); }
  static std::optional<Id> parse(std::string_view text) {
    if (!text.starts_with(prefix()) || text.size() <= prefix().size() + 1 ||
        text[prefix().size()] != '_' || text.size() > prefix().size() + 19)
      return {};
    Id id;
    for (char c : text.substr(prefix().size() + 1)) {
      if (c < '0' || c > '9') return {};
      id.value = id.value * 10 + (c - '0');
    }
    return id.value > 0 ? std::optional{id} : std::nullopt;
  }
};

/// JSON text that is passed through unread.
struct RawJson {
  std::string text = "null";
};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_text_map : std::false_type {};
template <class T>
struct is_text_map<std::map<std::string, T>> : std::true_type {};
template <class T>
struct is_id : std::false_type {};
template <FixedString P>
struct is_id<Id<P>> : std::true_type {};
