// Trials that are sold at sign-up: what is promised, that nothing is charged before the end, what
// the end brings, and that a person has one.
#include "support/portal.hpp"
#include "tenants/jobs.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

/// The days that a test lives through; its end gives them back.
class Calendar {
 public:
  ~Calendar() { clock_source::advance(-passed_); }
  void pass(std::chrono::seconds by) {
    clock_source::advance(by);
    passed_ += by;
  }

 private:
  std::chrono::seconds passed_{};
};
using std::chrono::days;
using std::chrono::hours;

Reply offer(App& app, std::string const& plan, int trial_days) {
  auto const admin = app.as(Role::admin);
  auto const all = admin.get("/api/settings/plans");
  for (auto const& one : all.json.at("data").as_array())
    if (Reply::text(one, "id") == plan) {
      auto body = one.as_object();
      auto const version = Reply::text(one, "version");
      for (auto const* name : {"id", "version", "tenants"}) body.erase(name);
      body["trial_days"] = trial_days;
      return admin.send("PUT", "/api/settings/plans/" + plan, boost::json::serialize(body),
                        {"Content-Type: application/json", "If-Match: \"" + version + "\""});
    }
  return {};
}
void sell_trials(App& app) { REQUIRE(offer(app, "team", 14).status == 200); }

/// Another person: other e-mail, other card.
Json bob(boost::json::object const& changes = {}) {
  boost::json::object form{{"email", "bob@bob.example"}, {"subdomain", "bob"}};
  for (auto const& [name, value] : changes) form[name] = value;
  return acme(form);
}
constexpr auto another_card = "5555 5555 5555 4444";
constexpr auto declines_later = "4000 0000 0000 0341";

std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}
std::string status_at_stripe(App const& app) {
  return app.stripe("GET", "/v1/subscriptions/" + subscription(app))["status"];
}
std::int64_t charged(App const& app) {
  std::int64_t sum = 0;
  auto const charges = app.stripe("GET", "/v1/charges");
  for (auto const& charge : charges.json.at("data").as_array())
    if (Reply::text(charge, "status") == "succeeded")
      sum += std::stoll(Reply::text(charge, "amount"));
  return sum;
}
Rows mails_to(App const& app, std::string const& recipient = "ada@acme.example") {
  return app.rows("SELECT template FROM mails WHERE recipient = '" + recipient +
                  "' AND template <> 'portal_link' ORDER BY id");
}
std::string body(App const& app, std::string const& name) {
  return app.value("SELECT body FROM mails WHERE template = '" + name +
                   "' ORDER BY id DESC LIMIT 1");
}
Reply page_of(App const& app, Reply const& signup) {
  return app.visitor().get(App::status_path(signup));
}
/// The trial is over at Stripe, and its invoice is collected.
void end_trial(App& app, Calendar& calendar) {
  calendar.pass(days{14} + hours{2});
  REQUIRE(eventually([&] { return status_at_stripe(app) != "trialing"; }));
  auto const last = app.stripe("GET", "/v1/subscriptions/" + subscription(app))["latest_invoice"];
  if (app.stripe("GET", "/v1/invoices/" + last)["status"] == "draft")
    (void)app.at_stripe("/v1/invoices/" + last + "/finalize");
  if (app.stripe("GET", "/v1/invoices/" + last)["status"] == "open")
    (void)app.at_stripe("/v1/invoices/" + last + "/pay");
  app.settle();
}
}  // namespace

