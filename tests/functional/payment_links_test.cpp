// The way back for a tenant that stands still because of money.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

tenants::TenantId const first{1};

/// A tenant that is stopped for money, with an invoice that is open at Stripe. Returns its address.
std::string stop_for_money(App& app) {
  app.sign_up_and_pay(acme());
  auto const customer = app.value("SELECT stripe_customer_id FROM customers");
  http_client::Form item;
  item.add("customer", customer).add("currency", "eur").add("amount", 1900);
  REQUIRE(app.stripe("POST", "/v1/invoiceitems", item).status == 200);
  http_client::Form invoice;
  invoice.add("customer", customer)
      .add("collection_method", "send_invoice")
      .add("days_until_due", 1)
      .add("pending_invoice_items_behavior", "include");
  auto const made = app.stripe("POST", "/v1/invoices", invoice);
  REQUIRE(made.status == 200);
  REQUIRE(app.stripe("POST", "/v1/invoices/" + made["id"] + "/finalize").status == 200);
  app.deliver_news();
  app.work();
  db::Connection connection{app.database.url()};
  db::transact(connection,
               [](db::Tx& tx) { tenants::place_hold(tx, first, tenants::Hold::billing, "test"); });
  app.work();
  REQUIRE(app.value("SELECT state FROM tenants") == "suspended");
  return app.value("SELECT hosted_invoice_url FROM billing_invoices WHERE status = 'open'");
}

std::string mails(App const& app) {
  return app.value("SELECT count(*) FROM mails WHERE template = 'payment_needed'");
}
}  // namespace

TEST_CASE(
    "the page of a stopped tenant leads to a mail with the invoice, once an hour, for its owner") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const link = stop_for_money(app);
  auto const page = app.tenant("acme").get("/");
  CHECK(page.status == 503);
  CHECK(page.body.find(app.settings.public_url + "/pay/acme\"") != std::string::npos);
  CHECK(page.body.find(link) == std::string::npos);

  for (int again = 0; again < 2; ++again) {
    auto const reply = app.visitor().post("/pay/acme", nullptr);
    CHECK(reply.status == 200);
    CHECK(reply["accepted"] == "true");
    CHECK(reply.body.find(link) == std::string::npos);
    app.work();
  }
  // Without a mail server nothing is on its way, and the page must not say so.
  CHECK(app.visitor().post("/pay/acme", nullptr)["mailed"] == "false");
  app.settings.smtp_url = "smtp://127.0.0.1:1";
  CHECK(app.visitor().post("/pay/acme", nullptr)["mailed"] == "true");
  app.settings.smtp_url.clear();
  app.work();
  CHECK(mails(app) == "1");
  CHECK(app.rows("SELECT recipient, position('" + link +
                 "' IN body) > 0 FROM mails WHERE template = 'payment_needed'") ==
        Rows{app.value("SELECT email FROM customers") + "|t"});
  // It stands in the story of the invoice that it is about.
  CHECK(app.as(Role::finance)
            .get("/api/billing/invoices/" +
                 app.value("SELECT 'inv_' || invoice_id FROM billing_invoice_mails"))
            .body.find("\"code\":\"payment_needed\"") != std::string::npos);
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'payment_link_sent'") == "1");
  app.run("UPDATE activity SET at = at - interval '61 minutes'");
  app.visitor().post("/pay/acme", nullptr);
  app.work();
  CHECK(mails(app) == "2");
}

TEST_CASE("who asks for a payment link learns nothing, and nobody is written to without a reason") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  for (auto const* path : {"/pay/acme", "/pay/nobody"}) {
    auto const reply = app.visitor().post(path, nullptr);
    CHECK(reply.status == 200);
    CHECK(reply["accepted"] == "true");
  }
  app.work();
  CHECK(mails(app) == "0");
}

namespace {

std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}
std::string state(App const& app) { return app.value("SELECT state FROM tenants WHERE id = 1"); }
std::string runs(App const& app) { return app.tenant("acme").get("/").header("x-tenant-id"); }
Rows mails_sent(App const& app) {
  return app.rows(
      "SELECT template FROM mails WHERE template NOT IN ('payment_received', 'tenant_ready') ORDER "
      "BY id");
}
/// An address in the newest mail of a template.
std::string link_in(App const& app, std::string const& name) {
  auto const body =
      app.value("SELECT body FROM mails WHERE template = '" + name + "' ORDER BY id DESC LIMIT 1");
  auto const at = body.find("http://127.0.0.1");
  return at == std::string::npos ? "" : body.substr(at, body.find('\n', at) - at);
}

