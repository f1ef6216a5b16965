#pragma once
// What can be done with jobs that have not begun.
#include "platform/db/db.hpp"

namespace jobs {

/// Other work has done theirs: those of these keys that wait are done without having run, and
/// `note` says why.
void end_waiting(db::Tx& tx, std::string_view kind, std::vector<std::string> const& dedupe_keys,
                 std::string_view note);

}  // namespace jobs
