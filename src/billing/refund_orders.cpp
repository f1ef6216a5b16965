// How an order is carried out: the money goes back first, the credit note says so afterwards.
#include "billing/refund_orders.hpp"

#include <algorithm>

#include "billing/following.hpp"
#include "billing/owed.hpp"
#include "billing/refunds.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
/// Of an order that was given up: a person has it tried again, and then it goes on.
constexpr std::string_view no_answer = "no_answer";

struct Order {
  RefundOrderId id;
  std::int64_t amount;
  std::string mark;
  RefundReason reason;
  std::optional<std::string> stripe_invoice_id, stripe_charge_id, refusal;
  std::optional<tenants::TenantId> tenant_id;
  std::optional<RefundOutcome> outcome;
  std::int64_t given_back;
  std::vector<std::string> stripe_refund_ids;
  std::string stripe_credit_note_id;
};
db::Query const insert_order{"billing.begin_refund", R"sql(
  INSERT INTO billing_refund_orders (customer_id, invoice_id, stripe_charge_id, amount, currency,
                                     reason, note, mark, asked_by, asked_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id
)sql"};
db::Query const load_order{"billing.load_refund_order", R"sql(
  SELECT o.id, o.amount, o.mark, o.reason, i.stripe_invoice_id, o.stripe_charge_id, o.refusal,
         s.tenant_id, o.outcome, coalesce(o.given_back, 0) AS given_back, o.stripe_refund_ids,
         coalesce(o.stripe_credit_note_id, '') AS stripe_credit_note_id
    FROM billing_refund_orders AS o
    LEFT JOIN billing_invoices AS i ON i.id = o.invoice_id
    LEFT JOIN subscriptions AS s ON s.id = i.subscription_id
   WHERE o.id = $1
)sql"};
db::Query const end_order{"billing.end_refund", R"sql(
  UPDATE billing_refund_orders
     SET outcome = $2, given_back = $3, refusal = nullif($4, ''), stripe_refund_ids = $5,
         stripe_credit_note_id = nullif($6, ''), note_refusal = nullif($7, ''), ended_at = $8
   WHERE id = $1
)sql"};
db::Query const give_order_up{"billing.give_refund_up", R"sql(
  UPDATE billing_refund_orders SET outcome = 'refused', refusal = $2, ended_at = $3
   WHERE id = $1 AND outcome IS NULL
)sql"};

std::string owed_for(RefundOrderId id) { return "refund_order:" + std::to_string(id); }

Order load(db::Connection& connection, RefundOrderId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<Order>(load_order, id);
}

/// The refunds of this order, made unless they were made before.
GivenBack give_back(stripe::Client const& client, Order const& order, stripe::Object const* invoice,
                    std::int64_t at_most, RefundKey const& key, stripe::Patience patience) {
  RefundWords const words{.tenant_id = order.tenant_id ? order.tenant_id->text() : "",
                          .reason = std::string{name_of(order.reason)},
                          .patience = patience};
  if (order.stripe_charge_id)
    return refund_payment(client, {"charge", *order.stripe_charge_id}, at_most, key, words);
  return refund_invoice(client, *invoice, at_most, key, words);
}

std::string note_of(stripe::Client const& client, std::string const& invoice,
                    std::string const& refund, stripe::Patience patience) {
  http_client::Form query;
  query.add("invoice", invoice).add("limit", 100);
  auto const notes = client.get("/v1/credit_notes", query, patience);
  for (auto const& note : entries(notes, "data"))
    for (auto const& entry : entries(note.as_object(), "refunds"))
      if (stripe::id_of(entry.as_object(), "refund") == refund)
        return stripe::text(note.as_object(), "id");
  return {};
}

/// An invoice that is paid and given back gets a credit note that names its refunds; its id.
std::string make_note(stripe::Client const& client, Order const& order, GivenBack const& back,
                      stripe::Patience patience) {
  auto const& invoice = *order.stripe_invoice_id;
  if (auto known = note_of(client, invoice, back.refunds.front().id, patience); !known.empty())
    return known;
  http_client::Form form;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < back.refunds.size(); ++i) {
    auto const refund = "refunds[" + std::to_string(i) + "]";
    form.add(refund + "[refund]", back.refunds[i].id)
        .add(refund + "[amount_refunded]", back.refunds[i].amount);
    sum += back.refunds[i].amount;
  }
  form.add("invoice", invoice).add("amount", sum);
  if (order.reason != RefundReason::requested_by_customer)
    form.add("reason", std::string{name_of(order.reason)});
  return stripe::text(
      client.post("/v1/credit_notes", form, stripe::key_of("note-" + order.mark, form), patience),
      "id");
}