/// A live tenant whose new period could not be charged. Returns the invoice.
std::string fail_to_pay(App& app, std::string const& after_retries = "canceled") {
  app.sign_up_and_pay(acme());
  REQUIRE(state(app) == "live");
  // The first payment is a while ago: Stripe's times are in seconds.
  app.run(
      "UPDATE stripe_sandbox.objects SET data = jsonb_set(data::jsonb, "
      "'{status_transitions,paid_at}', to_jsonb((data #>> '{status_transitions,paid_at}')::bigint "
      "- 300))::json WHERE type = 'invoice'; UPDATE billing_invoices SET paid_at = paid_at - "
      "interval '5 minutes'");
  auto const customer = app.value("SELECT stripe_customer_id FROM customers");
  auto const failing = app.at_stripe("/v1/payment_methods/pm_card_chargeCustomerFail/attach",
                                     {{"customer", customer}});
  REQUIRE(failing.status == 200);
  auto const path = "/v1/subscriptions/" + subscription(app);
  REQUIRE(app.at_stripe(path, {{"default_payment_method", failing["id"]},
                               {"metadata[sandbox_after_retries]", after_retries}})
              .status == 200);
  auto const billed =
      app.at_stripe(path, {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}});
  REQUIRE_MESSAGE(billed["status"] == "past_due", billed.body);
  app.settle();
  CHECK(state(app) == "live");
  return billed["latest_invoice"];
}

void cancel(App& app) {
  REQUIRE(app.stripe("DELETE", "/v1/subscriptions/" + subscription(app)).status == 200);
  // As if that had been a minute ago.
  app.run(
      "UPDATE stripe_sandbox.objects SET data = jsonb_set(data::jsonb, '{ended_at}', "
      "to_jsonb((data ->> 'ended_at')::bigint - 60))::json WHERE id = '" +
      subscription(app) + "'");
  app.run(
      "UPDATE stripe_sandbox.objects SET data = jsonb_set(data::jsonb, '{created}', "
      "to_jsonb((data ->> 'created')::bigint - 120))::json WHERE type = 'invoice'");
  app.run("UPDATE billing_invoices SET date = date - interval '2 minutes'");
}

void pay(App& app, std::string const& invoice) {
  auto const paid =
      app.at_stripe("/v1/invoices/" + invoice + "/pay", {{"payment_method", "pm_card_visa"}});
  REQUIRE_MESSAGE(paid.status == 200, paid.body);
}
}  // namespace

TEST_CASE("whose subscription has ended is sold a new one, for the same tenant") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const invoice = fail_to_pay(app);
  cancel(app);
  app.settle();
  REQUIRE(state(app) == "suspended");
  CHECK(mails_sent(app) == Rows{"subscription_over"});
  auto const page = link_in(app, "subscription_over");
  CHECK(page.find("/c/pay/") != std::string::npos);
  CHECK(app.value("SELECT position('" + invoice +
                  "' IN body) + position('€49.00 a month' IN body) "
                  "FROM mails WHERE template = 'subscription_over'") != "0");

  SUBCASE("and runs again when it is paid") {
    auto const paid = app.pay(page);
    CHECK(paid.reply.status == 303);
    // Its own address still says that a payment is outstanding.
    CHECK(paid.reply.header("location") == app.settings.public_url + "/pay/acme?paid");
    app.settle();
    CHECK(state(app) == "live");
    CHECK(runs(app) == "ten_1");
    CHECK(app.rows("SELECT status, tenant_id, mrr FROM subscriptions ORDER BY id") ==
          Rows{"canceled|1|0", "active|1|4900"});
    CHECK(app.value("SELECT count(*) FROM tenant_renewals WHERE closed_at IS NULL") == "0");
    CHECK(app.value("SELECT count(*) FROM tenants") == "1");
    CHECK(mails_sent(app) == Rows{"subscription_over"});
  }
  SUBCASE("and whoever asks again gets the same page, so that nobody pays twice") {
    app.run("UPDATE activity SET at = at - interval '61 minutes'");
    app.visitor().post("/pay/acme", nullptr);
    app.work();
    CHECK(mails_sent(app) == Rows{"subscription_over", "subscription_over"});
    CHECK(link_in(app, "subscription_over") == page);
    SUBCASE("or a new one when it is over, and the old one is closed") {
      app.run("UPDATE tenant_renewals SET expires_at = now()");
      app.run("UPDATE activity SET at = at - interval '61 minutes'");
      app.visitor().post("/pay/acme", nullptr);
      app.work();
      auto const next = link_in(app, "subscription_over");
      CHECK(next != page);
      CHECK(app.pay(page).reply.status != 303);
      CHECK(app.pay(next).reply.status == 303);
      app.settle();
      CHECK(state(app) == "live");
    }
  }
  SUBCASE("and when it runs by another one, the page is closed") {
    auto const other = app.at_stripe(
        "/v1/subscriptions", {{"customer", app.value("SELECT stripe_customer_id FROM customers")},
                              {"items[0][price_data][currency]", "eur"},
                              {"items[0][price_data][product]", "plan_team"},
                              {"items[0][price_data][recurring][interval]", "year"},
                              {"items[0][price_data][unit_amount]", "49000"},
                              {"collection_method", "send_invoice"},
                              {"days_until_due", "30"},
                              {"metadata[tenant_id]", "ten_1"}});
    REQUIRE_MESSAGE(other.status == 200, other.body);
    app.settle();
    CHECK(state(app) == "live");
    CHECK(app.pay(page).reply.status != 303);
  }
}