TEST_CASE("a plan's trial is offered, bounded, and promised with the order") {
  auto app = App::fresh({.sandbox = true});
  CHECK(app.visitor().get("/api/plans")["plans.0.trial_days"] == "0");
  CHECK(offer(app, "team", 91).wrong_fields() == "/trial_days");
  CHECK(offer(app, "team", -1).wrong_fields() == "/trial_days");
  REQUIRE(offer(app, "team", 14).status == 200);
  CHECK(app.visitor().get("/api/plans")["plans.1.trial_days"] == "14");
  auto const signup = app.sign_up(acme());
  CHECK(Page::open(signup["checkout_url"]).reply.body.find("14 days free") != std::string::npos);
  CHECK(page_of(app, signup)["trial_days"] == "14");

  // What is offered by then changes nothing of what was promised.
  REQUIRE(offer(app, "team", 0).status == 200);
  auto const change = [&](boost::json::object const& changes) {
    return app.visitor().send("PATCH", App::status_path(signup),
                              boost::json::serialize(acme(changes)),
                              {"Content-Type: application/json"});
  };
  auto const again = change({{"company", "Acme & Sons"}});
  REQUIRE(again.status == 200);
  CHECK(page_of(app, signup)["trial_days"] == "14");
  SUBCASE("paid for, it is what was promised") {
    CHECK(app.pay(again["checkout_url"]).reply.status == 303);
    app.settle();
    CHECK(app.value("SELECT trial_end::date - started_at::date FROM subscriptions") == "14");
  }
  SUBCASE("another plan is another order") {
    REQUIRE(offer(app, "business", 7).status == 200);
    CHECK(change({{"plan", "business"}}).status == 200);
    CHECK(page_of(app, signup)["trial_days"] == "7");
  }
  SUBCASE("who comes now gets what is offered now") {
    CHECK(page_of(app, app.sign_up(bob()))["trial_days"] == "0");
  }
}

TEST_CASE("a trial builds at once; nothing is charged, and nobody says that it was paid") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  auto const signup = app.sign_up_and_pay(acme());
  app.settle();
  CHECK(app.value("SELECT state FROM tenants") == "queued");
  CHECK(app.rows("SELECT status, mrr FROM subscriptions") == Rows{"trialing|0"});
  CHECK(app.mrr() == "0");
  CHECK(charged(app) == 0);
  CHECK(app.value("SELECT coalesce(sum(amount_paid), 0) FROM billing_invoices") == "0");
  CHECK(mails_to(app) == Rows{"trial_begun"});
  auto const until = app.value(
      "SELECT to_char(trial_end AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM "
      "subscriptions");
  CHECK(body(app, "trial_begun").find("until " + until) != std::string::npos);
  CHECK(body(app, "trial_begun").find("€49.00 a month") != std::string::npos);
  auto const page = page_of(app, signup);
  CHECK(page["state"] == "queued");
  CHECK(page["trial_ends_at"].starts_with(until));
  // A card is asked for, though nothing is due.
  CHECK(app.stripe("GET", "/v1/subscriptions/" + subscription(app))["default_payment_method"] !=
        "");
  PortalDoor const door{app};
  auto const portal = open_portal(app).get("/api/portal");
  CHECK(portal["tenants.0.subscription.status"] == "trialing");
  CHECK(portal["tenants.0.subscription.amount"] == "4900");
  CHECK(portal["tenants.0.subscription.period_ends_at"].starts_with(until));
}

TEST_CASE("the subscription's event alone builds a trial, and all of them build it once") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  auto const signup = app.sign_up(acme());
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  for (auto const& event : app.events())
    if (event.type.starts_with("customer.subscription.")) app.deliver(event);
  app.work();
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  app.settle();
  app.settle();
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "1");
  CHECK(mails_to(app) == Rows{"trial_begun"});
}

TEST_CASE("its owner is told three days before, and the end charges the price") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  Calendar calendar;
  app.sign_up_and_pay(acme());
  app.settle();
  calendar.pass(days{11} + hours{1});
  REQUIRE(eventually([&] {
    app.settle();
    return mails_to(app) == Rows{"trial_begun", "trial_ends"};
  }));
  CHECK(charged(app) == 0);
  calendar.pass(-(days{11} + hours{1}));
  end_trial(app, calendar);
  CHECK(charged(app) == 4900);
  CHECK(app.rows("SELECT status, mrr FROM subscriptions") == Rows{"active|4900"});
  CHECK(mails_to(app).size() == 2);
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
}

