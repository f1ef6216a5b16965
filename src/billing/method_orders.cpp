// How a wish about a payment method is carried out: one at a time of each customer.
#include "billing/method_orders.hpp"

#include "billing/following.hpp"
#include "platform/log/log.hpp"
#include "platform/retention/retention.hpp"

namespace billing {

namespace {
struct Order {
  MethodOrderId id;
  customers::CustomerId customer_id;
  std::string stripe_pm_id;
  MethodWish wish;
  std::optional<std::string> stripe_customer_id, refusal;
  std::optional<MethodOutcome> outcome;
};
db::Query const load_order{"billing.load_method_order", R"sql(
  SELECT o.id, o.customer_id, o.stripe_pm_id, o.wish, c.stripe_customer_id, o.refusal, o.outcome
    FROM billing_method_orders AS o JOIN customers AS c ON c.id = o.customer_id
   WHERE o.id = $1
)sql"};
db::Query const insert_order{"billing.begin_method_order", R"sql(
  INSERT INTO billing_method_orders (customer_id, stripe_pm_id, wish, asked_by, asked_at)
  VALUES ($1, $2, $3, $4, $5) RETURNING id
)sql"};
// Two methods cannot both be the one that is charged; one that goes is not charged, and back.
db::Query const overtake{"billing.overtake_method_orders", R"sql(
  UPDATE billing_method_orders SET outcome = 'overtaken', ended_at = $5
   WHERE customer_id = $1 AND outcome IS NULL AND id <> $4
     AND (stripe_pm_id = $2 OR wish = 'charge' AND $3::text = 'charge')
)sql"};
db::Query const write_end{"billing.end_method_order", R"sql(
  UPDATE billing_method_orders SET outcome = $2, refusal = nullif($3, ''), ended_at = $4
   WHERE id = $1 AND outcome IS NULL
)sql"};
db::Query const is_known{"billing.knows_method",
                         "SELECT EXISTS (SELECT FROM payment_methods WHERE stripe_pm_id = $1)"};
// Those without a method of their own are charged with the customer's.
db::Query const with_own_method{"billing.subscriptions_with_method", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE customer_id = $1 AND ended_at IS NULL AND stripe_subscription_id IS NOT NULL
     AND default_payment_method IS NOT NULL AND status NOT IN ('incomplete', 'incomplete_expired')
   ORDER BY id
)sql"};
db::Query const charged_with{"billing.subscriptions_with_this_method", R"sql(
  SELECT stripe_subscription_id FROM subscriptions
   WHERE customer_id = $1 AND default_payment_method = $2 AND ended_at IS NULL
     AND stripe_subscription_id IS NOT NULL
   ORDER BY id
)sql"};

using Objects = std::vector<std::pair<std::string, std::string>>;

Order load(db::Connection& connection, MethodOrderId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<Order>(load_order, id);
}

template <class... Values>
std::vector<std::string> subscriptions(db::Connection& connection, db::Query const& query,
                                       Values const&... values) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.all<std::string>(query, values...);
}

std::string code_of(stripe::Refused const& refused) {
  return refused.code.empty() ? refused.type : refused.code;
}

/// What Stripe has refused: because it has the method no more, or for another reason.
MethodEnd end_of(db::Connection& connection, stripe::Refused const& refused, Order const& order) {
  logging::warning("billing", "{} of {} is refused: {}", name_of(order.wish), order.stripe_pm_id,
                   refused.what());
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<bool>(is_known, order.stripe_pm_id)
             ? MethodEnd{MethodOutcome::refused, code_of(refused)}
             : MethodEnd{MethodOutcome::gone};
}

MethodEnd charge(db::Connection& connection, stripe::Client const& client, Order const& order,
                 stripe::Patience patience) {
  try {
    charge_from_now_on(connection, client, order.customer_id, order.stripe_customer_id.value(),
                       order.stripe_pm_id, patience);
    return {MethodOutcome::done};
  } catch (stripe::Refused const& refused) {
    follow_up(
        connection, client,
        {{"payment_method", order.stripe_pm_id}, {"customer", order.stripe_customer_id.value()}});
    return end_of(connection, refused, order);
  }
}

MethodEnd remove(db::Connection& connection, stripe::Client const& client, Order const& order,
                 stripe::Patience patience) {
  std::optional<stripe::Refused> refusal;
  auto const& method = order.stripe_pm_id;
  try {
    client.post("/v1/payment_methods/" + method + "/detach", {},
                stripe::key_once("detach-" + method), patience);
  } catch (stripe::Refused const& refused) {
    refusal = refused;
  }
  Objects changed{{"payment_method", method}, {"customer", order.stripe_customer_id.value()}};
  for (auto& subscription : subscriptions(connection, charged_with, order.customer_id, method))
    changed.emplace_back("subscription", std::move(subscription));
  follow_up(connection, client, changed);
  return refusal ? end_of(connection, *refusal, order) : MethodEnd{MethodOutcome::done};
}

void end_order(db::Tx& tx, MethodOrderId order, MethodEnd const& end) {
  tx.exec(write_end, order, end.outcome, end.refusal, clock_source::now());
  realtime::announce(tx, "dashboard");
}

retention::Rule const old_orders{{.table = "billing_method_orders",
                                  .column = "ended_at",
                                  .keep = std::chrono::days{730},
                                  .least = std::chrono::days{90},
                                  .why = "who had a card charged or removed; the audit trail keeps "
                                         "it longer"}};
}  // namespace

