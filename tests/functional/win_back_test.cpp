// Who is about to cancel may be offered to pay less; who has left may be written to, once.
#include <doctest/doctest.h>

#include <thread>

#include "portal/win_back.hpp"
#include "support/portal.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

/// The days that a test lives through; its end gives them back.
class Calendar {
 public:
  ~Calendar() { clock_source::advance(-passed_); }
  void pass(double days) {
    std::chrono::seconds const by{std::int64_t(days * 86'400)};
    clock_source::advance(by);
    passed_ += by;
  }

 private:
  std::chrono::seconds passed_{};
};

Reply set(App& app, boost::json::object const& changes) {
  auto const admin = app.as(Role::admin);
  auto const present = admin.get("/api/settings/groups/win_back");
  auto body = present.json.as_object();
  for (auto const& [name, value] : changes) body[name] = value;
  return admin.send("PUT", "/api/settings/groups/win_back", boost::json::serialize(body),
                    {"Content-Type: application/json", "If-Match: " + present.header("etag")});
}
Json const shown{{"percent_off", 20}, {"months", 3}};
Reply stay(Caller const& browser, Json const& offer = shown, std::string const& tenant = "ten_1") {
  return browser.post("/api/portal/tenants/" + tenant + "/stay-offer", offer);
}
std::string offer(Caller const& browser) {
  return browser.get("/api/portal")["tenants.0.stay_offer"];
}
Reply cancel(Caller const& browser) {
  return browser.post("/api/portal/tenants/ten_1/cancellation", {{"feedback", "unused"}});
}
std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}
std::string at_stripe(App const& app) { return "/v1/subscriptions/" + subscription(app); }
std::size_t discounts(App const& app) {
  return app.stripe("GET", at_stripe(app)).json.at("discounts").as_array().size();
}
std::string taken(App const& app) { return app.value("SELECT count(*) FROM portal_stay_offers"); }
std::string notes(App const& app) {
  return app.value("SELECT count(*) FROM activity WHERE kind = 'stay_offer_taken'");
}
/// A live tenant of Ada's, and an offer for whoever is about to cancel.
void begin(App& app) {
  app.sign_up_and_pay(acme());
  app.settle();
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  REQUIRE(set(app, {{"offers", true}}).status == 200);
}
/// One more subscription by which the tenant is paid.
void subscribe(App& app, std::string const& interval) {
  (void)app.at_stripe("/v1/products", {{"id", "plan_team"}, {"name", "Team"}});
  auto const made = app.at_stripe(
      "/v1/subscriptions", {{"customer", app.value("SELECT stripe_customer_id FROM customers")},
                            {"items[0][price_data][currency]", "eur"},
                            {"items[0][price_data][product]", "plan_team"},
                            {"items[0][price_data][recurring][interval]", interval},
                            {"items[0][price_data][unit_amount]", "4900"},
                            {"collection_method", "send_invoice"},
                            {"days_until_due", "30"},
                            {"metadata[tenant_id]", "ten_1"}});
  REQUIRE_MESSAGE(made.status == 200, made.body);
  app.settle();
}
}  // namespace

TEST_CASE("the settings of who leaves: nothing is done until staff say so, within bounds") {
  auto app = App::fresh();
  auto const present = app.as(Role::admin).get("/api/settings/groups/win_back");
  CHECK(present["offers"] == "false");
  CHECK(present["percent_off"] == "20");
  CHECK(present["months"] == "3");
  CHECK(present["writes"] == "false");
  CHECK(present["write_after_days"] == "14");
  CHECK(set(app, {{"percent_off", 0}, {"months", 0}, {"write_after_days", 0}}).wrong_fields() ==
        "/months /percent_off /write_after_days");
  CHECK(set(app, {{"percent_off", 101}, {"months", 13}, {"write_after_days", 91}}).wrong_fields() ==
        "/months /percent_off /write_after_days");
  CHECK(set(app, {{"percent_off", 100}, {"months", 12}, {"write_after_days", 90}}).status == 200);
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'settings.win_back_changed'") ==
        "1");
}