TEST_CASE("a promotion code takes off from the first charge on, and its owner reads of it") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  Calendar calendar;
  REQUIRE(app.as(Role::admin)
              .post("/api/billing/promotions",
                    {{"code", "HALF"}, {"percent_off", 50}, {"duration", "once"}})
              .status == 201);
  auto const signup = app.sign_up(acme());
  CHECK(Page::open(signup["checkout_url"])
            .submit({{"promotion_code", "HALF"}, {"apply_code", "1"}})
            .reply.status == 303);
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.settle();
  CHECK(app.value("SELECT status FROM subscriptions") == "trialing");
  calendar.pass(days{11} + hours{1});
  REQUIRE(eventually([&] {
    app.settle();
    return mails_to(app) == Rows{"trial_begun", "trial_ends"};
  }));
  CHECK(body(app, "trial_ends").find("€49.00 a month (less your discount) is charged") !=
        std::string::npos);
  calendar.pass(-(days{11} + hours{1}));
  end_trial(app, calendar);
  CHECK(charged(app) == 2450);
}

TEST_CASE("a card that is declined at the end of a trial opens a case, as any other") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  sell_trials(app);
  Calendar calendar;
  auto const signup = app.sign_up(acme());
  CHECK(app.pay(signup["checkout_url"], declines_later).reply.status == 303);
  app.settle();
  CHECK(app.value("SELECT state FROM tenants") == "live");
  end_trial(app, calendar);
  CHECK(charged(app) == 0);
  CHECK(app.value("SELECT status FROM subscriptions") == "past_due");
  CHECK(app.value("SELECT count(*) FROM dunning_cases WHERE outcome IS NULL") == "1");
}

TEST_CASE("a trial that its owner cancels ends with the trial, and nothing is charged") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  sell_trials(app);
  PortalDoor const door{app};
  Calendar calendar;
  app.sign_up_and_pay(acme());
  app.settle();
  REQUIRE(app.value("SELECT state FROM tenants") == "live");
  auto const browser = open_portal(app);
  auto const cancelled =
      browser.post("/api/portal/tenants/ten_1/cancellation", {{"feedback", "unused"}});
  REQUIRE_MESSAGE(cancelled.status == 200, cancelled.body);
  CHECK(cancelled["ends_at"] != "");
  app.settle();
  CHECK(app.value("SELECT state FROM tenants") == "live");
  end_trial(app, calendar);
  CHECK(status_at_stripe(app) == "canceled");
  CHECK(charged(app) == 0);
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().empty());
  app.settle();
  CHECK(app.value("SELECT state FROM tenants") == "suspended");
  CHECK(app.value("SELECT reason FROM tenant_holds") == "billing");
}

TEST_CASE("a tenant that ends in its trial gets nothing back, since nothing was paid") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  sell_trials(app);
  app.sign_up_and_pay(acme());
  app.settle();
  std::string more, words;
  SUBCASE("at once, with what is unused") { more = "&ends=now&refund=unused", words = "ended on"; }
  SUBCASE("with the trial") { more = "&ends=period_end", words = "with its trial"; }
  auto const done =
      app.as(Role::owner)
          .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme" + more, "", {});
  REQUIRE_MESSAGE(done.status < 300, done.body);
  app.settle();
  CHECK(charged(app) == 0);
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().empty());
  CHECK(app.value("SELECT given_back FROM billing_endings") == "0");
  CHECK(body(app, "tenant_ends").find(words) != std::string::npos);
}

TEST_CASE("who takes the card off again stops where the trial ends, and nothing is charged") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  sell_trials(app);
  Calendar calendar;
  app.sign_up_and_pay(acme());
  app.settle();
  auto const card = app.stripe(
      "GET", "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM "
                                              "subscriptions"))["default_payment_method"];
  REQUIRE(app.at_stripe("/v1/payment_methods/" + card + "/detach", {}).status == 200);
  app.settle();
  end_trial(app, calendar);
  app.settle();
  CHECK(status_at_stripe(app) == "paused");
  CHECK(charged(app) == 0);
  CHECK(app.value("SELECT count(*) FROM tenant_holds WHERE reason = 'billing'") == "1");
}

