// How a try goes: what is true at Stripe is looked at before and after, and only that decides.
#include "billing/retries.hpp"

#include "billing/following.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
struct Try {
  RetryId id;
  std::int64_t attempt_count, tried;
  std::string stripe_invoice_id;
  std::optional<std::string> stripe_pm_id, stripe_subscription_id, decline_code;
  std::optional<Time> sent_at;
  std::optional<RetryOutcome> outcome;
};
db::Query const load_try{"billing.load_retry", R"sql(
  SELECT r.id, r.attempt_count, r.tried, i.stripe_invoice_id, r.stripe_pm_id,
         i.stripe_subscription_id, r.decline_code, r.sent_at, r.outcome
    FROM billing_retries AS r JOIN billing_invoices AS i ON i.id = r.invoice_id
   WHERE r.id = $1
)sql"};
db::Query const insert_try{"billing.begin_retry", R"sql(
  INSERT INTO billing_retries (invoice_id, attempt_count, tried, stripe_pm_id, asked_by, asked_at)
  SELECT id, attempt_count, (SELECT count(*) FROM billing_retries WHERE invoice_id = $1), $2, $3, $4
    FROM billing_invoices WHERE id = $1
  ON CONFLICT DO NOTHING RETURNING id
)sql"};
db::Query const mark_sent{"billing.mark_retry_sent", R"sql(
  UPDATE billing_retries SET sent_at = coalesce(sent_at, $2) WHERE id = $1
)sql"};
db::Query const write_end{"billing.end_retry", R"sql(
  UPDATE billing_retries SET outcome = $2, decline_code = nullif($3, ''), ended_at = $4
   WHERE id = $1 AND outcome IS NULL
)sql"};

/// What Stripe says of the invoice and its payment.
struct Look {
  std::string status;
  bool is_under_way = false, asks_customer = false;
  std::string decline_code{};
};
Look look_at(stripe::Client const& client, std::string const& invoice, stripe::Patience patience) {
  http_client::Form query;
  query.add("expand[0]", "payments.data.payment.payment_intent");
  auto const object = client.get("/v1/invoices/" + invoice, query, patience);
  Look out{.status = stripe::text(object, "status")};
  for (auto const& entry : entries(object, "payments.data")) {
    auto const& payment = entry.as_object();
    auto const intent = stripe::text(payment, "payment.payment_intent.status");
    out.is_under_way |= intent == "processing";
    out.asks_customer |= intent == "requires_action" || intent == "requires_confirmation";
    auto const error = "payment.payment_intent.last_payment_error";
    for (auto const* member : {".decline_code", ".code"})
      if (out.decline_code.empty())
        out.decline_code = stripe::text(payment, std::string{error} + member);
  }
  return out;
}

/// How it ended without another request, if it has.
std::optional<RetryOutcome> ended_already(Look const& look, bool was_sent) {
  if (look.status == "paid") return was_sent ? RetryOutcome::paid : RetryOutcome::already_paid;
  if (look.status == "void") return RetryOutcome::void_;
  if (look.is_under_way) return RetryOutcome::under_way;
  return {};
}

RetryEnd end_of(Look const& look, std::optional<stripe::Refused> const& refused) {
  // Refused because somebody else, Stripe itself perhaps, was quicker.
  if (auto const known = ended_already(look, !refused)) return {*known};
  if (!refused) return {look.asks_customer ? RetryOutcome::needs_customer : RetryOutcome::refused};
  if (refused->status == 402) {
    if (look.asks_customer || refused->code == "invoice_payment_intent_requires_action")
      return {RetryOutcome::needs_customer};
    return {RetryOutcome::declined, look.decline_code.empty() ? refused->code : look.decline_code};
  }
  if (refused->code == "missing") return {RetryOutcome::no_method};
  return {RetryOutcome::refused, refused->code};
}

/// Pays it. What Stripe refuses is an answer; what it does not answer is thrown.
std::optional<stripe::Refused> pay(stripe::Client const& client, Try const& one,
                                   stripe::Patience patience) {
  http_client::Form form;
  if (one.stripe_pm_id) form.add("payment_method", *one.stripe_pm_id);
  auto const key = stripe::key_of(
      fmt::format("retry-{}-{}-{}", one.stripe_invoice_id, one.attempt_count, one.tried), form);
  try {
    client.post("/v1/invoices/" + one.stripe_invoice_id + "/pay", form, key, patience);
  } catch (stripe::Refused const& refused) {
    return refused;
  }
  return {};
}

/// Our rows take over what has happened.
void follow_payment_at_stripe(db::Connection& connection, stripe::Client const& client,
                              Try const& one) {
  std::vector<std::pair<std::string, std::string>> objects{{"invoice", one.stripe_invoice_id}};
  if (one.stripe_subscription_id) objects.emplace_back("subscription", *one.stripe_subscription_id);
  follow_up(connection, client, objects);
}

retention::Rule const old_retries{{.table = "billing_retries",
                                   .column = "ended_at",
                                   .keep = std::chrono::days{730},
                                   .least = std::chrono::days{90},
                                   .why = "who had a payment tried; the payment itself stays"}};
}  // namespace

std::optional<RetryId> begin_retry(db::Tx& tx, InvoiceId invoice, std::string_view asked_by,
                                   std::optional<std::string> const& method) {
  return tx.maybe<RetryId>(insert_try, invoice, method, asked_by, clock_source::now());
}

RetryEnd carry_out(db::Connection& connection, stripe::Client const& client, RetryId retry,
                   stripe::Patience patience) {
  auto const one = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.one<Try>(load_try, retry);
  }();
  if (one.outcome) return {*one.outcome, one.decline_code.value_or("")};
  auto const before = look_at(client, one.stripe_invoice_id, patience);
  auto const known = ended_already(before, one.sent_at.has_value());
  RetryEnd end{known.value_or(RetryOutcome::unknown)};
  if (!known) {
    db::transact(connection, [&](db::Tx& tx) { tx.exec(mark_sent, retry, clock_source::now()); });
    auto const refused = pay(client, one, patience);
    end = end_of(look_at(client, one.stripe_invoice_id, patience), refused);
  }
  follow_payment_at_stripe(connection, client, one);
  db::transact(connection, [&](db::Tx& tx) { end_retry(tx, retry, end); });
  return end;
}

void end_retry(db::Tx& tx, RetryId retry, RetryEnd const& end) {
  tx.exec(write_end, retry, end.outcome, end.decline_code, clock_source::now());
  realtime::announce(tx, "dashboard");
}

}  // namespace billing
