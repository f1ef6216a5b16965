// The customer's own page: how it is opened, and that nobody sees or changes there what is
// another's.
#include <doctest/doctest.h>

#include <thread>

#include "support/app.hpp"
#include "support/portal.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

std::string links(App const& app) {
  return app.value("SELECT count(*) FROM mails WHERE template = 'portal_link'");
}
void hour_later(App const& app) {
  app.run(
      "UPDATE portal_links SET created_at = created_at - interval '61 minutes', "
      "expires_at = expires_at - interval '61 minutes'");
}
std::string subscription(App const& app, int tenant = 1) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions WHERE tenant_id = " +
                   std::to_string(tenant));
}
Reply at_stripe(App const& app, int tenant = 1) {
  return app.stripe("GET", "/v1/subscriptions/" + subscription(app, tenant));
}
Reply cancel(Caller const& browser, std::string const& tenant = "ten_1",
             std::string const& feedback = "too_expensive") {
  return browser.post("/api/portal/tenants/" + tenant + "/cancellation",
                      {{"feedback", feedback}, {"comment", "Too much for us."}});
}
Reply resume(Caller const& browser, std::string const& tenant = "ten_1") {
  return browser.send("DELETE", "/api/portal/tenants/" + tenant + "/cancellation", "", {});
}
Json bob() {
  return acme({{"company", "Bob SL"},
               {"name", "Bob"},
               {"email", "bob@example.com"},
               {"locale", "es"},
               {"subdomain", "bobs"}});
}
/// A subscription of Ada's at Stripe by which this tenant is paid.
void subscribe(App& app, std::string const& tenant) {
  auto const made = app.at_stripe(
      "/v1/subscriptions",
      {{"customer", app.value("SELECT stripe_customer_id FROM customers WHERE id = 1")},
       {"items[0][price_data][currency]", "eur"},
       {"items[0][price_data][product]", "plan_team"},
       {"items[0][price_data][recurring][interval]", "year"},
       {"items[0][price_data][unit_amount]", "49000"},
       {"collection_method", "send_invoice"},
       {"days_until_due", "30"},
       {"metadata[tenant_id]", tenant}});
  REQUIRE_MESSAGE(made.status == 200, made.body);
  app.settle();
}
/// Ada's second tenant, paid by a subscription of its own.
void add_second_tenant(App& app) {
  app.database.transact([&](db::Tx& tx) {
    auto const made = tenants::reserve(tx, app.settings, customers::CustomerId{1}, "second", "team",
                                       "test", clock_source::now() + std::chrono::hours{1});
    REQUIRE(made.id.value == 2);
  });
  app.run("UPDATE tenants SET state = 'live', live_at = now() WHERE id = 2");
  subscribe(app, "ten_2");
}
/// A card that declines is charged next, and a period that it did not pay.
std::string fail_to_pay(App& app) {
  auto const customer = app.value("SELECT stripe_customer_id FROM customers WHERE id = 1");
  auto const failing = app.at_stripe("/v1/payment_methods/pm_card_chargeCustomerFail/attach",
                                     {{"customer", customer}});
  auto const path = "/v1/subscriptions/" + subscription(app);
  REQUIRE(app.at_stripe(path, {{"default_payment_method", failing["id"]}}).status == 200);
  auto const billed =
      app.at_stripe(path, {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}});
  REQUIRE_MESSAGE(billed["status"] == "past_due", billed.body);
  app.settle();
  return billed["latest_invoice"];
}
}  // namespace

