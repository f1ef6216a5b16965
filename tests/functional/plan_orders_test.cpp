// Another plan: its price beforehand, the payment that it waits for, the end of a period, and what
// may come in between.
#include "support/plans.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

std::string order_path(std::string const& tenant = "ten_1") {
  return "/api/portal/tenants/" + tenant + "/plan-order";
}
Reply preview(Caller const& browser, std::string const& plan) {
  return browser.get("/api/portal/tenants/ten_1/plan-change?plan=" + plan);
}
Reply choose(Caller const& browser, Reply const& shown) {
  boost::json::object body{{"plan", shown["plan"]},
                           {"moment", shown["moment"]},
                           {"amount", std::stoll(shown["amount"])},
                           {"due_now", std::stoll(shown["due_now"])}};
  if (shown["quoted_at"] != "null") body["quoted_at"] = shown["quoted_at"];
  return browser.post(order_path(), body);
}
/// What its customer was told about plans.
Rows mails(App const& app) {
  return app.rows("SELECT template FROM mails WHERE template LIKE 'plan_%' ORDER BY id");
}
Reply take_back(Caller const& browser) { return browser.send("DELETE", order_path(), "", {}); }
}  // namespace

TEST_CASE("a dearer plan is charged what was shown, to the cent, and begins with the payment") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  SUBCASE("at the whole price") {}
  SUBCASE("at half the price for ever") {
    REQUIRE(app.at_stripe("/v1/coupons",
                          {{"id", "half"}, {"percent_off", "50"}, {"duration", "forever"}})
                .status == 200);
    REQUIRE(
        app.at_stripe("/v1/subscriptions/" + subscription(app), {{"discounts[0][coupon]", "half"}})
            .status == 200);
    app.settle();
  }
  // Some way into the period, so that the sum is none that anybody would guess.
  move_period(app, "1234567");
  auto const browser = open_portal(app);
  CHECK(browser.get("/api/portal")["tenants.0.may_change_plan"] == "true");
  auto const shown = preview(browser, "business");
  REQUIRE_MESSAGE(shown.status == 200, shown.body);
  CHECK(shown["moment"] == "now");
  CHECK(shown["takes_effect_at"] == "null");
  auto const before = charged(app);
  // Whoever thinks about it for a while pays what they saw.
  app.run("SELECT pg_sleep(2)");
  auto const chosen = choose(browser, shown);
  REQUIRE_MESSAGE(chosen.status == 200, chosen.body);
  CHECK(chosen["state"] == "done");
  CHECK(std::to_string(charged(app) - before) == shown["due_now"]);
  CHECK(std::stoll(shown["due_now"]) > 1000);
  app.settle();
  CHECK(plan(app) == "business");
  CHECK(price(app) == "14900");
  CHECK(orders(app) == Rows{"business done"});
  CHECK(app.value("SELECT max_users = (SELECT max_users FROM plans WHERE id = 'business') "
                  "FROM tenants") == "t");
  CHECK(app.rows("SELECT actor FROM activity WHERE kind = 'plan_changed'") == Rows{"cus_1"});
  CHECK(app.rows("SELECT recipient FROM mails WHERE template = 'plan_changed'") ==
        Rows{"ada@acme.example"});
  CHECK(app.rows("SELECT actor, target FROM audit_logs WHERE action = 'portal.plan_ordered'") ==
        Rows{"cus_1|ten_1"});
  // Told again, nothing moves.
  app.hurry("billing.look_at_plan_order");
  app.settle();
  CHECK(std::to_string(charged(app) - before) == shown["due_now"]);
  CHECK(choose(browser, shown)["code"] == "plan_change_impossible");
}

TEST_CASE("staff's change is charged what was shown, too") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  move_period(app, "1234567");
  auto const admin = app.as(Role::admin);
  auto const shown = admin.get("/api/tenants/ten_1/plan-change?plan=business");
  auto const before = charged(app);
  app.run("SELECT pg_sleep(2)");
  REQUIRE(change_plan(app, {{"plan", "business"},
                            {"plan_quoted_at", shown["quoted_at"]},
                            {"amount", std::stoll(shown["amount"])}})
              .status == 200);
  app.settle();
  CHECK(std::to_string(charged(app) - before) == shown["due_now"]);
}

