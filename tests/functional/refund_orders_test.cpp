// Money that staff give back: never more than is left, once, and the books say so.
#include <doctest/doctest.h>

#include <thread>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

constexpr auto refunds = "/api/billing/refunds";

Reply give_back(App& app, boost::json::object body, Headers headers = {}) {
  if (!body.contains("invoice_id") && !body.contains("charge")) body["invoice_id"] = "inv_1";
  return app.as(Role::finance).post(refunds, body, std::move(headers));
}
Reply preview(App& app, std::string const& query = "invoice_id=inv_1") {
  return app.as(Role::auditor).get(std::string{refunds} + "/preview?" + query);
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
std::string gone_at_stripe(App const& app) {
  std::int64_t sum = 0;
  http_client::Form query;
  query.add("limit", 100);
  auto const all = app.stripe("GET", "/v1/refunds", query);
  for (auto const& refund : all.json.at("data").as_array())
    if (Reply::text(refund, "status") == "succeeded")
      sum += std::stoll(Reply::text(refund, "amount"));
  return std::to_string(sum);
}
std::string charge(App const& app) {
  return app.value("SELECT stripe_charge_id FROM billing_attempts WHERE outcome = 'succeeded'");
}
/// What the books say that an invoice earns in all, and what came in by it.
std::string revenue(App const& app) {
  return app.value("SELECT coalesce(sum(amount), 0) FROM book_entries WHERE book = 'revenue'");
}
std::string cash(App const& app) {
  return app.value("SELECT coalesce(sum(amount), 0) FROM book_entries WHERE book = 'cash'");
}
}  // namespace

TEST_CASE("a part goes back with a credit note, then the rest, and then no more") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const looked = preview(app);
  REQUIRE_MESSAGE(looked.status == 200, looked.body);
  CHECK(looked["paid"] == "4900");
  CHECK(looked["left"] == "4900");
  CHECK(looked["amount"] == "4900");
  CHECK(looked["hindrance"] == "none");
  CHECK(looked["makes_credit_note"] == "true");
  // All of it is taken back, over the months that it was earned in or would have been.
  std::int64_t less = 0;
  for (auto const& month : looked.json.at("revenue").as_array())
    less += std::stoll(Reply::text(month, "amount"));
  CHECK(std::to_string(less) == revenue(app));

  CHECK(app.as(Role::auditor).post(refunds, {{"invoice_id", "inv_1"}}).status == 403);
  CHECK(give_back(app, {{"amount", 0}}).wrong_fields() == "/amount");
  CHECK(give_back(app, {{"amount", 4901}})["code"] == "more_than_left");
  CHECK(give_back(app, {{"amount", 4901}})["left"] == "4900");
  CHECK(give_back(app, {{"invoice_id", "inv_99"}})["code"] == "payment_not_found");
  CHECK(app.value("SELECT count(*) FROM billing_refund_orders") == "0");

  auto const part =
      give_back(app, {{"amount", 1900}, {"reason", "duplicate"}, {"note", "Paid twice by mistake"}},
                {"Idempotency-Key: once-and-no-more"});
  REQUIRE_MESSAGE(part.status == 200, part.body);
  CHECK(part["outcome"] == "given_back");
  CHECK(part["given_back"] == "1900");
  CHECK(part["currency"] == "eur");
  CHECK(part["stripe_credit_note_id"].starts_with("cn_"));
  auto const replayed =
      give_back(app, {{"amount", 1900}, {"reason", "duplicate"}, {"note", "Paid twice by mistake"}},
                {"Idempotency-Key: once-and-no-more"});
  CHECK(replayed.header("idempotency-replayed") == "true");
  CHECK(gone_at_stripe(app) == "1900");
  // Our rows know it with the answer.
  CHECK(app.rows("SELECT amount, status, reason, stripe_credit_note_id FROM billing_refunds") ==
        Rows{"1900|succeeded|duplicate|" + part["stripe_credit_note_id"]});
  CHECK(revenue(app) == "3000");
  CHECK(cash(app) == "3000");
  CHECK(preview(app)["left"] == "3000");
  CHECK(preview(app, "invoice_id=inv_1&amount=5000")["amount"] == "3000");

  auto const page = app.as(Role::auditor).get(refunds);
  CHECK(page["data.0.stripe_refund_id"] == part["stripe_refund_ids.0"]);
  CHECK(page["data.0.company"] == "Acme Ltd");
  CHECK(page["data.0.invoice_id"] == "inv_1");
  CHECK(page["data.0.amount"] == "1900");
  CHECK(page["data.0.status"] == "succeeded");
  CHECK(page["data.0.refunded_by"] == "finance@example.com");
  CHECK(page["data.0.note"] == "Paid twice by mistake");
  auto const found = [&](std::string const& query) {
    return app.as(Role::auditor).get(refunds + ("?" + query)).json.at("data").as_array().size();
  };
  CHECK(found("status=succeeded&reason=duplicate&customer_id=cus_1&currency=eur") == 1);
  CHECK(found("status=failed") == 0);
  CHECK(found("q=acme") == 1);
  CHECK(found("q=" + charge(app)) == 1);
  CHECK(found("to=2020-01-01T00:00:00Z") == 0);

  CHECK(give_back(app, {})["given_back"] == "3000");
  CHECK(revenue(app) == "0");
  CHECK(cash(app) == "0");
  CHECK(give_back(app, {})["code"] == "nothing_left");
  CHECK(preview(app)["hindrance"] == "nothing_left");
  app.settle();
  app.hurry("billing.check_refund");
  app.work();
  CHECK(gone_at_stripe(app) == "4900");
  CHECK(revenue(app) == "0");
  CHECK(app.rows("SELECT actor, target, reason FROM audit_logs WHERE action = 'payment.refunded' "
                 "ORDER BY id LIMIT 1") == Rows{"finance@example.com|inv_1|Paid twice by mistake"});
}