/// How it ended, with everything that was made.
struct Done {
  RefundEnd end;
  std::string note_refusal{};
};

Done carry_out(stripe::Client const& client, Order const& order, std::int64_t tried,
               stripe::Patience patience) {
  std::optional<stripe::Object> invoice;
  if (order.stripe_invoice_id) {
    http_client::Form query;
    query.add("expand[0]", "payments.data.payment.payment_intent");
    invoice = client.get("/v1/invoices/" + *order.stripe_invoice_id, query, patience);
  }
  auto const* whole = invoice ? &*invoice : nullptr;
  RefundKey const key{order.mark, tried};
  GivenBack back;
  Done out;
  try {
    back = give_back(client, order, whole, order.amount, key, patience);
  } catch (stripe::Refused const& refused) {
    out.end.refusal = refused.code.empty() ? refused.type : refused.code;
    logging::warning("billing", "the refund {} is refused: {}", order.mark, refused.what());
    // Of several payments some may have gone back before.
    if (!order.stripe_charge_id) back = give_back(client, order, whole, 0, key, patience);
  }
  for (auto const& refund : back.refunds) {
    out.end.given_back += refund.amount;
    out.end.refunds.push_back(refund.id);
  }
  out.end.outcome = out.end.given_back >= order.amount ? RefundOutcome::given_back
                    : out.end.given_back > 0           ? RefundOutcome::in_part
                                                       : RefundOutcome::refused;
  if (out.end.outcome == RefundOutcome::refused && out.end.refusal.empty())
    out.end.refusal = "charge_already_refunded";
  if (back.refunds.empty() || !whole || stripe::text(*whole, "status") != "paid") return out;
  try {
    out.end.credit_note = make_note(client, order, back, patience);
  } catch (stripe::Refused const& refused) {
    // The money has gone back; the books count a refund without a note as well.
    out.note_refusal = refused.code.empty() ? refused.type : refused.code;
    logging::warning("billing", "no credit note for {}: {}", order.mark, refused.what());
  }
  return out;
}

void follow_all(db::Connection& connection, stripe::Client const& client, Order const& order,
                RefundEnd const& end) {
  std::vector<std::pair<std::string, std::string>> objects;
  for (auto const& refund : end.refunds) objects.emplace_back("refund", refund);
  if (!end.credit_note.empty()) objects.emplace_back("credit_note", end.credit_note);
  if (order.stripe_invoice_id) objects.emplace_back("invoice", *order.stripe_invoice_id);
  follow_up(connection, client, objects);
}

retention::Kept const kept_orders{"billing_refund_orders",
                                  "the books: who gave back what, and why"};
}  // namespace

RefundOrderId begin_refund(db::Tx& tx, RefundOrder const& order) {
  auto const& target = order.target;
  return tx.one<RefundOrderId>(insert_order, target.customer_id, target.invoice_id,
                               target.stripe_charge_id, order.amount, target.currency, order.reason,
                               order.note, "order-" + crypto::random_token(18), order.asked_by,
                               clock_source::now());
}

RefundEnd carry_out_refund(db::Connection& connection, stripe::Client const& client,
                           RefundOrderId id, stripe::Patience patience) {
  auto const order = load(connection, id);
  if (order.outcome && order.refusal != no_answer)
    return {*order.outcome, order.given_back, order.refusal.value_or(""), order.stripe_refund_ids,
            order.stripe_credit_note_id};
  auto const tried = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return times_tried(tx, owed_for(id));
  }();
  auto done = carry_out(client, order, tried, patience);
  follow_all(connection, client, order, done.end);
  db::transact(connection, [&](db::Tx& tx) {
    auto const& end = done.end;
    tx.exec(end_order, id, end.outcome, end.given_back, end.refusal, end.refunds, end.credit_note,
            done.note_refusal, clock_source::now());
    settle_owed(tx, owed_for(id));
    realtime::announce(tx, "dashboard");
  });
  return std::move(done.end);
}

void add_refund_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<CheckRefund>{
      .timeout = jobs::Seconds{180},
      .serialise =
          [](CheckRefund const& args) {
            return "billing.refund_order:" + std::to_string(args.order_id);
          },
      .run =
          [&settings](jobs::Context& job, CheckRefund const& args) {
            with_stripe(job, [&] {
              carry_out_refund(job.connection, stripe::Client{settings}, args.order_id,
                               stripe::Patience::background);
            });
          },
      .dead =
          [](db::Tx& tx, CheckRefund const& args, std::string const& error) {
            tx.exec(give_order_up, args.order_id, no_answer, clock_source::now());
            write_owed(tx, owed_for(args.order_id),
                       tx.one<Order>(load_order, args.order_id).tenant_id, gave_up(error), args);
          }});
}

}  // namespace billing