TEST_CASE("staff's change is refused at another price than was shown, or than anybody saw") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  auto const shown = app.as(Role::admin).get("/api/tenants/ten_1/plan-change?plan=business");
  auto const as_shown = std::stoll(shown["amount"]);
  CHECK(change_plan(app, {{"plan", "business"}}).wrong_fields() == "/amount");
  app.run("UPDATE plan_prices SET unit_amount = 19900 WHERE plan_id = 'business'");
  CHECK(change_plan(app, {{"plan", "business"}, {"amount", as_shown}})["code"] == "quote_over");
  app.settle();
  CHECK(plan(app) == "team");
  CHECK(price(app) == "4900");
  // Edited once it was agreed, before Stripe was asked: what was agreed holds.
  auto const agreed = change_plan(app, {{"plan", "business"}, {"amount", 19900}});
  app.run("UPDATE plan_prices SET unit_amount = 29900 WHERE plan_id = 'business'");
  REQUIRE(agreed.status == 200);
  app.settle();
  CHECK(price(app) == "19900");
}

TEST_CASE("what is not paid does not begin") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  break_card(app);
  auto const browser = open_portal(app);
  auto const chosen = choose(browser, preview(browser, "business"));
  REQUIRE_MESSAGE(chosen.status == 200, chosen.body);
  CHECK(chosen["state"] == "awaiting_payment");
  CHECK(chosen["pay_url"] != "null");
  app.settle();
  auto const still = [&] {
    CHECK(plan(app) == "team");
    CHECK(price(app) == "4900");
    CHECK(app.value("SELECT status FROM subscriptions") == "active");
    // Nobody is reminded of what does not begin.
    app.hurry("dunning.%");
    app.settle();
    CHECK(app.value("SELECT count(*) FROM dunning_cases WHERE closed_at IS NULL") == "0");
  };
  still();
  CHECK(browser.get("/api/portal")["tenants.0.plan_order.pay_url"] == chosen["pay_url"]);
  // Neither another tab nor another plan begins a second one.
  CHECK(choose(browser, preview(browser, "business"))["code"] == "plan_order_unpaid");
  CHECK(app.as(Role::admin).post("/api/tenants/ten_1/plan-order", {{"plan", "starter"}})["code"] ==
        "plan_order_unpaid");
  SUBCASE("until it is, on Stripe's page") {
    CHECK(app.pay(chosen["pay_url"]).reply.status == 303);
    app.settle();
    CHECK(plan(app) == "business");
    CHECK(price(app) == "14900");
    CHECK(orders(app) == Rows{"business done"});
  }
  SUBCASE("until it is, though plan and price are others by then") {
    app.run("UPDATE plan_prices SET unit_amount = 19900 WHERE plan_id = 'business'");
    app.run("UPDATE plans SET for_sale = false WHERE id = 'business'");
    CHECK(app.pay(chosen["pay_url"]).reply.status == 303);
    app.settle();
    CHECK(plan(app) == "business");
    CHECK(price(app) == "14900");
    CHECK(orders(app) == Rows{"business done"});
    // What was bought at one price is not moved to another one.
    CHECK(app.jobs("tenants.plan_changed").empty());
  }
  SUBCASE("in a copy nobody touches it") {
    app.run("INSERT INTO installation_predecessors (id) VALUES ('a1b2c3d4')");
    auto const admin = app.as(Role::admin);
    CHECK(admin.send("DELETE", "/api/tenants/ten_1/plan-order", "", {})["code"] ==
          "installation_is_copy");
    CHECK(take_back(browser)["code"] == "installation_is_copy");
    CHECK(admin.post("/api/tenants/ten_1/plan-order", {{"plan", "starter"}})["code"] ==
          "installation_is_copy");
    CHECK(at_stripe(app)["pending_update"] != "null");
  }
  SUBCASE("taken back, nothing of it is left") {
    CHECK(take_back(browser).status == 204);
    app.settle();
    still();
    CHECK(orders(app) == Rows{"business dropped taken_back"});
    CHECK(at_stripe(app)["pending_update"] == "null");
    CHECK(app.value("SELECT count(*) FROM billing_invoices WHERE status = 'open'") == "0");
    CHECK(take_back(browser)["code"] == "no_plan_order");
  }
  SUBCASE("Stripe gives up waiting") {
    app.run(
        "UPDATE stripe_sandbox.objects SET data = (jsonb_set(data::jsonb, "
        "'{pending_update,expires_at}', to_jsonb(extract(epoch FROM now())::bigint - 1)) || "
        "jsonb_build_object('_due', extract(epoch FROM now())::bigint - 1))::json, "
        "due = extract(epoch FROM now())::bigint - 1 WHERE type = 'subscription'");
    REQUIRE(eventually([&] { return at_stripe(app)["pending_update"] == "null"; }));
    app.settle();
    CHECK(orders(app) == Rows{"business dropped not_paid"});
    still();
  }
}