TEST_CASE("a link is mailed to who is known, none while one waits, and the answer does not tell") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme());
  app.sign_up(acme({{"email", "looker@example.com"}, {"subdomain", "looks"}}));  // never paid
  auto const known = portal_link({{"email", "ADA@acme.example"}});
  CHECK(known.status == 200);
  for (Json const& unknown : std::vector<Json>{{{"email", "nobody@example.com"}},
                                               {{"email", "looker@example.com"}},
                                               {{"subdomain", "nobody"}},
                                               {{"token", "no-such-token"}}}) {
    auto const reply = portal_link(unknown);
    CHECK(reply.status == known.status);
    CHECK(reply.body == known.body);
  }
  app.work();
  CHECK(app.rows("SELECT recipient FROM mails WHERE template = 'portal_link'") ==
        Rows{"ada@acme.example"});
  // By any way it is the same customer's hour.
  portal_link({{"subdomain", "acme"}});
  portal_link({{"token", newest_portal_link(app)}});
  app.work();
  CHECK(links(app) == "1");
  hour_later(app);
  portal_link({{"subdomain", "acme"}});
  app.work();
  CHECK(links(app) == "2");
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'portal_link_sent' AND "
                  "actor_kind = 'visitor' AND customer_id = 1") == "2");
  // What opens the page lies nowhere but in its mail.
  CHECK(app.value("SELECT count(*) FROM portal_links WHERE token_hash = '" +
                  newest_portal_link(app) + "'") == "0");
  CHECK(app.value("SELECT count(*) FROM jobs WHERE payload::text LIKE '%" +
                  newest_portal_link(app) + "%'") == "0");

  SUBCASE("staff send one at any time") {
    app.as(Role::support).post("/api/tenants/ten_1/portal-link", nullptr);
    app.work();
    CHECK(links(app) == "3");
    CHECK(app.value("SELECT actor FROM activity WHERE kind = 'portal_link_sent' ORDER BY id DESC "
                    "LIMIT 1") == App::email_of(Role::support));
    CHECK(app.as(Role::support).post("/api/tenants/ten_9/portal-link", nullptr)["code"] ==
          "tenant_not_found");
  }
  SUBCASE("what is no question is refused") {
    CHECK(portal_link({{"email", "no address"}}).problem_of("/email") != "");
    CHECK(portal_link(boost::json::object{}).wrong_fields() == "/email");
    CHECK(portal_link({{"email", "ada@acme.example"}, {"subdomain", "acme"}}).status == 422);
    CHECK(portal_link({{"token", std::string(101, 'x')}}).wrong_fields() == "/token");
  }
  SUBCASE("and nobody asks again and again") {
    auto const one = portal_visitor();
    int refused = 0;
    for (int i = 0; i < 8; ++i)
      refused += one.post("/api/portal/links", {{"email", "nobody@example.com"}}).status == 429;
    CHECK(refused > 0);
  }
}

TEST_CASE("a link opens the page once, in one browser, for an hour") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme());
  portal_link({{"email", "ada@acme.example"}});
  app.work();
  auto const token = newest_portal_link(app);
  // Looking at it changes nothing, and its address is told to nobody.
  auto const page = portal_visitor().get("/portal/" + token, {"Accept: text/html"});
  CHECK(page.status == 200);
  CHECK(page.header("referrer-policy") == "no-referrer");
  CHECK(page.header("set-cookie") == "");
  auto const opened = spend_link(token);
  CHECK(opened.status == 204);
  auto const cookie = opened.header("set-cookie");
  for (auto const* part : {"__Host-portal=", "; HttpOnly", "; Secure", "; SameSite=Strict",
                           "; Path=/;", "Max-Age=3600"})
    CHECK_MESSAGE(cookie.find(part) != std::string::npos, cookie);
  auto const browser = portal_visitor().with({"Cookie: " + cookie.substr(0, cookie.find(';'))});
  CHECK(browser.get("/api/portal")["company"] == "Acme Ltd");

  SUBCASE("used twice, here or where it was forwarded to, it is over") {
    auto const again = spend_link(token);
    CHECK(again.status == 410);
    CHECK(again["code"] == "portal_link_over");
    CHECK(again.header("set-cookie") == "");
    CHECK(browser.get("/api/portal").status == 200);
    // The same customer gets a new one, whoever holds the old one, and need not wait for it.
    CHECK(portal_link({{"token", token}})["accepted"] == "true");
    app.work();
    CHECK(newest_portal_link(app) != token);
    CHECK(spend_link(newest_portal_link(app)).status == 204);
  }
  SUBCASE("two who spend it at once do not both come in") {
    hour_later(app);
    portal_link({{"email", "ada@acme.example"}});
    app.work();
    auto const next = newest_portal_link(app);
    int in[2] = {};
    std::thread other{[&] { in[0] = spend_link(next).status; }};
    in[1] = spend_link(next).status;
    other.join();
    CHECK(std::min(in[0], in[1]) == 204);
    CHECK(std::max(in[0], in[1]) == 410);
  }
  SUBCASE("after an hour it is over unused") {
    hour_later(app);
    portal_link({{"email", "ada@acme.example"}});
    app.work();
    hour_later(app);
    CHECK(spend_link(newest_portal_link(app))["code"] == "portal_link_over");
  }
  SUBCASE("what was never a link is said to be none") {
    CHECK(spend_link("no-such-token")["code"] == "portal_link_not_found");
    CHECK(spend_link("").status == 422);
    CHECK(spend_link(std::string(101, 'x')).status == 422);
  }
  SUBCASE("the page closes by itself") {
    app.run("UPDATE portal_sessions SET expires_at = now()");
    CHECK(browser.get("/api/portal").status == 401);
    CHECK(browser.get("/api/portal")["code"] == "portal_session_over");
  }
  SUBCASE("and by its customer") {
    CHECK(browser.send("DELETE", "/api/portal/session", "", {}).status == 204);
    CHECK(browser.get("/api/portal").status == 401);
    CHECK(resume(browser).status == 401);
  }
  SUBCASE("another site's page cannot use it") {
    for (auto const& reply :
         {browser.post("/api/portal/tenants/ten_1/cancellation", {{"feedback", "other"}},
                       {"Origin: https://evil.example"}),
          browser.post("/api/portal/card", {{"customer_id", "cus_1"}},
                       {"Origin: https://evil.example"})})
      CHECK(reply["code"] == "cross_site_request");
    CHECK(at_stripe(app)["cancel_at_period_end"] == "false");
  }
  // Whoever did it stands in the trail as the customer.
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'portal.opened' AND actor = "
                  "'cus_1' AND target = 'cus_1'") != "0");
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'portal_opened' AND actor_kind = "
                  "'customer' AND customer_id = 1") != "0");
}

