#pragma once
// The money of the demo business. None of it is at Stripe. Amounts are in minor units.
#include "platform/db/db.hpp"

namespace billing {

struct DemoSubscription {
  std::int64_t id, customer_id, tenant_id;
  std::string status, currency;
  std::int64_t mrr;
  Time started_at;
  std::optional<Time> ended_at;
};
struct DemoInvoice {
  std::int64_t customer_id, subscription_id;
  std::string number, currency;
  std::int64_t amount;
  Time date;
  std::optional<Time> next_attempt;  // none: it was paid on its date
};
struct DemoCard {
  std::int64_t customer_id;
  std::string brand, last4;
};

struct Demo {
  std::vector<DemoSubscription> subscriptions;
  std::vector<DemoInvoice> invoices;
  std::vector<DemoCard> cards;
};

/// From here on ids of subscriptions are free; add_demo() takes those that its rows use.
[[nodiscard]] std::int64_t first_free_subscription_id(db::Tx& tx);
void add_demo(db::Tx& tx, Demo const& demo);
/// Before their tenants.
void remove_demo(db::Tx& tx);

}  // namespace billing
