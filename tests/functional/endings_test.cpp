// The end of a tenant is the end of its bill.
#include <doctest/doctest.h>

#include "billing/comparison.hpp"
#include "provisioning/jobs.hpp"
#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

std::string state(App const& app) { return app.value("SELECT state FROM tenants WHERE id = 1"); }
std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}
/// The subscription as Stripe has it.
Reply at_stripe(App const& app) {
  return app.stripe("GET", "/v1/subscriptions/" + subscription(app));
}
Reply remove(App& app, std::string const& more = "") {
  auto reply = app.as(Role::admin)
                   .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme" + more, "", {});
  app.settle();
  return reply;
}
Reply act(App& app, std::string const& verb, boost::json::object const& body = {}) {
  auto reply = app.as(Role::admin).post("/api/tenants/ten_1/" + verb, body);
  app.settle();
  return reply;
}
std::string mail_of_the_end(App const& app) {
  return app.value("SELECT coalesce(max(body), '') FROM mails WHERE template = 'tenant_ends'");
}
std::string refunded(App const& app) {
  return app.value("SELECT coalesce(sum(amount), 0) FROM billing_refunds");
}
void compare(App& app) {
  app.enqueue(billing::Compare{});
  app.work();
}
Rows findings(App& app) {
  Rows out;
  auto const page = app.as(Role::finance).get("/api/billing/findings");
  for (auto const& row : page.json.at("data").as_array())
    out.push_back(Reply::text(row, "kind") + " " + Reply::text(row, "tenant_id"));
  return out;
}
std::string attention(App& app) { return app.as(Role::auditor).get("/api/dashboard/metrics").body; }
}  // namespace

TEST_CASE("what bills for a deleted tenant ends with its period, and goes on when it comes back") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  REQUIRE(state(app) == "live");
  auto const asked = remove(app);
  CHECK(asked.status == 200);
  CHECK(asked["billing"] == "period_end");
  CHECK(asked["message"].ends_with("Its subscription ends with the period that is paid."));
  REQUIRE(state(app) == "archived");
  CHECK(at_stripe(app)["cancel_at_period_end"] == "true");
  CHECK(refunded(app) == "0");
  CHECK(app.value("SELECT cancel_at_period_end FROM subscriptions") == "t");
  CHECK(mail_of_the_end(app).find("ends on 20") != std::string::npos);
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'billing_ended'") == "1");

  SUBCASE("restored") {
    CHECK(act(app, "restore").status == 200);
    CHECK(state(app) == "live");
    CHECK(at_stripe(app)["cancel_at_period_end"] == "false");
    CHECK(at_stripe(app)["status"] == "active");
  }
  SUBCASE("purged") {
    CHECK(act(app, "purge", {{"confirm", "acme"}}).status == 200);
    CHECK(state(app) == "purged");
    CHECK(at_stripe(app)["status"] == "canceled");
  }
  SUBCASE("purged when the archive's time is over") {
    app.run("UPDATE tenants SET state_deadline = now() - interval '1 minute'");
    app.enqueue(provisioning::Watch{});
    app.settle();
    CHECK(state(app) == "purged");
    CHECK(at_stripe(app)["status"] == "canceled");
  }
  SUBCASE("not purged while Stripe cannot be asked to end it") {
    auto const address = std::exchange(app.settings.stripe_api_base, "http://127.0.0.1:1");
    CHECK(app.as(Role::admin).post("/api/tenants/ten_1/purge", {{"confirm", "acme"}}).status ==
          200);
    for (int again = 0; again < 3; ++again) {
      app.work();
      app.hurry("tenants.%");
    }
    CHECK(state(app) == "purging");
    CHECK(app.value("SELECT count(*) FROM tenant_resources WHERE state <> 'gone'") != "0");
    app.settings.stripe_api_base = address;
    for (int again = 0; again < 2; ++again) {
      app.hurry("tenants.%");
      app.settle();
    }
    CHECK(state(app) == "purged");
    CHECK(at_stripe(app)["status"] == "canceled");
  }
  SUBCASE("purged though Stripe has forgotten its subscription") {
    app.run("DELETE FROM stripe_sandbox.objects WHERE type = 'subscription'");
    CHECK(act(app, "purge", {{"confirm", "acme"}}).status == 200);
    CHECK(state(app) == "purged");
    CHECK(app.value("SELECT status FROM subscriptions") == "canceled");
  }
  SUBCASE("ended now after all, with the rest given back") {
    CHECK(remove(app, "&ends=now&refund=unused")["billing"] == "now");
    CHECK(at_stripe(app)["status"] == "canceled");
    CHECK(refunded(app) != "0");
  }
}