TEST_CASE("the page shows what its customer has, and nobody else's") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme());
  app.sign_up_and_pay(bob());
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  auto const ada = open_portal(app), his = open_portal(app, "bob@example.com");
  auto const seen = ada.get("/api/portal");
  CHECK(seen["name"] == "Ada Smith");
  CHECK(seen.json.at("tenants").as_array().size() == 1);
  CHECK(seen["tenants.0.id"] == "ten_1");
  CHECK(seen["tenants.0.standing"] == "runs");
  CHECK(seen["tenants.0.plan"] == "Team");
  CHECK(seen["tenants.0.subscription.amount"] == "4900");
  CHECK(seen["tenants.0.subscription.interval"] == "month");
  CHECK(seen["tenants.0.subscription.may_cancel"] == "true");
  CHECK(seen["tenants.0.subscription.may_resume"] == "false");
  CHECK(seen["tenants.0.last_backup_at"] == "null");
  CHECK(seen["tenants.0.next.0.what"] == "renewal");
  CHECK(seen["payment_methods.0.last4"] == "4242");
  CHECK(seen["payment_methods.0.is_default"] == "true");
  CHECK(seen["payment_methods.0.expiry_year"] == "2034");
  CHECK(seen["may_change_card"] == "true");
  CHECK(his.get("/api/portal")["tenants.0.id"] == "ten_2");

  auto const invoices = ada.get("/api/portal/invoices");
  REQUIRE(invoices.json.at("data").as_array().size() == 1);
  auto const invoice = invoices["data.0.id"];
  CHECK(invoices["data.0.status"] == "paid");
  CHECK(invoices["data.0.amount"] == "4900");
  CHECK(invoices["data.0.pay_url"] == "null");
  auto const path = "/api/portal/invoices/" + invoice + "/pdf";
  auto const document = ada.get(path);
  CHECK(document.status == 200);
  CHECK(document.body.starts_with("%PDF"));
  CHECK(document.header("content-disposition").find("attachment") != std::string::npos);

  // Another customer's are not there.
  CHECK(his.get(path)["code"] == "invoice_not_found");
  CHECK(cancel(his)["code"] == "tenant_not_found");
  CHECK(resume(his)["code"] == "tenant_not_found");
  CHECK(cancel(his, "ten_999")["code"] == "tenant_not_found");
  CHECK(his.get("/api/portal/invoices/inv_999/pdf").status == 404);
  CHECK(at_stripe(app)["cancel_at_period_end"] == "false");
  // And to nobody without a session, staff included.
  for (auto const& caller : {portal_visitor(), app.as(Role::owner)}) {
    CHECK(caller.get("/api/portal").status == 401);
    CHECK(caller.get("/api/portal/invoices").status == 401);
    CHECK(caller.get(path).status == 401);
    CHECK(cancel(caller).status == 401);
    CHECK(resume(caller).status == 401);
    CHECK(caller.post("/api/portal/card", {{"customer_id", "cus_1"}}).status == 401);
    CHECK(caller.post("/api/portal/card/refresh", nullptr).status == 401);
  }
  CHECK(ada.get("/api/portal/invoices/" + subscription(app) + "/pdf").status >= 400);
  CHECK(cancel(ada, "ten_1", "no_such_reason").wrong_fields() == "/feedback");
  CHECK(ada.post("/api/portal/tenants/ten_1/cancellation", boost::json::object{}).wrong_fields() ==
        "/feedback");
  CHECK(ada.post("/api/portal/tenants/ten_1/cancellation",
                 {{"feedback", "other"}, {"comment", std::string(501, 'x')}})
            .wrong_fields() == "/comment");
}

