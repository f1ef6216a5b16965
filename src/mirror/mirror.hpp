#pragma once
// What Stripe has, as it answered last: one row an object. What pages and books need of it in
// columns stands in the tables of those who need it.
#include "customers/customers.hpp"
#include "stripe/stripe.hpp"

namespace mirror {

/// Where an object belongs, as far as it is known when it is kept.
struct Place {
  std::optional<customers::CustomerId> customer{};
  std::string belongs_to{};  // the invoice of a refund, a credit note, a dispute or a charge
};

/// Keeps an object that Stripe gave when it was asked at `fetched_at`, in the shape that it has
/// when nothing is expanded, without secrets. An answer that is older than the one that is kept
/// changes nothing. False: nothing changed. A difference that was found of it is over when it did.
bool keep(db::Tx& tx, stripe::Object const& object, Time fetched_at, Place const& place);
/// Whether an answer to a later question is kept: what follows from this one must not be written.
[[nodiscard]] bool is_outdated(db::Tx& tx, std::string_view id, Time fetched_at);
/// Stripe does not have it any more; what it was stays.
void mark_deleted(db::Tx& tx, std::string_view id, Time at);

/// The object of this id, also when it was deleted.
[[nodiscard]] std::optional<stripe::Object> find(db::Tx& tx, std::string_view id);
[[nodiscard]] bool is_deleted(db::Tx& tx, std::string_view id);
/// Where it belongs, as far as it is known.
[[nodiscard]] Place place_of(db::Tx& tx, std::string_view id);
/// What belongs to an object, of one kind ("credit_note"), in the order of their ids.
[[nodiscard]] std::vector<stripe::Object> belonging_to(db::Tx& tx, std::string_view id,
                                                       std::string_view kind);
/// Charges, refunds and disputes of these payment intents that were kept before anybody knew which
/// invoice they are of; returns their ids.
std::vector<std::string> adopt(db::Tx& tx, customers::CustomerId customer,
                               std::string_view invoice_id,
                               std::vector<std::string> const& payment_intents);

}  // namespace mirror
