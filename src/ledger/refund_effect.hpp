#pragma once
// What a refund would take back of revenue, before anybody has ordered it.
#include "platform/db/db.hpp"

namespace ledger {

/// Of one month in the zone of the reports: what it shows less.
struct RevenueTakenBack {
  Time month;  // its beginning
  std::int64_t amount;
};
/// The months from `at` on, as D17 spreads so much of an invoice; the ones that show no difference
/// are left out. Empty where the invoice is not known.
[[nodiscard]] std::vector<RevenueTakenBack> effect_of_refund(db::Tx& tx,
                                                             std::string_view stripe_invoice_id,
                                                             std::int64_t amount, Time at);

}  // namespace ledger
