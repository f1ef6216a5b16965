// Who has a payment tried: a person at the door, or a card that has become the default.
#include "billing/caution.hpp"
#include "billing/declines.hpp"
#include "billing/following.hpp"
#include "billing/retries.hpp"

namespace billing {

namespace {
constexpr ProblemType invoice_is_draft{Kind::conflict, "invoice_is_draft",
                                       "This invoice is a draft: there is nothing to pay yet"};
constexpr ProblemType invoice_not_at_stripe{
    Kind::conflict, "invoice_not_at_stripe",
    "This invoice is not at Stripe: nobody can pay it there"};

/// Finds out how a try ended whose answer was lost; runs whatever becomes of who asked.
struct CheckRetry {
  static constexpr std::string_view kind = "billing.check_retry";
  std::int64_t retry_id;
};
struct RetryWithCard {
  static constexpr std::string_view kind = "billing.retry_with_card";
  std::int64_t invoice_id;
  std::string stripe_pm_id;
};

struct Asked {
  std::string status, currency;
  std::int64_t amount;
  std::optional<std::string> stripe_invoice_id;
};
db::Query const load_invoice{"billing.invoice_to_pay", R"sql(
  SELECT status, currency, coalesce(amount_remaining, amount - amount_paid) AS amount,
         stripe_invoice_id
    FROM billing_invoices WHERE id = $1
)sql"};
db::Query const load_next{"billing.next_attempt_of", R"sql(
  SELECT status = 'open' AND next_payment_attempt IS NOT NULL AS tries_again
    FROM billing_invoices WHERE id = $1
)sql"};

// What was charged for a subscription that has ended brings nothing back: only its owner pays that.
constexpr auto to_try = R"sql(
   WHERE i.customer_id = $1 AND i.status = 'open' AND i.counted_failed > 0
     AND i.stripe_invoice_id IS NOT NULL
     AND coalesce(i.collection_method, 'charge_automatically') = 'charge_automatically'
     AND NOT EXISTS (SELECT FROM subscriptions WHERE id = i.subscription_id AND ended_at IS NOT NULL)
     AND NOT EXISTS (SELECT FROM billing_attempts
                      WHERE stripe_invoice_id = i.stripe_invoice_id AND stripe_pm_id = $2)
     AND NOT EXISTS (SELECT FROM billing_retries WHERE invoice_id = i.id AND stripe_pm_id = $2)
)sql";
db::Query const to_try_with{
    "billing.invoices_to_try_with",
    std::string{"SELECT i.id FROM billing_invoices AS i"} + to_try + "ORDER BY i.date, i.id"};
db::Query const sums_to_try_with{
    "billing.sums_to_try_with",
    std::string{"SELECT currency, "
                "sum(coalesce(amount_remaining, amount - amount_paid))::bigint AS amount "
                "FROM billing_invoices AS i"} +
        to_try + "GROUP BY currency"};
// Stripe may have tried it by itself meanwhile.
db::Query const is_still_to_try{"billing.is_still_to_try_with", R"sql(
  SELECT EXISTS (SELECT FROM billing_invoices AS i
                   JOIN payment_methods AS m ON m.customer_id = i.customer_id AND m."default"
                  WHERE i.id = $1 AND i.status = 'open' AND m.stripe_pm_id = $2
                    AND NOT EXISTS (SELECT FROM billing_attempts
                                     WHERE stripe_invoice_id = i.stripe_invoice_id
                                       AND stripe_pm_id = $2))
)sql"};
db::Query const find_try_with{"billing.find_retry_with", R"sql(
  SELECT id FROM billing_retries WHERE invoice_id = $1 AND stripe_pm_id = $2
)sql"};

struct RetryRequest {
  InvoiceId invoice_id;
  static constexpr auto rules() {
    return ::rules(rule(&RetryRequest::invoice_id, {.doc = "Id of the invoice"}));
  }
};
struct RetryAnswer {
  RetryOutcome outcome;
  std::optional<std::string> decline_code;
  std::optional<Advice> advice;
  static constexpr auto rules() {
    return ::rules(
        rule(&RetryAnswer::outcome,
             {.doc = "being_checked: it may have been charged, and nobody is charged twice; "
                     "needs_customer: they confirm it on the invoice's page; under_way: at the "
                     "bank; already_paid: before this request"}),
        rule(&RetryAnswer::decline_code, {.doc = "Stripe's code for why it was refused"}),
        rule(&RetryAnswer::advice, {.doc = "What to do about it"}));
  }
};

/// A minute later nobody waits for the answer any more.
constexpr std::chrono::minutes check_after{1};

/// What the row says is not asked of Stripe again: paid and void are for good.
std::optional<RetryOutcome> ended(std::string_view status) {
  if (status == "paid") return RetryOutcome::already_paid;
  if (status == "void") return RetryOutcome::void_;
  return {};
}

std::optional<RetryId> begin(http::Context& context, InvoiceId invoice) {
  return db::transact(context.worker.connection, [&](db::Tx& tx) {
    auto const begun = begin_retry(tx, invoice, context.actor.label());
    if (begun) {
      jobs::enqueue(tx, CheckRetry{*begun}, {.run_at = clock_source::now() + check_after});
      context.note_begun(tx, std::to_string(*begun));
    }
    return begun;
  });
}

RetryEnd try_to_pay(http::Context& context, RetryId retry) {
  stripe::Visit const visit;
  try {
    return carry_out(context.worker.connection, stripe::Client{context.settings}, retry,
                     stripe::Patience::visitor);
  } catch (stripe::Unavailable const&) {
    return {RetryOutcome::being_checked};
  } catch (stripe::Refused const& refused) {
    throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
  }
}

RetryEnd retry(http::Context& context, InvoiceId id) {
  auto const invoice = context.tx.maybe<Asked>(load_invoice, id);
  if (!invoice) throw Problem{invoice_not_found};
  context.audit_target = id.text();
  if (auto const begun = context.begun()) return try_to_pay(context, std::stoll(*begun));
  if (auto const known = ended(invoice->status)) return {*known};
  if (!invoice->stripe_invoice_id) throw Problem{invoice_not_at_stripe};
  if (invoice->status == "draft") throw Problem{invoice_is_draft};
  require_may_move(context, invoice->currency, invoice->amount);
  auto const begun = begin(context, id);
  return begun ? try_to_pay(context, *begun) : RetryEnd{RetryOutcome::being_checked};
}

RetryAnswer answer(http::Context& context, RetryRequest const& request) {
  auto const end = retry(context, request.invoice_id);
  RetryAnswer out{.outcome = end.outcome};
  if (!end.decline_code.empty()) out.decline_code = end.decline_code;
  if (end.outcome == RetryOutcome::declined)
    out.advice = advice_for(end.decline_code, context.tx.one<bool>(load_next, request.invoice_id));
  if (end.outcome == RetryOutcome::needs_customer) out.advice = Advice::confirm;
  if (end.outcome == RetryOutcome::no_method) out.advice = Advice::other_method;
  context.audit_after = {json::text(out)};
  return out;
}

/// The try of this card, begun unless it was begun before; none: it is not worth one any more.
std::optional<RetryId> begin_with(db::Tx& tx, RetryWithCard const& args) {
  InvoiceId const invoice{args.invoice_id};
  if (auto const before = tx.maybe<RetryId>(find_try_with, invoice, args.stripe_pm_id))
    return before;
  if (!tx.one<bool>(is_still_to_try, invoice, args.stripe_pm_id)) return {};
  auto const begun = begin_retry(tx, invoice, "billing", args.stripe_pm_id);
  if (!begun) throw jobs::Snooze{std::chrono::seconds{30}};  // another try is being checked
  return begun;
}

void give_up(db::Tx& tx, std::optional<RetryId> retry) {
  if (retry) end_retry(tx, *retry, {RetryOutcome::unknown});
}
}  // namespace

