// Invoices. The roll-ups are told the difference to what they were
// told before, so a repeated or late event never counts twice.
#include <algorithm>

#include "analytics/rollups.hpp"
#include "billing/applying.hpp"
#include "billing/late_payments.hpp"
#include "billing/rights.hpp"
#include "ledger/dossier.hpp"
#include "mirror/mirror.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
struct Counted {
  std::int64_t id, counted_paid, counted_failed;
};

db::Query const upsert_invoice{"billing.upsert_invoice", R"sql(
  INSERT INTO billing_invoices AS i
         (customer_id, subscription_id, stripe_subscription_id, stripe_invoice_id, number, amount,
          amount_paid, currency, status, attempt_count, next_payment_attempt, hosted_invoice_url,
          date, paid_at)
  VALUES ($1, (SELECT id FROM subscriptions WHERE stripe_subscription_id = $2), nullif($2, ''), $3,
          $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT (stripe_invoice_id) DO UPDATE SET
         subscription_id = coalesce(i.subscription_id, excluded.subscription_id),
         number = excluded.number, amount = excluded.amount, amount_paid = excluded.amount_paid,
         status = excluded.status, attempt_count = excluded.attempt_count,
         next_payment_attempt = excluded.next_payment_attempt,
         hosted_invoice_url = excluded.hosted_invoice_url, paid_at = excluded.paid_at
  RETURNING id, counted_paid, counted_failed
)sql"};
db::Query const write_details{"billing.write_invoice_details", R"sql(
  UPDATE billing_invoices
     SET subtotal = $2, tax = $3, amount_due = $4, amount_remaining = $5, collection_method = $6,
         billing_reason = $7, due_date = $8, finalized_at = $9, voided_at = $10,
         uncollectible_at = $11, is_paid_out_of_band = $12
   WHERE id = $1
)sql"};
// The event tells when it failed; without it, the first charge that was refused.
db::Query const first_failure{"billing.write_first_failure", R"sql(
  UPDATE billing_invoices AS i SET first_failed_at = found.at
    FROM (SELECT coalesce(
                   (SELECT min(created) FROM stripe_events
                     WHERE object_id = $1 AND type = 'invoice.payment_failed'
                       AND state <> 'foreign'),
                   (SELECT min(at) FROM billing_attempts
                     WHERE stripe_invoice_id = $1 AND outcome = 'failed')) AS at) AS found
   WHERE i.stripe_invoice_id = $1 AND i.first_failed_at IS DISTINCT FROM found.at
)sql"};
// Of several in one second the one that took the money was the last.
db::Query const last_attempt{"billing.write_last_attempt", R"sql(
  UPDATE billing_invoices AS i
     SET last_attempt_at = found.at,
         decline_code = CASE WHEN found.outcome = 'failed' THEN
                          coalesce(found.decline_code, found.failure_code, 'generic_decline') END
    FROM (SELECT at, outcome, decline_code, failure_code FROM billing_attempts
           WHERE stripe_invoice_id = $1
           ORDER BY at DESC, outcome = 'failed', stripe_charge_id DESC LIMIT 1) AS found
   WHERE i.stripe_invoice_id = $1
)sql"};
db::Query const take_children{"billing.adopt_payments_of_invoice", R"sql(
  WITH attempts AS (
    UPDATE billing_attempts SET stripe_invoice_id = $1
     WHERE stripe_charge_id = ANY ($2::text[]) AND stripe_invoice_id IS NULL),
  refunds AS (
    UPDATE billing_refunds SET stripe_invoice_id = $1
     WHERE stripe_refund_id = ANY ($2::text[]) AND stripe_invoice_id IS NULL)
  UPDATE billing_disputes SET stripe_invoice_id = $1
   WHERE stripe_dispute_id = ANY ($2::text[]) AND stripe_invoice_id IS NULL
  RETURNING stripe_dispute_id, lost_at
)sql"};
struct Disputed {
  std::string stripe_dispute_id;
  std::optional<Time> lost_at;
};

db::Query const remember_counted{"billing.remember_counted", R"sql(
  UPDATE billing_invoices SET counted_paid = $2, counted_failed = $3 WHERE id = $1
)sql"};

// A draft has moved no money and no roll-up.
db::Query const delete_draft{"billing.delete_draft", R"sql(
  DELETE FROM billing_invoices
   WHERE stripe_invoice_id = $1 AND status = 'draft' AND counted_paid = 0 AND counted_failed = 0
)sql"};

/// Whether its last attempt was refused: one that is under way at a bank, or waits for the
/// customer's confirmation, was not.
bool has_failed(stripe::Object const& invoice) {
  if (stripe::text(invoice, "status") != "open" || stripe::integer(invoice, "attempt_count") == 0)
    return false;
  auto const is_under_way = [](std::string_view status) {
    return status == "processing" || status == "requires_action" || status == "succeeded" ||
           status == "requires_confirmation" || status == "requires_capture";
  };
  if (is_under_way(stripe::text(invoice, "payment_intent.status"))) return false;  // until 2025-03
  auto const* payments = stripe::find(invoice, "payments.data");
  if (!payments || !payments->is_array()) return true;
  return std::ranges::none_of(payments->get_array(), [&](auto const& payment) {
    return is_under_way(stripe::text(payment.as_object(), "payment.payment_intent.status"));
  });
}

std::int64_t tax_of(stripe::Object const& invoice) {
  auto const* former = stripe::find(invoice, "tax");  // until 2025-03-31.basil
  if (former && former->is_int64()) return former->get_int64();
  std::int64_t tax = 0;
  for (auto const& entry : entries(invoice, "total_taxes"))
    tax += stripe::integer(entry.as_object(), "amount");
  return tax;
}

std::vector<std::string> payment_intents_of(stripe::Object const& invoice) {
  std::vector<std::string> out;
  if (auto former = stripe::id_of(invoice, "payment_intent"); !former.empty())
    out.push_back(std::move(former));
  for (auto const& payment : entries(invoice, "payments.data"))
    if (auto intent = stripe::id_of(payment.as_object(), "payment.payment_intent"); !intent.empty())
      out.push_back(std::move(intent));
  return out;
}

retention::Kept const kept_billing_invoices{"billing_invoices",
                                            "the books: the law asks for ten years"};

/// No event tells that an item has come onto an invoice, or off one that was deleted.
void look_at_items(db::Tx& tx, std::vector<std::string> const& items) {
  for (auto const& item : items)
    jobs::enqueue(tx, FollowObject{"invoiceitem", item}, {.dedupe_key = item});
}

void follow_items(db::Tx& tx, stripe::Object const& invoice) {
  std::vector<std::string> items;
  for (auto const& entry : entries(invoice, "lines.data")) {
    auto item = stripe::id_of(entry.as_object(), "parent.invoice_item_details.invoice_item");
    if (!item.empty() && mirror::place_of(tx, item).belongs_to != stripe::text(invoice, "id"))
      items.push_back(std::move(item));
  }
  look_at_items(tx, items);
}

/// Automatic taxes make rates of which no event tells.
void follow_tax_rates(db::Tx& tx, stripe::Object const& invoice) {
  for (auto const& entry : entries(invoice, "total_taxes")) {
    auto const rate = stripe::id_of(entry.as_object(), "tax_rate_details.tax_rate");
    if (!rate.empty() && !mirror::find(tx, rate))
      jobs::enqueue(tx, FollowObject{"tax_rate", rate}, {.dedupe_key = rate});
  }
}

/// Columns that follow from the invoice alone, its lines, and what was heard of its payments first.
void write_rest(db::Tx& tx, customers::CustomerId customer, std::int64_t id,
                stripe::Object const& invoice) {
  auto const stripe_id = stripe::text(invoice, "id");
  tx.exec(write_details, id, number(invoice, "subtotal"), tax_of(invoice),
          number(invoice, "amount_due"), number(invoice, "amount_remaining"),
          or_null(stripe::text(invoice, "collection_method")),
          or_null(stripe::text(invoice, "billing_reason")), stripe::time(invoice, "due_date"),
          stripe::time(invoice, "status_transitions.finalized_at"),
          stripe::time(invoice, "status_transitions.voided_at"),
          stripe::time(invoice, "status_transitions.marked_uncollectible_at"),
          stripe::boolean(invoice, "paid_out_of_band") ||
              stripe::integer(invoice, "amount_paid_off_stripe") > 0);
  write_lines(tx, id, invoice);
  follow_items(tx, invoice);
  follow_tax_rates(tx, invoice);
  if (auto const children = mirror::adopt(tx, customer, stripe_id, payment_intents_of(invoice));
      !children.empty()) {
    for (auto const& [dispute, lost_at] : tx.all<Disputed>(take_children, stripe_id, children))
      count_dispute(tx, dispute, lost_at);
    // As payments of their own they were cash already.
    for (auto const& child : children) ledger::follow_charge(tx, customer, child, {});
  }
  write_attempts(tx, stripe_id);
}
}  // namespace

