// A dearer plan is asked for at Stripe with the payment as its condition (pending_if_incomplete):
// until that has arrived nothing changes there, and nothing here. A cheaper one waits in our row
// and is written a little before the period ends, so that Stripe's next invoice has its price.
// https://docs.stripe.com/billing/subscriptions/pending-updates
#include "billing/plan_orders.hpp"

#include "billing/caution.hpp"
#include "billing/following.hpp"
#include "billing/plan_mails.hpp"
#include "platform/installation/installation.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
using tenants::TenantId;

/// Before Stripe makes the invoice of the next period.
constexpr std::chrono::minutes ahead_of_invoice{15};
/// An answer of Stripe's that was lost is looked up then.
constexpr std::chrono::minutes lost_after{2};
constexpr std::chrono::minutes look_every{30};
constexpr std::chrono::hours quote_life{1};

struct Order {
  std::int64_t id;
  TenantId tenant_id;
  std::string plan_id, plan_name;
  std::int64_t quantity, storage_limit_mib, amount;  // storage and amount of one
  std::string stripe_subscription_id;
  std::optional<std::string> stripe_invoice_id;
  PlanOrderState state;
  std::optional<Time> takes_effect_at;
  std::string asked_by;
  bool is_open() const {
    return state == PlanOrderState::scheduled || state == PlanOrderState::awaiting_payment;
  }
  std::int64_t whole_storage_mib() const {
    return std::min(quantity * storage_limit_mib, tenants::largest.storage_limit_mib);
  }
  std::string plan_text() const { return tenants::text_of(plan_name, quantity); }
  bool is_same(Move const& move, std::string_view plan, Time begins) const {
    return plan_id == plan && quantity == move.quantity && amount == *move.amount &&
           stripe_subscription_id == move.subscription && takes_effect_at == begins;
  }
  OrderedPlan as_told() const { return {id, tenant_id, plan_text(), takes_effect_at.value()}; }
};

db::Query const view_order{"billing.view_plan_order", R"sql(
  SELECT o.plan_id AS plan, p.name AS plan_name, o.quantity, o.state, o.takes_effect_at, o.pay_url,
         o.quantity * o.amount AS amount, s.currency, o.created_at AS asked_at
    FROM billing_plan_orders AS o JOIN plans AS p ON p.id = o.plan_id
    JOIN subscriptions AS s ON s.stripe_subscription_id = o.stripe_subscription_id
   WHERE o.tenant_id = $1 AND o.ended_at IS NULL
)sql"};
constexpr auto columns = R"sql(
  SELECT o.id, o.tenant_id, o.plan_id, p.name AS plan_name, o.quantity, p.storage_limit_mib,
         o.amount, o.stripe_subscription_id, o.stripe_invoice_id, o.state, o.takes_effect_at, o.asked_by
)sql";
db::Query const load_order{"billing.load_plan_order", std::string{columns} + R"sql(
    FROM billing_plan_orders AS o JOIN plans AS p ON p.id = o.plan_id WHERE o.id = $1
)sql"};
db::Query const lock_order{"billing.lock_plan_order", std::string{columns} + R"sql(
    FROM billing_plan_orders AS o JOIN plans AS p ON p.id = o.plan_id WHERE o.id = $1 FOR UPDATE OF o
)sql"};
db::Query const open_order_of_tenant{"billing.open_plan_order_of_tenant",
                                     std::string{columns} + R"sql(
    FROM billing_plan_orders AS o JOIN plans AS p ON p.id = o.plan_id
   WHERE o.tenant_id = $1 AND o.ended_at IS NULL
)sql"};
db::Query const open_order_of_subscription{"billing.open_plan_order_of_subscription", R"sql(
  SELECT id FROM billing_plan_orders WHERE stripe_subscription_id = $1 AND ended_at IS NULL
)sql"};
db::Query const insert_order{"billing.insert_plan_order", R"sql(
  INSERT INTO billing_plan_orders (tenant_id, plan_id, stripe_subscription_id, state,
                                   takes_effect_at, quoted_at, asked_by, created_at, amount, quantity)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  RETURNING id
)sql"};
db::Query const end_order{"billing.end_plan_order", R"sql(
  UPDATE billing_plan_orders SET state = $2, ended_at = $3, dropped_why = $4, pay_url = NULL
   WHERE id = $1 AND ended_at IS NULL
)sql"};
db::Query const write_invoice{"billing.write_plan_order_invoice", R"sql(
  UPDATE billing_plan_orders SET pay_url = $2, stripe_invoice_id = $3
   WHERE id = $1 AND stripe_invoice_id IS NULL
)sql"};
db::Query const move_order{"billing.move_plan_order",
                           "UPDATE billing_plan_orders SET takes_effect_at = $2 WHERE id = $1"};

