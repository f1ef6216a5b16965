// Less is to be paid of an open invoice: who asks for that, and how it is carried out, once.
#include "billing/credit_orders.hpp"

#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/json/checks.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
constexpr ProblemType invoice_not_open{
    Kind::conflict, "invoice_not_open",
    "Only of an invoice that is open less can be asked; what was paid is given back"};
constexpr ProblemType more_than_owed{Kind::conflict, "more_than_owed",
                                     "This is more than what is still to be paid"};

/// A minute later nobody waits for the answer any more.
constexpr std::chrono::minutes check_after{1};

struct Owed {
  InvoiceId id;
  customers::CustomerId customer_id;
  std::string currency;
  bool is_open;
  std::int64_t left;
};
// What is on its way counts as credited.
db::Query const lock_owed{"billing.lock_invoice_to_credit", R"sql(
  SELECT i.id, i.customer_id, i.currency,
         i.status = 'open' AND i.stripe_invoice_id IS NOT NULL AS is_open,
         greatest(coalesce(i.amount_remaining, i.amount - i.amount_paid)
                  - coalesce((SELECT sum(amount)::bigint FROM billing_credit_orders
                               WHERE invoice_id = i.id AND outcome IS NULL), 0), 0)::bigint
           AS "left"
    FROM billing_invoices AS i WHERE i.id = $1 FOR UPDATE
)sql"};

struct Order {
  CreditOrderId id;
  std::string stripe_invoice_id, mark, currency;
  std::int64_t amount;
  std::optional<std::string> reason, refusal, stripe_credit_note_id;
  std::optional<CreditOutcome> outcome;
};
db::Query const insert_order{"billing.begin_credit", R"sql(
  INSERT INTO billing_credit_orders (customer_id, invoice_id, amount, currency, reason, note, mark,
                                     asked_by, asked_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id
)sql"};
db::Query const load_order{"billing.load_credit_order", R"sql(
  SELECT o.id, i.stripe_invoice_id, o.mark, o.currency, o.amount, o.reason, o.refusal,
         o.stripe_credit_note_id, o.outcome
    FROM billing_credit_orders AS o JOIN billing_invoices AS i ON i.id = o.invoice_id
   WHERE o.id = $1
)sql"};
db::Query const write_end{"billing.end_credit", R"sql(
  UPDATE billing_credit_orders
     SET outcome = $2, refusal = nullif($3, ''), stripe_credit_note_id = nullif($4, ''),
         ended_at = $5
   WHERE id = $1 AND outcome IS NULL
)sql"};

struct CreditRequest {
  InvoiceId id;
  std::int64_t amount;
  std::optional<CreditReason> reason;
  std::optional<std::string> note;
  static constexpr auto rules() {
    return ::rules(
        rule(&CreditRequest::id, {.doc = "Id of the invoice"}),
        rule(&CreditRequest::amount, {.doc = "Minor units, tax included", .min = 1}),
        rule(&CreditRequest::reason, {.doc = "As Stripe keeps it, and prints it"}),
        rule(&CreditRequest::note,
             {.doc = "Why, for colleagues", .max_length = 500, .check = checks::one_line_or_none}));
  }
};
struct CreditAnswer {
  CreditOutcome outcome;
  std::string currency;
  std::int64_t amount;
  std::optional<std::string> refusal, stripe_credit_note_id;
  static constexpr auto rules() {
    return ::rules(rule(&CreditAnswer::outcome,
                        {.doc = "being_checked: Stripe has not answered yet, and it is written "
                                "once"}),
                   rule(&CreditAnswer::refusal, {.doc = "Stripe's code for why it refused"}));
  }
};

Order load(db::Connection& connection, CreditOrderId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<Order>(load_order, id);
}

/// The one that this order has made before; Stripe forgets a key after a day.
std::string made_before(stripe::Client const& client, Order const& order,
                        stripe::Patience patience) {
  http_client::Form query;
  query.add("invoice", order.stripe_invoice_id).add("limit", 100);
  auto const notes = client.get("/v1/credit_notes", query, patience);
  for (auto const& note : entries(notes, "data"))
    if (stripe::text(note.as_object(), "metadata.ordered_as") == order.mark)
      return stripe::text(note.as_object(), "id");
  return {};
}

CreditEnd write_note(stripe::Client const& client, Order const& order, stripe::Patience patience) {
  if (auto known = made_before(client, order, patience); !known.empty())
    return {CreditOutcome::credited, "", std::move(known)};
  http_client::Form form;
  form.add("invoice", order.stripe_invoice_id)
      .add("amount", order.amount)
      .add("metadata[ordered_as]", order.mark);
  if (order.reason) form.add("reason", *order.reason);
  try {
    auto const note =
        client.post("/v1/credit_notes", form, stripe::key_of(order.mark, form), patience);
    return {CreditOutcome::credited, "", stripe::text(note, "id")};
  } catch (stripe::Refused const& refused) {
    logging::warning("billing", "the credit note {} is refused: {}", order.mark, refused.what());
    return {CreditOutcome::refused, refused.code.empty() ? refused.type : refused.code};
  }
}

void end_order(db::Tx& tx, CreditOrderId order, CreditEnd const& end) {
  tx.exec(write_end, order, end.outcome, end.refusal, end.credit_note, clock_source::now());
  realtime::announce(tx, "dashboard");
}

CreditOrderId begin(http::Context& context, CreditRequest const& request) {
  return db::transact(context.worker.connection, [&](db::Tx& tx) {
    auto const owed = tx.maybe<Owed>(lock_owed, request.id);
    if (!owed) throw Problem{invoice_not_found};
    if (!owed->is_open) throw Problem{invoice_not_open};
    if (request.amount > owed->left)
      throw Problem{more_than_owed}
          .with("left", std::to_string(owed->left))
          .with("currency", json::text(owed->currency));
    require_may_move(context, owed->currency, request.amount);
    auto const begun = begin_credit(tx, {.customer_id = owed->customer_id,
                                         .invoice_id = owed->id,
                                         .amount = request.amount,
                                         .currency = owed->currency,
                                         .reason = request.reason,
                                         .note = request.note.value_or(""),
                                         .asked_by = std::string{context.actor.label()}});
    jobs::enqueue(tx, CheckCredit{begun}, {.run_at = clock_source::now() + check_after});
    context.note_begun(tx, std::to_string(begun));
    return begun;
  });
}

CreditAnswer credit(http::Context& context, CreditRequest const& request) {
  context.audit_target = request.id.text();
  context.audit_reason = request.note.value_or("");
  auto const begun = context.begun();
  auto const order = begun ? std::stoll(*begun) : begin(context, request);
  CreditEnd end{CreditOutcome::being_checked};
  stripe::Visit const visit;
  try {
    end = carry_out_credit(context.worker.connection, stripe::Client{context.settings}, order,
                           stripe::Patience::visitor);
  } catch (stripe::Unavailable const&) {  // the job finds out
  } catch (stripe::Refused const& refused) {
    throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
  }
  auto const meant = context.tx.one<Order>(load_order, order);
  CreditAnswer out{.outcome = end.outcome,
                   .currency = meant.currency,
                   .amount = meant.amount,
                   .refusal = {},
                   .stripe_credit_note_id = {}};
  if (!end.refusal.empty()) out.refusal = end.refusal;
  if (!end.credit_note.empty()) out.stripe_credit_note_id = end.credit_note;
  context.audit_after = {json::text(out)};
  return out;
}

retention::Kept const kept_orders{"billing_credit_orders",
                                  "the books: who asked for less, and why"};
}  // namespace