TEST_CASE("a tenant ends when all of its subscriptions do, and a lost answer is made up for") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme());
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  auto const browser = open_portal(app);
  auto const told = [&] {
    return app.value("SELECT count(*) FROM mails WHERE template = 'subscription_cancelled'") + " " +
           app.value("SELECT count(*) FROM activity WHERE kind = 'cancellation_requested'");
  };
  auto const shown = [&](std::string const& member) {
    return browser.get("/api/portal")["tenants.0.subscription." + member];
  };
  SUBCASE("of two, one goes on") {
    subscribe(app, "ten_1");
    REQUIRE(app.at_stripe(
                   "/v1/subscriptions/" +
                       app.value(
                           "SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1"),
                   {{"cancel_at_period_end", "true"}})
                .status == 200);
    app.settle();
    CHECK(shown("ends_at") == "null");
    CHECK(shown("may_cancel") == "true");
    CHECK(shown("may_resume") == "true");
    auto const ended = cancel(browser);
    CHECK(ended.status == 200);
    CHECK(ended["ends_at"] != "null");
    CHECK(shown("ends_at") == ended["ends_at"]);
    CHECK(shown("may_cancel") == "false");
    CHECK(resume(browser)["ends_at"] == "null");
    CHECK(shown("may_resume") == "false");
  }
  SUBCASE("done at Stripe without an answer") {
    // As the request leaves it whose answer is lost, or whose process dies.
    REQUIRE(
        app.at_stripe("/v1/subscriptions/" + subscription(app), {{"cancel_at_period_end", "true"}})
            .status == 200);
    CHECK(told() == "0 0");
    for (int again = 0; again < 2; ++again) {
      CHECK(cancel(browser).status == 200);
      CHECK(told() == "1 1");
    }
  }
}