TEST_CASE("a refund whose answer is lost goes back once") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  std::string gone = "1900";
  SUBCASE("after Stripe made it") {
    lose(app, "/v1/refunds", "after", "1", "1");  // the look before it is answered
    lose(app, "/v1/refunds", "before", "50", "1");
  }
  SUBCASE("before it came to Stripe") {
    lose(app, "/v1/refunds", "before");
    gone = "0";
  }
  SUBCASE("when the credit note's is") {
    lose(app, "/v1/credit_notes", "after", "1", "1");
    lose(app, "/v1/credit_notes", "before", "50", "1");
  }
  CHECK(give_back(app, {{"amount", 1900}})["outcome"] == "being_checked");
  find_again(app);
  CHECK(gone_at_stripe(app) == gone);
  CHECK(preview(app)["ordered"] == "1900");
  CHECK(preview(app)["left"] == "3000");
  CHECK(give_back(app, {{"amount", 3001}})["code"] == "more_than_left");
  app.hurry("billing.check_refund");
  app.work();
  CHECK(gone_at_stripe(app) == "1900");
  CHECK(app.rows("SELECT outcome, given_back, stripe_credit_note_id IS NOT NULL FROM "
                 "billing_refund_orders") == Rows{"given_back|1900|t"});
  CHECK(app.value("SELECT count(*) FROM billing_credit_notes") == "1");
  app.settle();
  CHECK(revenue(app) == "3000");
  CHECK(preview(app)["left"] == "3000");
  CHECK(preview(app)["ordered"] == "0");
}

TEST_CASE("two who give back at once give no more than there is") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const finance = app.as(Role::finance), owner = app.as(Role::owner);
  {
    std::vector<std::jthread> both;
    for (auto const* who : {&finance, &owner})
      both.emplace_back([who] {
        auto const reply = who->post(refunds, {{"invoice_id", "inv_1"}, {"amount", 3000}});
        CHECK((reply.status == 200 || reply["code"] == "more_than_left"));
      });
  }
  CHECK(gone_at_stripe(app) == "3000");
}

TEST_CASE("what cannot go back says why") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  SUBCASE("a bank has taken it back") {
    REQUIRE(app.at_stripe("/v1/test_helpers/charges/" + charge(app) + "/dispute",
                          {{"amount", "4900"}, {"reason", "fraudulent"}})
                .status == 200);
    SUBCASE("and we know it") {
      app.settle();
      CHECK(give_back(app, {})["code"] == "charge_disputed");
      CHECK(preview(app)["hindrance"] == "charge_disputed");
      CHECK(preview(app)["disputed"] == "4900");
    }
    SUBCASE("and only Stripe knows it") {
      auto const reply = give_back(app, {});
      CHECK(reply["outcome"] == "refused");
      CHECK(reply["refusal"] == "charge_disputed");
      CHECK(app.value("SELECT outcome FROM billing_refund_orders") == "refused");
    }
    CHECK(gone_at_stripe(app) == "0");
  }
  SUBCASE("it came another way") {
    auto const customer = app.value("SELECT stripe_customer_id FROM customers");
    REQUIRE(app.at_stripe("/v1/invoiceitems",
                          {{"customer", customer}, {"currency", "eur"}, {"amount", "1900"}})
                .status == 200);
    auto const invoice = app.at_stripe(
        "/v1/invoices", {{"customer", customer}, {"pending_invoice_items_behavior", "include"}});
    REQUIRE(app.at_stripe("/v1/invoices/" + invoice["id"] + "/pay", {{"paid_out_of_band", "true"}})
                .status == 200);
    app.settle();
    auto const id = app.value("SELECT id FROM billing_invoices WHERE stripe_invoice_id = '" +
                              invoice["id"] + "'");
    CHECK(give_back(app, {{"invoice_id", "inv_" + id}})["code"] == "paid_out_of_band");
  }
  SUBCASE("a credit note gave it to the customer's balance") {
    REQUIRE(app.at_stripe("/v1/credit_notes",
                          {{"invoice", app.value("SELECT stripe_invoice_id FROM billing_invoices")},
                           {"amount", "4000"},
                           {"credit_amount", "4000"}})
                .status == 200);
    app.settle();
    CHECK(preview(app)["credited"] == "4000");
    CHECK(preview(app)["left"] == "900");
    CHECK(give_back(app, {{"amount", 901}})["code"] == "more_than_left");
  }
  SUBCASE("somebody was quicker at Stripe") {
    REQUIRE(app.at_stripe("/v1/refunds", {{"charge", charge(app)}, {"amount", "4000"}}).status ==
            200);
    auto const reply = give_back(app, {{"amount", 1900}});
    CHECK(reply["outcome"] == "in_part");
    CHECK(reply["given_back"] == "900");
    CHECK(gone_at_stripe(app) == "4900");
    app.settle();
    CHECK(revenue(app) == "0");
  }
  SUBCASE("nothing was paid, or nobody knows it") {
    CHECK(give_back(app, {{"charge", "ch_nobody"}})["code"] == "payment_not_found");
    app.run("UPDATE billing_attempts SET outcome = 'failed'");
    CHECK(give_back(app, {})["code"] == "nothing_paid");
  }
}

