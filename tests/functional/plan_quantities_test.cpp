// A plan several times over: what it costs, what it brings, and who changes how many.
#include "platform/files/files.hpp"
#include "support/plans.hpp"
#include "support/source.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

std::string quantity(App const& app) { return at_stripe(app)["items.data.0.quantity"]; }
Rows limits(App const& app) {
  return app.rows(
      "SELECT plan_quantity || '×' || plan_id, max_users, storage_limit_mib, memory_limit_mib, "
      "cpu_limit_percent FROM tenants WHERE id = 1");
}
Rows const one_team{"1×team|25|25600|1024|100"}, two_team{"2×team|50|51200|2048|200"},
    three_team{"3×team|75|76800|3072|300"};

std::string const question = "/api/portal/tenants/ten_1/plan-change";
std::string const order_path = "/api/portal/tenants/ten_1/plan-order";
Reply choose(Caller const& browser, Reply const& shown) {
  boost::json::object body{{"plan", shown["plan"]},
                           {"quantity", std::stoll(shown["quantity"])},
                           {"moment", shown["moment"]},
                           {"amount", std::stoll(shown["amount"])}};
  if (shown["quoted_at"] != "null") body["quoted_at"] = shown["quoted_at"];
  return browser.post(order_path, body);
}
Reply by_staff(App& app, Reply const& shown) {
  boost::json::object body{{"plan", shown["plan"]},
                           {"quantity", std::stoll(shown["quantity"])},
                           {"amount", std::stoll(shown["amount"])}};
  if (shown["quoted_at"] != "null") body["plan_quoted_at"] = shown["quoted_at"];
  auto reply = change_plan(app, body);
  app.settle();
  return reply;
}
void at_stripe_by_hand(App& app, std::string const& quantity) {
  REQUIRE(app.at_stripe("/v1/subscription_items/" + at_stripe(app)["items.data.0.id"],
                        {{"quantity", quantity}, {"proration_behavior", "none"}})
              .status == 200);
  app.settle();
}
void store(App& app, std::int64_t mib) {
  app.run(
      "INSERT INTO tenant_health (tenant_id, \"timestamp\", cpu, ram, disk) "
      "VALUES (1, now(), 0, 0, 1048576::bigint * " +
      std::to_string(mib) + ")");
}
}  // namespace

TEST_CASE("a customer who takes a plan twice pays and gets it twice, to the cent") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  move_period(app, "1234567");
  auto const browser = open_portal(app);
  auto const shown = browser.get(question + "?plan=team&quantity=2");
  REQUIRE_MESSAGE(shown.status == 200, shown.body);
  CHECK(shown["moment"] == "now");
  CHECK(shown["quantity"] == "2");
  CHECK(shown["amount"] == "9800");
  CHECK(shown["next_amount"] == "9800");
  CHECK(shown["warnings.0"].empty());
  auto const before = charged(app);
  auto const chosen = choose(browser, shown);
  REQUIRE_MESSAGE(chosen.status == 200, chosen.body);
  CHECK(chosen["state"] == "done");
  CHECK(chosen["amount"] == "9800");
  app.settle();
  CHECK(std::to_string(charged(app) - before) == shown["due_now"]);
  CHECK(std::stoll(shown["due_now"]) > 1000);
  CHECK(limits(app) == two_team);
  CHECK(quantity(app) == "2");
  CHECK(price(app) == "4900");
  CHECK(app.value("SELECT mrr FROM subscriptions") == "9800");
  CHECK(app.rows("SELECT data->>'from', data->>'to', actor FROM activity "
                 "WHERE kind = 'plan_quantity_changed'") == Rows{"1|2|cus_1"});
  CHECK(app.value("SELECT subject LIKE '%2 × Team%' FROM mails WHERE template = 'plan_changed'") ==
        "t");
  auto const page = browser.get("/api/portal");
  CHECK(page["tenants.0.plan_quantity"] == "2");
  CHECK(page["tenants.0.subscription.amount"] == "9800");
  CHECK(app.as(Role::admin).get("/api/tenants/ten_1")["plan_quantity"] == "2");
  // Another plan stays as many.
  CHECK(browser.get(question + "?plan=business")["amount"] == "29800");
  // What is there already is no change.
  CHECK(choose(browser, browser.get(question + "?plan=team"))["code"] == "plan_change_impossible");
}