TEST_CASE("who is about to cancel is offered to pay less, and stays: once, for what was shown") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme());
  app.settle();
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  auto const browser = open_portal(app);
  CHECK(offer(browser) == "null");
  CHECK(stay(browser)["code"] == "stay_offer_over");
  CHECK(set(app, {{"offers", true}}).status == 200);
  CHECK(browser.get("/api/portal")["tenants.0.stay_offer.percent_off"] == "20");
  CHECK(browser.get("/api/portal")["tenants.0.stay_offer.months"] == "3");
  CHECK(stay(browser, {{"percent_off", 30}, {"months", 3}})["code"] == "stay_offer_over");
  CHECK(stay(browser, {{"percent_off", 101}, {"months", 0}}).wrong_fields() ==
        "/months /percent_off");
  CHECK(stay(browser, shown, "ten_9")["code"] == "tenant_not_found");
  CHECK(discounts(app) == 0);

  auto const done = stay(browser);
  REQUIRE_MESSAGE(done.status == 200, done.body);
  CHECK(done["percent_off"] == "20");
  CHECK(discounts(app) == 1);
  auto const coupon = app.stripe("GET", "/v1/coupons");
  CHECK(coupon["data.0.id"] == "stay_20_percent_3_months");
  CHECK(coupon["data.0.percent_off"] == "20");
  CHECK(coupon["data.0.duration"] == "repeating");
  CHECK(coupon["data.0.duration_in_months"] == "3");
  CHECK(app.as(Role::admin).get("/api/tenants/ten_1/discount")["next_invoice.amount"] == "3920");
  CHECK(app.rows("SELECT stripe_subscription_id, percent_off, months FROM portal_stay_offers") ==
        Rows{subscription(app) + "|20|3"});
  CHECK(app.rows("SELECT actor, tenant_id, data->>'percent_off' FROM activity WHERE kind = "
                 "'stay_offer_taken'") == Rows{"cus_1|1|20"});
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'portal.stay_offer_taken' AND "
                  "actor = 'cus_1' AND target = 'ten_1'") == "1");
  app.settle();
  CHECK(offer(browser) == "null");
  CHECK(app.value("SELECT cancel_at_period_end FROM subscriptions") == "f");
  // Cancelling is what it was.
  CHECK(cancel(browser).status == 200);

  SUBCASE("pressed in another tab it is done, and no second one is given") {
    CHECK(stay(browser).status == 200);
    CHECK(discounts(app) == 1);
    CHECK(notes(app) == "1");
    CHECK(app.stripe("GET", "/v1/coupons").json.at("data").as_array().size() == 1);
  }
  SUBCASE("when it is over, there is no other one") {
    REQUIRE(app.at_stripe(at_stripe(app), {{"discounts", ""}, {"cancel_at_period_end", "false"}})
                .status == 200);
    app.settle();
    CHECK(offer(browser) == "null");
    CHECK(stay(browser)["code"] == "stay_offer_over");
    CHECK(discounts(app) == 0);
  }
}

TEST_CASE("an offer is over when something has changed since it was shown") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  begin(app);
  auto const browser = open_portal(app);
  REQUIRE(offer(browser) != "null");
  auto const promote = [&] {
    REQUIRE(app.at_stripe("/v1/coupons", {{"id", "HALF"}, {"percent_off", "50"}}).status == 200);
    REQUIRE(app.at_stripe(at_stripe(app), {{"discounts[0][coupon]", "HALF"}}).status == 200);
  };
  SUBCASE("staff offer something else") { set(app, {{"percent_off", 10}}); }
  SUBCASE("staff offer nothing more") { set(app, {{"offers", false}}); }
  SUBCASE("it got a discount that we have not heard of") { promote(); }
  SUBCASE("it got a discount that we have heard of") {
    promote();
    app.settle();
    CHECK(offer(browser) == "null");
  }
  SUBCASE("it was told to end") {
    REQUIRE(app.at_stripe(at_stripe(app), {{"cancel_at_period_end", "true"}}).status == 200);
  }
  SUBCASE("it was cancelled") {
    CHECK(cancel(browser).status == 200);
    CHECK(offer(browser) == "null");
  }
  SUBCASE("it ended") { REQUIRE(app.stripe("DELETE", at_stripe(app)).status == 200); }
  SUBCASE("its tenant is being deleted") {
    app.run("UPDATE tenants SET delete_requested_at = now()");
    CHECK(offer(browser) == "null");
  }
  SUBCASE("it is paid by two, and less of one would not be what was said") {
    subscribe(app, "month");
    CHECK(offer(browser) == "null");
  }
  SUBCASE("somebody has made another coupon of this name at Stripe") {
    REQUIRE(app.at_stripe("/v1/coupons", {{"id", "stay_20_percent_3_months"},
                                          {"percent_off", "90"},
                                          {"duration", "forever"}})
                .status == 200);
  }
  auto const before = discounts(app);
  CHECK(stay(browser)["code"] == "stay_offer_over");
  CHECK(discounts(app) == before);
  CHECK(taken(app) == "0");
  CHECK(notes(app) == "0");
}

