// Invoices as staff read them: the list with its filters, one with all that happened to it, what
// they add up to.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
void add_customers(App const& app) {
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) VALUES "
      "('Alba SL', 'Ada', 'ada@alba.example', 'ES', 'es'), "
      "('Bruma Ltd', 'Ben', 'ben@bruma.example', 'GB', 'en')");
}

/// Seven of every kind, the first one the oldest.
void add_invoices(App const& app) {
  add_customers(app);
  app.run(R"sql(
    INSERT INTO billing_invoices (customer_id, number, stripe_invoice_id, status, currency, amount, amount_paid,
                                  amount_remaining, date, due_date, paid_at, counted_failed, attempt_count)
    SELECT customer, number, 'in_Stripe' || place, status::invoice_status, currency, amount, paid, remaining,
           timestamptz '2026-01-01' + place * interval '1 day', due, paid_at, failed, attempts
      FROM (VALUES
        (1, 1, 'ALBA-0001', 'paid',          'eur', 4900, 4900, 0,    NULL::timestamptz, timestamptz '2026-01-09', 0, 1),
        (2, 1, 'ALBA-0002', 'open',          'eur', 4900, 0,    4900, NULL,             NULL,                   4900, 2),
        (3, 1, 'ALBA-0003', 'open',          'jpy', 7000, 0,    7000, '2026-02-01',     NULL,                   0, 0),
        (4, 2, 'BRUMA-001', 'open',          'kwd', 12345, 345, 12000, '9999-01-01',    NULL,                   0, 0),
        (5, 2, NULL,        'draft',         'eur', 100,  0,    NULL, NULL,             NULL,                   0, 0),
        (6, 2, 'BRUMA-002', 'void',          'eur', 200,  0,    200,  '2026-02-01',     NULL,                   0, 0),
        (7, 2, 'BRUMA-003', 'uncollectible', 'eur', 300,  0,    300,  NULL,             NULL,                   0, 4))
        AS rows (place, customer, number, status, currency, amount, paid, remaining, due, paid_at, failed, attempts)
  )sql");
}

/// The numbers at the end of Stripe's ids.
std::string found(Caller const& caller, std::string const& query = "") {
  auto const page = caller.get("/api/billing/invoices?" + query);
  REQUIRE_MESSAGE(page.status == 200, page.body);
  std::string out;
  for (auto const& row : page.json.at("data").as_array())
    out += Reply::text(row, "stripe_invoice_id").back();
  return out;
}

Reply post(App const& app, std::string const& path,
           std::vector<std::pair<std::string, std::string>> const& fields = {}) {
  http_client::Form form;
  for (auto const& [name, value] : fields) form.add(name, value);
  auto reply = app.stripe("POST", path, form);
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  return reply;
}
void settle(App& app) {
  app.deliver_news();
  app.work();
}
std::string customer(App const& app) {
  return app.value("SELECT stripe_customer_id FROM customers ORDER BY id LIMIT 1");
}
std::string first_invoice(App const& app) {
  return app.value("SELECT stripe_invoice_id FROM billing_invoices ORDER BY id LIMIT 1");
}

Rows kinds(Reply const& invoice) {
  Rows out;
  for (auto const& moment : invoice.json.at("timeline").as_array())
    out.push_back(Reply::text(moment, "kind"));
  return out;
}
bool has(Rows const& rows, std::string const& row) {
  return std::find(rows.begin(), rows.end(), row) != rows.end();
}
}  // namespace

