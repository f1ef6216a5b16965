#include "support/source.hpp"

namespace support {

std::filesystem::path source_directory() { return ONBOARDING_SOURCE; }

}  // namespace support