TEST_CASE("what is open is shown with the way to pay it and what comes next") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme());
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  fail_to_pay(app);
  auto const browser = open_portal(app);
  auto const invoices = browser.get("/api/portal/invoices");
  CHECK(invoices["data.0.status"] == "open");
  CHECK(invoices["data.0.amount_remaining"] == "4900");
  CHECK(invoices["data.0.pay_url"] ==
        app.value("SELECT hosted_invoice_url FROM billing_invoices WHERE status = 'open'"));
  // What staff are told comes next, without what was done and what they agreed among themselves.
  REQUIRE(app.as(Role::finance)
              .send("PUT", "/api/customers/cus_1/dunning",
                    R"({"is_paused":false,"not_before":null,"note":"rings twice a day"})",
                    {"Content-Type: application/json", "If-Match: \"0\""})
              .status == 200);
  auto const page = browser.get("/api/portal");
  CHECK(page.body.find("rings twice") == std::string::npos);
  auto const staff = app.as(Role::finance).get("/api/tenants/ten_1/what-happens-next");
  Rows told, known;
  for (auto const& step : page.json.at("tenants").at(0).at("next").as_array())
    told.push_back(Reply::text(step, "what") + " " + Reply::text(step, "at"));
  for (auto const& step : staff.json.at("data").as_array())
    if (Reply::text(step, "progress") == "coming" || Reply::text(step, "progress") == "waiting")
      known.push_back(Reply::text(step, "what") + " " + Reply::text(step, "at"));
  CHECK(told.size() > 3);
  // Steps that are due stand at the moment of asking.
  CHECK(told.size() == known.size());
  CHECK(told.back() == known.back());

  SUBCASE("cancelling says nothing of what is owed") {
    CHECK(cancel(browser).status == 200);
    CHECK(browser.get("/api/portal/invoices")["data.0.status"] == "open");
    CHECK(app.value("SELECT position('remains to be paid' IN body) > 0 FROM mails WHERE template = "
                    "'subscription_cancelled'") == "t");
  }
  SUBCASE("another card is charged from then on, and what was open at once") {
    auto const page_of_stripe = browser.post("/api/portal/card", {{"customer_id", "cus_1"}});
    REQUIRE_MESSAGE(page_of_stripe.status == 200, page_of_stripe.body);
    CHECK(browser.get("/api/portal")["is_card_awaited"] == "true");
    CHECK(browser.get("/api/portal")["is_card_given"] == "false");
    CHECK(browser.get("/api/portal")["customer_id"] == "cus_1");
    // In another tab another customer's page may have been opened since.
    CHECK(browser.post("/api/portal/card", {{"customer_id", "cus_2"}})["code"] ==
          "portal_session_over");
    SUBCASE("when its giver comes back") {
      CHECK(app.pay(page_of_stripe["url"], "5555 5555 5555 4444").reply.status == 303);
      CHECK(browser.post("/api/portal/card/refresh", nullptr).status == 204);
    }
    SUBCASE("when they do not") {
      CHECK(app.pay(page_of_stripe["url"], "5555 5555 5555 4444").reply.status == 303);
      app.hurry("portal.use_card");
    }
    app.settle();
    auto const after = browser.get("/api/portal");
    CHECK(after["is_card_awaited"] == "false");
    CHECK(after["is_card_given"] == "true");
    CHECK(after["payment_methods.0.last4"] == "4444");
    CHECK(after["payment_methods.0.is_default"] == "true");
    CHECK(after["payment_methods.1.is_default"] == "false");
    CHECK(browser.get("/api/portal/invoices")["data.0.status"] == "paid");
    CHECK(at_stripe(app)["status"] == "active");
    CHECK(app.rows("SELECT actor, data->>'last4' FROM activity WHERE kind = "
                   "'payment_method_chosen'") == Rows{"cus_1|4444"});
    // Heard of again, it changes nothing.
    browser.post("/api/portal/card/refresh", nullptr);
    app.settle();
    CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'payment_method_chosen'") == "1");
  }
  SUBCASE("who turns round on Stripe's page keeps the card, and of two pages the last one counts") {
    auto const first = browser.post("/api/portal/card", {{"customer_id", "cus_1"}});
    auto const second = browser.post("/api/portal/card", {{"customer_id", "cus_1"}});
    REQUIRE(second.status == 200);
    CHECK(app.pay(first["url"]).reply.status != 303);
    browser.post("/api/portal/card/refresh", nullptr);
    app.work();
    CHECK(browser.get("/api/portal")["payment_methods.0.last4"] != "4444");
    CHECK(browser.get("/api/portal")["is_card_given"] == "false");
    CHECK(app.value("SELECT count(*) FROM portal_card_pages WHERE closed_at IS NULL") == "1");
    CHECK(app.pay(second["url"], "5555 5555 5555 4444").reply.status == 303);
    browser.post("/api/portal/card/refresh", nullptr);
    app.settle();
    CHECK(browser.get("/api/portal")["payment_methods.0.last4"] == "4444");
  }
  SUBCASE("a card that could not be taken over is not called given, and is taken over later") {
    auto const page_of_stripe = browser.post("/api/portal/card", {{"customer_id", "cus_1"}});
    REQUIRE(app.pay(page_of_stripe["url"], "5555 5555 5555 4444").reply.status == 303);
    app.break_stripe(500, 500, "/v1/checkout/sessions");
    for (int attempt = 0; attempt < 12; ++attempt) {
      app.hurry("portal.use_card");
      app.work();
    }
    CHECK(app.jobs("portal.use_card") == Rows{"dead"});
    CHECK(browser.get("/api/portal")["is_card_given"] == "false");
    app.stripe("DELETE", "/v1/test_helpers/faults");
    REQUIRE(browser.post("/api/portal/card/refresh", nullptr).status == 204);
    app.settle();
    CHECK(browser.get("/api/portal")["is_card_given"] == "true");
    CHECK(browser.get("/api/portal")["payment_methods.0.last4"] == "4444");
  }
  SUBCASE("without Stripe nothing is begun") {
    app.break_stripe(500, 50);
    CHECK(browser.post("/api/portal/card", {{"customer_id", "cus_1"}})["code"] ==
          "stripe_unavailable");
    CHECK(cancel(browser)["code"] == "stripe_unavailable");
    CHECK(app.value("SELECT count(*) FROM portal_card_pages") == "0");
    CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'cancellation_requested'") == "0");
  }
}