TEST_CASE("another plan that is chosen in a trial costs nothing before its end") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  sell_trials(app);
  PortalDoor const door{app};
  Calendar calendar;
  app.sign_up_and_pay(acme());
  app.settle();
  auto const browser = open_portal(app);
  auto const preview = browser.get("/api/portal/tenants/ten_1/plan-change?plan=business");
  REQUIRE_MESSAGE(preview.status == 200, preview.body);
  CHECK(preview["due_now"] == "0");
  // More than one is not tried.
  CHECK(browser.post("/api/portal/tenants/ten_1/plan-order", {{"plan", "business"},
                                                              {"quantity", 3},
                                                              {"moment", "now"},
                                                              {"amount", 3 * 14900}})["code"] ==
        "plan_change_impossible");
  auto const ordered = browser.post("/api/portal/tenants/ten_1/plan-order",
                                    {{"plan", "business"},
                                     {"moment", preview["moment"]},
                                     {"amount", std::stoll(preview["amount"])}});
  REQUIRE_MESSAGE(ordered.status < 300, ordered.body);
  app.settle();
  CHECK(app.value("SELECT plan_id FROM tenants") == "business");
  CHECK(charged(app) == 0);
  CHECK(status_at_stripe(app) == "trialing");
  CHECK(app.mrr() == "0");
  end_trial(app, calendar);
  CHECK(charged(app) == 14900);
}

TEST_CASE("a person tries once, known by e-mail or by what they pay with") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  app.sign_up_and_pay(acme());
  app.settle();
  boost::json::object form{{"subdomain", "second"}};
  std::string card, to = "ada@acme.example";
  SUBCASE("the same e-mail, written otherwise, with another card") {
    form["email"] = to = "ADA@acme.example", card = another_card;
  }
  SUBCASE("another e-mail with the same card") {
    form["email"] = to = "carol@c.example", card = "4242 4242 4242 4242";
  }
  SUBCASE("after the first was canceled, too") {
    form["email"] = to = "carol@c.example", card = "4242 4242 4242 4242";
    http_client::Form const none;
    CHECK(app.stripe("DELETE", "/v1/subscriptions/" + subscription(app), none).status == 200);
    app.settle();
  }
  // Whoever begins is offered what everybody is: nobody learns who is a customer.
  auto const signup = app.sign_up(acme(form));
  CHECK(page_of(app, signup)["trial_days"] == "14");
  CHECK(app.pay(signup["checkout_url"], card).reply.status == 303);
  app.settle();
  app.settle();
  auto const refused = page_of(app, signup);
  CHECK(refused["state"] == "expired");
  CHECK(refused["is_trial_refused"] == "true");
  CHECK(refused["trial_days"] == "0");
  CHECK(charged(app) == 0);
  CHECK(app.value("SELECT status FROM subscriptions ORDER BY id DESC LIMIT 1") == "canceled");
  CHECK(app.value("SELECT state FROM tenants WHERE id = 2") == "awaiting_payment");
  CHECK(mails_to(app, to).back() == "no_second_trial");
  CHECK(app.value("SELECT count(*) FROM mails WHERE tenant_id = 2 AND template <> "
                  "'no_second_trial'") == "0");
  CHECK(body(app, "no_second_trial").find("Nothing was charged.") != std::string::npos);
  CHECK(app.rows("SELECT kind FROM activity WHERE kind IN ('trial_refused', "
                 "'second_payment_returned')") == Rows{"trial_refused"});

  // Without a trial it can be had, also when all that is told again.
  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  REQUIRE_MESSAGE(again.status == 201, again.body);
  for (auto const& event : app.events()) (void)app.deliver(event);
  app.run("UPDATE stripe_events SET state = 'received' WHERE type LIKE 'checkout.%'");
  app.settle();
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'no_second_trial'") == "1");
  CHECK(app.pay(again["checkout_url"], card).reply.status == 303);
  app.settle();
  CHECK(charged(app) == 4900);
  CHECK(app.value("SELECT state FROM tenants WHERE id = 2") == "queued");
  CHECK(app.value("SELECT count(*) FROM tenant_holds WHERE tenant_id = 2") == "0");
  CHECK(page_of(app, signup)["is_trial_refused"] == "false");
  CHECK(mails_to(app, to).back() == "payment_received");
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().empty());
}

