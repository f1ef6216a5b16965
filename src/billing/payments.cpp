// What became of payments: attempts and how they ended, money that went back, disputes.
#include "analytics/rollups.hpp"
#include "billing/applying.hpp"
#include "billing/owed.hpp"
#include "ledger/dossier.hpp"
#include "mirror/mirror.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
db::Query const upsert_attempt{"billing.upsert_attempt", R"sql(
  INSERT INTO billing_attempts AS a
         (stripe_charge_id, stripe_invoice_id, customer_id, at, outcome, failure_code, decline_code,
          stripe_pm_id, amount, currency)
  VALUES ($1, nullif($2, ''), $3, $4, $5, $6, $7, nullif($8, ''), $9, $10)
  ON CONFLICT (stripe_charge_id) DO UPDATE SET
         stripe_invoice_id = coalesce(excluded.stripe_invoice_id, a.stripe_invoice_id),
         outcome = excluded.outcome, failure_code = excluded.failure_code,
         decline_code = excluded.decline_code, stripe_pm_id = excluded.stripe_pm_id,
         amount = excluded.amount
)sql"};

struct CountedRefund {
  std::int64_t id, counted;
};
// A credit note may be known before or after the refund that it names.
db::Query const upsert_refund{"billing.upsert_refund", R"sql(
  INSERT INTO billing_refunds AS r
         (customer_id, stripe_refund_id, amount, currency, status, date, stripe_invoice_id,
          stripe_charge_id, reason, failure_reason, stripe_credit_note_id)
  VALUES ($1, $2, $3, $4, $5, $6, nullif($7, ''), nullif($8, ''), $9, $10,
          (SELECT min(stripe_credit_note_id) FROM billing_credit_notes
            WHERE customer_id = $1 AND $2 = ANY (stripe_refund_ids)))
  ON CONFLICT (stripe_refund_id) DO UPDATE SET
         status = excluded.status, reason = excluded.reason,
         failure_reason = excluded.failure_reason,
         stripe_invoice_id = coalesce(excluded.stripe_invoice_id, r.stripe_invoice_id),
         stripe_charge_id = coalesce(excluded.stripe_charge_id, r.stripe_charge_id),
         stripe_credit_note_id = coalesce(excluded.stripe_credit_note_id, r.stripe_credit_note_id)
  RETURNING id, counted
)sql"};
db::Query const remember_refund{"billing.remember_refund",
                                "UPDATE billing_refunds SET counted = $2 WHERE id = $1"};
db::Query const write_failure{"billing.write_refund_failure", R"sql(
  UPDATE billing_refunds AS r
     SET failed_at = CASE WHEN status IN ('failed', 'canceled') THEN coalesce(
           (SELECT min(created) FROM stripe_events
             WHERE object_id = r.stripe_refund_id AND type = 'refund.failed'
               AND state <> 'foreign'),
           $2, failed_at) END
   WHERE id = $1
)sql"};

// When it was closed only the event tells, or the money that came back.
db::Query const upsert_dispute{"billing.upsert_dispute", R"sql(
  INSERT INTO billing_disputes AS d
         (stripe_dispute_id, customer_id, stripe_charge_id, stripe_invoice_id, reason, status,
          amount, currency, evidence_due_by, created_at, closed_at, funds_withdrawn,
          funds_reinstated)
  VALUES ($1, $2, $3, nullif($4, ''), $5, $6, $7, $8, $9, $10,
          CASE WHEN $6 IN ('won', 'lost', 'warning_closed', 'prevented') THEN coalesce(
            (SELECT min(created) FROM stripe_events
              WHERE object_id = $1 AND type = 'charge.dispute.closed' AND state <> 'foreign'),
            $11::timestamptz) END,
          $12, $13)
  ON CONFLICT (stripe_dispute_id) DO UPDATE SET
         stripe_invoice_id = coalesce(excluded.stripe_invoice_id, d.stripe_invoice_id),
         reason = excluded.reason, status = excluded.status, amount = excluded.amount,
         evidence_due_by = excluded.evidence_due_by,
         closed_at = CASE WHEN excluded.status IN ('won', 'lost', 'warning_closed', 'prevented')
                          THEN coalesce(excluded.closed_at, d.closed_at) END,
         funds_withdrawn = excluded.funds_withdrawn, funds_reinstated = excluded.funds_reinstated
)sql"};