TEST_CASE("a deletion ends the subscription now and gives back what was not used, when told so") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  CHECK(remove(app, "&refund=unused").problem_of("?refund") == "needs_end_now");
  CHECK(remove(app, "&ends=sometime").wrong_fields() == "?ends");
  CHECK(at_stripe(app)["cancel_at_period_end"] == "false");
  SUBCASE("refunded") {
    CHECK(remove(app, "&ends=now&refund=unused")["billing"] == "now");
    CHECK(at_stripe(app)["status"] == "canceled");
    CHECK(std::stoi(refunded(app)) > 4890);
    CHECK(std::stoi(refunded(app)) <= 4900);
    CHECK(mail_of_the_end(app).find("We give €4") != std::string::npos);
    CHECK(app.value("SELECT count(*) FROM mails WHERE template IN ('payment_needed', "
                    "'subscription_over')") == "0");
  }
  SUBCASE("not refunded") {
    remove(app, "&ends=now");
    CHECK(at_stripe(app)["status"] == "canceled");
    CHECK(refunded(app) == "0");
    CHECK(state(app) == "archived");
  }
  SUBCASE("once, though Stripe failed in between") {
    app.break_stripe(500, 1, "/v1/refunds");
    remove(app, "&ends=now&refund=unused");
    CHECK(refunded(app) == "0");
    app.hurry("tenants.end_billing");
    app.settle();
    CHECK(std::stoi(refunded(app)) > 4890);
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'tenant_ends'") == "1");
  }
}

TEST_CASE("what ended now and comes back from the archive stands still until it is paid for anew") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  remove(app, "&ends=now");
  REQUIRE(state(app) == "archived");
  REQUIRE(app.value("SELECT reason FROM tenant_holds WHERE reason = 'billing'") == "billing");
  CHECK(act(app, "restore").status == 200);
  CHECK(state(app) == "suspended");
  CHECK(app.rows("SELECT reason FROM tenant_holds") == Rows{"billing"});
  // Its owner hears at once where, and whoever comes to its address can ask for it.
  auto const mail = app.value("SELECT body FROM mails WHERE template = 'subscription_over'");
  auto const at = mail.find("http://127.0.0.1");
  REQUIRE(at != std::string::npos);
  CHECK(app.pay(mail.substr(at, mail.find('\n', at) - at)).reply.status == 303);
  app.settle();
  CHECK(state(app) == "live");
  CHECK(app.tenant("acme").get("/").header("x-tenant-id") == "ten_1");
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
}

TEST_CASE("a deletion that was taken back before Stripe was asked ends nothing") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const admin = app.as(Role::admin);
  REQUIRE(admin.send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme&ends=now", "", {})
              .status == 200);
  REQUIRE(admin.post("/api/tenants/ten_1/resume", boost::json::object{}).status == 200);
  app.settle();
  CHECK(state(app) == "live");
  CHECK(at_stripe(app)["status"] == "active");
  CHECK(mail_of_the_end(app).empty());
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'tenant_goes_on'") == "0");
}

TEST_CASE("of two who end it at the same time the second hears what stands") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const end = [&](std::string const& more) {
    return app.as(Role::admin)
        .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme" + more, "", {});
  };
  SUBCASE("now cannot become later") {
    CHECK(end("&ends=now&refund=unused").status == 200);
    for (auto const* other : {"&ends=period_end", "&ends=now"}) {
      auto const second = end(other);
      CHECK(second.status == 409);
      CHECK(second["code"] == "end_chosen");
      CHECK(second["ends"] == "now");
      CHECK(second["refund"] == "unused");
    }
    CHECK(end("&ends=now&refund=unused").status == 200);
  }
  SUBCASE("later can become now") {
    CHECK(end("&ends=period_end").status == 200);
    CHECK(end("&ends=now&refund=unused")["billing"] == "now");
  }
  app.settle();
  CHECK(at_stripe(app)["status"] == "canceled");
  CHECK(std::stoi(refunded(app)) > 4890);
  // Nothing bills any more: there is nothing left to choose.
  auto const late = end("&ends=period_end");
  CHECK(late.status == 200);
  CHECK(late["billing"] == "null");
}

TEST_CASE("an end that was mailed and taken back is mailed, too") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const mails = [&] {
    return app.rows(
        "SELECT template FROM mails WHERE template IN ('tenant_ends', 'tenant_goes_on') ORDER BY "
        "id");
  };
  std::string words = "goes on as before";
  SUBCASE("its subscription goes on") { remove(app); }
  SUBCASE("its subscription is over") {
    remove(app, "&ends=now");
    words = "has ended";
  }
  CHECK(act(app, "restore").status == 200);
  CHECK(mails() == Rows{"tenant_ends", "tenant_goes_on"});
  auto const body = app.value("SELECT body FROM mails WHERE template = 'tenant_goes_on'");
  CHECK(body.find(words) != std::string::npos);
  // Another choice is free again.
  remove(app, "&ends=period_end");
  CHECK(mails().size() == (words == "has ended" ? 2 : 3));
}

