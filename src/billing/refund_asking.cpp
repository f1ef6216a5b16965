// Who gives money back, and what that would do.
#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "billing/refund_orders.hpp"
#include "ledger/refund_effect.hpp"
#include "platform/json/checks.hpp"

namespace billing {

namespace {
constexpr ProblemType payment_not_found{Kind::not_found, "payment_not_found",
                                        "There is no such invoice or payment"};
constexpr ProblemType paid_out_of_band{
    Kind::conflict, "paid_out_of_band",
    "This was not paid through Stripe, so Stripe cannot give it back: pay it back another way"};
constexpr ProblemType charge_disputed{
    Kind::conflict, "charge_disputed",
    "The customer's bank took this payment back, or may: it cannot be given back as well"};
constexpr ProblemType nothing_paid{Kind::conflict, "nothing_paid", "Nothing was paid for this"};
constexpr ProblemType nothing_left{Kind::conflict, "nothing_left",
                                   "All that was paid for this has gone back already"};
constexpr ProblemType more_than_left{Kind::conflict, "more_than_left",
                                     "This is more than what is left to give back"};

/// A minute later nobody waits for the answer any more.
constexpr std::chrono::minutes check_after{1};

constexpr auto charge_rules = Rules{.doc =
                                        "Stripe's id of a payment, where it is of no invoice or "
                                        "one of several",
                                    .example = "ch_3NirD82eZvKYlo2CIvbtLWuY",
                                    .min_length = 1,
                                    .max_length = 255};

struct RefundRequest {
  std::optional<InvoiceId> invoice_id;
  std::optional<std::string> charge;
  std::optional<std::int64_t> amount;
  std::optional<RefundReason> reason;
  std::optional<std::string> note;
  static constexpr auto rules() {
    return ::rules(
        rule(&RefundRequest::invoice_id, {.doc = "Id of the invoice; or `charge`"}),
        rule(&RefundRequest::charge, charge_rules),
        rule(&RefundRequest::amount,
             {.doc = "Minor units; all that is left unless told", .min = 1}),
        rule(&RefundRequest::reason,
             {.doc = "As Stripe keeps it; requested_by_customer unless told"}),
        rule(&RefundRequest::note,
             {.doc = "Why, for colleagues", .max_length = 500, .check = checks::one_line_or_none}));
  }
};
struct RefundAnswer {
  RefundOutcome outcome;
  std::string currency;
  std::int64_t amount, given_back;
  std::optional<std::string> refusal;
  std::vector<std::string> stripe_refund_ids;
  std::optional<std::string> stripe_credit_note_id;
  static constexpr auto rules() {
    return ::rules(
        rule(&RefundAnswer::outcome,
             {.doc = "being_checked: Stripe has not answered yet, and it goes back once; in_part: "
                     "somebody was quicker with the rest"}),
        rule(&RefundAnswer::amount, {.doc = "Minor units that were to go back"}),
        rule(&RefundAnswer::given_back, {.doc = "Minor units that went back"}),
        rule(&RefundAnswer::refusal, {.doc = "Stripe's code for why it refused"}),
        rule(&RefundAnswer::stripe_credit_note_id,
             {.doc = "The credit note that was made with it, for an invoice that is paid"}));
  }
};

struct PreviewRequest {
  std::optional<InvoiceId> invoice_id;
  std::optional<std::string> charge;
  std::optional<std::int64_t> amount;
  static constexpr auto rules() {
    return ::rules(rule(&PreviewRequest::invoice_id, {.doc = "Id of the invoice; or `charge`"}),
                   rule(&PreviewRequest::charge, charge_rules),
                   rule(&PreviewRequest::amount,
                        {.doc = "Minor units; all that is left unless told", .min = 1}));
  }
};
struct MonthsRevenue {
  Time month;
  std::int64_t amount;
  static constexpr auto rules() {
    return ::rules(
        rule(&MonthsRevenue::month, {.doc = "Its beginning, in the zone of the reports"}),
        rule(&MonthsRevenue::amount, {.doc = "Minor units that it shows less of revenue"}));
  }
};
struct RefundPreview {
  std::string currency;
  std::int64_t paid, refunded, disputed, credited, ordered, left, amount;
  RefundHindrance hindrance;
  bool makes_credit_note;
  std::vector<MonthsRevenue> revenue;
  static constexpr auto rules() {
    return ::rules(
        rule(&RefundPreview::paid, {.doc = "Minor units, through Stripe"}),
        rule(&RefundPreview::disputed, {.doc = "That a bank took back, or may"}),
        rule(&RefundPreview::credited, {.doc = "By credit notes that gave it back otherwise"}),
        rule(&RefundPreview::ordered, {.doc = "On its way back"}),
        rule(&RefundPreview::left, {.doc = "What may still go back"}),
        rule(&RefundPreview::amount, {.doc = "What would go back: never more than is left"}),
        rule(&RefundPreview::hindrance, {.doc = "Why nothing can go back"}),
        rule(&RefundPreview::revenue, {.doc = "What it takes back of recognised revenue, without "
                                              "tax; earlier months stay as they are"}));
  }
};

void refuse(RefundHindrance hindrance) {
  switch (hindrance) {
    case RefundHindrance::none:
      return;
    case RefundHindrance::paid_out_of_band:
      throw Problem{paid_out_of_band};
    case RefundHindrance::charge_disputed:
      throw Problem{charge_disputed};
    case RefundHindrance::nothing_paid:
      throw Problem{nothing_paid};
    case RefundHindrance::nothing_left:
      throw Problem{nothing_left};
  }
}

/// What is meant, locked until the transaction ends.
template <class Request>
RefundTarget target_of(db::Tx& tx, Request const& request) {
  auto target = lock_target(tx, request.invoice_id, request.charge);
  if (!target) throw Problem{payment_not_found};
  return std::move(*target);
}

RefundOrderId begin(http::Context& context, RefundRequest const& request) {
  return db::transact(context.worker.connection, [&](db::Tx& tx) {
    RefundOrder order{.target = target_of(tx, request),
                      .amount = 0,
                      .reason = request.reason.value_or(RefundReason::requested_by_customer),
                      .note = request.note.value_or(""),
                      .asked_by = std::string{context.actor.label()}};
    auto const money = refundable(tx, order.target);
    refuse(hindrance(order.target, money));
    order.amount = request.amount.value_or(money.left);
    if (order.amount > money.left)
      throw Problem{more_than_left}
          .with("left", std::to_string(money.left))
          .with("currency", json::text(order.target.currency));
    require_may_move(context, order.target.currency, order.amount);
    auto const begun = begin_refund(tx, order);
    jobs::enqueue(tx, CheckRefund{begun}, {.run_at = clock_source::now() + check_after});
    context.note_begun(tx, std::to_string(begun));
    return begun;
  });
}

struct Begun {
  std::string currency;
  std::int64_t amount;
};
db::Query const load_begun{"billing.begun_refund", R"sql(
  SELECT currency, amount FROM billing_refund_orders WHERE id = $1
)sql"};

RefundEnd give_back(http::Context& context, RefundOrderId order) {
  stripe::Visit const visit;
  try {
    return carry_out_refund(context.worker.connection, stripe::Client{context.settings}, order,
                            stripe::Patience::visitor);
  } catch (stripe::Unavailable const&) {
    return {RefundOutcome::being_checked};
  } catch (stripe::Refused const& refused) {
    throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
  }
}

RefundAnswer refund(http::Context& context, RefundRequest const& request) {
  context.audit_target =
      request.invoice_id ? request.invoice_id->text() : request.charge.value_or("");
  context.audit_reason = request.note.value_or("");
  auto const begun = context.begun();
  auto const order = begun ? std::stoll(*begun) : begin(context, request);
  auto end = give_back(context, order);
  auto const meant = context.tx.one<Begun>(load_begun, order);
  RefundAnswer out{.outcome = end.outcome,
                   .currency = meant.currency,
                   .amount = meant.amount,
                   .given_back = end.given_back,
                   .refusal = {},
                   .stripe_refund_ids = std::move(end.refunds),
                   .stripe_credit_note_id = {}};
  if (!end.refusal.empty()) out.refusal = end.refusal;
  if (!end.credit_note.empty()) out.stripe_credit_note_id = end.credit_note;
  context.audit_after = {json::text(out)};
  return out;
}

RefundPreview preview(http::Context& context, PreviewRequest const& request) {
  auto const target = target_of(context.tx, request);
  auto const money = refundable(context.tx, target);
  RefundPreview out{.currency = target.currency,
                    .paid = money.paid,
                    .refunded = money.refunded,
                    .disputed = money.disputed,
                    .credited = money.credited,
                    .ordered = money.ordered,
                    .left = money.left,
                    .amount = std::min(request.amount.value_or(money.left), money.left),
                    .hindrance = hindrance(target, money),
                    .makes_credit_note = target.invoice_id && target.is_paid,
                    .revenue = {}};
  if (target.stripe_invoice_id && out.amount > 0)
    for (auto const& [month, amount] : ledger::effect_of_refund(
             context.tx, *target.stripe_invoice_id, out.amount, clock_source::now()))
      out.revenue.push_back({month, amount});
  return out;
}
}  // namespace

void add_refund_endpoints(http::Api& api) {
  api.add(http::Endpoint<RefundRequest, RefundAnswer>{
      .route = "POST /api/billing/refunds",
      .summary = "Give back what was paid, all or a part of it",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "payment.refunded",
      .limit = http::per_minute(60),
      .problems = {payment_not_found, paid_out_of_band, charge_disputed, nothing_paid, nothing_left,
                   more_than_left, installation_is_copy, http::step_up_required, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .idempotent = true,
      .handle = refund,
  });
  api.add(http::Endpoint<PreviewRequest, RefundPreview>{
      .route = "GET /api/billing/refunds/preview",
      .summary = "Tell what may still be given back, and what that would take off revenue",
      .tag = "Billing",
      .scope = "billing:read",
      .problems = {payment_not_found},
      .handle = preview,
  });
}

}  // namespace billing