struct LookAtOrder {
  static constexpr std::string_view kind = "billing.look_at_plan_order";
  std::int64_t order_id;
};
void look(db::Tx& tx, std::int64_t order, Time at) {
  jobs::enqueue(tx, LookAtOrder{order},
                {.dedupe_key = "at " + std::to_string(order), .run_at = at, .max_attempts = 25});
}
void look_now(db::Tx& tx, std::int64_t order) {
  jobs::enqueue(tx, LookAtOrder{order},
                {.dedupe_key = "now " + std::to_string(order), .max_attempts = 25});
}

PlanOrderView view_of(tenants::Plan const& plan, Move const& move, PlanOrderState state,
                      Time asked_at) {
  return {.plan = plan.id,
          .plan_name = plan.name,
          .quantity = move.quantity,
          .state = state,
          .takes_effect_at = {},
          .pay_url = {},
          .amount = *move.whole(),
          .currency = move.currency,
          .asked_at = asked_at};
}

bool is_standing(stripe::Object const& subscription) {
  auto const status = stripe::text(subscription, "status");
  return status == "active" || status == "trialing" || status == "past_due";
}
bool is_told_to_end(stripe::Object const& subscription) {
  return stripe::boolean(subscription, "cancel_at_period_end") ||
         stripe::time(subscription, "cancel_at").has_value();
}
bool awaits_payment(stripe::Object const& subscription) {
  auto const* pending = stripe::find(subscription, "pending_update");
  return pending && pending->is_object();
}
/// The page of the invoice that the change waits for.
std::optional<std::string> pay_url_of(stripe::Object const& subscription) {
  auto url = stripe::text(subscription, "latest_invoice.hosted_invoice_url");
  return url.empty() ? std::nullopt : std::optional{std::move(url)};
}
http_client::Form with_invoice() {
  http_client::Form query;
  query.add("expand[0]", "latest_invoice");
  return query;
}

/// False: it has ended already.
bool drop(db::Tx& tx, Order const& order, std::string_view why, std::string_view actor) {
  if (tx.exec(end_order, order.id, PlanOrderState::dropped, clock_source::now(),
              std::optional{std::string{why}}) == 0)
    return false;
  tenants::note(tx, order.tenant_id, actor,
                activity::PlanOrderDropped{order.plan_id, std::string{why}});
  return true;
}

/// The same of one whose owner was told when it would begin.
void call_off(db::Tx& tx, config::Settings const& settings, Order const& order,
              std::string_view why, std::string_view actor) {
  if (drop(tx, order, why, actor) && order.state == PlanOrderState::scheduled)
    tell_plan_order_over(tx, settings, order.as_told());
}

/// Of what begins at once, a customer who asked for it is told.
bool is_customer(std::string_view who) { return who.starts_with("cus_"); }
bool is_by_customer(Order const& order) { return is_customer(order.asked_by); }

bool fits(db::Tx& tx, TenantId id, std::int64_t storage_limit_mib) {
  constexpr std::int64_t mib = 1024 * 1024;
  auto const used = tenants::disk_in_use(tx, id);
  return !used || *used <= storage_limit_mib * mib;
}

/// To what was ordered, at the price that was shown then.
Move move_for(Order const& order, stripe::Object const& subscription) {
  return move_at(move_to(subscription, order.plan_id, order.quantity), order.amount);
}

