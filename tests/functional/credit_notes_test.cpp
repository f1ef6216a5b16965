// Credit notes: all of them as a list, and asking for less of an invoice that is open.
#include <doctest/doctest.h>

#include <thread>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

constexpr auto notes = "/api/billing/credit-notes";

/// An invoice of 4900 that could not be collected.
struct Open {
  std::string stripe_invoice, invoice;
};
Open open_invoice(App& app) {
  app.sign_up_and_pay(acme());
  auto const method =
      app.at_stripe("/v1/payment_methods/pm_card_visa/attach",
                    {{"customer", app.value("SELECT stripe_customer_id FROM customers")}})["id"];
  auto const path =
      "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM subscriptions");
  REQUIRE(app.at_stripe(path, {{"default_payment_method", method}}).status == 200);
  REQUIRE(app.at_stripe("/v1/test_helpers/payment_methods/" + method + "/decline",
                        {{"decline_code", "insufficient_funds"}})
              .status == 200);
  auto const billed =
      app.at_stripe(path, {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}});
  REQUIRE(billed["status"] == "past_due");
  app.settle();
  Open out{billed["latest_invoice"], {}};
  out.invoice = "inv_" + app.value("SELECT id FROM billing_invoices WHERE stripe_invoice_id = '" +
                                   out.stripe_invoice + "'");
  return out;
}
Reply credit(App& app, std::string const& invoice, boost::json::object body, Headers headers = {}) {
  return app.as(Role::finance)
      .post("/api/billing/invoices/" + invoice + "/credit-notes", std::move(body),
            std::move(headers));
}
void lose(App const& app, std::string const& path, char const* when, char const* count = "50",
          char const* skip = "0") {
  REQUIRE(app.at_stripe("/v1/test_helpers/faults", {{"count", count},
                                                    {"skip", skip},
                                                    {"status", "500"},
                                                    {"path_prefix", path},
                                                    {"when", when}})
              .status == 200);
}
void find_again(App const& app) {
  REQUIRE(app.stripe("DELETE", "/v1/test_helpers/faults").status == 200);
}
std::size_t at_stripe(App const& app, Open const& open) {
  http_client::Form query;
  query.add("invoice", open.stripe_invoice);
  return app.stripe("GET", "/v1/credit_notes", query).json.at("data").as_array().size();
}
std::string left(App const& app, Open const& open) {
  return app.stripe("GET", "/v1/invoices/" + open.stripe_invoice)["amount_remaining"];
}
}  // namespace