TEST_CASE("an answer of Stripe's that never came is looked up") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  auto const browser = open_portal(app);
  auto const shown = preview(browser, "business");
  bool was_done = false;
  SUBCASE("it was done") { was_done = true; }
  SUBCASE("it was not") {}
  // The subscription is read first.
  REQUIRE(app.at_stripe("/v1/test_helpers/faults", {{"count", "9"},
                                                    {"skip", "1"},
                                                    {"status", "500"},
                                                    {"path_prefix", "/v1/subscriptions/sub_"},
                                                    {"when", "before"}})
              .status == 200);
  auto const before = charged(app);
  CHECK(choose(browser, shown)["code"] == "stripe_unavailable");
  app.stripe("DELETE", "/v1/test_helpers/faults");
  if (was_done) {  // it arrived, and the answer did not
    auto const present = at_stripe(app);
    auto const quoted =
        app.value("SELECT extract(epoch FROM quoted_at)::bigint FROM billing_plan_orders");
    REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app),
                          {{"items[0][id]", present["items.data.0.id"]},
                           {"items[0][price_data][currency]", "eur"},
                           {"items[0][price_data][product]", "plan_business"},
                           {"items[0][price_data][recurring][interval]", "month"},
                           {"items[0][price_data][unit_amount]", "14900"},
                           {"proration_behavior", "always_invoice"},
                           {"proration_date", quoted},
                           {"payment_behavior", "pending_if_incomplete"}})
                .status == 200);
  }
  app.hurry("billing.look_at_plan_order");
  app.settle();
  CHECK(plan(app) == (was_done ? "business" : "team"));
  CHECK(price(app) == (was_done ? "14900" : "4900"));
  CHECK(std::to_string(charged(app) - before) == (was_done ? shown["due_now"] : "0"));
  CHECK(orders(app) == Rows{was_done ? "business done" : "business dropped not_paid"});
}

