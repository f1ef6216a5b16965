#pragma once
// The demo business in the books: steps that no event of Stripe's has told.
#include "platform/db/db.hpp"

namespace ledger {

struct DemoStep {
  std::int64_t customer_id, subscription_id;  // of our rows
  std::string currency;
  Time at;
  std::int64_t delta;
};

/// With the movements and roll-ups that follow.
void add_demo(db::Tx& tx, std::vector<DemoStep> const& steps);
/// Takes it back, before the customers go.
void remove_demo(db::Tx& tx);

}  // namespace ledger
