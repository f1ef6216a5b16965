#pragma once
// What follows from each of Stripe's objects: its row in the mirror, the rows that pages and
// reports read, the ledger's entries. Everything may be repeated and may come in any order.
#include "billing/billing.hpp"
#include "billing/reading.hpp"

namespace billing {

// Each takes an object as Stripe has it now, keeps it in the mirror, writes the rows that follow
// from it and tells the ledger; false: it is not one of ours. An answer that is older than what is
// kept changes nothing.

bool apply_whole_subscription(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_invoice(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_invoice_item(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_charge(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_refund(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_credit_note(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_dispute(db::Tx& tx, Reading const& reading, EventId const& event);
/// A method with its customer expanded.
bool apply_payment_method(db::Tx& tx, Reading const& reading, EventId const& event);
/// What Stripe charges by default, and the movements of the balance. One who was deleted has no
/// subscription any more.
bool apply_customer(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_price(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_coupon(db::Tx& tx, Reading const& reading, EventId const& event);
bool apply_tax_rate(db::Tx& tx, Reading const& reading, EventId const& event);

/// One that nobody deleted by an event has ended, if it stood.
bool subscription_gone(db::Tx& tx, Absence const& absence, EventId const& event);
/// A draft that was deleted.
bool invoice_gone(db::Tx& tx, Absence const& absence, EventId const& event);
bool invoice_item_gone(db::Tx& tx, Absence const& absence, EventId const& event);
bool price_gone(db::Tx& tx, Absence const& absence, EventId const& event);

// What is asked for besides.
/// Movements of a customer's balance, when it has moved.
void read_balance(Asking const& asking, Reading& reading);
void read_balance_of_invoice(Asking const& asking, Reading& reading);
void complete_refund(Asking const& asking, Reading& reading);
void compare_balance(db::Tx& tx, stripe::Object const& theirs, stripe::Object& members);

// Rows that follow from several objects.
/// When the first attempt for an invoice failed and how the last one ended, which only events and
/// charges know.
void write_attempts(db::Tx& tx, std::string_view invoice_id);
/// A charge as it stands in what came of it.
void keep_charge(db::Tx& tx, customers::CustomerId customer, stripe::Object const& charge,
                 Time asked_at, std::string const& invoice_id);
/// What a dispute moves in the roll-ups: the difference to what they were told before.
void count_dispute(db::Tx& tx, std::string_view id, std::optional<Time> lost_at);
void keep_balance_transactions(db::Tx& tx, customers::CustomerId customer,
                               std::vector<stripe::Object> const& transactions, Time asked_at);
void keep_customer(db::Tx& tx, stripe::Object const& customer, Time asked_at);
void keep_price(db::Tx& tx, stripe::Object const& price, Time asked_at);
/// The items of a subscription, all of them.
void write_items(db::Tx& tx, stripe::Object const& subscription, Time asked_at);
void write_lines(db::Tx& tx, std::int64_t invoice, stripe::Object const& stripe_invoice);

/// Brings one object up to Stripe's present word.
struct FollowObject {
  static constexpr std::string_view kind = "billing.follow_object";
  std::string object_kind, object_id;
};

}  // namespace billing