TEST_CASE("who pays once a year is not offered less for some months") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme({{"interval", "year"}}));
  app.settle();
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  REQUIRE(set(app, {{"offers", true}}).status == 200);
  auto const browser = open_portal(app);
  REQUIRE(browser.get("/api/portal")["tenants.0.subscription.interval"] == "year");
  CHECK(offer(browser) == "null");
  CHECK(stay(browser)["code"] == "stay_offer_over");
}

TEST_CASE("nobody takes another's offer, and none without a session or in a copy") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  begin(app);
  app.sign_up_and_pay(acme({{"email", "bob@example.com"}, {"subdomain", "bobs"}}));
  app.settle();
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  CHECK(stay(open_portal(app, "bob@example.com"))["code"] == "tenant_not_found");
  CHECK(stay(portal_visitor())["code"] == "portal_session_over");
  auto const browser = open_portal(app);
  app.run("INSERT INTO installation_predecessors (id) VALUES ('a1b2c3d4')");
  CHECK(stay(browser)["code"] == "installation_is_copy");
  CHECK(discounts(app) == 0);
}

TEST_CASE("an answer of Stripe's that was lost is made up for with the next press") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  begin(app);
  auto const browser = open_portal(app);
  SUBCASE("it was taken there, and nobody was told") {
    app.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'the disk is full'; END $$");
    app.run("CREATE TRIGGER refuse BEFORE INSERT ON portal_stay_offers EXECUTE FUNCTION refuse()");
    CHECK(stay(browser).status == 500);
    CHECK(taken(app) == "0");
    app.run("DROP TRIGGER refuse ON portal_stay_offers");
    CHECK(discounts(app) == 1);
    // Not even other settings take back what was done.
    CHECK(set(app, {{"offers", false}}).status == 200);
  }
  SUBCASE("Stripe was away") {
    app.break_stripe(500, 100);
    CHECK(stay(browser).status == 503);
    REQUIRE(app.stripe("DELETE", "/v1/test_helpers/faults").status == 200);
    CHECK(discounts(app) == 0);
  }
  CHECK(notes(app) == "0");
  CHECK(stay(browser).status == 200);
  CHECK(discounts(app) == 1);
  CHECK(taken(app) == "1");
  CHECK(notes(app) == "1");
  CHECK(app.stripe("GET", "/v1/coupons").json.at("data").as_array().size() == 1);
}

TEST_CASE("whoever takes it in several tabs at once gets it once, and all of them hear so") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  begin(app);
  auto const browser = open_portal(app);
  std::atomic<int> done = 0;
  std::vector<std::thread> tabs;
  for (int i = 0; i < 4; ++i) tabs.emplace_back([&] { done += stay(browser).status == 200; });
  for (auto& tab : tabs) tab.join();
  CHECK(done == 4);
  CHECK(discounts(app) == 1);
  CHECK(taken(app) == "1");
  CHECK(notes(app) == "1");
}

namespace {
void write(App& app) {
  app.enqueue(portal::WriteWinBack{});
  app.work();
}
std::string written(App const& app) {
  return app.value("SELECT count(*) FROM mails WHERE template = 'win_back'");
}
void end(App& app) {
  REQUIRE(app.stripe("DELETE", at_stripe(app)).status == 200);
  app.settle();
}
/// Ada cancels; her subscription ends.
void leave(App& app) {
  begin(app);
  REQUIRE(set(app, {{"writes", true}}).status == 200);
  REQUIRE(cancel(open_portal(app)).status == 200);
  end(app);
}
}  // namespace

