#include "billing/owed.hpp"

#include "billing/comparison.hpp"
#include "billing/following.hpp"
#include "billing/refunds.hpp"
#include "ledger/papers.hpp"
#include "platform/json/checks.hpp"
#include "platform/money/money.hpp"

namespace billing {

namespace {
constexpr ProblemType finding_not_found{Kind::not_found, "finding_not_found",
                                        "There is no such finding, or it is resolved"};
constexpr ProblemType nothing_owed{Kind::conflict, "nothing_owed",
                                   "This finding ends by itself when its cause is gone"};

db::Query const write_row{"billing.write_owed", R"sql(
  INSERT INTO billing_findings
         (kind, subject, tenant_id, message, job_kind, job_payload, customer_id)
  VALUES ('money_owed', $1, $2, $3::jsonb, $4, $5, $6)
  ON CONFLICT (kind, subject) WHERE resolved_at IS NULL
  DO UPDATE SET last_seen = now(), message = excluded.message
)sql"};
db::Query const settle_row{"billing.settle_owed", R"sql(
  UPDATE billing_findings SET resolved_at = now()
   WHERE kind = 'money_owed' AND subject = $1 AND resolved_at IS NULL
)sql"};
db::Query const tried_so_far{"billing.owed_tried", R"sql(
  SELECT coalesce(sum(tried), 0)::bigint FROM billing_findings
   WHERE kind = 'money_owed' AND subject = $1
)sql"};
db::Query const is_known{"billing.owed_is_known", R"sql(
  SELECT EXISTS (SELECT 1 FROM billing_findings WHERE kind = 'money_owed' AND subject = $1)
)sql"};
// A refund of ours names the tenant; any other belongs to what its invoice's subscription is for.
struct Whose {
  std::optional<customers::CustomerId> customer_id;
  std::optional<tenants::TenantId> tenant_id;
};
db::Query const whose_refund{"billing.whose_refund", R"sql(
  SELECT r.customer_id, coalesce(
           (SELECT id FROM tenants WHERE id = $2 AND customer_id = r.customer_id),
           (SELECT s.tenant_id FROM billing_invoices AS i
              JOIN subscriptions AS s ON s.id = i.subscription_id
             WHERE i.stripe_invoice_id = coalesce(
                     r.stripe_invoice_id,
                     (SELECT stripe_invoice_id FROM billing_attempts
                       WHERE stripe_charge_id = r.stripe_charge_id)))) AS tenant_id
    FROM billing_refunds AS r WHERE r.stripe_refund_id = $1
)sql"};

struct Open {
  std::string kind, subject;
  std::optional<std::string> job_kind, job_payload;
};
db::Query const lock_open{"billing.lock_finding", R"sql(
  SELECT kind, subject, job_kind, job_payload FROM billing_findings
   WHERE id = $1 AND resolved_at IS NULL FOR UPDATE
)sql"};
db::Query const count_try{"billing.count_try", R"sql(
  UPDATE billing_findings SET tried = tried + 1, last_seen = now() WHERE id = $1
)sql"};
db::Query const resolve_row{"billing.resolve_finding", R"sql(
  UPDATE billing_findings SET resolved_at = now(), resolved_by = $2, note = $3 WHERE id = $1
)sql"};

constexpr i18n::Code<"refund_failed", "{amount} did not go back: {refund} ({refusal})">
    refund_failed;

std::string owed_for(std::string const& refund_id) { return "refund:" + refund_id; }

/// Stripe gives no reason for one that was canceled.
std::string refusal_of(stripe::Object const& refund) {
  auto why = stripe::text(refund, "failure_reason");
  if (!why.empty()) return why;
  return stripe::text(refund, "status") == "canceled" ? "merchant_request" : "unknown";
}

Whose whose(db::Tx& tx, std::string_view refund_id, std::optional<tenants::TenantId> named = {}) {
  return tx.maybe<Whose>(whose_refund, refund_id, named).value_or(Whose{});
}

bool has_failed(stripe::Object const& refund) {
  auto const status = stripe::text(refund, "status");
  return status == "failed" || status == "canceled";
}

void refund_again(jobs::Context& job, std::string const& id, stripe::Client const& client) {
  auto const refund = client.get("/v1/refunds/" + id);
  auto const tried = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return times_tried(tx, owed_for(id));
  }();
  auto const intent = stripe::id_of(refund, "payment_intent");
  if (has_failed(refund))
    refund_payment(client,
                   intent.empty() ? Payment{"charge", stripe::id_of(refund, "charge")}
                                  : Payment{"payment_intent", intent},
                   stripe::integer(refund, "amount"),
                   {std::string{ledger::refund_again} + id, tried},
                   {.tenant_id = stripe::text(refund, "metadata.tenant_id")});
  job.transact([&](db::Tx& tx) {
    settle_owed(tx, owed_for(id));
    realtime::announce(tx, "dashboard");
    job.finish(tx);
  });
}

struct OneFinding {
  BillingFindingId id;
  static constexpr auto rules() {
    return ::rules(rule(&OneFinding::id, {.doc = "Id of the finding"}));
  }
};
struct ResolveRequest {
  BillingFindingId id;
  std::string note;
  static constexpr auto rules() {
    return ::rules(rule(&ResolveRequest::id, {.doc = "Id of the finding"}),
                   rule(&ResolveRequest::note, {.doc = "How it was settled, for colleagues",
                                                .example = "Paid back by bank transfer",
                                                .min_length = 1,
                                                .max_length = 500,
                                                .check = checks::one_line}));
  }
};

Open open_debt(http::Context& context, BillingFindingId id) {
  auto found = context.tx.maybe<Open>(lock_open, id);
  if (!found) throw Problem{finding_not_found};
  if (!found->job_kind) throw Problem{nothing_owed};
  context.audit_target = found->subject;
  return std::move(*found);
}
}  // namespace

