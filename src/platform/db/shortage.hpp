#pragma once
// What PostgreSQL has no room for (disk, memory, locks, connections, notices), as somebody has just
// learned: whoever asks for readiness hears of it before asking finds out.
#include <optional>
#include <string>
#include <string_view>

namespace db {

void lack(std::string const& url, std::string_view why);
/// What was lacking within the last seconds; none when all is well.
[[nodiscard]] std::optional<std::string> lacks(std::string const& url);

}  // namespace db