TEST_CASE("dearer is decided by what the whole costs") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  auto const browser = open_portal(app);
  // Of a cheaper plan three cost more, and of a dearer one less many may cost less.
  CHECK(browser.get(question + "?plan=starter&quantity=3")["moment"] == "now");
  CHECK(browser.get(question + "?plan=starter&quantity=2")["moment"] == "period_end");
  CHECK(browser.get(question + "?plan=business&quantity=1")["moment"] == "now");
  at_stripe_by_hand(app, "4");
  CHECK(browser.get(question + "?plan=business&quantity=1")["moment"] == "period_end");
}

TEST_CASE("fewer begin with the next period") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  at_stripe_by_hand(app, "3");
  REQUIRE(limits(app) == three_team);
  auto const browser = open_portal(app);
  auto const shown = browser.get(question + "?plan=team&quantity=2");
  CHECK(shown["moment"] == "period_end");
  CHECK(shown["warnings.0"] == "fewer_users");
  CHECK(choose(browser, shown)["state"] == "scheduled");
  CHECK(limits(app) == three_team);
  CHECK(browser.get("/api/portal")["tenants.0.plan_order.quantity"] == "2");
  CHECK(app.value("SELECT subject LIKE '%2 × Team%' FROM mails WHERE template = 'plan_ordered'") ==
        "t");
  SUBCASE("as they were shown, whatever the list says by then") {
    app.run("UPDATE plan_prices SET unit_amount = 5900 WHERE plan_id = 'team'");
    come_to_the_end(app);
    CHECK(limits(app) == two_team);
    CHECK(price(app) == "4900");
    CHECK(quantity(app) == "2");
    CHECK(orders(app) == Rows{"2 team done"});
    CHECK(app.stripe("GET", "/v1/invoiceitems?pending=true").json.at("data").as_array().empty());
  }
  SUBCASE("or are taken back") {
    CHECK(browser.send("DELETE", order_path, "", {}).status == 204);
    come_to_the_end(app);
    CHECK(limits(app) == three_team);
    CHECK(quantity(app) == "3");
  }
  SUBCASE("unless more is stored by then") {
    store(app, 60'000);
    come_to_the_end(app);
    CHECK(limits(app) == three_team);
    CHECK(quantity(app) == "3");
    CHECK(orders(app) == Rows{"2 team dropped storage_below_use"});
  }
  SUBCASE("and who comes too late credits all of the new period") {
    REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app),
                          {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}})
                .status == 200);
    app.run("UPDATE billing_plan_orders SET takes_effect_at = now() - interval '1 minute'");
    app.hurry("billing.look_at_plan_order");
    app.settle();
    CHECK(limits(app) == two_team);
    std::int64_t credit = 0;
    auto const pending = app.stripe("GET", "/v1/invoiceitems?pending=true");
    for (auto const& item : pending.json.at("data").as_array())
      credit -= std::stoll(Reply::text(item, "amount"));
    CHECK(credit == 4900);
  }
}

TEST_CASE("more that are not paid for do not begin") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  break_card(app);
  auto const browser = open_portal(app);
  auto const chosen = choose(browser, browser.get(question + "?plan=team&quantity=3"));
  CHECK(chosen["state"] == "awaiting_payment");
  app.settle();
  CHECK(limits(app) == one_team);
  CHECK(quantity(app) == "1");
  SUBCASE("until they are") {
    CHECK(app.pay(chosen["pay_url"]).reply.status == 303);
    app.settle();
    CHECK(limits(app) == three_team);
    CHECK(quantity(app) == "3");
    CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'plan_quantity_changed'") == "1");
  }
  SUBCASE("nor are left when they are taken back") {
    CHECK(browser.send("DELETE", order_path, "", {}).status == 204);
    app.settle();
    CHECK(limits(app) == one_team);
    CHECK(quantity(app) == "1");
  }
}

