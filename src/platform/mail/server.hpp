#pragma once
// Whether the mail server is there, as all nodes see it. While it is away only one mail at a time
// asks it: the others cost nobody a thread.
#include "platform/db/db.hpp"

namespace mail::server {

/// How long a mail waits before it looks here again; zero: it may be handed over now.
[[nodiscard]] std::chrono::milliseconds wait(db::Connection& connection);
/// It could not be reached, or takes no mail at present. Returns how long nobody asks it.
std::chrono::milliseconds is_away(db::Connection& connection, std::string_view why);
/// It has answered.
void is_there(db::Connection& connection);

}  // namespace mail::server
