#pragma once
// HAProxy's runtime interface: one command per connection on its unix socket.
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace haproxy {

class Runtime {
 public:
  explicit Runtime(std::filesystem::path socket) : socket_{std::move(socket)} {}

  /// The answer; none when HAProxy does not listen.
  [[nodiscard]] std::optional<std::string> command(std::string const& text) const;
  /// The process that serves at present (a reload brings another one).
  [[nodiscard]] std::optional<int> worker() const;

  using Map = std::map<std::string, std::string>;
  [[nodiscard]] std::optional<Map> read_map(std::filesystem::path const& map) const;
  /// Changes the entry or adds it; there is never a second one. False when HAProxy does not listen;
  /// throws std::runtime_error when it refuses.
  bool set(std::filesystem::path const& map, std::string const& key,
           std::string const& value) const;
  bool remove(std::filesystem::path const& map, std::string const& key) const;
  /// All entries at once: visitors see the old map or the new one.
  bool replace(std::filesystem::path const& map, Map const& entries) const;

 private:
  std::filesystem::path socket_;
};

}  // namespace haproxy
