#pragma once
// Sums hold whole days, and some steps of today are still to come: a discount that ends this
// evening.
#include "ledger/contributions.hpp"
#include "reports/mrr_figures.hpp"

namespace reports {

/// What those who have such steps add to the sums as they stand now, less what they have added as
/// they will stand at midnight.
[[nodiscard]] ledger::Contributions without_steps_ahead(db::Tx& tx, MrrQuestion const& question);

}  // namespace reports
