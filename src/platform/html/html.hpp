#pragma once
// Text that goes into a page.
#include <string>
#include <string_view>

namespace html {

/// Text as content or as a quoted attribute: never markup.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace html