TEST_CASE("a new subscription that is paid while its tenant is being ended is given back whole") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  (void)fail_to_pay(app);
  cancel(app);
  app.settle();
  auto const page = link_in(app, "subscription_over");
  REQUIRE(app.as(Role::admin)
              .send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme", "", {})
              .status == 200);
  CHECK(app.pay(page).reply.status == 303);
  SUBCASE("when its end comes first") { app.work(); }
  SUBCASE("when the payment is heard of first") { app.deliver_news(); }
  app.settle();
  CHECK(state(app) == "archived");
  http_client::Form query;
  query.add("status", "active");
  CHECK(app.stripe("GET", "/v1/subscriptions", query).json.at("data").as_array().empty());
  CHECK(app.value("SELECT count(*) FROM subscriptions WHERE ended_at IS NULL") == "0");
  CHECK(app.rows("SELECT amount, status FROM billing_refunds") == Rows{"4900|succeeded"});
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'renewal_refunded'") == "1");
  CHECK(app.value("SELECT count(*) FROM tenant_renewals WHERE closed_at IS NULL") == "0");
}

TEST_CASE("an invoice that is paid after its subscription has ended is not paid in vain") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const invoice = fail_to_pay(app);
  SUBCASE("the tenant runs for the period that was paid for") {
    cancel(app);
    app.settle();
    REQUIRE(state(app) == "suspended");
    pay(app, invoice);
    app.settle();
    CHECK(state(app) == "live");
    CHECK(runs(app) == "ten_1");
    CHECK(mails_sent(app) == Rows{"subscription_over", "late_payment_runs"});
    CHECK(app.rows("SELECT late_outcome, late_until > now() + interval '27 days' FROM "
                   "billing_invoices WHERE stripe_invoice_id = '" +
                   invoice + "'") == Rows{"runs|t"});
    CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'late_payment'") == "1");
    CHECK(app.as(Role::auditor).get("/api/dashboard/metrics").body.find("\"late_payment\"") !=
          std::string::npos);
    CHECK(app.as(Role::auditor)
              .get("/api/dashboard/metrics")
              .body.find("/admin/billing/late-payments") != std::string::npos);
    auto const late = app.as(Role::finance).get("/api/billing/late-payments?outcome=runs&q=ACME");
    CHECK(late["data.0.stripe_invoice_id"] == invoice);
    CHECK(late["data.0.tenant_id"] == "ten_1");
    CHECK(late["data.0.outcome"] == "runs");
    CHECK(late["data.0.stripe_url"].starts_with("http"));
    CHECK(late["has_more"] == "false");
    CHECK(app.as(Role::finance).get("/api/billing/late-payments?outcome=refunded")["data.0.id"] ==
          "");
    for (auto const& event : app.events()) app.deliver(event);
    db::Connection connection{app.database.url()};
    for (auto const& event : app.rows("SELECT id FROM stripe_events"))
      db::transact(connection, [&](db::Tx& tx) { return billing::replay(tx, event); });
    app.work();
    CHECK(state(app) == "live");
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'late_payment_runs'") == "1");

    // And then it is over, with a new page to subscribe on.
    app.run(
        "UPDATE billing_invoices SET late_until = now() - interval '1 second' WHERE late_until "
        "IS NOT NULL");
    app.hurry("billing.follow_right");
    app.work();
    CHECK(state(app) == "suspended");
    CHECK(mails_sent(app) == Rows{"subscription_over", "late_payment_runs", "subscription_over"});
  }
  SUBCASE("also when the payment is learnt before the end") {
    cancel(app);
    pay(app, invoice);
    for (auto const& event : app.events())
      if (event.type.starts_with("invoice.")) app.deliver(event);
    app.work();
    app.settle();
    CHECK(state(app) == "live");
    CHECK(app.value("SELECT late_outcome FROM billing_invoices WHERE stripe_invoice_id = '" +
                    invoice + "'") == "runs");
  }
  SUBCASE("or the money goes back when the tenant is gone") {
    cancel(app);
    app.settle();
    auto const admin = app.as(Role::admin);
    REQUIRE(admin.send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme", "", {}).status ==
            200);
    app.work();
    REQUIRE(state(app) == "archived");
    pay(app, invoice);
    app.settle();
    CHECK(state(app) == "archived");
    CHECK(app.rows("SELECT late_outcome FROM billing_invoices WHERE stripe_invoice_id = '" +
                   invoice + "'") == Rows{"refunded"});
    CHECK(app.rows("SELECT amount, status FROM billing_refunds") == Rows{"4900|succeeded"});
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'late_payment_refunded'") == "1");
  }
  SUBCASE("or when it stands still for another reason, too: nobody is asked to pay for that") {
    REQUIRE(
        app.as(Role::admin).send("DELETE", "/api/tenants/ten_1?action=suspend", "", {}).status ==
        200);
    cancel(app);
    app.settle();
    CHECK(mails_sent(app) == Rows{});
    pay(app, invoice);
    app.settle();
    CHECK(state(app) == "suspended");
    CHECK(mails_sent(app) == Rows{"late_payment_refunded"});
  }
  SUBCASE("or when something else pays for it already") {
    cancel(app);
    app.settle();
    app.pay(link_in(app, "subscription_over"));
    app.settle();
    REQUIRE(state(app) == "live");
    pay(app, invoice);
    app.settle();
    CHECK(app.rows("SELECT amount FROM billing_refunds") == Rows{"4900"});
    CHECK(state(app) == "live");
  }
}