TEST_CASE("two trials of one person that are begun at the same time are one") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  auto const first = app.sign_up(acme());
  auto const second = app.sign_up(acme({{"subdomain", "second"}}));
  CHECK(app.pay(first["checkout_url"]).reply.status == 303);
  CHECK(app.pay(second["checkout_url"], another_card).reply.status == 303);
  app.settle();
  CHECK(app.rows("SELECT status FROM subscriptions ORDER BY status") ==
        Rows{"trialing", "canceled"});
  CHECK(app.value("SELECT count(*) FROM signups WHERE payment = 'paid'") == "1");
  CHECK(charged(app) == 0);
}

TEST_CASE("who is somebody else, or has got nothing before, tries") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  app.sign_up_and_pay(acme());
  app.settle();
  SUBCASE("somebody else") {
    auto const signup = app.sign_up(bob());
    CHECK(app.pay(signup["checkout_url"], another_card).reply.status == 303);
    app.settle();
    CHECK(app.value("SELECT count(*) FROM subscriptions WHERE status = 'trialing'") == "2");
  }
  SUBCASE("we could not build the first") {
    app.run(
        "UPDATE tenants SET state = 'rolled_back' WHERE id = 1; "
        "DELETE FROM jobs WHERE kind = 'tenants.reconcile'");
    app.enqueue(tenants::RolledBack{1});
    app.settle();
    CHECK(app.value("SELECT payment FROM signups") == "refunded");
    CHECK(body(app, "provisioning_given_up").find("Nothing was charged.") != std::string::npos);
    auto const signup = app.sign_up(acme({{"subdomain", "second"}}));
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    app.settle();
    CHECK(app.value("SELECT status FROM subscriptions ORDER BY id DESC LIMIT 1") == "trialing");
  }
  SUBCASE("paying from the first day is nobody's second trial") {
    REQUIRE(offer(app, "team", 0).status == 200);
    auto const signup = app.sign_up(acme({{"subdomain", "second"}}));
    CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
    app.settle();
    CHECK(charged(app) == 4900);
    CHECK(app.value("SELECT state FROM tenants WHERE id = 2") == "queued");
  }
}

TEST_CASE("a trial that is begun on two pages is one, and its owner hears of the other's end") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  auto const signup = app.sign_up(acme());
  // As if the first page could not be ended in time.
  app.run("UPDATE signup_pages SET ended_at = now(); UPDATE signups SET payment = 'expired'");
  auto const again = app.visitor().post(App::status_path(signup) + "/checkout", nullptr);
  CHECK(app.pay(again["checkout_url"]).reply.status == 303);
  app.settle();
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.settle();
  CHECK(app.rows("SELECT status FROM subscriptions ORDER BY id") == Rows{"trialing", "canceled"});
  CHECK(mails_to(app) == Rows{"trial_begun", "paid_twice"});
  CHECK(body(app, "paid_twice").find("Nothing was charged.") != std::string::npos);
  CHECK(body(app, "paid_twice").find("payment") == std::string::npos);
  CHECK(app.stripe("GET", "/v1/refunds").json.at("data").as_array().empty());
}

TEST_CASE("a trial that came after the name was gone ends without a charge") {
  auto app = App::fresh({.sandbox = true});
  sell_trials(app);
  auto const signup = app.sign_up(acme());
  CHECK(app.pay(signup["checkout_url"]).reply.status == 303);
  app.run("UPDATE tenants SET state = 'rolled_back'; DELETE FROM jobs");
  app.sign_up(acme({{"email", "bob@bob.example"}}));
  app.settle();
  CHECK(app.value("SELECT payment FROM signups WHERE id = 1") == "refunded");
  CHECK(app.value("SELECT status FROM subscriptions WHERE tenant_id = 1") == "canceled");
  CHECK(charged(app) == 0);
  auto const told = body(app, "paid_after_name_was_gone");
  CHECK(told.find("Nothing was charged.") != std::string::npos);
  CHECK(told.find("payment") == std::string::npos);
}
