#pragma once
// The ledger of MRR. Stored are what Stripe's events carried of subscriptions and discounts; what
// they bring in when, and the movements of each day, follow from that and are written as
// differences. Whatever comes late, twice or shuffled gives the same books, dated when it happened.
#include "customers/customers.hpp"
#include "ledger/derive.hpp"

namespace ledger {

/// Changes of one customer's books wait for each other until the transaction ends.
void lock(db::Tx& tx, customers::CustomerId customer);

struct Event {
  std::string id, type;
  Time created;
};

/// A subscription as an event carried it; `payload` is the whole event.
void keep_event(db::Tx& tx, customers::CustomerId customer, Event const& event,
                stripe::Object const& payload);
/// A subscription as Stripe has it, asked for at that time: before the question was sent, or after
/// the answer to a change.
void keep_fetched(db::Tx& tx, customers::CustomerId customer, stripe::Object const& subscription,
                  Time fetched_at);
/// A discount as an event carried it, and its coupon where Stripe still has it.
void keep_discount(db::Tx& tx, customers::CustomerId customer, Event const& event,
                   stripe::Object const& discount, stripe::Object const* coupon);
/// Stripe says which discount the customer has at `at` (empty: none): others have ended by then.
void keep_discount_of_customer(db::Tx& tx, customers::CustomerId customer,
                               std::string_view discount_id, Time at);

/// A coupon: what discounts take off that wait for its word. False: nobody waits.
bool keep_coupon(db::Tx& tx, stripe::Object const& coupon);

/// What a subscription brings in at an instant, as it is believed now.
[[nodiscard]] std::int64_t mrr_at(db::Tx& tx, std::string_view subscription_id, Time at);
/// The zone whose days the movements are netted by.
[[nodiscard]] std::string zone(db::Tx& tx);

}  // namespace ledger
