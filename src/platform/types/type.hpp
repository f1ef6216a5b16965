#pragma once
// A type as a value: what parse, write, schema, rows and audit need to know of it at run time.
// Templates end here, at a table of members; all that works on values are ordinary functions.
#include <memory>
#include <span>

#include "platform/clock/clock.hpp"
#include "platform/types/fields.hpp"
#include "platform/types/members.hpp"

namespace types {

enum class Form : std::uint8_t {
  text,
  text_view,  // only written
  boolean,
  integer,
  number,
  time,
  id,
  enumeration,
  raw_json,
  optional,
  list,
  text_map,
  object,
};

struct Type;

struct Member {
  std::string_view name;
  std::string key;  // `,"name":`, so that a key costs one append
  std::size_t offset = 0;
  Type const* type = nullptr;
  Rules rules;

  void const* of(void const* object) const {
    return static_cast<std::byte const*>(object) + offset;
  }
  void* of(void* object) const { return static_cast<std::byte*>(object) + offset; }
  [[nodiscard]] inline bool is_optional() const;
};

struct Type {
  Form form;
  std::uint8_t size = 0;                       // bytes of integers, numbers and enumerations
  bool is_signed = true;                       // of integers
  std::string_view prefix{};                   // of ids
  std::span<std::string_view const> labels{};  // of enumerations, from 0
  Type const* inner = nullptr;                 // of optionals, lists and maps

  std::string_view (*name)() = nullptr;  // of objects and enumerations, with its namespaces
  std::span<Member const> (*members)() = nullptr;

  void const* (*value)(void const* optional) = nullptr;  // nullptr when it is empty
  void* (*emplace)(void* optional) = nullptr;

  std::size_t (*count)(void const* list) = nullptr;
  void const* (*item)(void const* list, std::size_t index) = nullptr;
  void* (*append)(void* list) = nullptr;
  void (*clear)(void* list) = nullptr;
  void (*each)(void const* map, void* context,
               void (*visit)(void* context, std::string const& key, void const* value)) = nullptr;

