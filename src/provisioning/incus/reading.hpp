#pragma once
// Looking into what Incus says: a member that is missing or of another type reads as nothing.
#include <boost/json.hpp>
#include <initializer_list>
#include <string>

namespace provisioning::incus {

inline boost::json::value const* at(boost::json::value const& in,
                                    std::initializer_list<std::string_view> path) {
  auto const* here = &in;
  for (auto const name : path) {
    auto const* object = here->if_object();
    here = object ? object->if_contains(name) : nullptr;
    if (!here) return nullptr;
  }
  return here;
}

/// An object would become a value that is gone before anybody looks at what was found in it.
boost::json::value const* at(boost::json::value&& in,
                             std::initializer_list<std::string_view> path) = delete;

inline std::string text_at(boost::json::value const& in,
                           std::initializer_list<std::string_view> path) {
  auto const* found = at(in, path);
  return found && found->is_string() ? std::string{found->get_string()} : std::string{};
}

inline std::int64_t number_at(boost::json::value const& in,
                              std::initializer_list<std::string_view> path) {
  auto const* found = at(in, path);
  if (!found) return 0;
  if (found->is_uint64()) return std::int64_t(found->get_uint64());
  return found->is_int64() ? found->get_int64() : 0;
}

/// What an instance says of itself in our name; empty when it says nothing.
inline std::string key_of(boost::json::value const& instance, std::string_view key) {
  return text_at(instance, {"config", "user.onboarding." + std::string{key}});
}

constexpr std::string_view running = "Running";
inline std::string status_of(boost::json::value const& instance) {
  return text_at(instance, {"status"});
}

/// Its machine does not answer: only name and place are known then.
inline bool is_out_of_reach(boost::json::value const& instance) {
  return status_of(instance) == "Error";
}

inline std::string path_of(std::string const& instance) { return "/1.0/instances/" + instance; }

}  // namespace provisioning::incus
