#pragma once
// Cash, receivables, dunning facts and recognised revenue: entries that follow from an invoice and
// all that belongs to it.
#include "ledger/ledger.hpp"

namespace ledger {

/// Brings the entries of an invoice up to what the mirror has of it: the invoice, its payments,
/// credit notes, refunds and disputes (all kept with `belongs_to` the invoice's id). To be called
/// in the transaction that kept any of them. An unknown invoice has no entries.
void follow_invoice(db::Tx& tx, customers::CustomerId customer, std::string_view invoice_id,
                    std::optional<std::string> const& event_id);
/// A payment that belongs to no invoice is cash alone, with its refunds and disputes. One of an
/// invoice has no entries of its own.
void follow_charge(db::Tx& tx, customers::CustomerId customer, std::string_view charge_id,
                   std::optional<std::string> const& event_id);
/// A proration that waits for its invoice earns already: the entries of an invoice item.
void follow_invoice_item(db::Tx& tx, customers::CustomerId customer, std::string_view item_id,
                         std::optional<std::string> const& event_id);

/// When a dispute was lost; none while it is not.
[[nodiscard]] std::optional<Time> lost_at(db::Tx& tx, stripe::Object const& dispute);

}  // namespace ledger
