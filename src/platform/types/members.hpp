#pragma once
// The names of an aggregate's members, learnt from the compiler: nobody writes them a second time.
// Boost.PFR counts and reaches the members; it learns their names only in Boost 1.84, so that is
// done here. Works for aggregates without base classes, with up to 100 members.
#include <array>
#include <boost/pfr.hpp>
#include <string_view>
#include <utility>

namespace types::detail {

template <class T>
struct Holder {
  T value;
};
/// Never defined: only the addresses of its members are named.
template <class T>
extern Holder<T> const somewhere;

template <class M>
struct Pointer {
  M const* to;
};

template <auto pointer>
consteval std::string_view spelled() {
  return __PRETTY_FUNCTION__;
}

template <class T, std::size_t I>
consteval std::string_view member_name() {
  auto text = spelled<Pointer{&boost::pfr::get<I>(somewhere<T>.value)}>();
  text = text.substr(0, text.rfind("; std::string_view"));  // … {(& somewhere<T>. … ::member)}
  text = text.substr(0, text.find_last_not_of(")}") + 1);
  return text.substr(text.find_last_of(":.") + 1);
}

/// In the order of declaration.
template <class T>
inline constexpr auto member_names = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{member_name<T, I>()...};
}
(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});

}  // namespace types::detail