namespace {
/// A stopped tenant with an open invoice, and a draft of the next period that Stripe does not
/// collect. Returns the open one.
std::string owe_two_periods(App& app) {
  auto const invoice = fail_to_pay(app, "unpaid");
  // The attempts are over.
  REQUIRE(app.at_stripe("/v1/test_helpers/invoices/" + invoice + "/exhaust_retries").status == 200);
  REQUIRE(app.at_stripe("/v1/invoices/" + invoice, {{"auto_advance", "false"}}).status == 200);
  app.settle();
  REQUIRE(app.value("SELECT status FROM subscriptions") == "unpaid");
  REQUIRE(state(app) == "suspended");
  CHECK(mails_sent(app) == Rows{"payment_needed"});
  CHECK(link_in(app, "payment_needed").find(invoice) != std::string::npos);

  // The next period comes, as a draft that Stripe does not collect.
  app.run(
      "UPDATE stripe_sandbox.objects SET due = extract(epoch FROM now())::bigint - 1, data = "
      "jsonb_set(jsonb_set(jsonb_set(data::jsonb, '{items,data,0,current_period_end}', "
      "to_jsonb(extract(epoch FROM now())::bigint - 1)), '{billing_cycle_anchor}', "
      "to_jsonb(extract(epoch FROM now())::bigint - 1)), '{_due}', "
      "to_jsonb(extract(epoch FROM now())::bigint - 1))::json WHERE id = '" +
      subscription(app) + "'");
  REQUIRE(eventually([&] {
    return app.stripe("GET", "/v1/subscriptions/" + subscription(app))["latest_invoice"] != invoice;
  }));
  app.settle();
  REQUIRE(app.value("SELECT count(*) FROM billing_invoices WHERE status = 'draft'") == "1");
  return invoice;
}
}  // namespace