TEST_CASE("a subscription is cancelled with its period, and kept again until then") {
  auto app = App::fresh({.sandbox = true});
  PortalDoor const door{app};
  app.sign_up_and_pay(acme());
  app.run("UPDATE tenants SET state = 'live', live_at = now()");
  add_second_tenant(app);
  auto const browser = open_portal(app);
  auto const before = at_stripe(app).body, mrr = app.mrr();
  auto const other = at_stripe(app, 2).body;
  auto const row = app.value("SELECT s::text FROM subscriptions AS s WHERE tenant_id = 1");

  auto const done = cancel(browser);
  REQUIRE_MESSAGE(done.status == 200, done.body);
  auto const now = at_stripe(app);
  CHECK(now["cancel_at_period_end"] == "true");
  CHECK(now["status"] == "active");
  CHECK(now["cancellation_details.feedback"] == "too_expensive");
  CHECK(now["cancellation_details.comment"] == "Too much for us.");
  // The other tenant of the same customer goes on.
  CHECK(at_stripe(app, 2).body == other);
  auto const page = browser.get("/api/portal");
  CHECK(page["tenants.1.id"] == "ten_1");
  CHECK(page["tenants.1.subscription.ends_at"] == page["tenants.1.subscription.period_ends_at"]);
  CHECK(page["tenants.1.subscription.may_cancel"] == "false");
  CHECK(page["tenants.1.subscription.may_resume"] == "true");
  CHECK(page["tenants.1.next.0.what"] == "subscription_end");
  CHECK(page["tenants.1.standing"] == "runs");
  CHECK(page["tenants.0.subscription.may_cancel"] == "true");
  CHECK(done["ends_at"] == page["tenants.1.subscription.ends_at"]);
  CHECK(app.mrr() == mrr);
  // Asked for again it stays as it is, and nobody is written to twice.
  CHECK(cancel(browser, "ten_1", "other").status == 200);
  CHECK(at_stripe(app)["cancellation_details.feedback"] == "too_expensive");
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'subscription_cancelled'") == "1");
  CHECK(app.rows("SELECT actor, tenant_id, data->>'feedback' FROM activity WHERE kind = "
                 "'cancellation_requested'") == Rows{"cus_1|1|too_expensive"});
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'portal.subscription_cancelled' "
                  "AND actor = 'cus_1' AND target = 'ten_1'") == "2");

  SUBCASE("taken back, everything is as it was") {
    auto const kept = resume(browser);
    CHECK(kept.status == 200);
    CHECK(kept["ends_at"] == "null");
    CHECK(at_stripe(app).body == before);
    app.settle();
    CHECK(app.value("SELECT s::text FROM subscriptions AS s WHERE tenant_id = 1") == row);
    CHECK(app.mrr() == mrr);
    CHECK(resume(browser).status == 200);
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'subscription_resumed'") == "1");
    CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'cancellation_taken_back'") == "1");
  }
  SUBCASE("whoever does both at once ends with one of them, and we know which") {
    std::vector<std::thread> askers;
    for (int i = 0; i < 4; ++i)
      askers.emplace_back([&, i] { i % 2 ? cancel(browser) : resume(browser); });
    for (auto& asker : askers) asker.join();
    app.settle();
    CHECK(app.value("SELECT cancel_at_period_end FROM subscriptions WHERE tenant_id = 1") ==
          (at_stripe(app)["cancel_at_period_end"] == "true" ? "t" : "f"));
    CHECK(at_stripe(app, 2).body == other);
  }
  SUBCASE("at the end its tenant is suspended, and there is nothing left to keep") {
    REQUIRE(app.stripe("DELETE", "/v1/subscriptions/" + subscription(app)).status == 200);
    app.settle();
    CHECK(resume(browser)["code"] == "nothing_to_resume");
    CHECK(cancel(browser)["code"] == "nothing_to_cancel");
    CHECK(browser.get("/api/portal")["tenants.1.standing"] == "ended");
    CHECK(browser.get("/api/portal")["tenants.0.standing"] == "runs");
  }
  SUBCASE("an end that staff have set is theirs") {
    resume(browser);
    auto const at = std::to_string(clock_source::unix_seconds(clock_source::now()) + 86'400);
    REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app), {{"cancel_at", at}}).status ==
            200);
    app.settle();
    CHECK(resume(browser)["code"] == "nothing_to_resume");
    CHECK(cancel(browser)["ends_at"] != "null");
    CHECK(at_stripe(app)["cancel_at"] == at);
    CHECK(at_stripe(app)["cancel_at_period_end"] == "false");
    auto const shown = browser.get("/api/portal");
    CHECK(shown["tenants.1.subscription.may_cancel"] == "false");
    CHECK(shown["tenants.1.subscription.ends_at"] != "null");
  }
}
