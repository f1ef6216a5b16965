#pragma once
// An archive as a file: a zstd-compressed tar with a tenant's data. What is in it came from the
// tenant, so it is read by a user who may do nothing, and nothing of it is unpacked by us.
#include <filesystem>
#include <set>
#include <string>

#include "platform/files/files.hpp"
#include "platform/process/identity.hpp"

namespace backups {

struct Contents {
  std::int64_t size = 0;
  std::string sha256, md5;  // hexadecimal; MD5 for services that ask for it, where there is one
  std::int64_t entries = 0;
  std::int64_t unpacked = 0;  // bytes of its files
  std::set<std::string> top;  // names at the top, without "/"
};

/// Size and checksum only.
[[nodiscard]] Contents measure(std::filesystem::path const& archive);
/// Reads all of it, the listing included. Throws Hopeless{"archive_damaged"}.
[[nodiscard]] Contents examine(std::filesystem::path const& archive);
/// One of its files, unpacked beside the archive without a name, at its beginning. Throws
/// Hopeless{"archive_damaged"}.
[[nodiscard]] files::Descriptor extract(std::filesystem::path const& archive,
                                        std::string const& name);
/// Who reads what tenants have written, when we are root.
[[nodiscard]] std::optional<process::Identity> reader();

}  // namespace backups
