#pragma once
// The roll-ups of the demo business, counted from its rows like any others; those of MRR are the
// ledger's.
#include "platform/db/db.hpp"

namespace analytics {

/// Adds what the rows of all demo customers count for.
void count_demo(db::Tx& tx);
/// Takes it back; before the rows are removed.
void uncount_demo(db::Tx& tx);

}  // namespace analytics
