#pragma once
// An archive as a file: a zstd-compressed tar with a tenant's data.
#include <filesystem>
#include <set>
#include <string>

namespace backups {

struct Contents {
  std::int64_t size = 0;
  std::string sha256, md5;  // hexadecimal; MD5 for services that ask for it, where there is one
  std::int64_t entries = 0;
  std::set<std::string> top;  // names at the top, without "/"
};

/// Size and checksum only.
[[nodiscard]] Contents measure(std::filesystem::path const& archive);
/// Reads all of it, the listing included. Throws Hopeless{"archive_damaged"}.
[[nodiscard]] Contents examine(std::filesystem::path const& archive);
/// Unpacks into a directory. Throws Hopeless{"archive_damaged"}.
void unpack(std::filesystem::path const& archive, std::filesystem::path const& directory);

}  // namespace backups