void write_attempts(db::Tx& tx, std::string_view invoice_id) {
  tx.exec(first_failure, invoice_id);
  tx.exec(last_attempt, invoice_id);
}

bool apply_invoice(db::Tx& tx, Reading const& reading, EventId const& event) {
  using analytics::Metric;
  auto const& invoice = reading.object;
  auto const customer = customers::find_by_stripe_id(tx, stripe::id_of(invoice, "customer"));
  auto const stripe_id = stripe::text(invoice, "id");
  if (!customer || stripe_id.empty()) return false;
  ledger::lock(tx, *customer);
  if (mirror::is_outdated(tx, stripe_id, reading.asked_at)) return true;
  mirror::keep(tx, invoice, reading.asked_at, {customer});
  keep_balance_transactions(tx, *customer, reading.beside, reading.asked_at);

  auto const status = stripe::text(invoice, "status");
  auto const currency = stripe::text(invoice, "currency");
  auto const paid = stripe::integer(invoice, "amount_paid");
  auto const attempts = stripe::integer(invoice, "attempt_count");
  auto const created = stripe::time(invoice, "created").value_or(clock_source::now());
  auto const paid_at = stripe::time(invoice, "status_transitions.paid_at");
  // Old and new place of the subscription (2025-03-31.basil).
  auto subscription = stripe::id_of(invoice, "parent.subscription_details.subscription");
  if (subscription.empty()) subscription = stripe::id_of(invoice, "subscription");

  auto const stored = tx.one<Counted>(
      upsert_invoice, *customer, subscription, stripe_id, or_null(stripe::text(invoice, "number")),
      stripe::integer(invoice, "total"), paid, currency, status, attempts,
      stripe::time(invoice, "next_payment_attempt"),
      or_null(stripe::text(invoice, "hosted_invoice_url")), created, paid_at);

  write_rest(tx, *customer, stored.id, invoice);

  auto const remaining = stripe::integer(invoice, "amount_remaining");
  auto const failed = has_failed(invoice) ? remaining : 0;
  auto const now = clock_source::now();
  analytics::add(tx, Metric::revenue, currency, paid_at.value_or(now), paid - stored.counted_paid);
  analytics::add(tx, Metric::failed_amount, currency, now, failed - stored.counted_failed);
  analytics::add(tx, Metric::failed_payments, "", now, (failed > 0) - (stored.counted_failed > 0));
  tx.exec(remember_counted, stored.id, paid, failed);
  if (!subscription.empty()) follow_collection(tx, subscription);
  if (status == "paid" && paid != stored.counted_paid) follow_payment(tx, *customer, subscription);
  if (status == "paid") notice_late_payments(tx, subscription);
  ledger::follow_invoice(tx, *customer, stripe_id, event);
  realtime::announce(tx, "dashboard");
  return true;
}

bool invoice_gone(db::Tx& tx, Absence const& absence, EventId const& event) {
  bool const is_ours = keep_gone(tx, absence, event);
  bool const was_draft = tx.exec(delete_draft, absence.id) > 0;
  std::vector<std::string> items;
  for (auto const& item : mirror::belonging_to(tx, absence.id, "invoiceitem"))
    items.push_back(stripe::text(item, "id"));
  look_at_items(tx, items);
  if (auto const customer = mirror::place_of(tx, absence.id).customer; is_ours && customer)
    ledger::follow_invoice(tx, *customer, absence.id, event);
  return is_ours || was_draft;
}

}  // namespace billing