TEST_CASE("invoices are filtered by status, standing, currency, customer and time") {
  auto app = App::fresh();
  add_invoices(app);
  auto const finance = app.as(Role::finance);
  CHECK(found(finance) == "7654321");
  CHECK(found(finance, "sort=date") == "1234567");
  // Without a payment they stand last, upwards and downwards.
  CHECK(found(finance, "sort=payment_date&limit=1") == "1");
  CHECK(found(finance, "sort=-payment_date&limit=1") == "1");
  CHECK(found(finance, "status=open") == "432");
  CHECK(found(finance, "status=open,void") == "6432");
  CHECK(found(finance, "status=draft") == "5");
  CHECK(found(finance, "standing=overdue") == "3");  // neither void nor due in times to come
  CHECK(found(finance, "standing=at_risk") == "2");
  CHECK(found(finance, "currency=eur&status=open") == "2");
  CHECK(found(finance, "currency=kwd") == "4");
  CHECK(found(finance, "customer=cus_1") == "321");
  CHECK(found(finance, "customer=cus_99").empty());
  CHECK(found(finance, "from=2026-01-03T00:00:00Z&to=2026-01-06T00:00:00Z") == "432");
  CHECK(found(finance, "paid_from=2026-01-09T00:00:00Z&paid_to=2026-01-09T00:00:01Z") == "1");
  CHECK(found(finance, "paid_from=2026-01-10T00:00:00Z").empty());

  CHECK(found(finance, "q=alba-0") == "321");
  CHECK(found(finance, "q=BRUMA%20LTD") == "7654");
  CHECK(found(finance, "q=ben@bruma") == "7654");
  CHECK(found(finance, "q=in_stripe4") == "4");
  CHECK(found(finance, "q=al&sort=date") == "123");
  CHECK(found(finance, "q=nothing").empty());

  auto const facets = finance.get("/api/billing/invoices/facets?currency=eur");
  CHECK(facets.body.find(R"({"filter":"status","value":"open","count":1)") != std::string::npos);
  CHECK(facets.body.find(R"("value":"at_risk","count":1)") != std::string::npos);
}

TEST_CASE("a row says what was paid, what is left, and whether it is late") {
  auto app = App::fresh();
  add_invoices(app);
  app.run(
      "INSERT INTO subscriptions (customer_id, stripe_subscription_id, status, currency, "
      "started_at) "
      "VALUES (2, 'sub_1', 'active', 'kwd', now())");
  app.run("UPDATE billing_invoices SET subscription_id = 1 WHERE number = 'BRUMA-001'");
  auto const finance = app.as(Role::finance);
  auto const row = finance.get("/api/billing/invoices?q=BRUMA-001");
  CHECK(row["data.0.id"] == "inv_4");
  CHECK(row["data.0.number"] == "BRUMA-001");
  CHECK(row["data.0.customer_id"] == "cus_2");
  CHECK(row["data.0.company"] == "Bruma Ltd");
  CHECK(row["data.0.stripe_subscription_id"] == "sub_1");
  CHECK(row["data.0.amount"] == "12345");
  CHECK(row["data.0.amount_paid"] == "345");
  CHECK(row["data.0.amount_remaining"] == "12000");
  CHECK(row["data.0.is_overdue"] == "false");
  CHECK(row["data.0.payment_date"] == "null");
  CHECK(finance.get("/api/billing/invoices?q=ALBA-0003")["data.0.is_overdue"] == "true");
  // What the mirror does not have in columns yet is what was not paid.
  CHECK(finance.get("/api/billing/invoices?status=draft")["data.0.amount_remaining"] == "100");

  // A file has each amount with the decimals of its own currency.
  auto const file = finance.get(
      "/api/billing/invoices/export?sort=date&columns=number,amount,amount_paid,amount_remaining,"
      "currency");
  REQUIRE(file.status == 200);
  CHECK(file.body.find("\"BRUMA-001\",12.345,0.345,12.000,\"kwd\"") != std::string::npos);
  CHECK(file.body.find("\"ALBA-0003\",7000,0,7000,\"jpy\"") != std::string::npos);
  CHECK(file.body.find("\"ALBA-0001\",49.00,49.00,0.00,\"eur\"") != std::string::npos);
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'billing_invoices.exported'") ==
        "1");
}

