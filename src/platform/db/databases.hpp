#pragma once
// Databases of others on the same server, which may be in any state.
#include "platform/db/db.hpp"

namespace db {

/// Its removal broke off: it holds nothing any more, and the one thing left to do is to remove it.
[[nodiscard]] bool is_half_removed(Connection& connection, std::string const& name);
/// Whatever its owner made of it, and whoever is connected; fine when there is none.
void drop_database(Connection& connection, std::string const& name);

}  // namespace db