/// Stripe has the new price: the tenant gets its plan, and the order its end.
void complete(db::Tx& tx, config::Settings const& settings, Order const& order,
              stripe::Object const& subscription) {
  auto const present = tx.one<Order>(lock_order, order.id);
  apply_subscription(tx, subscription, clock_source::now(), order.tenant_id);
  if (!present.is_open()) return;
  tx.exec(end_order, order.id, PlanOrderState::done, clock_source::now(),
          std::optional<std::string>{});
  tenants::change(
      tx, order.tenant_id,
      {.plan = order.plan_id, .plan_quantity = order.quantity, .plan_is_paid_for = true},
      order.asked_by);
  auto const move = move_for(order, subscription);
  tenants::note(
      tx, order.tenant_id, "billing",
      activity::SubscriptionChanged{order.plan_id, move.currency, *move.whole(), move.interval});
  if (is_by_customer(order)) tell_plan_changed(tx, settings, order.tenant_id, order.plan_text());
}

/// How it stands after something happened at Stripe.
void settle(db::Tx& tx, config::Settings const& settings, Order const& order,
            stripe::Object const& subscription) {
  if (move_for(order, subscription).is_done() && !awaits_payment(subscription))
    return complete(tx, settings, order, subscription);
  apply_subscription(tx, subscription, clock_source::now(), order.tenant_id);
  if (!awaits_payment(subscription)) {
    drop(tx, order, is_standing(subscription) ? "not_paid" : "subscription_ends", "billing");
    return;
  }
  tx.exec(write_invoice, order.id, pay_url_of(subscription),
          stripe::id_of(subscription, "latest_invoice"));
  look(tx, order.id, clock_source::now() + look_every);
}

PlanOrderView schedule(db::Tx& tx, config::Settings const& settings, PlanWish const& wish,
                       tenants::Plan const& plan, Move const& move) {
  auto const now = clock_source::now();
  auto const at = move.period_end.value_or(now);
  if (auto const other = tx.maybe<Order>(open_order_of_tenant, wish.tenant)) {
    if (other->state == PlanOrderState::awaiting_payment) throw Problem{plan_order_unpaid};
    // Asked twice, it is one order.
    if (other->is_same(move, plan.id, at)) return open_plan_order(tx, wish.tenant).value();
    drop(tx, *other, "replaced", wish.asked_by);
  }
  auto const id = tx.one<std::int64_t>(
      insert_order, wish.tenant, wish.plan, move.subscription, PlanOrderState::scheduled,
      std::optional{at}, std::optional<Time>{}, wish.asked_by, now, *move.amount, move.quantity);
  look(tx, id, at - ahead_of_invoice);
  tenants::note(tx, wish.tenant, wish.asked_by,
                activity::PlanOrdered{wish.plan, at, move.quantity});
  tell_plan_ordered(tx, settings, {id, wish.tenant, tenants::text_of(plan.name, move.quantity), at},
                    {move.currency, *move.whole()}, move.interval);
  auto out = view_of(plan, move, PlanOrderState::scheduled, now);
  out.takes_effect_at = at;
  return out;
}

/// Written down before Stripe is asked, so that an answer that never comes is looked up.
Order begin_purchase(db::Connection& connection, config::Settings const& settings,
                     PlanWish const& wish, Move const& move) {
  return db::transact(connection, [&](db::Tx& tx) {
    auto const now = clock_source::now();
    if (auto const other = tx.maybe<Order>(open_order_of_tenant, wish.tenant)) {
      if (other->state == PlanOrderState::awaiting_payment) throw Problem{plan_order_unpaid};
      call_off(tx, settings, *other, "replaced", wish.asked_by);
    }
    auto const id = tx.one<std::int64_t>(
        insert_order, wish.tenant, wish.plan, move.subscription, PlanOrderState::awaiting_payment,
        std::optional<Time>{}, wish.quoted_at, wish.asked_by, now, *move.amount, move.quantity);
    look(tx, id, now + lost_after);
    tenants::note(tx, wish.tenant, wish.asked_by,
                  activity::PlanOrdered{wish.plan, {}, move.quantity});
    return tx.one<Order>(load_order, id);
  });
}