TEST_CASE("staff change how many, at the price that was shown") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  move_period(app, "1234567");
  auto const admin = app.as(Role::admin);
  auto const shown = admin.get("/api/tenants/ten_1/plan-change?plan=team&quantity=3");
  CHECK(shown["amount"] == "14700");
  auto const before = charged(app);
  CHECK(change_plan(app, {{"quantity", 3}}).wrong_fields() == "/amount");
  CHECK(change_plan(app, {{"quantity", 3}, {"amount", 4900}})["code"] == "quote_over");
  CHECK(limits(app) == one_team);
  auto const changed = by_staff(app, shown);
  REQUIRE_MESSAGE(changed.status == 200, changed.body);
  CHECK(changed["plan_quantity"] == "3");
  CHECK(std::to_string(charged(app) - before) == shown["due_now"]);
  CHECK(limits(app) == three_team);
  CHECK(quantity(app) == "3");
  CHECK(app.rows("SELECT before->>'quantity', after->>'quantity' FROM audit_logs "
                 "WHERE action = 'tenant.changed'") == Rows{"1|3"});
  // Fewer at once: the difference is credited.
  CHECK(by_staff(app, admin.get("/api/tenants/ten_1/plan-change?plan=team&quantity=1&moment=now"))
            .status == 200);
  CHECK(limits(app) == one_team);
  CHECK(quantity(app) == "1");
  // With the next period, at the price that was shown.
  CHECK(admin.post("/api/tenants/ten_1/plan-order",
                   {{"plan", "team"}, {"quantity", 2}, {"amount", 4900}})["code"] == "quote_over");
  CHECK(admin.post("/api/tenants/ten_1/plan-order",
                   {{"plan", "team"}, {"quantity", 2}, {"amount", 9800}})["state"] == "scheduled");
}

TEST_CASE("a change by staff is not undone by what Stripe said before it") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  auto const wish = [&](int number) {
    CHECK(change_plan(app, {{"quantity", number}, {"amount", 4900 * number}}).status == 200);
  };
  wish(2);
  // Something else is heard of the subscription first.
  app.at_stripe("/v1/subscriptions/" + subscription(app), {{"description", "heard of"}});
  app.deliver_news();
  wish(3);
  app.settle();
  CHECK(limits(app) == three_team);
  CHECK(quantity(app) == "3");
}

TEST_CASE("fewer than what is stored are refused, as a smaller plan is") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  at_stripe_by_hand(app, "3");
  store(app, 60'000);
  auto const admin = app.as(Role::admin);
  auto const shown = admin.get("/api/tenants/ten_1/plan-change?plan=team&quantity=2");
  CHECK(shown.body.find("storage_below_use") != std::string::npos);
  auto const refused = change_plan(app, {{"quantity", 2}, {"amount", 9800}});
  CHECK(refused.problem_of("/quantity") == "storage_below_use");
  CHECK(limits(app) == three_team);
  CHECK(quantity(app) == "3");
}

TEST_CASE("more than a tenant can have is not sold") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  live(app);
  auto const browser = open_portal(app);
  auto const admin = app.as(Role::admin);
  auto const before = charged(app);
  // A hundred times two cores.
  CHECK(browser.get(question + "?plan=business&quantity=100").problem_of("?quantity") ==
        "beyond_a_tenant");
  CHECK(browser
            .post(order_path,
                  {{"plan", "business"}, {"quantity", 100}, {"moment", "now"}, {"amount", 1490000}})
            .problem_of("/quantity") == "beyond_a_tenant");
  CHECK(change_plan(app, {{"plan", "business"}, {"quantity", 100}, {"amount", 1490000}})
            .problem_of("/quantity") == "beyond_a_tenant");
  for (auto const* wrong : {"0", "101", "-1"}) {
    CHECK(browser.get(question + "?plan=team&quantity=" + wrong).status == 422);
    CHECK(change_plan(app, {{"quantity", std::stoll(wrong)}, {"amount", 0}}).status == 422);
  }
  app.settle();
  CHECK(charged(app) == before);
  CHECK(limits(app) == one_team);
}

