#include "billing/following.hpp"

#include "platform/installation/installation.hpp"

namespace billing {

bool follow_subscription(db::Connection& connection, stripe::Client const& client,
                         std::string const& id, std::optional<tenants::TenantId> tenant) {
  db::SessionLock const turn{connection, turn_of(id)};
  auto const asked_at = clock_source::now();
  auto const present = client.get("/v1/subscriptions/" + id);
  return db::transact(
      connection, [&](db::Tx& tx) { return apply_subscription(tx, present, asked_at, tenant); });
}

bool follow_invoice(db::Connection& connection, stripe::Client const& client,
                    std::string const& id) {
  db::SessionLock const turn{connection, turn_of(id)};
  http_client::Form expand;
  expand.add("expand[0]", "payments.data.payment.payment_intent");
  auto const present = client.get("/v1/invoices/" + id, expand);
  return db::transact(connection, [&](db::Tx& tx) { return apply_invoice(tx, present); });
}

void wait_while_copy(jobs::Context& job) {
  db::Tx tx{job.connection, db::Mode::autocommit};
  if (installation::is_copy(tx)) throw jobs::Snooze{std::chrono::minutes{1}};
}

}  // namespace billing
