#pragma once
// The name of a machine in the addresses that settings hold.
#include <string>
#include <string_view>

namespace config {

/// "https://Console.example.com:8443/x" → "console.example.com"; also of "Name <who@host>" and of a
/// bare "host:port". An IPv6 address keeps its brackets.
[[nodiscard]] std::string host_of(std::string_view address);

}  // namespace config
