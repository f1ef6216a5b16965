// PostgreSQL's versions as Debian installs them: side by side, one directory per major version.
#include "platform/postgres/programs.hpp"

#include <sys/stat.h>

#include <charconv>
#include <stdexcept>

namespace postgres {

std::map<int, std::filesystem::path> installed_programs(
    std::filesystem::path const& installations) {
  std::map<int, std::filesystem::path> found;
  std::error_code error;
  for (auto const& entry : std::filesystem::directory_iterator{installations, error}) {
    auto const name = entry.path().filename().string();
    int major = 0;
    auto const [end, bad] = std::from_chars(name.data(), name.data() + name.size(), major);
    if (bad != std::errc{} || end != name.data() + name.size() || major < oldest_major) continue;
    auto const programs = entry.path() / "bin";
    // Client packages make the directory too; only the server package brings these.
    if (std::filesystem::exists(programs / "postgres", error) &&
        std::filesystem::exists(programs / "initdb", error))
      found[major] = programs;
  }
  return found;
}

std::filesystem::path programs_for(std::map<int, std::filesystem::path> const& installed,
                                   std::optional<int> cluster_major,
                                   std::filesystem::path const& data) {
  if (!cluster_major) {
    if (installed.empty())
      throw std::runtime_error{
          "PostgreSQL " + std::to_string(oldest_major) +
          " or later is not installed: run `apt install postgresql`, or set database_url to a "
          "server elsewhere"};
    return installed.rbegin()->second;
  }
  if (auto const own = installed.find(*cluster_major); own != installed.end()) return own->second;
  auto const wanted = std::to_string(*cluster_major);
  std::string text = "the data in " + data.string() + " was written by PostgreSQL " + wanted +
                     ", which is not installed";
  text += ": run `apt install postgresql-" + wanted +
          "` (from apt.postgresql.org where this Debian does not have it) and start again";
  if (!installed.empty() && installed.rbegin()->first > *cluster_major) {
    auto const newer = std::to_string(installed.rbegin()->first);
    text += "; to move to PostgreSQL " + newer + " instead, install " + wanted +
            " beside it and use " + (installed.rbegin()->second / "pg_upgrade").string();
  }
  throw std::runtime_error{text};
}

std::string stamp_of(std::filesystem::path const& programs) {
  struct stat now {};
  if (::stat((programs / "postgres").c_str(), &now) != 0) return {};
  return std::to_string(now.st_dev) + ':' + std::to_string(now.st_ino) + ':' +
         std::to_string(now.st_size) + ':' + std::to_string(now.st_mtim.tv_sec);
}

}  // namespace postgres
