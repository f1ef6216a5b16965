#pragma once

#include <filesystem>

namespace support {

/// The folder of this clone: migrations, locales and sources that tests read.
std::filesystem::path source_directory();

}  // namespace support
