// Stripe works it out with the parameters of the change itself, for a moment that the change then
// names: what is shown is what is charged.
#include "billing/plan_preview.hpp"

#include "billing/following.hpp"
#include "platform/installation/installation.hpp"

namespace billing {

namespace {
struct PreviewRequest {
  tenants::TenantId id;
  std::string plan;
  std::optional<std::int64_t> quantity;
  std::optional<Moment> moment;
  static constexpr auto rules() {
    return ::rules(
        rule(&PreviewRequest::id, {.doc = "Id of the tenant"}),
        rule(&PreviewRequest::plan,
             {.doc = "Id of the new plan", .min_length = 1, .max_length = 40}),
        rule(&PreviewRequest::quantity, {.doc = "How many times; as it is where not told",
                                         .min = 1,
                                         .max = tenants::most_sold}),
        rule(&PreviewRequest::moment, {.doc = "When it would begin"}));
  }
};

void warn(db::Connection& connection, tenants::Tenant const& tenant, tenants::Limits const& wanted,
          std::vector<PlanWarning>& warnings) {
  constexpr std::int64_t mib = 1024 * 1024;
  if (wanted.max_users < tenant.max_users) warnings.push_back(PlanWarning::fewer_users);
  if (wanted.memory_limit_mib < tenant.memory_limit_mib)
    warnings.push_back(PlanWarning::less_memory);
  if (wanted.storage_limit_mib >= tenant.storage_limit_mib) return;
  warnings.push_back(PlanWarning::less_storage);
  db::Tx tx{connection, db::Mode::autocommit};
  if (auto const used = tenants::disk_in_use(tx, tenant.id);
      used && *used > wanted.storage_limit_mib * mib)
    warnings.push_back(PlanWarning::storage_below_use);
}

void read_lines(stripe::Object const& invoice, PlanPreview& out) {
  auto const* lines = stripe::find(invoice, "lines.data");
  if (!lines || !lines->is_array()) return;
  for (auto const& entry : lines->get_array()) {
    auto const& line = entry.as_object();
    bool const proration = stripe::boolean(line, "parent.subscription_item_details.proration") ||
                           stripe::boolean(line, "parent.invoice_item_details.proration") ||
                           stripe::boolean(line, "proration");
    auto const amount = stripe::integer(line, "amount");
    if (proration && amount < 0) out.credit -= amount;
    out.lines.push_back({stripe::text(line, "description"), amount, proration});
  }
}

/// Of Stripe's whole seconds.
Time this_second() {
  return clock_source::from_unix_seconds(clock_source::unix_seconds(clock_source::now()));
}

/// The invoice that comes next, with the move or without one, as Stripe works it out.
stripe::Object next_invoice(stripe::Client const& client, std::string const& subscription_id,
                            Move const* move, std::string_view proration,
                            std::optional<Time> quoted_at) {
  http_client::Form form;
  form.add("subscription", subscription_id);
  if (move) {
    add_item(form, "subscription_details[items]", *move);
    form.add("subscription_details[proration_behavior]", proration);
    if (quoted_at && proration != "none")
      form.add("subscription_details[proration_date]", clock_source::unix_seconds(*quoted_at));
  }
  return client.post("/v1/invoices/create_preview", form, stripe::key_once("preview"),
                     stripe::Patience::visitor);
}

/// A copy makes nothing at Stripe: where a plan was never sold it gets no price.
void ask(db::Connection& connection, stripe::Client const& client, tenants::Plan const& plan,
         std::string const& subscription_id, std::optional<Moment> moment, bool is_copy,
         PlanPreview& out) {
  auto const patience = stripe::Patience::visitor;
  auto const subscription = client.get("/v1/subscriptions/" + subscription_id, {}, patience);
  auto const move = move_of(connection, subscription, plan, out.quantity);
  out.currency = move.currency;
  out.amount = move.whole();
  bool const changes = move.amount && !move.is_done();
  if (!move.amount) out.warnings.push_back(PlanWarning::not_sold_this_way);
  if (changes && !is_copy) ensure_plan_product(client, plan.id, plan.name, patience);
  out.moment = moment.value_or(changes && !move.is_dearer() ? Moment::period_end : Moment::now);
  if (out.moment == Moment::period_end) out.takes_effect_at = move.period_end;
  if (auto const now = this_second(); out.moment == Moment::now && changes && move.covers(now))
    out.quoted_at = now;
  auto const preview = [&](std::string_view proration) {
    return next_invoice(client, subscription_id, changes ? &move : nullptr, proration,
                        out.quoted_at);
  };
  if (!changes || out.moment == Moment::period_end) {
    auto const next = preview("none");
    read_lines(next, out);
    out.next_amount = stripe::integer(next, "amount_due");
  } else if (move.is_dearer()) {
    auto const now = preview("always_invoice");
    read_lines(now, out);
    out.due_now = stripe::integer(now, "amount_due");
    out.next_amount = stripe::integer(preview("none"), "amount_due");
  } else {
    auto const next = preview("create_prorations");
    read_lines(next, out);
    out.next_amount = stripe::integer(next, "amount_due");
  }
  out.next_date = move.period_end;
}
}  // namespace

std::int64_t due_now(stripe::Client const& client, Move const& move,
                     std::optional<Time> quoted_at) {
  auto const moment = quoted_at && move.covers(*quoted_at) ? quoted_at : std::nullopt;
  return stripe::integer(next_invoice(client, move.subscription, &move, "always_invoice", moment),
                         "amount_due");
}

PlanPreview preview_plan(http::Context& context, PlanQuestion const& question) {
  auto& connection = context.worker.connection;
  auto const [tenant, plan, quantity, subscription_id] =
      wanted(connection, question.tenant, question.plan, question.quantity);
  if (!plan) throw refusal(wrong<faults::not_for_sale>("?plan"));
  if (tenants::is_too_large(tenants::limits_of(*plan), quantity))
    throw refusal(wrong<tenants::beyond_a_tenant>("?quantity"));
  PlanPreview out;
  out.plan = plan->id;
  out.quantity = quantity;
  warn(connection, tenant, tenants::limits_of(*plan, quantity), out.warnings);
  if (!subscription_id) {
    out.warnings.push_back(PlanWarning::nothing_is_charged);
    return out;
  }
  stripe::Client const client{context.settings};
  stripe::Visit const visit;
  try {
    ask(connection, client, *plan, *subscription_id, question.moment,
        installation::is_copy(context.tx), out);
  } catch (stripe::Refused const& refused) {
    // A subscription that ends has no next invoice.
    if (refused.code != "invoice_upcoming_none")
      throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
  } catch (stripe::Unavailable const& away) {
    throw Problem{stripe_away, {}, away.what()}.retry_after(10);
  }
  return out;
}

void add_plan_preview_endpoint(http::Api& api) {
  api.add(http::Endpoint<PreviewRequest, PlanPreview>{
      .route = "GET /api/tenants/{id}/plan-change",
      .summary = "Tell what another plan would cost and take away",
      .tag = "Tenants",
      .scope = "tenants:read",
      .limit = http::per_minute(60),
      .problems = {tenants::tenant_not_found, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle =
          [](http::Context& context, PreviewRequest const& request) {
            return preview_plan(context,
                                {request.id, request.plan, request.quantity, request.moment});
          },
  });
}

}  // namespace billing
