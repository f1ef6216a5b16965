// Credit notes, and the refunds that they name.
#include "billing/applying.hpp"
#include "ledger/dossier.hpp"
#include "mirror/mirror.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const upsert_note{"billing.upsert_credit_note", R"sql(
  INSERT INTO billing_credit_notes
         (stripe_credit_note_id, customer_id, stripe_invoice_id, number, status, reason, amount,
          tax, pre_payment_amount, post_payment_amount, out_of_band_amount, currency,
          stripe_refund_ids, stripe_balance_transaction_id, created_at, voided_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, nullif($14, ''), $15, $16)
  ON CONFLICT (stripe_credit_note_id) DO UPDATE SET
         number = excluded.number, status = excluded.status, reason = excluded.reason,
         amount = excluded.amount, tax = excluded.tax,
         pre_payment_amount = excluded.pre_payment_amount,
         post_payment_amount = excluded.post_payment_amount,
         out_of_band_amount = excluded.out_of_band_amount,
         stripe_refund_ids = excluded.stripe_refund_ids,
         stripe_balance_transaction_id = excluded.stripe_balance_transaction_id,
         voided_at = excluded.voided_at
)sql"};
db::Query const name_note{"billing.name_credit_note_of_refunds", R"sql(
  UPDATE billing_refunds SET stripe_credit_note_id = $2
   WHERE stripe_refund_id = ANY ($1::text[]) AND stripe_credit_note_id IS DISTINCT FROM $2
)sql"};

std::vector<std::string> refunds_of(stripe::Object const& note) {
  std::vector<std::string> out;
  if (auto former = stripe::id_of(note, "refund"); !former.empty())  // until 2025-03-31.basil
    out.push_back(std::move(former));
  for (auto const& entry : entries(note, "refunds"))
    if (auto id = stripe::id_of(entry.as_object(), "refund"); !id.empty())
      out.push_back(std::move(id));
  return out;
}

std::int64_t tax_of(stripe::Object const& note) {
  std::int64_t sum = 0;
  for (auto const* path : {"total_taxes", "tax_amounts"})  // now, and until 2025-03-31.basil
    for (auto const& entry : entries(note, path))
      sum += stripe::integer(entry.as_object(), "amount");
  return sum;
}

retention::Kept const kept_notes{"billing_credit_notes", "the books: the law asks for ten years"};
}  // namespace

bool apply_credit_note(db::Tx& tx, Reading const& reading, EventId const& event) {
  auto const& note = reading.object;
  auto const customer = owner_of(tx, note);
  if (!customer) return false;
  ledger::lock(tx, *customer);
  auto const id = stripe::text(note, "id");
  if (mirror::is_outdated(tx, id, reading.asked_at)) return true;
  auto const invoice = stripe::id_of(note, "invoice");
  mirror::keep(tx, note, reading.asked_at, {customer, invoice});
  auto const refunds = refunds_of(note);
  tx.exec(
      upsert_note, id, *customer, invoice, or_null(stripe::text(note, "number")),
      stripe::text(note, "status"), or_null(stripe::text(note, "reason")),
      stripe::integer(note, "total"), tax_of(note), stripe::integer(note, "pre_payment_amount"),
      stripe::integer(note, "post_payment_amount"), stripe::integer(note, "out_of_band_amount"),
      stripe::text(note, "currency"), refunds, stripe::id_of(note, "customer_balance_transaction"),
      stripe::time(note, "created").value_or(reading.asked_at), stripe::time(note, "voided_at"));
  tx.exec(name_note, refunds, id);
  ledger::follow_invoice(tx, *customer, invoice, event);
  realtime::announce(tx, "dashboard");
  return true;
}

}  // namespace billing
