#pragma once
// A business to look at: 500 customers over 24 months, the same each time for the same day.
#include "platform/db/db.hpp"

namespace app::commands {

/// Loads it; false when it is there already. Its tenants have the provisioner "demo": nothing runs
/// for them and they take no place from real ones.
bool load_demo(db::Connection& connection);
/// Removes it with everything that it counted; false when there is none.
bool purge_demo(db::Connection& connection);

}  // namespace app::commands