struct CountedDispute {
  std::string currency;
  std::int64_t counted, counts;
  std::optional<Time> lost_at;
};
// Like refunds, those of no invoice are none of revenue.
db::Query const dispute_counts{"billing.dispute_counts", R"sql(
  SELECT currency, counted,
         CASE WHEN $2::timestamptz IS NOT NULL AND stripe_invoice_id IS NOT NULL THEN amount
              ELSE 0 END AS counts, lost_at
    FROM billing_disputes WHERE stripe_dispute_id = $1
)sql"};
db::Query const remember_dispute{"billing.remember_dispute", R"sql(
  UPDATE billing_disputes SET counted = $2, lost_at = $3 WHERE stripe_dispute_id = $1
)sql"};

stripe::Object const* expanded(stripe::Object const& object, std::string_view name) {
  auto const* found = object.if_contains(name);
  return found ? found->if_object() : nullptr;
}

/// The charge that something became of, as it stands in it.
void keep_charge_of(db::Tx& tx, customers::CustomerId customer, Reading const& reading) {
  if (auto const* charge = expanded(reading.object, "charge"))
    keep_charge(tx, customer, *charge, reading.asked_at, reading.invoice_id);
}

/// What is about a payment moves the books of its invoice; of one that has none, its own.
void follow_payment_of(db::Tx& tx, customers::CustomerId customer, std::string_view child,
                       std::string_view charge, EventId const& event) {
  if (auto const invoice = mirror::place_of(tx, child).belongs_to; !invoice.empty())
    ledger::follow_invoice(tx, customer, invoice, event);
  if (!charge.empty()) ledger::follow_charge(tx, customer, charge, event);
}

/// A number that a refund moves in the roll-ups: the difference to what they were told before. Like
/// payments, refunds of no invoice are none of them.
void count_refund(db::Tx& tx, stripe::Object const& refund, CountedRefund const& stored,
                  Time date) {
  auto const status = stripe::text(refund, "status");
  // A refund that failed or was canceled gives the money back to us.
  bool const counted = status != "failed" && status != "canceled" &&
                       !mirror::place_of(tx, stripe::text(refund, "id")).belongs_to.empty();
  auto const counts = counted ? stripe::integer(refund, "amount") : 0;
  analytics::add(tx, analytics::Metric::revenue, stripe::text(refund, "currency"), date,
                 stored.counted - counts);
  tx.exec(remember_refund, stored.id, counts);
}

struct Funds {
  std::int64_t withdrawn = 0, reinstated = 0;
  std::optional<Time> reinstated_at{};
};
Funds funds_of(stripe::Object const& dispute) {
  Funds out;
  for (auto const& entry : entries(dispute, "balance_transactions")) {
    auto const amount = stripe::integer(entry.as_object(), "amount");
    (amount < 0 ? out.withdrawn : out.reinstated) += amount < 0 ? -amount : amount;
    if (amount > 0) out.reinstated_at = stripe::time(entry.as_object(), "created");
  }
  return out;
}

retention::Kept const kept_attempts{"billing_attempts", "the books: how payments were tried"};
retention::Kept const kept_billing_refunds{"billing_refunds", "the books: money that went back"};
retention::Kept const kept_disputes{"billing_disputes", "the books: money that banks took back"};
}  // namespace

void keep_charge(db::Tx& tx, customers::CustomerId customer, stripe::Object const& charge,
                 Time asked_at, std::string const& invoice_id) {
  auto const id = stripe::text(charge, "id");
  if (mirror::is_outdated(tx, id, asked_at)) return;
  mirror::keep(tx, charge, asked_at, {customer, invoice_id});
  auto const invoice = mirror::place_of(tx, id).belongs_to;
  auto const status = stripe::text(charge, "status");
  bool const failed = status == "failed";
  tx.exec(upsert_attempt, id, invoice, customer, stripe::time(charge, "created").value_or(asked_at),
          failed || status == "succeeded" ? status : "pending",
          or_null(stripe::text(charge, "failure_code")),
          failed ? or_null(stripe::text(charge, "outcome.reason")) : std::nullopt,
          stripe::text(charge, "payment_method"), stripe::integer(charge, "amount"),
          stripe::text(charge, "currency"));
  if (!invoice.empty()) write_attempts(tx, invoice);
}