TEST_CASE("a number that is changed at Stripe has its effect on the limits") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  at_stripe_by_hand(app, "3");
  CHECK(limits(app) == three_team);
  CHECK(app.rows("SELECT data->>'from', data->>'to', actor FROM activity "
                 "WHERE kind = 'plan_quantity_changed'") == Rows{"1|3|billing"});
  CHECK(app.jobs("tenants.plan_changed").empty());
  // Told again, nothing moves.
  app.at_stripe("/v1/subscriptions/" + subscription(app), {{"description", "heard of"}});
  app.settle();
  CHECK(app.value("SELECT version FROM tenants") == "2");
  SUBCASE("also below what is stored: the storage is warned about, and given time") {
    store(app, 60'000);
    at_stripe_by_hand(app, "2");
    CHECK(limits(app) == two_team);
  }
  SUBCASE("of none it keeps what one brings") {
    at_stripe_by_hand(app, "0");
    CHECK(limits(app) == one_team);
  }
  SUBCASE("what no tenant can have is the most that it gets") {
    at_stripe_by_hand(app, "5000");
    CHECK(limits(app) == Rows{"1000×team|25000|16777216|1024000|12800"});
  }
  SUBCASE("what staff decided for this tenant alone stays until the number changes") {
    CHECK(change_plan(app, {{"max_users", 500}}).status == 200);
    app.at_stripe("/v1/subscriptions/" + subscription(app), {{"description", "heard of"}});
    app.settle();
    CHECK(app.value("SELECT max_users FROM tenants") == "500");
  }
  SUBCASE("another subscription of the same customer says nothing") {
    auto const other = app.at_stripe(
        "/v1/subscriptions",
        {{"customer", app.value("SELECT stripe_customer_id FROM customers")},
         {"items[0][price_data][currency]", "eur"},
         {"items[0][price_data][product]", at_stripe(app)["items.data.0.price.product"]},
         {"items[0][price_data][recurring][interval]", "month"},
         {"items[0][price_data][unit_amount]", "100"},
         {"items[0][quantity]", "7"},
         {"collection_method", "send_invoice"},
         {"days_until_due", "30"}});
    REQUIRE_MESSAGE(other.status == 200, other.body);
    app.settle();
    CHECK(limits(app) == three_team);
  }
}

TEST_CASE("a number that is changed while its tenant is built comes when it stands") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  app.run("UPDATE tenants SET state = 'provisioning'");
  REQUIRE(app.at_stripe("/v1/subscription_items/" + at_stripe(app)["items.data.0.id"],
                        {{"quantity", "2"}, {"proration_behavior", "none"}})
              .status == 200);
  app.deliver_news();
  app.hurry("billing.follow_quantity");
  app.settle();
  CHECK(limits(app) == one_team);
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  app.hurry("billing.follow_quantity");
  app.settle();
  CHECK(limits(app) == two_team);
}

TEST_CASE("whose subscription has ended is sold as many again") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  live(app);
  at_stripe_by_hand(app, "2");
  app.stripe("DELETE", "/v1/subscriptions/" + subscription(app));
  app.settle();
  CHECK(app.rows("SELECT amount, quantity FROM tenant_renewals") == Rows{"4900|2"});
  auto const mail = app.value("SELECT body FROM mails WHERE template = 'subscription_over'");
  CHECK(mail.find("€98.00 a month") != std::string::npos);
  auto const at = mail.find("/c/pay/");
  REQUIRE(at != std::string::npos);
  auto const begin = mail.rfind("http", at);
  auto const page = mail.substr(begin, mail.find_first_of(" \n", begin) - begin);
  CHECK(app.pay(page).reply.status == 303);
  app.settle();
  CHECK(app.rows("SELECT status, mrr FROM subscriptions ORDER BY id") ==
        Rows{"canceled|0", "active|9800"});
  CHECK(limits(app) == two_team);
}

TEST_CASE("a copy of a tenant has as many") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  at_stripe_by_hand(app, "2");
  auto const copied = app.as(Role::admin).post("/api/tenants/ten_1/clone", {{"subdomain", "twin"}});
  REQUIRE_MESSAGE(copied.status < 300, copied.body);
  CHECK(app.rows("SELECT plan_quantity, max_users FROM tenants WHERE subdomain = 'twin'") ==
        Rows{"2|50"});
}

TEST_CASE("who paid for several before they counted gets them") {
  auto app = App::fresh({.sandbox = true});
  live(app);
  at_stripe_by_hand(app, "3");
  app.run(
      "ALTER TABLE tenants DROP COLUMN plan_quantity;"
      "ALTER TABLE billing_plan_orders DROP COLUMN quantity;"
      "ALTER TABLE tenant_renewals DROP COLUMN quantity;"
      "UPDATE tenants SET max_users = 200, storage_limit_mib = 25600, memory_limit_mib = 1024, "
      "cpu_limit_percent = 100; DELETE FROM jobs");
  app.run(*files::read(source_directory() / "migrations/0135_plans_many_times.sql"));
  // What staff had given besides stays.
  CHECK(limits(app) == Rows{"3×team|200|76800|3072|300"});
  CHECK(app.jobs("tenants.reconcile") == Rows{"waiting"});
}