void retry_with(db::Tx& tx, customers::CustomerId customer, std::string const& method) {
  for (auto const invoice : tx.all<std::int64_t>(to_try_with, customer, method))
    jobs::enqueue(tx, RetryWithCard{invoice, method},
                  {.dedupe_key = std::to_string(invoice) + " " + method});
}

std::vector<money::Amount> to_be_tried_with(db::Tx& tx, customers::CustomerId customer,
                                            std::string const& method) {
  return tx.all<money::Amount>(sums_to_try_with, customer, method);
}

void add_retry_endpoint(http::Api& api) {
  api.add(http::Endpoint<RetryRequest, RetryAnswer>{
      .route = "POST /api/billing/retry-payment",
      .summary = "Charge an open invoice now",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "payment.retried",
      .limit = http::per_minute(60),
      .problems = {invoice_not_found, invoice_is_draft, invoice_not_at_stripe, installation_is_copy,
                   http::step_up_required, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .handle = answer,
  });
}

void add_retry_workers(jobs::Engine& engine, config::Settings const& settings) {
  auto const serial = [](auto id) { return "billing.retry:" + std::to_string(id); };
  engine.add(jobs::Worker<CheckRetry>{
      .timeout = jobs::Seconds{120},
      .serialise = [serial](CheckRetry const& args) { return serial(args.retry_id); },
      .run =
          [&settings](jobs::Context& job, CheckRetry const& args) {
            with_stripe(job, [&] {
              carry_out(job.connection, stripe::Client{settings}, args.retry_id,
                        stripe::Patience::background);
            });
          },
      .dead = [](db::Tx& tx, CheckRetry const& args,
                 std::string const&) { give_up(tx, args.retry_id); }});
  engine.add(jobs::Worker<RetryWithCard>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](RetryWithCard const& args) {
            return "billing.retry_invoice:" + std::to_string(args.invoice_id);
          },
      .run =
          [&settings](jobs::Context& job, RetryWithCard const& args) {
            with_stripe(job, [&] {
              auto const begun = job.transact([&](db::Tx& tx) { return begin_with(tx, args); });
              if (begun)
                carry_out(job.connection, stripe::Client{settings}, *begun,
                          stripe::Patience::background);
            });
          },
      .dead =
          [](db::Tx& tx, RetryWithCard const& args, std::string const&) {
            give_up(tx, tx.maybe<RetryId>(find_try_with, InvoiceId{args.invoice_id},
                                          args.stripe_pm_id));
          }});
}

}  // namespace billing