TEST_CASE("a cheaper plan begins with the next period") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app, {{"plan", "business"}});
  auto const browser = open_portal(app);
  auto const shown = preview(browser, "team");
  CHECK(shown["moment"] == "period_end");
  CHECK(shown["due_now"] == "0");
  CHECK(shown["credit"] == "0");
  CHECK(shown["next_amount"] == "4900");
  auto const chosen = choose(browser, shown);
  REQUIRE_MESSAGE(chosen.status == 200, chosen.body);
  CHECK(chosen["state"] == "scheduled");
  CHECK(chosen["takes_effect_at"] == shown["takes_effect_at"]);
  // A second press is no second order, and says nothing twice.
  CHECK(choose(browser, shown)["asked_at"] == chosen["asked_at"]);
  CHECK(mails(app) == Rows{"plan_ordered"});
  // Nothing moves before, whatever is heard of the subscription.
  app.at_stripe("/v1/subscriptions/" + subscription(app), {{"description", "heard of"}});
  app.settle();
  CHECK(plan(app) == "business");
  CHECK(price(app) == "14900");
  CHECK(browser.get("/api/portal")["tenants.0.plan_order.plan_name"] == "Team");

  SUBCASE("for that price") {
    come_to_the_end(app);
    CHECK(plan(app) == "team");
    CHECK(price(app) == "4900");
    CHECK(charged(app) == 14900);
    CHECK(orders(app) == Rows{"team done"});
    CHECK(app.stripe("GET", "/v1/invoiceitems?pending=true").json.at("data").as_array().empty());
    CHECK(mails(app) == Rows{"plan_ordered", "plan_changed"});
    CHECK(app.value("SELECT body LIKE '%Team plan on " + shown["takes_effect_at"].substr(0, 10) +
                    "%costs €49.00 a month%' FROM mails WHERE template = 'plan_ordered'") == "t");
  }
  SUBCASE("unless it is taken back") {
    CHECK(take_back(browser).status == 204);
    CHECK(mails(app) == Rows{"plan_ordered", "plan_order_over"});
    CHECK(take_back(browser)["code"] == "no_plan_order");
    CHECK(mails(app) == Rows{"plan_ordered", "plan_order_over"});
    come_to_the_end(app);
    CHECK(plan(app) == "business");
    CHECK(orders(app) == Rows{"team dropped taken_back"});
  }
  SUBCASE("or the subscription ends then") {
    auto const cancellation = "/api/portal/tenants/ten_1/cancellation";
    CHECK(browser.post(cancellation, {{"feedback", "unused"}}).status == 200);
    app.settle();
    CHECK(browser.get("/api/portal")["tenants.0.may_change_plan"] == "false");
    CHECK(browser.get("/api/portal")["tenants.0.plan_order"] == "null");
    CHECK(preview(browser, "team").status == 200);
    CHECK(choose(browser, shown)["code"] == "plan_change_impossible");
    SUBCASE("for good") {
      come_to_the_end(app);
      CHECK(orders(app) == Rows{"team dropped subscription_ends"});
      CHECK(plan(app) == "business");
    }
    SUBCASE("which is taken back, and all is as before") {
      CHECK(browser.send("DELETE", cancellation, "", {}).status == 200);
      app.settle();
      CHECK(browser.get("/api/portal")["tenants.0.plan_order.plan"] == "team");
      come_to_the_end(app);
      CHECK(plan(app) == "team");
    }
  }
  SUBCASE("for the price that was shown, whatever the list says by then") {
    app.run("UPDATE plan_prices SET unit_amount = 19900 WHERE plan_id = 'team'");
    app.run("UPDATE plans SET for_sale = false WHERE id = 'team'");
    come_to_the_end(app);
    CHECK(plan(app) == "team");
    CHECK(price(app) == "4900");
    CHECK(orders(app) == Rows{"team done"});
  }
  SUBCASE("what has begun at Stripe, and was not heard of, is not taken back") {
    auto const present = at_stripe(app);
    REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app),
                          {{"items[0][id]", present["items.data.0.id"]},
                           {"items[0][price_data][currency]", "eur"},
                           {"items[0][price_data][product]", "plan_team"},
                           {"items[0][price_data][recurring][interval]", "month"},
                           {"items[0][price_data][unit_amount]", "4900"},
                           {"proration_behavior", "none"}})
                .status == 200);
    CHECK(take_back(browser)["code"] == "no_plan_order");
    CHECK(plan(app) == "team");
    CHECK(orders(app) == Rows{"team done"});
  }
  SUBCASE("or more is stored by then than it holds: its customer is told") {
    app.run(
        "INSERT INTO tenant_health (tenant_id, \"timestamp\", cpu, ram, disk) "
        "VALUES (1, now(), 0, 0, 1024::bigint * 1024 * 1024 * 900)");
    come_to_the_end(app);
    CHECK(plan(app) == "business");
    CHECK(price(app) == "14900");
    CHECK(orders(app) == Rows{"team dropped storage_below_use"});
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'plan_stays'") == "1");
  }
  SUBCASE("another choice replaces it") {
    CHECK(choose(browser, preview(browser, "starter"))["state"] == "scheduled");
    CHECK(orders(app) == Rows{"team dropped replaced", "starter scheduled"});
    CHECK(mails(app) == Rows{"plan_ordered", "plan_ordered"});
    come_to_the_end(app);
    CHECK(plan(app) == "starter");
  }
  SUBCASE("and so does a change by staff") {
    CHECK(change_plan(app, {{"plan", "starter"}, {"amount", 1900}}).status == 200);
    app.settle();
    CHECK(orders(app) == Rows{"team dropped replaced"});
    CHECK(mails(app) == Rows{"plan_ordered", "plan_order_over"});
    CHECK(price(app) == "1900");
  }
}

