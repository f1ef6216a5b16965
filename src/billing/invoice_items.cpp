// What waits for an invoice, or came onto one.
#include "billing/applying.hpp"
#include "ledger/dossier.hpp"
#include "mirror/mirror.hpp"

namespace billing {

bool apply_invoice_item(db::Tx& tx, Reading const& reading, EventId const& event) {
  auto const& item = reading.object;
  auto const id = stripe::text(item, "id");
  if (stripe::boolean(item, "deleted"))
    return invoice_item_gone(tx, {.id = id, .at = reading.asked_at, .was_deleted = true}, event);
  auto const customer = owner_of(tx, item);
  if (!customer) return false;
  ledger::lock(tx, *customer);
  if (mirror::is_outdated(tx, id, reading.asked_at)) return true;
  auto const invoice = stripe::id_of(item, "invoice");
  mirror::keep(tx, item, reading.asked_at, {customer, invoice});
  ledger::follow_invoice_item(tx, *customer, id, event);
  if (!invoice.empty()) ledger::follow_invoice(tx, *customer, invoice, event);
  return true;
}

bool invoice_item_gone(db::Tx& tx, Absence const& absence, EventId const& event) {
  if (!keep_gone(tx, absence, event)) return false;
  if (auto const customer = mirror::place_of(tx, absence.id).customer)
    ledger::follow_invoice_item(tx, *customer, absence.id, event);
  return true;
}

}  // namespace billing