TEST_CASE("what a list of invoices does not know is refused, and so is who may not read it") {
  auto app = App::fresh();
  auto const finance = app.as(Role::finance);
  auto const wrong = [&](std::string const& query) {
    auto const reply = finance.get("/api/billing/invoices?" + query);
    CHECK(reply.status == 422);
    return reply.wrong_fields();
  };
  CHECK(wrong("status=late") == "?status");
  CHECK(wrong("standing=bad") == "?standing");
  CHECK(wrong("currency=euro") == "?currency");
  CHECK(wrong("currency=EUR") == "?currency");
  CHECK(wrong("customer=12") == "?customer");
  CHECK(wrong("from=yesterday&to=1&paid_from=x&paid_to=") == "?from ?paid_from ?paid_to ?to");
  CHECK(wrong("sort=amount") == "?sort");
  CHECK(wrong("limit=101") == "?limit");
  for (auto const* path :
       {"/api/billing/invoices", "/api/billing/invoices/facets", "/api/billing/invoices/export",
        "/api/billing/invoices/inv_1", "/api/billing/invoices/inv_1/pdf", "/api/billing/summary"}) {
    CAPTURE(path);
    CHECK(app.visitor().get(path).status == 401);
    CHECK(app.as(Role::support).get(path)["permission"] ==
          (app.as(Role::support).get(path).status == 403 ? "billing:read" : ""));
  }
  for (auto const* id : {"inv_1", "in_nobody", "nonsense", "inv_", "inv_-1",
                         "inv_99999999999999999999", "%00", "%27%20OR%201=1"}) {
    CAPTURE(id);
    auto const status = finance.get("/api/billing/invoices/" + std::string{id}).status;
    CHECK((status == 404 || status == 400 || status == 422));
    CHECK(finance.get("/api/billing/invoices/" + std::string{id} + "/pdf").status == status);
  }
}

TEST_CASE("an invoice tells its whole story, by our id and by Stripe's") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const paid = first_invoice(app);
  auto const charge = app.stripe("GET", "/v1/charges?customer=" + customer(app))["data.0.id"];
  post(
      app, "/v1/credit_notes",
      {{"invoice", paid}, {"amount", "500"}, {"refund_amount", "500"}, {"reason", "order_change"}});
  post(app, "/v1/test_helpers/charges/" + charge + "/dispute", {{"amount", "1000"}});
  settle(app);

  auto const finance = app.as(Role::finance);
  auto const invoice = finance.get("/api/billing/invoices/" + paid);
  REQUIRE_MESSAGE(invoice.status == 200, invoice.body);
  CHECK(finance.get("/api/billing/invoices/" + invoice["id"]).body == invoice.body);
  CHECK(invoice["status"] == "paid");
  CHECK(invoice["company"] == app.value("SELECT company FROM customers"));
  CHECK(invoice["subdomain"] == app.value("SELECT subdomain FROM tenants"));
  CHECK(invoice["amount"] == "4900");
  CHECK(invoice["amount_remaining"] == "0");
  CHECK(invoice["billing_reason"] == "subscription_create");
  CHECK(invoice["lines.0.amount"] == "4900");
  CHECK(invoice["lines.0.quantity"] == "1");
  CHECK(invoice["attempts.0.outcome"] == "succeeded");
  CHECK(invoice["attempts.0.last4"] == "4242");
  CHECK(invoice["credit_notes.0.reason"] == "order_change");
  CHECK(invoice["refunds.0.amount"] == "500");
  CHECK(invoice["refunds.0.stripe_credit_note_id"] == invoice["credit_notes.0.id"]);
  CHECK(invoice["disputes.0.amount"] == "1000");
  auto const told = kinds(invoice);
  CHECK(told.front() == "created");
  for (auto const* kind :
       {"finalised", "attempt_succeeded", "paid", "credit_note", "refund", "dispute"})
    CHECK_MESSAGE(has(told, kind), kind);
}

TEST_CASE("each attempt stands in the story with its code, and so do the mails about it") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  post(app,
       "/v1/test_helpers/payment_methods/" + app.value("SELECT stripe_pm_id FROM payment_methods") +
           "/decline",
       {{"decline_code", "insufficient_funds"}});
  post(app, "/v1/invoiceitems",
       {{"customer", customer(app)}, {"currency", "eur"}, {"amount", "1900"}});
  auto const id =
      post(app, "/v1/invoices",
           {{"customer", customer(app)}, {"pending_invoice_items_behavior", "include"}})["id"];
  post(app, "/v1/invoices/" + id + "/finalize", {{"auto_advance", "false"}});
  REQUIRE(app.stripe("POST", "/v1/invoices/" + id + "/pay").status == 402);
  settle(app);
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, state) VALUES "
      "('payment_needed', 'en', 'a@b.example', '', '', 'kept')");
  app.run(
      "INSERT INTO billing_invoice_mails SELECT i.id, m.id FROM billing_invoices i, mails m WHERE "
      "stripe_invoice_id = '" +
      id + "' AND template = 'payment_needed'");

  auto const invoice = app.as(Role::finance).get("/api/billing/invoices/" + id);
  CHECK(invoice["status"] == "open");
  CHECK(invoice["attempts.0.outcome"] == "failed");
  CHECK(invoice["attempts.0.code"] == "insufficient_funds");
  bool has_code = false, has_mail = false;
  for (auto const& moment : invoice.json.at("timeline").as_array()) {
    if (Reply::text(moment, "kind") == "attempt_failed")
      has_code = Reply::text(moment, "code") == "insufficient_funds";
    if (Reply::text(moment, "code") == "payment_needed")
      has_mail = Reply::text(moment, "object").starts_with("mail_");
  }
  CHECK(has_code);
  CHECK(has_mail);
  // A mail that goes takes its line along, and nothing else.
  app.run("DELETE FROM mails WHERE template = 'payment_needed'");
  CHECK(!has(kinds(app.as(Role::finance).get("/api/billing/invoices/" + id)), "mail_kept"));

  post(app, "/v1/invoices/" + id + "/void");
  settle(app);
  auto const voided = app.as(Role::finance).get("/api/billing/invoices/" + id);
  CHECK(voided["status"] == "void");
  CHECK(kinds(voided).back() == "voided");
}