MethodOrderId begin_method_order(db::Tx& tx, customers::CustomerId customer,
                                 std::string_view method, MethodWish wish,
                                 std::string_view asked_by) {
  auto const now = clock_source::now();
  auto const order = tx.one<MethodOrderId>(insert_order, customer, method, wish, asked_by, now);
  tx.exec(overtake, customer, method, name_of(wish), order, now);
  return order;
}

void overtake_method_orders(db::Tx& tx, customers::CustomerId customer, std::string_view method) {
  tx.exec(overtake, customer, method, name_of(MethodWish::charge), MethodOrderId{0},
          clock_source::now());
}

MethodEnd carry_out_method_order(db::Connection& connection, stripe::Client const& client,
                                 MethodOrderId id, stripe::Patience patience) {
  auto const customer = load(connection, id).customer_id;
  db::SessionLock const turn{connection, "billing.methods_of:" + customer.text()};
  auto const order = load(connection, id);
  if (order.outcome) return {*order.outcome, order.refusal.value_or("")};
  auto const end = order.wish == MethodWish::charge ? charge(connection, client, order, patience)
                                                    : remove(connection, client, order, patience);
  db::transact(connection, [&](db::Tx& tx) { end_order(tx, id, end); });
  return end;
}

void charge_from_now_on(db::Connection& connection, stripe::Client const& client,
                        customers::CustomerId customer, std::string const& stripe_customer,
                        std::string const& method, stripe::Patience patience) {
  http_client::Form for_customer, for_subscription;
  for_customer.add("invoice_settings[default_payment_method]", method);
  for_subscription.add("default_payment_method", method);
  client.post("/v1/customers/" + stripe_customer, for_customer,
              stripe::key_once("card-" + stripe_customer), patience);
  Objects changed{{"payment_method", method}, {"customer", stripe_customer}};
  for (auto const& id : subscriptions(connection, with_own_method, customer)) {
    db::SessionLock const turn{connection, turn_of(id)};
    try {
      client.post("/v1/subscriptions/" + id, for_subscription, stripe::key_once("card-" + id),
                  patience);
    } catch (stripe::Refused const& refused) {  // it has ended there: the others get theirs
      logging::warning("billing", "{} keeps its card: {}", id, refused.what());
    }
    changed.emplace_back("subscription", id);
  }
  follow_up(connection, client, changed);
}

std::string charged_with_sql(std::string const& of, std::string const& profile) {
  return "(SELECT count(*) FROM subscriptions AS s WHERE s.customer_id = " + of +
         ".customer_id AND s.ended_at IS NULL "
         "AND s.status NOT IN ('incomplete', 'incomplete_expired', 'canceled') "
         "AND coalesce(s.collection_method, 'charge_automatically') = 'charge_automatically' "
         "AND coalesce(s.default_payment_method, " +
         profile + ".default_payment_method) = " + of + ".stripe_pm_id)";
}

void add_method_workers(jobs::Engine& engine, config::Settings const& settings) {
  engine.add(jobs::Worker<CheckMethodOrder>{
      .timeout = jobs::Seconds{120},
      .serialise =
          [](CheckMethodOrder const& args) {
            return "billing.method_order:" + std::to_string(args.order_id);
          },
      .run =
          [&settings](jobs::Context& job, CheckMethodOrder const& args) {
            with_stripe(job, [&] {
              carry_out_method_order(job.connection, stripe::Client{settings}, args.order_id,
                                     stripe::Patience::background);
            });
          },
      .dead = [](db::Tx& tx, CheckMethodOrder const& args,
                 std::string const&) { end_order(tx, args.order_id, {MethodOutcome::unknown}); }});
}

}  // namespace billing