PlanOrderView purchase(http::Context& context, stripe::Client const& client, PlanWish const& wish,
                       tenants::Plan const& plan, Move const& move) {
  auto& connection = context.worker.connection;
  auto const patience = stripe::Patience::visitor;
  auto const order = begin_purchase(connection, context.settings, wish, move);
  auto form = with_invoice();
  add_item(form, "items", move);
  form.add("proration_behavior", "always_invoice").add("payment_behavior", "pending_if_incomplete");
  if (wish.quoted_at && move.covers(*wish.quoted_at))
    form.add("proration_date", clock_source::unix_seconds(*wish.quoted_at));
  stripe::Object changed;
  try {
    changed = client.post("/v1/subscriptions/" + move.subscription, form,
                          stripe::key_of("plan-order-" + std::to_string(order.id), form), patience);
  } catch (stripe::Refused const& refused) {
    db::transact(connection, [&](db::Tx& tx) { drop(tx, order, "refused", "billing"); });
    throw Problem{plan_refused, {}, refused.what()};
  }
  return db::transact(connection, [&](db::Tx& tx) {
    auto out = view_of(plan, move, PlanOrderState::done, clock_source::now());
    settle(tx, context.settings, order, changed);
    auto const present = tx.one<Order>(load_order, order.id);
    out.state = present.state;
    if (present.is_open()) out.pay_url = pay_url_of(changed);
    return out;
  });
}

/// The period has begun anew before we came to it: what it costs less is credited for all of it.
char const* proration_of(Order const& order, Move const& move) {
  return move.period_start && *order.takes_effect_at <= *move.period_start ? "create_prorations"
                                                                           : "none";
}

/// Why it cannot begin; empty: it can.
std::string_view hindrance(db::Tx& tx, Order const& order, stripe::Object const& subscription,
                           bool is_due) {
  if (!tenants::may_be_changed(tenants::get(tx, order.tenant_id).state)) return "tenant_ends";
  if (!is_standing(subscription)) return "subscription_ends";
  // That can be taken back until then, and the plan with it.
  if (is_due && is_told_to_end(subscription)) return "subscription_ends";
  if (!fits(tx, order.tenant_id, order.whole_storage_mib())) return "storage_below_use";
  return {};
}

void work_on_scheduled(jobs::Context& job, config::Settings const& settings, Order const& order,
                       stripe::Client const& client) {
  auto const path = "/v1/subscriptions/" + order.stripe_subscription_id;
  auto const subscription = client.get(path);
  auto const move = move_for(order, subscription);
  auto const now = clock_source::now();
  // The storage counts when the plan begins, everything else says now already that it never will.
  bool const is_due = now >= *order.takes_effect_at - ahead_of_invoice;
  auto const why = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return hindrance(tx, order, subscription, is_due);
  }();
  // An answer of Stripe's that was lost: it has begun there.
  bool const has_begun = is_due && move.is_done();
  bool const is_too_full = why == "storage_below_use";
  if (!has_begun && !why.empty() && (is_due || !is_too_full))
    return job.transact([&](db::Tx& tx) {
      drop(tx, order, why, "billing");
      if (is_too_full) tell_plan_stays(tx, settings, order.tenant_id, order.plan_text());
      job.finish(tx);
    });
  if (!is_due) return;
  // Somebody has moved the period: the plan goes with it.
  if (move.period_end && move.period_start &&
      *move.period_start<*order.takes_effect_at&& * move.period_end> * order.takes_effect_at +
          std::chrono::hours{1})
    return job.transact([&](db::Tx& tx) {
      tx.exec(move_order, order.id, *move.period_end);
      look(tx, order.id, *move.period_end - ahead_of_invoice);
      job.finish(tx);
    });
  auto changed = subscription;
  if (!has_begun) {
    ensure_plan_product(client, order.plan_id, order.plan_name);
    http_client::Form form;
    add_item(form, "items", move);
    std::string_view const proration = proration_of(order, move);
    form.add("proration_behavior", proration);
    if (proration != "none")
      form.add("proration_date", clock_source::unix_seconds(*move.period_start));
    changed =
        client.post(path, form, stripe::key_of("plan-order-" + std::to_string(order.id), form));
  }
  job.transact([&](db::Tx& tx) {
    complete(tx, settings, order, changed);
    job.finish(tx);
  });
}

void work_on_purchase(jobs::Context& job, config::Settings const& settings, Order const& order,
                      stripe::Client const& client) {
  auto const subscription =
      client.get("/v1/subscriptions/" + order.stripe_subscription_id, with_invoice());
  job.transact([&](db::Tx& tx) {
    settle(tx, settings, order, subscription);
    job.finish(tx);
  });
}