CreditOrderId begin_credit(db::Tx& tx, CreditOrder const& order) {
  return tx.one<CreditOrderId>(
      insert_order, order.customer_id, order.invoice_id, order.amount, order.currency, order.reason,
      order.note, "credit-" + crypto::random_token(18), order.asked_by, clock_source::now());
}

CreditEnd carry_out_credit(db::Connection& connection, stripe::Client const& client,
                           CreditOrderId id, stripe::Patience patience) {
  db::SessionLock const turn{connection, "billing.credit_order:" + std::to_string(id)};
  auto const order = load(connection, id);
  if (order.outcome)
    return {*order.outcome, order.refusal.value_or(""), order.stripe_credit_note_id.value_or("")};
  auto const end = write_note(client, order, patience);
  std::vector<std::pair<std::string, std::string>> changed;
  if (!end.credit_note.empty()) changed.emplace_back("credit_note", end.credit_note);
  changed.emplace_back("invoice", order.stripe_invoice_id);
  follow_up(connection, client, changed);
  db::transact(connection, [&](db::Tx& tx) { end_order(tx, id, end); });
  return end;
}

void add_credit_endpoint(http::Api& api) {
  api.add(http::Endpoint<CreditRequest, CreditAnswer>{
      .route = "POST /api/billing/invoices/{id}/credit-notes",
      .summary = "Ask for less of an invoice that is open, with a credit note",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "invoice.credited",
      .limit = http::per_minute(60),
      .problems = {invoice_not_found, invoice_not_open, more_than_owed, installation_is_copy,
                   http::step_up_required, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .handle = credit,
  });
}

void add_credit_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<CheckCredit>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](CheckCredit const& args) {
            return "billing.credit_order:" + std::to_string(args.order_id);
          },
      .run =
          [&settings](jobs::Context& job, CheckCredit const& args) {
            with_stripe(job, [&] {
              carry_out_credit(job.connection, stripe::Client{settings}, args.order_id,
                               stripe::Patience::background);
            });
          },
      .dead = [](db::Tx& tx, CheckCredit const& args,
                 std::string const&) { end_order(tx, args.order_id, {CreditOutcome::unknown}); }});
}

}  // namespace billing
