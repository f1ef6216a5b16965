#pragma once
// Files that we write and HAProxy reads. Where it is another user than we are, its group may read
// them and make sockets beside them, and change nothing.
#include "platform/files/files.hpp"

namespace haproxy {

struct Shared {
  std::optional<gid_t> group{};  // HAProxy's; none: it is our own user

  void write(std::filesystem::path const& path, std::string_view content,
             files::Flush flush = files::Flush::yes) const;
  void make_directory(std::filesystem::path const& path) const;
  /// One in which HAProxy makes its sockets.
  void make_socket_directory(std::filesystem::path const& path) const;

 private:
  [[nodiscard]] std::optional<files::Owner> owner() const;
};

}  // namespace haproxy