void work_on(jobs::Context& job, LookAtOrder const& args, config::Settings const& settings) {
  auto const order = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return tx.maybe<Order>(load_order, args.order_id);
  }();
  if (!order || !order->is_open()) return;
  stripe::Client const client{settings};
  db::SessionLock const turn{job.connection, turn_of(order->stripe_subscription_id)};
  if (order->state == PlanOrderState::scheduled)
    work_on_scheduled(job, settings, *order, client);
  else
    work_on_purchase(job, settings, *order, client);
}

retention::Rule const old_orders{{.table = "billing_plan_orders",
                                  .column = "ended_at",
                                  .keep = std::chrono::days{730},
                                  .least = std::chrono::days{90},
                                  .why = "who asked for another plan; the subscription stays"}};

/// The original is the one that its customers pay.
void require_original(http::Context& context) {
  if (installation::is_copy(context.tx)) throw Problem{installation_is_copy};
}

/// Stripe's troubles, in words for whoever waits.
template <class Work>
auto asking_stripe(Work&& work) {
  stripe::Visit const visit;
  try {
    return work();
  } catch (stripe::Refused const& refused) {
    throw Problem{plan_refused, {}, refused.what()};
  } catch (stripe::Unavailable const& away) {
    throw Problem{stripe_away, {}, away.what()}.retry_after(10);
  }
}

/// Voiding the invoice that it waits for ends the change at Stripe. What was paid, or has begun
/// there, just now stays: then the tenant has its plan.
void give_up(http::Context& context, Order const& order, std::string_view actor) {
  stripe::Client const client{context.settings};
  auto& connection = context.worker.connection;
  auto const patience = stripe::Patience::visitor;
  auto const path = "/v1/subscriptions/" + order.stripe_subscription_id;
  db::SessionLock const turn{connection, turn_of(order.stripe_subscription_id)};
  auto subscription = client.get(path, with_invoice(), patience);
  bool const is_purchase = order.state == PlanOrderState::awaiting_payment;
  if (is_purchase && awaits_payment(subscription)) {
    // A later one is of another matter: it stays.
    auto const invoice =
        order.stripe_invoice_id.value_or(stripe::id_of(subscription, "latest_invoice"));
    client.post("/v1/invoices/" + invoice + "/void", {}, stripe::key_once("void-" + invoice),
                patience);
    subscription = client.get(path, with_invoice(), patience);
  }
  bool const has_begun = move_for(order, subscription).is_done();
  db::transact(connection, [&](db::Tx& tx) {
    if (has_begun) return complete(tx, context.settings, order, subscription);
    if (!tx.one<Order>(lock_order, order.id).is_open()) throw Problem{no_plan_order};
    call_off(tx, context.settings, order, "taken_back", actor);
    apply_subscription(tx, subscription, clock_source::now(), order.tenant_id);
  });
  if (has_begun) throw Problem{no_plan_order};
}
}  // namespace

std::optional<PlanOrderView> open_plan_order(db::Tx& tx, TenantId id) {
  return tx.maybe<PlanOrderView>(view_order, id);
}

std::vector<ProblemType> plan_order_problems() {
  return {tenants::tenant_not_found,
          plan_order_unpaid,
          plan_change_impossible,
          quote_over,
          plan_refused,
          installation_is_copy,
          stripe_away};
}

