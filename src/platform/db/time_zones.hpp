#pragma once
// Time zones as people choose them: PostgreSQL turns moments into their days and hours.
#include "platform/db/db.hpp"

namespace db {

/// A name of IANA that this PostgreSQL knows ("Europe/Madrid"), as it is written there. It would
/// take more: rules of POSIX, which count westwards ("UTC+3" is three hours behind), and the files
/// beside the zones.
[[nodiscard]] bool is_time_zone(Tx& tx, std::string_view name);

}  // namespace db