TEST_CASE("who has cancelled is written to once, when its days are over") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  leave(app);
  Calendar calendar;
  write(app);
  calendar.pass(13.9);
  write(app);
  CHECK(written(app) == "0");
  SUBCASE("in English, and can be declined") {
    calendar.pass(0.2);
    write(app);
    write(app);
    calendar.pass(1);
    write(app);
    REQUIRE(written(app) == "1");
    auto const mail = "FROM mails WHERE template = 'win_back'";
    CHECK(app.rows(std::string{"SELECT recipient, tenant_id, declinable "} + mail) ==
          Rows{"ada@acme.example|1|t"});
    auto const body = app.value(std::string{"SELECT body "} + mail);
    CHECK(body.find(app.settings.public_url + "/pay/acme\n") != std::string::npos);
    CHECK(body.find(app.value("SELECT to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM "
                              "subscriptions")) != std::string::npos);
    CHECK(app.value("SELECT count(*) FROM mail_keys WHERE key = 'win_back/" + subscription(app) +
                    "'") == "1");
  }
  SUBCASE("in their language") {
    app.run("UPDATE customers SET locale = 'es'");
    calendar.pass(1);
    write(app);
    CHECK(
        app.value("SELECT subject FROM mails WHERE template = 'win_back'").ends_with("sigue ahí"));
  }
  SUBCASE("late where the server was down for some days") {
    calendar.pass(6.9);
    write(app);
    CHECK(written(app) == "1");
  }
  SUBCASE("and not of an end that is long past") {
    calendar.pass(7.2);
    write(app);
    CHECK(written(app) == "0");
  }
}

TEST_CASE("nobody is written to who has not left, or whom the mail would lead nowhere") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  Calendar calendar;
  begin(app);
  REQUIRE(set(app, {{"writes", true}}).status == 200);
  auto const browser = open_portal(app);
  SUBCASE("staff have ended it") { end(app); }
  SUBCASE("the cancellation was taken back before something else ended it") {
    REQUIRE(cancel(browser).status == 200);
    REQUIRE(browser.send("DELETE", "/api/portal/tenants/ten_1/cancellation", "", {}).status == 200);
    end(app);
  }
  SUBCASE("who cancelled, but") {
    REQUIRE(cancel(browser).status == 200);
    SUBCASE("it has not ended yet") {}
    SUBCASE("has") {
      end(app);
      SUBCASE("subscribed again") { subscribe(app, "year"); }
      SUBCASE("a tenant that is being deleted") {
        app.run("UPDATE tenants SET delete_requested_at = now()");
      }
      SUBCASE("a tenant that a payment alone does not bring back") {
        app.run("UPDATE tenants SET state = 'archived'");
      }
      SUBCASE("a tenant that staff hold") {
        app.database.transact([](db::Tx& tx) {
          tenants::place_hold(tx, tenants::TenantId{1}, tenants::Hold::abuse, "test");
        });
      }
      SUBCASE("never existed") { app.run("UPDATE customers SET is_demo = true"); }
      SUBCASE("settings that write to nobody") { set(app, {{"writes", false}}); }
      SUBCASE("an invoice that is followed up") {
        app.run(
            "INSERT INTO dunning_cases (tenant_id, invoice_id, ladder, began_at) SELECT 1, id, "
            "'{}', now() FROM billing_invoices LIMIT 1");
      }
      SUBCASE("another installation that is the original of this one") {
        app.run("INSERT INTO installation_predecessors (id) VALUES ('a1b2c3d4')");
      }
    }
  }
  calendar.pass(15);
  write(app);
  CHECK(written(app) == "0");
}

TEST_CASE("of two subscriptions that a tenant had, the last end is written about") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  begin(app);
  subscribe(app, "year");
  REQUIRE(set(app, {{"writes", true}}).status == 200);
  REQUIRE(cancel(open_portal(app)).status == 200);
  Calendar calendar;
  end(app);
  calendar.pass(15);
  write(app);
  CHECK(written(app) == "0");
  REQUIRE(app.stripe("DELETE", "/v1/subscriptions/" +
                                   app.value("SELECT stripe_subscription_id FROM subscriptions "
                                             "ORDER BY id DESC LIMIT 1"))
              .status == 200);
  app.settle();
  calendar.pass(15);
  write(app);
  write(app);
  CHECK(written(app) == "1");
}