PlanOrderView order_plan(http::Context& context, PlanWish const& wish) {
  auto& connection = context.worker.connection;
  auto const [tenant, plan, quantity, subscription_id] =
      wanted(connection, wish.tenant, wish.plan, wish.quantity);
  if (!plan) throw refusal(wrong<faults::not_for_sale>("/plan"));
  if (tenants::is_too_large(tenants::limits_of(*plan), quantity))
    throw refusal(wrong<tenants::beyond_a_tenant>("/quantity"));
  if (!subscription_id || !tenants::may_be_changed(tenant.state))
    throw Problem{plan_change_impossible};
  require_original(context);
  auto const now = clock_source::now();
  if (wish.quoted_at &&
      (*wish.quoted_at < now - quote_life || *wish.quoted_at > now + std::chrono::minutes{5}))
    throw Problem{quote_over};
  return asking_stripe([&] {
    stripe::Client const client{context.settings};
    db::SessionLock const turn{connection, turn_of(*subscription_id)};
    auto const subscription =
        client.get("/v1/subscriptions/" + *subscription_id, {}, stripe::Patience::visitor);
    auto const move = move_of(connection, subscription, *plan, quantity);
    if (awaits_payment(subscription)) throw Problem{plan_order_unpaid};
    if (move.amount && wish.amount && *move.whole() != *wish.amount) throw Problem{quote_over};
    bool const is_wished =
        move.is_done() && tenant.plan_id == plan->id && tenant.plan_quantity == quantity;
    if (!move.amount || is_wished || !is_standing(subscription) || is_told_to_end(subscription))
      throw Problem{plan_change_impossible};
    // A customer's dearer plan is paid for before it begins.
    if (wish.moment == Moment::period_end && is_customer(wish.asked_by) && move.is_dearer())
      throw Problem{plan_change_impossible};
    if (wish.moment == Moment::period_end)
      return db::transact(connection, [&](db::Tx& tx) {
        return schedule(tx, context.settings, wish, *plan, move);
      });
    bool const fits_now = [&] {
      db::Tx tx{connection, db::Mode::autocommit};
      return fits(tx, wish.tenant, tenants::limits_of(*plan, quantity).storage_limit_mib);
    }();
    // What is owed already is paid first, and what was paid is not sent back and forth.
    if (stripe::text(subscription, "status") == "past_due" || !move.is_dearer() || !fits_now)
      throw Problem{plan_change_impossible};
    // A trial is of one: more would be had for nothing.
    if (is_customer(wish.asked_by) && quantity > 1 &&
        stripe::text(subscription, "status") == "trialing")
      throw Problem{plan_change_impossible};
    ensure_plan_product(client, plan->id, plan->name, stripe::Patience::visitor);
    // A discount that has ended since, or a number that was changed at Stripe.
    if (wish.due_now && due_now(client, move, wish.quoted_at) != *wish.due_now)
      throw Problem{quote_over};
    return purchase(context, client, wish, *plan, move);
  });
}

void take_back_plan_order(http::Context& context, TenantId id, std::string_view actor) {
  auto& connection = context.worker.connection;
  auto const order = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.maybe<Order>(open_order_of_tenant, id);
  }();
  if (!order) throw Problem{no_plan_order};
  require_original(context);
  asking_stripe([&] {
    give_up(context, *order, actor);
    return 0;
  });
}

void look_at_plan_order(db::Tx& tx, std::string_view stripe_subscription_id) {
  if (auto const id = tx.maybe<std::int64_t>(open_order_of_subscription, stripe_subscription_id))
    look_now(tx, *id);
}

void replace_plan_orders(db::Tx& tx, config::Settings const& settings, TenantId id) {
  auto const order = tx.maybe<Order>(open_order_of_tenant, id);
  auto const tenant = tenants::get(tx, id);
  if (order && (order->plan_id != tenant.plan_id || order->quantity != tenant.plan_quantity))
    call_off(tx, settings, *order, "replaced", "billing");
}

void add_plan_order_worker(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<LookAtOrder>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](LookAtOrder const& args) {
            return "billing.plan_order:" + std::to_string(args.order_id);
          },
      .run =
          [&settings](jobs::Context& job, LookAtOrder const& args) {
            // However long Stripe is away, the promise stands.
            try {
              with_stripe(job, [&] { work_on(job, args, settings); });
            } catch (jobs::Retry const&) {
              throw jobs::Snooze{std::chrono::minutes{5}};
            }
          },
      .dead =
          [&settings](db::Tx& tx, LookAtOrder const& args, std::string const& error) {
            auto const order = tx.maybe<Order>(lock_order, args.order_id);
            if (!order || !order->is_open()) return;
            tenants::note(tx, order->tenant_id, "billing",
                          activity::PlanNotCharged{.error = error});
            if (order->state == PlanOrderState::scheduled)
              call_off(tx, settings, *order, "refused", "billing");
          }});
}

}  // namespace billing
