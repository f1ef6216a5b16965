#pragma once
// What a person can do with a job that has failed for good.
#include "platform/db/db.hpp"

namespace jobs {

/// It waits again with all its attempts. False when it is not dead (any more).
bool retry(db::Tx& tx, std::int64_t id);
/// It goes, and nobody looks at it again. False when it is not dead (any more).
bool discard(db::Tx& tx, std::int64_t id);

}  // namespace jobs