TEST_CASE("less is asked of an open invoice, never more than is left, and the list says who did") {
  auto app = App::fresh({.sandbox = true});
  auto const open = open_invoice(app);
  CHECK(app.as(Role::auditor)
            .post("/api/billing/invoices/" + open.invoice + "/credit-notes", {{"amount", 1}})
            .status == 403);
  CHECK(credit(app, open.invoice, {{"amount", 0}}).wrong_fields() == "/amount");
  CHECK(credit(app, open.invoice, {{"amount", 4901}})["code"] == "more_than_owed");
  CHECK(credit(app, open.invoice, {{"amount", 4901}})["left"] == "4900");
  CHECK(credit(app, "inv_999", {{"amount", 1}})["code"] == "invoice_not_found");
  CHECK(credit(app, "inv_1", {{"amount", 1}})["code"] == "invoice_not_open");
  CHECK(app.value("SELECT count(*) FROM billing_credit_orders") == "0");

  boost::json::object const body{
      {"amount", 900}, {"reason", "order_change"}, {"note", "We were late"}};
  auto const done = credit(app, open.invoice, body, {"Idempotency-Key: once-and-no-more"});
  REQUIRE_MESSAGE(done.status == 200, done.body);
  CHECK(done["outcome"] == "credited");
  CHECK(done["amount"] == "900");
  CHECK(done["currency"] == "eur");
  CHECK(credit(app, open.invoice, body, {"Idempotency-Key: once-and-no-more"})
            .header("idempotency-replayed") == "true");
  CHECK(at_stripe(app, open) == 1);
  CHECK(left(app, open) == "4000");
  // Our rows know it with the answer.
  CHECK(app.value("SELECT amount_remaining FROM billing_invoices WHERE stripe_invoice_id = '" +
                  open.stripe_invoice + "'") == "4000");
  app.hurry("billing.check_credit_note");
  app.settle();
  CHECK(at_stripe(app, open) == 1);

  auto const auditor = app.as(Role::auditor);
  auto const page = auditor.get(notes);
  REQUIRE_MESSAGE(page.status == 200, page.body);
  REQUIRE(page.json.at("data").as_array().size() == 1);
  CHECK(page["data.0.stripe_credit_note_id"] == done["stripe_credit_note_id"]);
  CHECK(page["data.0.company"] == "Acme Ltd");
  CHECK(page["data.0.invoice_id"] == open.invoice);
  CHECK(page["data.0.status"] == "issued");
  CHECK(page["data.0.reason"] == "order_change");
  CHECK(page["data.0.amount"] == "900");
  CHECK(page["data.0.pre_payment_amount"] == "900");
  CHECK(page["data.0.written_by"] == "finance@example.com");
  CHECK(page["data.0.note"] == "We were late");
  auto const found = [&](std::string const& query) {
    return auditor.get(notes + ("?" + query)).json.at("data").as_array().size();
  };
  CHECK(found("status=issued&reason=order_change&currency=eur&customer_id=cus_1") == 1);
  CHECK(found("status=void") == 0);
  CHECK(found("q=acme") == 1);
  CHECK(found("q=" + done["stripe_credit_note_id"]) == 1);
  CHECK(found("to=2020-01-01T00:00:00Z") == 0);
  CHECK(app.rows("SELECT actor, target, reason FROM audit_logs WHERE action = 'invoice.credited' "
                 "AND after IS NOT NULL ORDER BY id LIMIT 1") ==
        Rows{"finance@example.com|" + open.invoice + "|We were late"});

  SUBCASE("all that is left") {
    CHECK(credit(app, open.invoice, {{"amount", 4000}})["outcome"] == "credited");
    CHECK(credit(app, open.invoice, {{"amount", 1}})["code"] == "invoice_not_open");
    app.settle();
    CHECK(
        app.value("SELECT coalesce(sum(amount), 0) FROM book_entries WHERE book = 'receivable'") ==
        "0");
  }
  SUBCASE("it was voided at Stripe") {
    REQUIRE(app.at_stripe("/v1/credit_notes/" + done["stripe_credit_note_id"] + "/void").status ==
            200);
    app.settle();
    CHECK(auditor.get(notes)["data.0.status"] == "void");
    CHECK(left(app, open) == "4900");
  }
}

TEST_CASE("a credit note whose answer is lost is written once") {
  auto app = App::fresh({.sandbox = true});
  auto const open = open_invoice(app);
  std::size_t made = 1;
  SUBCASE("after Stripe wrote it") {
    lose(app, "/v1/credit_notes", "after", "1", "1");  // the look before it is answered
    lose(app, "/v1/credit_notes", "before", "50", "1");
  }
  SUBCASE("before it came to Stripe") {
    lose(app, "/v1/credit_notes", "before");
    made = 0;
  }
  CHECK(credit(app, open.invoice, {{"amount", 900}})["outcome"] == "being_checked");
  find_again(app);
  CHECK(at_stripe(app, open) == made);
  app.hurry("billing.check_credit_note");
  app.work();
  CHECK(at_stripe(app, open) == 1);
  CHECK(left(app, open) == "4000");
  CHECK(app.value("SELECT outcome FROM billing_credit_orders") == "credited");
}

TEST_CASE("two who ask for less at once ask for no more than there is") {
  auto app = App::fresh({.sandbox = true});
  auto const open = open_invoice(app);
  auto const finance = app.as(Role::finance), owner = app.as(Role::owner);
  {
    std::vector<std::jthread> both;
    for (auto const* who : {&finance, &owner})
      both.emplace_back([&, who] {
        auto const reply = who->post("/api/billing/invoices/" + open.invoice + "/credit-notes",
                                     {{"amount", 3000}});
        CHECK((reply.status == 200 || reply["code"] == "more_than_owed"));
      });
  }
  CHECK(at_stripe(app, open) == 1);
  CHECK(left(app, open) == "1900");
}

TEST_CASE("an invoice that was paid at Stripe meanwhile is not credited by mistake") {
  auto app = App::fresh({.sandbox = true});
  auto const open = open_invoice(app);
  REQUIRE(app.at_stripe("/v1/invoices/" + open.stripe_invoice + "/pay",
                        {{"payment_method", "pm_card_visa"}})
              .status == 200);
  auto const reply = credit(app, open.invoice, {{"amount", 900}});
  CHECK(reply["outcome"] == "refused");
  CHECK(at_stripe(app, open) == 0);
  CHECK(credit(app, open.invoice, {{"amount", 900}})["code"] == "invoice_not_open");
}
