#pragma once
// Reading an open file to its end, for this folder.
#include <cstdint>
#include <string>

namespace files {

/// Appends what is left of it. 0, or the error: EFBIG when `content` would grow beyond `most`.
[[nodiscard]] int read_rest(int file, std::string& content, std::size_t most = SIZE_MAX);

}  // namespace files
