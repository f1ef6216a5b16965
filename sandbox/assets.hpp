#pragma once
// The stylesheet and the script of the sandbox's pages.
#include <string_view>

namespace sandbox {

[[nodiscard]] std::string_view stylesheet();
[[nodiscard]] std::string_view script();

}  // namespace sandbox