  /// The type that a value has when there is one.
  [[nodiscard]] Type const& when_set() const { return form == Form::optional ? *inner : *this; }
};

bool Member::is_optional() const { return type->form == Form::optional; }

[[nodiscard]] std::int64_t integer_of(Type const& type, void const* value);
void set_integer(Type const& type, void* value, std::int64_t to);
/// Whether an integer of this type can hold it.
[[nodiscard]] bool holds(Type const& type, std::int64_t value);
[[nodiscard]] double number_of(Type const& type, void const* value);
void set_number(Type const& type, void* value, double to);
/// The name of an enumerator.
[[nodiscard]] std::string_view label_of(Type const& type, void const* value);
/// False when there is no such enumerator.
[[nodiscard]] bool set_label(Type const& type, void* value, std::string_view label);

/// The description of T is `type_of<T>`, below.
template <class T>
struct TypeOf;

namespace detail {

template <class T>
std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text = text.substr(text.find("T = ") + 4);
  return text.substr(0, text.find_first_of(";]"));
}

Member made_member(std::string_view name, std::ptrdiff_t offset, Type const& type, Rules rules);
/// The member that lies there; logic_error when none does.
Member& member_at(std::span<Member> members, std::ptrdiff_t offset);

/// Where the members of a T lie is asked of memory that never holds one.
template <class T>
struct Place {
  alignas(T) inline static std::byte bytes[sizeof(T)];
  static T& object() { return *reinterpret_cast<T*>(bytes); }
  template <class M>
  static std::ptrdiff_t offset_of(M const& member) {
    return reinterpret_cast<std::byte const*>(std::addressof(member)) - bytes;
  }
};

template <class T>
std::span<Member const> members();

template <class T, class Class, class M>
void add_field(std::vector<Member>& out, Field<Class, M> const& field) {
  out.push_back(made_member(field.name, Place<T>::offset_of(Place<T>::object().*field.member),
                            TypeOf<M>::value, field.rules));
}
template <class T, class Base>
void add_field(std::vector<Member>& out, Inherited<Base>) {
  auto const offset = Place<T>::offset_of(static_cast<Base&>(Place<T>::object()));
  for (auto member : members<Base>()) {
    member.offset += std::size_t(offset);
    out.push_back(std::move(member));
  }
}

template <class T>
std::vector<Member> make_members() {
  std::vector<Member> out;
  if constexpr (ListsItsFields<T>) {
    std::apply([&](auto const&... f) { (add_field<T>(out, f), ...); }, T::fields());
  } else {
    using There = Place<T>;
    boost::pfr::for_each_field(There::object(), [&](auto& member, std::size_t i) {
      out.push_back(made_member(member_names<T>[i], There::offset_of(member),
                                TypeOf<std::remove_cvref_t<decltype(member)>>::value, {}));
    });
    if constexpr (requires { T::rules(); })
      std::apply(
          [&](auto const&... f) {
            ((member_at(out, There::offset_of(There::object().*f.member)).rules = f.rules), ...);
          },
          T::rules());
  }
  return out;
}

template <class T>
std::span<Member const> members() {
  static auto const made = make_members<T>();
  return made;
}

template <class T>
constexpr Type make_type() {
  if constexpr (std::is_same_v<T, std::string>) {
    return {.form = Form::text};
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    return {.form = Form::text_view};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {.form = Form::boolean};
  } else if constexpr (std::is_integral_v<T>) {
    return {.form = Form::integer, .size = sizeof(T), .is_signed = std::is_signed_v<T>};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {.form = Form::number, .size = sizeof(T)};
  } else if constexpr (std::is_same_v<T, Time>) {
    return {.form = Form::time};
  } else if constexpr (std::is_same_v<T, RawJson>) {
    return {.form = Form::raw_json};
  } else if constexpr (is_id<T>::value) {
    return {.form = Form::id, .prefix = T::prefix()};
  } else if constexpr (NamedEnum<T>) {
    return {.form = Form::enumeration,
            .size = sizeof(T),
            .labels = names_of_enum<T>,
            .name = type_name<T>};
  } else if constexpr (is_optional<T>::value) {
    using Value = typename T::value_type;
    return {.form = Form::optional,
            .inner = &TypeOf<Value>::value,
            .value = [](void const* optional) -> void const* {
              auto const& it = *static_cast<T const*>(optional);
              return it ? std::addressof(*it) : nullptr;
            },
            .emplace = [](void* optional) -> void* {
              return std::addressof(static_cast<T*>(optional)->emplace());
            }};
  } else if constexpr (is_vector<T>::value) {
    static_assert(!std::is_same_v<T, std::vector<bool>>, "its items have no address");
    return {.form = Form::list,
            .inner = &TypeOf<typename T::value_type>::value,
            .count = [](void const* list) { return static_cast<T const*>(list)->size(); },
            .item = [](void const* list, std::size_t i) -> void const* {
              return std::addressof((*static_cast<T const*>(list))[i]);
            },
            .append = [](void* list) -> void* {
              return std::addressof(static_cast<T*>(list)->emplace_back());
            },
            .clear = [](void* list) { static_cast<T*>(list)->clear(); }};
  } else if constexpr (is_text_map<T>::value) {
    return {.form = Form::text_map,
            .inner = &TypeOf<typename T::mapped_type>::value,
            .each = [](void const* map, void* context,
                       void (*visit)(void*, std::string const&, void const*)) {
              for (auto const& [key, value] : *static_cast<T const*>(map))
                visit(context, key, std::addressof(value));
            }};
  } else {
    static_assert(Described<T>, "this type cannot be described");
    return {.form = Form::object, .name = type_name<T>, .members = members<T>};
  }
}

}  // namespace detail

template <class T>
struct TypeOf {
  static constexpr Type value = detail::make_type<T>();
};
template <class T>
inline constexpr Type const& type_of = TypeOf<T>::value;

template <class T>
[[nodiscard]] std::span<Member const> members_of() {
  return detail::members<T>();
}

}  // namespace types
