#pragma once
// How the customers of the demo business came: each paid at once.
#include "platform/db/db.hpp"

namespace signup {

struct DemoSignup {
  std::int64_t tenant_id, customer_id;
  std::string plan_id, interval, currency;
  std::int64_t amount;  // minor units
  Time created_at;
};

void add_demo(db::Tx& tx, std::vector<DemoSignup> const& signups);
/// Before their tenants.
void remove_demo(db::Tx& tx);

}  // namespace signup