void count_dispute(db::Tx& tx, std::string_view id, std::optional<Time> lost_at) {
  auto const stored = tx.one<CountedDispute>(dispute_counts, id, lost_at);
  if (stored.counted == stored.counts && stored.lost_at == lost_at) return;
  // What was counted goes from its day, as that of the loss may have become another.
  if (stored.lost_at)
    analytics::add(tx, analytics::Metric::revenue, stored.currency, *stored.lost_at,
                   stored.counted);
  if (lost_at)
    analytics::add(tx, analytics::Metric::revenue, stored.currency, *lost_at, -stored.counts);
  tx.exec(remember_dispute, id, stored.counts, lost_at);
}

bool apply_charge(db::Tx& tx, Reading const& reading, EventId const& event) {
  auto const customer = owner_of(tx, reading.object);
  if (!customer) return false;
  ledger::lock(tx, *customer);
  keep_charge(tx, *customer, reading.object, reading.asked_at, reading.invoice_id);
  auto const id = stripe::text(reading.object, "id");
  follow_payment_of(tx, *customer, id, id, event);
  return true;
}

void complete_refund(Asking const& asking, Reading& reading) {
  reading.invoice_id = invoice_of(asking, reading.object);
  auto const back = stripe::id_of(reading.object, "failure_balance_transaction");
  if (!back.empty())
    reading.failed_at =
        stripe::time(asking.client.get("/v1/balance_transactions/" + back), "created");
}

bool apply_refund(db::Tx& tx, Reading const& reading, EventId const& event) {
  auto const& refund = reading.object;
  auto const customer = owner_of(tx, refund);
  if (!customer) return false;
  ledger::lock(tx, *customer);
  auto const id = stripe::text(refund, "id");
  if (mirror::is_outdated(tx, id, reading.asked_at)) return true;
  keep_charge_of(tx, *customer, reading);
  mirror::keep(tx, refund, reading.asked_at, {customer, reading.invoice_id});
  auto const date = stripe::time(refund, "created").value_or(reading.asked_at);
  auto const stored = tx.one<CountedRefund>(
      upsert_refund, *customer, id, stripe::integer(refund, "amount"),
      stripe::text(refund, "currency"), stripe::text(refund, "status"), date,
      mirror::place_of(tx, id).belongs_to, stripe::id_of(refund, "charge"),
      or_null(stripe::text(refund, "reason")), or_null(stripe::text(refund, "failure_reason")));
  tx.exec(write_failure, stored.id, reading.failed_at);
  count_refund(tx, refund, stored, date);
  follow_refund(tx, refund);
  follow_payment_of(tx, *customer, id, stripe::id_of(refund, "charge"), event);
  realtime::announce(tx, "dashboard");
  return true;
}

bool apply_dispute(db::Tx& tx, Reading const& reading, EventId const& event) {
  auto const& dispute = reading.object;
  auto const customer = owner_of(tx, dispute);
  if (!customer) return false;
  ledger::lock(tx, *customer);
  auto const id = stripe::text(dispute, "id");
  if (mirror::is_outdated(tx, id, reading.asked_at)) return true;
  keep_charge_of(tx, *customer, reading);
  mirror::keep(tx, dispute, reading.asked_at, {customer, reading.invoice_id});
  auto const funds = funds_of(dispute);
  tx.exec(upsert_dispute, id, *customer, stripe::id_of(dispute, "charge"),
          mirror::place_of(tx, id).belongs_to, stripe::text(dispute, "reason"),
          stripe::text(dispute, "status"), stripe::integer(dispute, "amount"),
          stripe::text(dispute, "currency"), stripe::time(dispute, "evidence_details.due_by"),
          stripe::time(dispute, "created").value_or(reading.asked_at), funds.reinstated_at,
          funds.withdrawn, funds.reinstated);
  count_dispute(tx, id, ledger::lost_at(tx, dispute));
  follow_payment_of(tx, *customer, id, stripe::id_of(dispute, "charge"), event);
  realtime::announce(tx, "dashboard");
  return true;
}

}  // namespace billing
