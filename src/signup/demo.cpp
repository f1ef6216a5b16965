// The rows of demo sign-ups.
#include "signup/demo.hpp"

namespace signup {

namespace {
db::Query const delete_demo{"signup.delete_demo", R"sql(
  DELETE FROM signups WHERE customer_id IN (SELECT id FROM customers WHERE is_demo)
)sql"};
}  // namespace

void add_demo(db::Tx& tx, std::vector<DemoSignup> const& signups) {
  std::string rows;
  for (auto const& [tenant, customer, plan, interval, currency, amount, at] : signups)
    db::copy_line(rows, tenant, customer, plan, interval, currency, amount, "paid",
                  at + std::chrono::minutes{30}, at, at);
  tx.copy_in(
      "COPY signups (tenant_id, customer_id, plan_id, interval, currency, amount, payment, "
      "lease_until, created_at, paid_at) FROM STDIN",
      rows);
}

void remove_demo(db::Tx& tx) { tx.exec(delete_demo); }

}  // namespace signup
