#pragma once
// What types of this program are made of: ids, named enumerations, and aggregates whose members are
// known without being listed again. What a member must satisfy beyond its type stands beside the
// members that have something to say: `static constexpr auto rules()`. A type with a base class, or
// whose members have other names outside, lists them: `static constexpr auto fields()`.
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

/// What can be wrong with one value: a code that programs and pages know, and the English sentence,
/// "must …", with the bounds as {names}. Declared once, as a constant; tests/contract looks for the
/// words of each, `field_problem.<code>`, in both catalogues.
struct FieldCode {
  std::string_view code, pattern;
};

/// What a value must satisfy beyond its type. Lengths count characters, as OpenAPI and forms do.
struct Rules {
  std::string_view doc{};
  std::string_view example{};
  std::size_t min_length = 0, max_length = 0;
  std::optional<std::int64_t> min{}, max{};
  std::string_view format{};  // OpenAPI format name
  /// Returns nullptr when the text is fine, otherwise a code without bounds.
  FieldCode const* (*check)(std::string_view) = nullptr;
  bool secret = false;  // masked in audit rows
};

template <class Class, class Member>
struct Field {
  std::string_view name;
  Member Class::*member;
  Rules rules;
};

template <class Class, class Member>
constexpr Field<Class, Member> field(std::string_view name, Member Class::*member,
                                     Rules rules = {}) {
  return {name, member, rules};
}

/// For `fields()`: all members of the base class Base, with their rules.
template <class Base>
struct Inherited {};
template <class Base>
constexpr Inherited<Base> inherited() {
  return {};
}

template <class... F>
constexpr std::tuple<F...> fields(F... f) {
  return {f...};
}

/// For `rules()`: a member by its address, since its name is known.
template <class Class, class Member>
constexpr Field<Class, Member> rule(Member Class::*member, Rules rules) {
  return {{}, member, rules};
}

template <class... F>
constexpr std::tuple<F...> rules(F... f) {
  return {f...};
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

/// The number of "_12", the end of an id's text; none when it is no such text.
[[nodiscard]] std::optional<std::int64_t> id_number(std::string_view text);

/// A bigint key in the database, "ten_12" everywhere outside it.
template <FixedString Prefix>
struct Id {
  std::int64_t value = 0;
  static constexpr std::string_view prefix() { return Prefix.view(); }
  auto operator<=>(Id const&) const = default;
  std::string text() const { return std::string{prefix()} + "_" + std::to_string(value); }
  static std::optional<Id> parse(std::string_view text) {
    if (!text.starts_with(prefix())) return {};
    auto const number = id_number(text.substr(prefix().size()));
    return number ? std::optional{Id{*number}} : std::nullopt;
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

template <class T>
concept ListsItsFields = requires {
  T::fields();
};
template <class T>
struct is_array : std::false_type {};
template <class T, std::size_t N>
struct is_array<std::array<T, N>> : std::true_type {};

/// An object with members, in JSON as in a row of the database.
template <class T>
concept Described = ListsItsFields<T> ||
    (std::is_class_v<T>&& std::is_aggregate_v<T> && !is_id<T>::value && !is_array<T>::value &&
     !std::is_same_v<T, RawJson>);