TEST_CASE("who comes too late to the end of a period credits all of the new one") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app, {{"plan", "business"}});
  auto const browser = open_portal(app);
  REQUIRE(choose(browser, preview(browser, "team")).status == 200);
  // Nobody was there when it ended; Stripe began the next one at the old price.
  REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app),
                        {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}})
              .status == 200);
  auto const paid = charged(app);
  app.run("UPDATE billing_plan_orders SET takes_effect_at = now() - interval '1 minute'");
  app.hurry("billing.look_at_plan_order");
  app.settle();
  CHECK(plan(app) == "team");
  CHECK(price(app) == "4900");
  CHECK(charged(app) == paid);
  auto const pending = app.stripe("GET", "/v1/invoiceitems?pending=true");
  std::int64_t credit = 0;
  for (auto const& item : pending.json.at("data").as_array())
    credit -= std::stoll(Reply::text(item, "amount"));
  CHECK(credit == 14900 - 4900);
}

TEST_CASE("another plan is the customer's own, and staff's") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  app.sign_up_and_pay(acme({{"company", "Bob SL"},
                            {"name", "Bob"},
                            {"email", "bob@example.com"},
                            {"subdomain", "bobs"}}));
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  auto const his = open_portal(app, "bob@example.com");
  CHECK(preview(his, "business")["code"] == "tenant_not_found");
  CHECK(his.post(order_path(),
                 {{"plan", "business"}, {"moment", "now"}, {"amount", 14900}})["code"] ==
        "tenant_not_found");
  CHECK(take_back(his)["code"] == "tenant_not_found");
  for (auto const& caller : {portal_visitor(), app.as(Role::owner)}) {
    CHECK(preview(caller, "business").status == 401);
    CHECK(caller.post(order_path(), {{"plan", "business"}, {"moment", "now"}, {"amount", 14900}})
              .status == 401);
    CHECK(take_back(caller).status == 401);
  }
  auto const hers = open_portal(app);
  CHECK(hers.post(order_path(), {{"plan", "none"}, {"moment", "now"}, {"amount", 1}})
            .wrong_fields() == "/plan");
  CHECK(
      hers.post(order_path(), {{"plan", "starter"}, {"moment", "now"}, {"amount", 1900}})["code"] ==
      "plan_change_impossible");
  CHECK(hers.post(order_path(), {{"plan", "business"},
                                 {"moment", "now"},
                                 {"amount", 14900},
                                 {"quoted_at", "2020-01-01T00:00:00Z"}})["code"] == "quote_over");
  CHECK(hers.post(order_path(), {{"plan", "team"}, {"moment", "now"}, {"amount", 4900}})["code"] ==
        "plan_change_impossible");
  // Nothing that is dearer begins unpaid, and nothing at another price than was shown.
  CHECK(hers.post(order_path(),
                  {{"plan", "business"}, {"moment", "period_end"}, {"amount", 14900}})["code"] ==
        "plan_change_impossible");
  auto const shown = preview(hers, "business");
  app.run("UPDATE plan_prices SET unit_amount = 19900 WHERE plan_id = 'business'");
  CHECK(choose(hers, shown)["code"] == "quote_over");
  CHECK(orders(app).empty());
  CHECK(price(app) == "4900");

  auto const admin = app.as(Role::admin);
  CHECK(admin.get("/api/tenants/ten_1/plan-order")["order"] == "null");
  auto const once = [&](Json const& body) {
    return admin.send("POST", "/api/tenants/ten_1/plan-order", boost::json::serialize(body),
                      {"Content-Type: application/json", "Idempotency-Key: the-same-key"});
  };
  CHECK(once({{"plan", "starter"}})["state"] == "scheduled");
  CHECK(once({{"plan", "starter"}})["state"] == "scheduled");
  CHECK(once({{"plan", "business"}})["code"] == "idempotency_key_reused");
  CHECK(orders(app) == Rows{"starter scheduled"});
  CHECK(mails(app) == Rows{"plan_ordered"});
  CHECK(admin.get("/api/tenants/ten_1/plan-order")["order.plan"] == "starter");
  CHECK(admin.send("DELETE", "/api/tenants/ten_1/plan-order", "", {}).status == 204);
  CHECK(orders(app) == Rows{"starter dropped taken_back"});
  CHECK(mails(app) == Rows{"plan_ordered", "plan_order_over"});
  CHECK(app.as(Role::auditor).post("/api/tenants/ten_1/plan-order", {{"plan", "starter"}}).status ==
        403);
}