TEST_CASE("a payment is given back by its own id, too") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  SUBCASE("of an invoice, with a credit note") {
    auto const reply = give_back(app, {{"charge", charge(app)}, {"amount", 900}});
    CHECK(reply["outcome"] == "given_back");
    CHECK(reply["stripe_credit_note_id"].starts_with("cn_"));
    CHECK(preview(app)["left"] == "4000");
  }
  SUBCASE("of no invoice, without one") {
    app.run("UPDATE billing_attempts SET stripe_invoice_id = NULL");
    auto const reply = give_back(app, {{"charge", charge(app)}, {"amount", 900}});
    CHECK(reply["outcome"] == "given_back");
    CHECK(reply["stripe_credit_note_id"] == "null");
    CHECK(preview(app, "charge=" + charge(app))["left"] == "4000");
  }
}

TEST_CASE("a refund that fails later is owed, and made once more it counts once") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const given = give_back(app, {{"amount", 1900}});
  auto const failed = given["stripe_refund_ids.0"];
  REQUIRE(app.at_stripe("/v1/test_helpers/refunds/" + failed + "/fail").status == 200);
  app.settle();
  // The customer has a claim still: the credit note stands, the money is ours again.
  CHECK(revenue(app) == "3000");
  CHECK(cash(app) == "4900");
  CHECK(preview(app)["left"] == "3000");
  CHECK(app.as(Role::finance).get(refunds)["data.0.status"] == "failed");
  auto const owed = app.as(Role::finance).get("/api/billing/findings?kind=money_owed");
  REQUIRE(app.as(Role::finance)
              .post("/api/billing/findings/" + owed["data.0.id"] + "/retry", nullptr)
              .status == 204);
  app.settle();
  CHECK(gone_at_stripe(app) == "1900");
  CHECK(revenue(app) == "3000");
  CHECK(cash(app) == "3000");
  CHECK(preview(app)["left"] == "3000");
}

TEST_CASE(
    "a refund that Stripe has no answer to for long is owed, until a person has it tried again") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  lose(app, "/v1/refunds", "before");
  CHECK(give_back(app, {{"amount", 1900}})["outcome"] == "being_checked");
  for (int attempt = 0; attempt < 10; ++attempt) {
    app.hurry("billing.check_refund");
    app.work();
  }
  CHECK(app.rows("SELECT outcome, refusal FROM billing_refund_orders") ==
        Rows{"refused|no_answer"});
  CHECK(preview(app)["left"] == "3000");  // nobody else gives it back meanwhile
  find_again(app);
  auto const owed = app.as(Role::finance).get("/api/billing/findings?kind=money_owed");
  REQUIRE(app.as(Role::finance)
              .post("/api/billing/findings/" + owed["data.0.id"] + "/retry", nullptr)
              .status == 204);
  app.work();
  CHECK(app.value("SELECT outcome FROM billing_refund_orders") == "given_back");
  CHECK(gone_at_stripe(app) == "1900");
  CHECK(app.as(Role::finance)
            .get("/api/billing/findings?kind=money_owed")
            .json.at("data")
            .as_array()
            .empty());
}

TEST_CASE("large refunds ask again who one is") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  (void)app.as(Role::finance);
  app.run(
      "UPDATE sessions SET confirmed_at = now() - interval '1 hour'; INSERT INTO settings_groups "
      "(name, version, content) VALUES ('payments', 1, '{\"confirm_from\":20}')");
  CHECK(give_back(app, {{"amount", 2000}})["code"] == "step_up_required");
  CHECK(give_back(app, {})["code"] == "step_up_required");
  CHECK(app.value("SELECT count(*) FROM billing_refund_orders") == "0");
  CHECK(give_back(app, {{"amount", 1999}})["outcome"] == "given_back");
}
