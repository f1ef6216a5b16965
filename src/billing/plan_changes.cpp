// The subscription's item is moved to the price of the new plan, in the currency and interval that
// it has; Stripe works out what is owed for the rest of the period. A dearer plan is paid for at
// once, a cheaper one is credited on the next invoice (docs/adr/0020).
#include "billing/plan_changes.hpp"

#include "billing/following.hpp"
#include "tenants/detail.hpp"
#include "tenants/jobs.hpp"
#include "tenants/plans.hpp"

namespace billing {

namespace {

// Over or never begun: nothing is charged by it. Of several the one that runs best.
db::Query const find_subscription{"billing.subscription_of_tenant", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE tenant_id = $1 AND stripe_subscription_id IS NOT NULL AND ended_at IS NULL
     AND status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
   ORDER BY array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused']
                           ::subscription_status[], status), id DESC
   LIMIT 1
)sql"};

/// The one item of a subscription as it is, and the price that the plan has there.
struct Move {
  std::string subscription, item, currency, interval, product;
  std::int64_t present_amount;
  std::optional<std::int64_t> amount;  // none: the plan is not sold this way
  bool is_present_plan;                // two plans of one price have two names on the bill
  bool is_done() const { return is_present_plan && present_amount == amount; }
  bool is_dearer() const { return *amount > present_amount; }
  char const* proration() const { return is_dearer() ? "always_invoice" : "create_prorations"; }
};

Move move_of(db::Connection& connection, stripe::Object const& subscription,
             tenants::Plan const& plan) {
  Move move{.subscription = stripe::text(subscription, "id"),
            .item = stripe::text(subscription, "items.data.0.id"),
            .currency = stripe::text(subscription, "currency"),
            .interval = stripe::text(subscription, "items.data.0.price.recurring.interval"),
            .product = plan_product(plan.id),
            .present_amount = stripe::integer(subscription, "items.data.0.price.unit_amount"),
            .amount = {},
            .is_present_plan =
                stripe::text(subscription, "items.data.0.price.product") == plan_product(plan.id)};
  db::Tx tx{connection, db::Mode::autocommit};
  if (auto const interval = enum_from<tenants::Interval>(move.interval))
    move.amount = tenants::price_of(tx, plan.id, *interval, move.currency);
  return move;
}

void add_item(http_client::Form& form, std::string const& prefix, Move const& move) {
  auto const item = prefix + "[0]";
  form.add(item + "[id]", move.item)
      .add(item + "[price_data][currency]", move.currency)
      .add(item + "[price_data][product]", move.product)
      .add(item + "[price_data][recurring][interval]", move.interval)
      .add(item + "[price_data][unit_amount]", *move.amount);
}

struct Wanted {
  tenants::Tenant tenant;
  std::optional<tenants::Plan> plan;
  std::optional<std::string> subscription;
};
Wanted wanted(db::Connection& connection, tenants::TenantId id,
              std::optional<std::string> const& plan_id) {
  db::Tx tx{connection, db::Mode::autocommit};
  Wanted out{tenants::get(tx, id), {}, tx.maybe<std::string>(find_subscription, id)};
  for (auto& plan : tenants::plans_for_sale(tx))
    if (plan.id == plan_id.value_or(out.tenant.plan_id)) out.plan = std::move(plan);
  return out;
}

void follow_plan(jobs::Context& job, tenants::TenantId id, stripe::Client const& client) {
  auto const [tenant, plan, subscription_id] = wanted(job.connection, id, {});
  if (!subscription_id || !plan) return;  // made by staff: nobody pays for it
  db::SessionLock const turn{job.connection, turn_of(*subscription_id)};
  auto const subscription = client.get("/v1/subscriptions/" + *subscription_id);
  auto const move = move_of(job.connection, subscription, *plan);
  if (!move.amount)
    return job.transact([&](db::Tx& tx) {
      tenants::note(tx, id, "billing",
                    activity::PlanNotCharged{plan->id, move.currency, move.interval});
      job.finish(tx);
    });
  if (move.is_done()) return;
  ensure_plan_product(client, plan->id, plan->name);
  http_client::Form form;
  add_item(form, "items", move);
  form.add("proration_behavior", move.proration());
  // The item's price of before is a part of it: going back to a plan is another intention, and a
  // retry whose answer was lost is the same one.
  auto const changed =
      client.post("/v1/subscriptions/" + *subscription_id, form,
                  stripe::key_of(fmt::format("plan-{}-{}-{}-{}", *subscription_id, id.text(),
                                             tenant.version, move.present_amount),
                                 form));
  job.transact([&](db::Tx& tx) {
    apply_subscription(tx, changed, clock_source::now(), id);
    tenants::note(
        tx, id, "billing",
        activity::SubscriptionChanged{plan->id, move.currency, *move.amount, move.interval});
    job.finish(tx);
  });
}

struct PreviewRequest {
  tenants::TenantId id;
  std::string plan;
  static constexpr auto rules() {
    return ::rules(rule(&PreviewRequest::id, {.doc = "Id of the tenant"}),
                   rule(&PreviewRequest::plan,
                        {.doc = "Id of the new plan", .min_length = 1, .max_length = 40}));
  }
};

enum class Warning {
  nothing_is_charged,
  not_sold_this_way,
  fewer_users,
  less_storage,
  less_memory,
  storage_below_use,
};
constexpr auto names_of(Warning) {
  return std::array<std::string_view, 6>{"nothing_is_charged", "not_sold_this_way",
                                         "fewer_users",        "less_storage",
                                         "less_memory",        "storage_below_use"};
}

struct Line {
  std::string description;
  std::int64_t amount;
  bool proration;
  static constexpr auto rules() {
    return ::rules(rule(&Line::proration, {.doc = "For the part of a period that has begun"}));
  }
};

struct Preview {
  std::string plan;
  std::optional<std::string> currency;
  std::int64_t due_now = 0, credit = 0;
  std::optional<std::int64_t> next_amount;
  std::optional<Time> next_date;
  std::vector<Line> lines;
  std::vector<Warning> warnings;
  static constexpr auto fields() {
    return ::fields(
        field("plan", &Preview::plan),
        field("currency", &Preview::currency, {.doc = "null: nothing is charged"}),
        field(
            "due_now", &Preview::due_now,
            {.doc = "Minor units, charged at once: a dearer plan for the rest of the period. When "
                    "the payment fails, the plan changes all the same and the subscription is "
                    "past due"}),
        field("credit", &Preview::credit,
              {.doc = "Minor units given back for the unused time of the present plan"}),
        field(
            "next_amount", &Preview::next_amount,
            {.doc = "Minor units of the next regular invoice, with the credit of a cheaper plan"}),
        field("next_date", &Preview::next_date), field("lines", &Preview::lines),
        field("warnings", &Preview::warnings));
  }
};

void warn(db::Connection& connection, tenants::Tenant const& tenant, tenants::Plan const& plan,
          std::vector<Warning>& warnings) {
  constexpr std::int64_t mib = 1024 * 1024;
  if (plan.max_users < tenant.max_users) warnings.push_back(Warning::fewer_users);
  if (plan.memory_limit_mib < tenant.memory_limit_mib) warnings.push_back(Warning::less_memory);
  if (plan.storage_limit_mib >= tenant.storage_limit_mib) return;
  warnings.push_back(Warning::less_storage);
  db::Tx tx{connection, db::Mode::autocommit};
  if (auto const used = tenants::disk_in_use(tx, tenant.id);
      used && *used > plan.storage_limit_mib * mib)
    warnings.push_back(Warning::storage_below_use);
}

void read_lines(stripe::Object const& invoice, Preview& out) {
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

Preview preview(http::Context& context, PreviewRequest const& request) {
  auto& connection = context.worker.connection;
  auto const [tenant, plan, subscription_id] = wanted(connection, request.id, request.plan);
  if (!plan) throw refusal(wrong<faults::not_for_sale>("?plan"));
  Preview out{.plan = plan->id};
  warn(connection, tenant, *plan, out.warnings);
  if (!subscription_id) {
    out.warnings.push_back(Warning::nothing_is_charged);
    return out;
  }
  stripe::Client const client{context.settings};
  auto const patience = stripe::Patience::visitor;
  stripe::Visit const visit;
  try {
    auto const subscription = client.get("/v1/subscriptions/" + *subscription_id, {}, patience);
    auto const move = move_of(connection, subscription, *plan);
    out.currency = move.currency;
    bool const changes = move.amount && !move.is_done();
    if (!move.amount) out.warnings.push_back(Warning::not_sold_this_way);
    if (changes) ensure_plan_product(client, plan->id, plan->name, patience);
    auto ask = [&](char const* proration) {
      http_client::Form form;
      form.add("subscription", *subscription_id);
      if (changes) {
        add_item(form, "subscription_details[items]", move);
        form.add("subscription_details[proration_behavior]", proration);
      }
      return client.post("/v1/invoices/create_preview", form, stripe::key_once("preview"),
                         patience);
    };
    if (changes && move.is_dearer()) {
      auto const now = ask("always_invoice");
      read_lines(now, out);
      out.due_now = stripe::integer(now, "amount_due");
      out.next_amount = stripe::integer(ask("none"), "amount_due");
    } else {
      auto const next = ask("create_prorations");
      read_lines(next, out);
      out.next_amount = stripe::integer(next, "amount_due");
    }
    out.next_date = stripe::time(subscription, "items.data.0.current_period_end");
  } catch (stripe::Refused const& refused) {
    // A subscription that ends has no next invoice.
    if (refused.code != "invoice_upcoming_none")
      throw Problem{stripe_away, {}, refused.what()}.retry_after(10);
  } catch (stripe::Unavailable const& away) {
    throw Problem{stripe_away, {}, away.what()}.retry_after(10);
  }
  return out;
}
}  // namespace

std::string plan_product(std::string_view plan_id) { return "plan_" + std::string{plan_id}; }

void ensure_plan_product(stripe::Client const& client, std::string_view plan_id,
                         std::string const& name, stripe::Patience patience) {
  auto const product = plan_product(plan_id);
  http_client::Form form;
  form.add("id", product).add("name", name);
  try {
    client.post("/v1/products", form, stripe::key_of("product-" + product, form), patience);
  } catch (stripe::Refused const& refused) {
    if (refused.code != "resource_already_exists") throw;
  }
}

void add_plan_change_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<tenants::PlanChanged>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](tenants::PlanChanged const& args) {
            return "billing.plan:" + std::to_string(args.tenant_id);
          },
      .run =
          [&settings](jobs::Context& job, tenants::PlanChanged const& args) {
            with_stripe(job, [&] {
              follow_plan(job, tenants::TenantId{args.tenant_id}, stripe::Client{settings});
            });
          },
      .dead =
          [](db::Tx& tx, tenants::PlanChanged const& args, std::string const& error) {
            tenants::note(tx, tenants::TenantId{args.tenant_id}, "billing",
                          activity::PlanNotCharged{.error = error});
          }});
}

void add_plan_change_endpoints(http::Api& api) {
  api.add(http::Endpoint<PreviewRequest, Preview>{
      .route = "GET /api/tenants/{id}/plan-change",
      .summary = "Tell what another plan would cost and take away",
      .tag = "Tenants",
      .scope = "tenants:read",
      .limit = http::per_minute(60),
      .problems = {tenants::tenant_not_found, stripe_away},
      .lane = http::Lane::slow,
      .transaction = http::Transaction::own,
      .handle = preview,
  });
}

}  // namespace billing