TEST_CASE("another charge than was shown is no charge") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  PortalDoor const door{app};
  live(app);
  auto const coupon =
      app.at_stripe("/v1/coupons", {{"percent_off", "50"}, {"duration", "forever"}});
  auto const path = "/v1/subscriptions/" + subscription(app);
  REQUIRE(app.at_stripe(path, {{"discounts[0][coupon]", coupon["id"]}}).status == 200);
  app.settle();
  auto const browser = open_portal(app);
  auto const shown = preview(browser, "business");
  REQUIRE(shown.status == 200);
  auto const before = charged(app);
  REQUIRE(app.at_stripe(path, {{"discounts", ""}}).status == 200);
  app.settle();
  CHECK(choose(browser, shown)["code"] == "quote_over");
  CHECK(charged(app) == before);
  auto const again = preview(browser, "business");
  CHECK(choose(browser, again)["state"] == "done");
  CHECK(charged(app) == before + std::stoll(again["due_now"]));
}

TEST_CASE(
    "a change by staff costs what was agreed, though its plan is sold to nobody else by then") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  auto const admin = app.as(Role::admin);
  auto const shown = admin.get("/api/tenants/ten_1/plan-change?plan=business");
  REQUIRE(shown.status == 200);
  REQUIRE(
      change_plan(app, {{"plan", "business"}, {"amount", std::stoll(shown["amount"])}}).status ==
      200);
  app.run("UPDATE plans SET for_sale = false WHERE id = 'business'");
  app.settle();
  CHECK(price(app) == "14900");
}

TEST_CASE("who is in a trial is told once before it is charged for") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  // Staff give it at Stripe: two days are left, so Stripe tells at once.
  auto const end = std::to_string(std::time(nullptr) + 2 * 86'400);
  REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app),
                        {{"trial_end", end}, {"proration_behavior", "none"}})
              .status == 200);
  app.settle();
  auto const told = [&] {
    return app.rows(
        "SELECT recipient, position('€49.00' IN body) > 0 FROM mails "
        "WHERE template = 'trial_ends'");
  };
  auto const deliver_again = [&] {
    for (auto const& event : app.events())
      if (event.type == "customer.subscription.trial_will_end") (void)app.deliver(event);
    app.run("UPDATE stripe_events SET state = 'received' WHERE type LIKE '%trial_will_end'");
    app.settle();
  };
  if (told().empty()) {  // or when the time has come
    app.run(
        "UPDATE stripe_sandbox.objects SET data = (data::jsonb || jsonb_build_object('_due', "
        "extract(epoch FROM now())::bigint - 1))::json, due = extract(epoch FROM now())::bigint - "
        "1 WHERE type = 'subscription'");
    REQUIRE(eventually([&] {
      app.settle();
      return !told().empty();
    }));
  }
  CHECK(told() == Rows{"ada@acme.example|t"});
  deliver_again();
  CHECK(told().size() == 1);
}
