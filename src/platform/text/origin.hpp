#pragma once
// Origins (RFC 6454) as browsers write them.
#include <optional>
#include <string>
#include <string_view>

/// "https://Console.Example.com:443" is "https://console.example.com": scheme and host in lower
/// case, the scheme's own port left out. A slash at the end is forgiven; none when the text is
/// anything but an http or https origin.
[[nodiscard]] std::optional<std::string> origin_of(std::string_view text);
