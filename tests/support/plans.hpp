#pragma once
// A tenant with its plan at Stripe, and the end of its period.
#include "support/portal.hpp"

namespace support {

inline std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}
inline Reply at_stripe(App const& app) {
  return app.stripe("GET", "/v1/subscriptions/" + subscription(app));
}
inline std::string price(App const& app) {
  return at_stripe(app)["items.data.0.price.unit_amount"];
}
inline void live(App& app, Json const& changes = boost::json::object{}) {
  app.sign_up_and_pay(acme(changes.as_object()));
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
}
inline std::string plan(App const& app) {
  return app.value("SELECT plan_id FROM tenants WHERE id = 1");
}
inline std::vector<std::string> orders(App const& app) {
  return app.rows(
      "SELECT CASE WHEN quantity > 1 THEN quantity || ' ' ELSE '' END || plan_id || ' ' || state "
      "|| "
      "coalesce(' ' || dropped_why, '') "
      "FROM billing_plan_orders ORDER BY id");
}
inline std::int64_t charged(App const& app) {
  std::int64_t sum = 0;
  auto const charges = app.stripe("GET", "/v1/charges");
  for (auto const& charge : charges.json.at("data").as_array())
    if (Reply::text(charge, "status") == "succeeded")
      sum += std::stoll(Reply::text(charge, "amount"));
  return sum;
}
/// What is charged next is declined.
inline void break_card(App& app) {
  auto const customer = app.value("SELECT stripe_customer_id FROM customers WHERE id = 1");
  auto const failing = app.at_stripe("/v1/payment_methods/pm_card_chargeCustomerFail/attach",
                                     {{"customer", customer}});
  REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app),
                        {{"default_payment_method", failing["id"]}})
              .status == 200);
  app.settle();
}
/// The period that began with the sign-up began so much earlier, here and at Stripe.
inline void move_period(App& app, std::string const& seconds) {
  auto const present = at_stripe(app);
  auto const from = present["items.data.0.current_period_start"];
  auto const until = present["items.data.0.current_period_end"];
  app.run(
      "UPDATE stripe_sandbox.objects SET data = regexp_replace(regexp_replace(data::text, '\\m" +
      from + "\\M', (" + from + " - " + seconds + ")::text, 'g'), '\\m" + until + "\\M', (" +
      until + " - " + seconds + ")::text, 'g')::json WHERE type = 'subscription'");
}
/// A little before the end of the period: the order's job runs.
inline void come_to_the_end(App& app) {
  auto const end = at_stripe(app)["items.data.0.current_period_end"];
  move_period(app, "(" + end + " - extract(epoch FROM now())::bigint - 600)");
  app.run("UPDATE billing_plan_orders SET takes_effect_at = now() + interval '10 minutes'");
  app.hurry("billing.look_at_plan_order");
  app.settle();
}

/// A change of its plan by staff, as their page sends it.
inline Reply change_plan(App& app, Json const& wanted) {
  auto const admin = app.as(Role::admin);
  return admin.send("PATCH", "/api/tenants/ten_1", boost::json::serialize(wanted),
                    {"Content-Type: application/json",
                     "If-Match: " + admin.get("/api/tenants/ten_1").header("etag")});
}

}  // namespace support
