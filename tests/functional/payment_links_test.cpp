// The way back for a tenant that stands still because of money.
#include <doctest/doctest.h>

#include "support/app.hpp"
#include "support/client.hpp"

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
  CHECK(mails(app) == "1");
  CHECK(app.rows("SELECT recipient, position('" + link +
                 "' IN body) > 0 FROM mails WHERE template = 'payment_needed'") ==
        Rows{app.value("SELECT email FROM customers") + "|t"});
  CHECK(app.value("SELECT count(*) FROM tenant_events WHERE kind = 'payment_link_sent'") == "1");
  app.run("UPDATE tenant_events SET created_at = created_at - interval '61 minutes'");
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

TEST_CASE("an owner whose tenant is stopped by Stripe's word gets the invoice by mail") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  stop_for_money(app);
  db::Connection connection{app.database.url()};
  db::transact(connection, [](db::Tx& tx) {
    tenants::release_hold(tx, first, tenants::Hold::billing, "test");
  });
  app.work();
  REQUIRE(app.value("SELECT state FROM tenants") == "live");
  CHECK(mails(app) == "0");
  auto const subscription = app.value("SELECT stripe_subscription_id FROM subscriptions");
  REQUIRE(app.stripe("DELETE", "/v1/subscriptions/" + subscription).status == 200);
  app.deliver_news();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "suspended");
  CHECK(mails(app) == "1");
}