void write_owed(db::Tx& tx, Owed const& owed) {
  tx.exec(write_row, owed.subject, owed.tenant_id, owed.message, owed.job_kind, owed.job_payload,
          owed.customer_id);
  realtime::announce(tx, "dashboard");
}

void settle_owed(db::Tx& tx, std::string_view subject) { tx.exec(settle_row, subject); }

std::int64_t times_tried(db::Tx& tx, std::string_view subject) {
  return tx.one<std::int64_t>(tried_so_far, subject);
}

void follow_refund(db::Tx& tx, stripe::Object const& refund) {
  auto const id = stripe::text(refund, "id");
  // Told of again, it is not owed again.
  if (!has_failed(refund) || tx.one<bool>(is_known, owed_for(id))) return;
  auto const owner =
      whose(tx, id, tenants::TenantId::parse(stripe::text(refund, "metadata.tenant_id")));
  write_owed(tx, owed_for(id), owner.tenant_id,
             refund_failed(
                 money::Amount{stripe::text(refund, "currency"), stripe::integer(refund, "amount")},
                 id, refusal_of(refund)),
             RefundAgain{id}, owner.customer_id);
}

void add_owed_endpoints(http::Api& api) {
  api.add(http::Endpoint<OneFinding, http::Nothing>{
      .route = "POST /api/billing/findings/{id}/retry",
      .summary = "Try again to give back money that is owed",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "money.tried_again",
      .problems = {finding_not_found, nothing_owed},
      .handle =
          [](http::Context& context, OneFinding const& request) {
            auto const found = open_debt(context, request.id);
            context.tx.exec(count_try, request.id);
            jobs::enqueue_raw(context.tx, *found.job_kind, *found.job_payload,
                              {.dedupe_key = found.subject});
            return http::Nothing{};
          },
  });
  api.add(http::Endpoint<ResolveRequest, http::Nothing>{
      .route = "POST /api/billing/findings/{id}/resolve",
      .summary = "Say that money that was owed has been given back in another way",
      .tag = "Billing",
      .scope = "billing:write",
      .audit = "money.settled",
      .problems = {finding_not_found, nothing_owed},
      .handle =
          [](http::Context& context, ResolveRequest const& request) {
            static_cast<void>(open_debt(context, request.id));
            context.audit_reason = request.note;
            context.tx.exec(resolve_row, request.id, context.actor.label(), request.note);
            realtime::announce(context.tx, "dashboard");
            return http::Nothing{};
          },
  });
}

void add_owed_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<RefundAgain>{
      .timeout = jobs::Seconds{120},
      .serialise = [](RefundAgain const& args) { return "billing.refund:" + args.refund_id; },
      .run =
          [&settings](jobs::Context& job, RefundAgain const& args) {
            with_stripe(job, [&] { refund_again(job, args.refund_id, stripe::Client{settings}); });
          },
      .dead =
          [](db::Tx& tx, RefundAgain const& args, std::string const& error) {
            auto const owner = whose(tx, args.refund_id);
            write_owed(tx, owed_for(args.refund_id), owner.tenant_id, gave_up(error), args,
                       owner.customer_id);
          }});
}

}  // namespace billing
