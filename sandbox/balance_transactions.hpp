#pragma once
// What moves on the account's own balance.
#include "sandbox/store.hpp"

namespace sandbox {

struct BalanceMove {
  std::int64_t amount, fee = 0;
  std::string currency, source;
  std::string_view type, reporting_category;
  Value description = nullptr;
};

/// A new balance transaction, inserted.
Object move_account_balance(Store& store, BalanceMove const& move);

}  // namespace sandbox