TEST_CASE("what was collected, is outstanding and at risk: one sum a currency, none added up") {
  auto app = App::fresh();
  auto const finance = app.as(Role::finance);
  auto const nothing = finance.get("/api/billing/summary");
  REQUIRE_MESSAGE(nothing.status == 200, nothing.body);
  CHECK(nothing.body.find(R"("collected":[],"outstanding":[],"at_risk":[])") != std::string::npos);

  add_invoices(app);
  app.run(
      "INSERT INTO rollup_deltas (metric, currency, day, amount) VALUES "
      "('failed_amount', 'eur', current_date, 4900), ('failed_amount', 'usd', current_date, 100), "
      "('failed_amount', 'usd', current_date, -100)");
  auto const now = finance.get("/api/billing/summary");
  CHECK(now.body.find(R"("outstanding":[{"currency":"eur","amount":4900},{"currency":"jpy",)"
                      R"("amount":7000},{"currency":"kwd","amount":12000}])") != std::string::npos);
  CHECK(now.body.find(R"("at_risk":[{"currency":"eur","amount":4900}])") != std::string::npos);
}

TEST_CASE("a month is that of the reports' zone, wherever the hours of its edges were told") {
  auto app = App::fresh();
  add_customers(app);
  // A minute after the month began in a zone that is ahead, while UTC has the month before.
  auto const began = [](std::string const& zone) {
    return "(date_trunc('month', now() AT TIME ZONE '" + zone + "') AT TIME ZONE '" + zone + "')";
  };
  std::string const zone = "Pacific/Kiritimati";
  app.run(
      "INSERT INTO settings_groups (name, content, version) VALUES ('organisation', "
      "'{\"legal_name\":\"\",\"address\":\"\",\"vat_id\":\"\",\"reporting_zone\":\"" +
      zone +
      "\",\"reporting_currency\":\"eur\"}', 1) ON CONFLICT (name) DO UPDATE SET content = "
      "excluded.content");
  app.run(
      "INSERT INTO billing_invoices (customer_id, status, currency, amount, amount_paid, "
      "counted_paid, date, paid_at) SELECT 1, 'paid', 'eur', 100, 100, 100, at, at FROM (SELECT " +
      began(zone) + " + interval '1 minute' AS at) AS paid");
  app.run(
      "INSERT INTO billing_invoices (customer_id, status, currency, amount, amount_paid, "
      "counted_paid, date, paid_at) SELECT 1, 'paid', 'eur', 7, 7, 7, at, at FROM (SELECT " +
      began(zone) + " - interval '1 minute' AS at) AS paid");
  app.run(
      "INSERT INTO rollup_deltas (metric, currency, day, amount) SELECT 'revenue', currency, "
      "(paid_at AT TIME ZONE 'UTC')::date, counted_paid FROM billing_invoices");
  auto const summary = app.as(Role::finance).get("/api/billing/summary");
  CHECK(summary["timezone"] == zone);
  CHECK(summary["collected.0.amount"] == "100");
  // The link below the sum leads to the same.
  auto const list = app.as(Role::finance)
                        .get("/api/billing/invoices?status=paid&sort=-payment_date&paid_from=" +
                             summary["month_began_at"]);
  CHECK(list.json.at("data").as_array().size() == 1);
}