TEST_CASE("an unpaid subscription's drafts are collected when its invoice is paid, then it runs") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const invoice = owe_two_periods(app);
  auto const page = link_in(app, "payment_needed");
  SUBCASE("with the card that paid") {
    CHECK(app.pay(page).reply.status == 303);
    app.settle();
    CHECK(app.value("SELECT status FROM subscriptions") == "active");
    CHECK(state(app) == "live");
    CHECK(app.value("SELECT DISTINCT status FROM billing_invoices") == "paid");
    CHECK(mails_sent(app) == Rows{"payment_needed"});
  }
  SUBCASE("or its owner is told what else is open") {
    pay(app, invoice);  // by another way: the card that fails is still the one that is kept
    app.settle();
    CHECK(state(app) == "suspended");
    CHECK(mails_sent(app) == Rows{"payment_needed", "payment_needed"});
    auto const next = link_in(app, "payment_needed");
    CHECK(next != page);
    CHECK(app.pay(next).reply.status == 303);
    app.settle();
    CHECK(state(app) == "live");
  }
}

TEST_CASE("a stranger who asks for a payment link charges nobody") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const invoice = owe_two_periods(app);
  // A card that would pay is kept. That it is tried by itself is not of interest here.
  app.run(R"sql(
    CREATE FUNCTION park() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.run_at := 'infinity';
        RETURN NEW;
    END $$;
    CREATE TRIGGER park BEFORE INSERT ON jobs FOR EACH ROW
        WHEN (NEW.kind = 'billing.retry_with_card') EXECUTE FUNCTION park();
  )sql");
  auto const customer = app.value("SELECT stripe_customer_id FROM customers");
  auto const card =
      app.at_stripe("/v1/payment_methods/pm_card_visa/attach", {{"customer", customer}});
  auto const path = "/v1/subscriptions/" + subscription(app);
  REQUIRE(app.at_stripe(path, {{"default_payment_method", card["id"]}}).status == 200);
  auto const charges = [&] {
    return app.stripe("GET", "/v1/charges").json.at("data").as_array().size();
  };
  auto const before = charges();
  app.run("UPDATE activity SET at = at - interval '61 minutes'");
  CHECK(app.visitor().post("/pay/acme", nullptr).status == 200);
  app.work();
  app.settle();
  CHECK(charges() == before);
  CHECK(state(app) == "suspended");
  // Both can be paid now, by whoever reads the owner's mails.
  CHECK(app.value("SELECT count(*) FROM billing_invoices WHERE status = 'open'") == "2");
  CHECK(app.value("SELECT bool_and(position(hosted_invoice_url IN (SELECT body FROM mails ORDER BY "
                  "id DESC LIMIT 1)) > 0) FROM billing_invoices WHERE status = 'open'") == "t");
  // What the owner has paid himself leads to the rest, as he was told.
  pay(app, invoice);
  app.settle();
  CHECK(app.value("SELECT DISTINCT status FROM billing_invoices") == "paid");
  CHECK(state(app) == "live");
}

TEST_CASE(
    "a trial that ended without a card leads to a subscription, and does not wait beside it") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  auto const path = "/v1/subscriptions/" + subscription(app);
  auto const tomorrow = clock_source::unix_seconds(clock_source::now()) + 86'400;
  REQUIRE(app.at_stripe(path, {{"default_payment_method", ""},
                               {"trial_settings[end_behavior][missing_payment_method]", "pause"},
                               {"trial_end", std::to_string(tomorrow)}})
              .status == 200);
  auto const were_sent = [&](Rows const& mails) {
    return eventually([&] {
      app.settle();
      return mails_sent(app) == mails;
    });
  };
  CHECK(were_sent({"trial_ends_without_card"}));
  CHECK(state(app) == "live");
  REQUIRE(app.at_stripe(path, {{"trial_end", "now"}})["status"] == "paused");
  CHECK(were_sent({"trial_ends_without_card", "subscription_over"}));
  REQUIRE(state(app) == "suspended");
  CHECK(app.pay(link_in(app, "subscription_over")).reply.status == 303);
  app.settle();
  CHECK(state(app) == "live");
  CHECK(app.rows("SELECT status FROM subscriptions ORDER BY id") == Rows{"canceled", "active"});
}