TEST_CASE("archiving says what becomes of the money, too") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  REQUIRE(app.as(Role::admin).send("DELETE", "/api/tenants/ten_1?action=suspend", "", {}).status ==
          200);
  app.settle();
  REQUIRE(state(app) == "suspended");
  CHECK(at_stripe(app)["cancel_at_period_end"] == "false");
  CHECK(act(app, "archive", {{"refund", "unused"}}).wrong_fields() == "/refund");
  CHECK(act(app, "archive", {{"ends", "now"}}).status == 200);
  CHECK(state(app) == "archived");
  CHECK(at_stripe(app)["status"] == "canceled");
}

TEST_CASE("the nightly comparison heals what was lost and shows what does not agree") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  app.run(
      "UPDATE tenants SET state = 'live', live_at = now(), state_since = now() - interval '2 "
      "hours'; UPDATE subscriptions SET started_at = now() - interval '2 hours'");
  compare(app);
  CHECK(findings(app).empty());

  SUBCASE("an end that nobody told us of") {
    REQUIRE(app.stripe("DELETE", "/v1/subscriptions/" + subscription(app)).status == 200);
    compare(app);
    CHECK(app.value("SELECT status FROM subscriptions") == "canceled");
    CHECK(app.value("SELECT reason FROM tenant_holds") == "billing");
  }
  SUBCASE("a subscription that Stripe has forgotten") {
    app.run("DELETE FROM stripe_sandbox.objects WHERE type = 'subscription'");
    compare(app);
    CHECK(app.value("SELECT status FROM subscriptions") == "canceled");
    CHECK(app.mrr() == "0");
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'subscription_over'") == "1");
  }
  SUBCASE("a key of another account, where nothing of ours is") {
    app.run("DELETE FROM stripe_sandbox.objects WHERE type IN ('subscription', 'customer')");
    compare(app);
    CHECK(app.value("SELECT status FROM subscriptions") == "active");
    CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
    CHECK(
        app.value("SELECT last_error FROM jobs WHERE kind LIKE 'billing.compare%' ORDER BY id DESC "
                  "LIMIT 1")
            .find("another account") != std::string::npos);
  }
  SUBCASE("a subscription that nobody told us of") {
    app.run("TRUNCATE subscriptions CASCADE");
    compare(app);
    CHECK(app.rows("SELECT status, tenant_id FROM subscriptions") == Rows{"active|1"});
  }
  SUBCASE("one that pays for nothing") {
    app.run("UPDATE tenants SET state = 'purged'");
    compare(app);
    CHECK(findings(app) == Rows{"subscription_for_nothing ten_1"});
    CHECK(attention(app).find("\"subscription_for_nothing\"") != std::string::npos);
    auto const finance = app.as(Role::finance);
    for (auto const* query : {"kind=subscription_for_nothing", "q=ACME", "q=sub_"}) {
      CAPTURE(query);
      auto const page = finance.get(std::string{"/api/billing/findings?"} + query);
      CHECK(page["data.0.subdomain"] == "acme");
      CHECK(page["data.0.tenant_state"] == "purged");
      CHECK(page["data.0.stripe_url"] == app.settings.stripe_api_base + "/sandbox");
      CHECK(page["data.0.message.code"] == "tenant_is");
      CHECK(page["data.0.message.parameters.state"] == "purged");
      CHECK(page["data.0.message.text"] == "its tenant is purged");
    }
    for (auto const* query : {"kind=tenant_pays_twice", "q=nobody%25"})
      CHECK(finance.get(std::string{"/api/billing/findings?"} + query)["data.0.id"].empty());
    CHECK(app.as(Role::support).get("/api/billing/findings").status == 403);
    compare(app);
    CHECK(findings(app).size() == 1);
    app.run("UPDATE tenants SET state = 'live'");
    compare(app);
    CHECK(findings(app).empty());
    CHECK(attention(app).find("\"subscription_for_nothing\"") == std::string::npos);
  }
  SUBCASE("one of a customer who is nobody of ours, though it names a tenant") {
    app.run(
        "UPDATE stripe_sandbox.objects SET data = jsonb_set(data::jsonb, '{created}', "
        "to_jsonb((data ->> 'created')::bigint - 7200))::json WHERE type = 'subscription'; "
        "TRUNCATE subscriptions CASCADE; UPDATE customers SET stripe_customer_id = NULL");
    compare(app);
    CHECK(findings(app) ==
          Rows{"tenant_without_subscription ten_1", "subscription_for_nothing null"});
    CHECK(app.rows("SELECT message ->> 'code' FROM billing_findings ORDER BY kind") ==
          Rows{"customer_of_nobody", "tenant_is"});
  }
  SUBCASE("a tenant that runs without one") {
    REQUIRE(app.stripe("DELETE", "/v1/subscriptions/" + subscription(app)).status == 200);
    app.settle();
    app.run(
        "DELETE FROM tenant_holds; UPDATE tenants SET state = 'live', state_since = now() - "
        "interval '2 hours'");
    compare(app);
    CHECK(findings(app) == Rows{"tenant_without_subscription ten_1"});
    CHECK(attention(app).find("/admin/tenants/ten_1/config") != std::string::npos);
  }
}
