// Owner and mode of each.
#include "platform/haproxy/shared.hpp"

#include <unistd.h>

namespace haproxy {

std::optional<files::Owner> Shared::owner() const {
  if (!group) return {};
  return files::Owner{::geteuid(), *group};
}

void Shared::write(std::filesystem::path const& path, std::string_view content,
                   files::Flush flush) const {
  files::write_atomically(path, content, group ? 0640 : 0600, owner(), flush);
}

void Shared::make_directory(std::filesystem::path const& path) const {
  files::make_directory(path, group ? 0750 : 0700, owner());
}

void Shared::make_socket_directory(std::filesystem::path const& path) const {
  // Sticky: it may remove and rename what it has made itself.
  files::make_directory(path, group ? 01770 : 0700, owner());
}

}  // namespace haproxy
