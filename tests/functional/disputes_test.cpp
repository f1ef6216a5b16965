// Payments that banks took back: what staff see of them, and the one answer that a bank takes.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

constexpr auto disputes = "/api/billing/disputes";

std::string charge(App const& app) {
  return app.value(
      "SELECT stripe_charge_id FROM billing_attempts WHERE outcome = 'succeeded' "
      "ORDER BY at LIMIT 1");
}
/// Acme's payment is disputed; Stripe's id of that.
std::string dispute(App& app, char const* reason = "fraudulent", char const* amount = "4900") {
  app.sign_up_and_pay(acme());
  auto const made = app.at_stripe("/v1/test_helpers/charges/" + charge(app) + "/dispute",
                                  {{"amount", amount}, {"reason", reason}});
  REQUIRE_MESSAGE(made.status == 200, made.body);
  app.settle();
  return made["id"];
}
Reply look(App& app, std::string const& id = "dis_1") {
  return app.as(Role::auditor).get(disputes + ("/" + id));
}
/// Somebody who has proved who they are a moment ago.
Caller sure(App& app) {
  auto const finance = app.as(Role::finance);
  app.run("UPDATE sessions SET confirmed_at = now()");
  return finance;
}
/// And somebody for whom that is long ago.
Caller unsure(App& app) {
  auto const finance = app.as(Role::finance);
  app.run("UPDATE sessions SET confirmed_at = now() - interval '1 hour'");
  return finance;
}
Headers version(Reply const& seen) { return {"If-Match: " + seen.header("etag")}; }
Reply save(App& app, boost::json::object evidence, Headers headers) {
  headers.push_back("Content-Type: application/json");
  return app.as(Role::finance)
      .send("PUT", disputes + std::string{"/dis_1/evidence"},
            boost::json::serialize(boost::json::object{{"evidence", std::move(evidence)}}),
            std::move(headers));
}
Reply submit(App& app, boost::json::object evidence, Headers headers) {
  return sure(app).post(disputes + std::string{"/dis_1/submission"},
                        {{"evidence", std::move(evidence)}}, std::move(headers));
}
Reply accept(App& app, Headers headers = {}) {
  return sure(app).post(disputes + std::string{"/dis_1/acceptance"}, boost::json::object{},
                        std::move(headers));
}
Reply at_stripe(App const& app, std::string const& id) {
  return app.stripe("GET", "/v1/disputes/" + id);
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
Rows answers(App const& app) {
  return app.rows(
      "SELECT wish || ' ' || coalesce(outcome, 'being_checked') FROM billing_dispute_orders ORDER "
      "BY id");
}
}  // namespace

TEST_CASE("disputes are listed, each with what is known of it and what helps") {
  auto app = App::fresh({.sandbox = true});
  auto const id = dispute(app);
  app.run("UPDATE tenants SET live_at = now()");
  auto const page = app.as(Role::auditor).get(disputes);
  REQUIRE_MESSAGE(page.status == 200, page.body);
  REQUIRE(page.json.at("data").as_array().size() == 1);
  CHECK(page["data.0.id"] == "dis_1");
  CHECK(page["data.0.stripe_dispute_id"] == id);
  CHECK(page["data.0.company"] == "Acme Ltd");
  CHECK(page["data.0.invoice_id"] == "inv_1");
  CHECK(page["data.0.amount"] == "4900");
  CHECK(page["data.0.currency"] == "eur");
  CHECK(page["data.0.reason"] == "fraudulent");
  CHECK(page["data.0.status"] == "needs_response");
  CHECK(page["data.0.is_overdue"] == "false");
  CHECK(page["data.0.evidence_due_by"] != "null");
  auto const found = [&](std::string const& query) {
    return app.as(Role::auditor).get(disputes + ("?" + query)).json.at("data").as_array().size();
  };
  CHECK(found("standing=to_answer&status=needs_response&reason=fraudulent&currency=eur") == 1);
  CHECK(found("standing=decided") == 0);
  CHECK(found("q=acme") == 1);
  CHECK(found("q=" + id) == 1);
  CHECK(found("customer_id=cus_1&sort=evidence_due_by") == 1);
  CHECK(found("to=2020-01-01T00:00:00Z") == 0);
  CHECK(app.as(Role::support).get(disputes).status == 403);

  auto const seen = look(app, id);
  REQUIRE_MESSAGE(seen.status == 200, seen.body);
  CHECK(seen["id"] == "dis_1");
  CHECK(seen["hindrance"] == "none");
  CHECK(seen["fee"] == "1500");
  CHECK(seen["fee_currency"] == "eur");
  CHECK(seen["funds_withdrawn"] == "4900");
  CHECK(seen["network_reason_code"] == "10");
  CHECK(seen["last4"] == "4242");
  CHECK(seen["tenants.0.subdomain"] == "acme");
  CHECK(seen["helps.0"] == "access_activity_log");
  CHECK(seen["has_evidence"] == "false");
  CHECK(look(app, "dis_99")["code"] == "dispute_not_found");
  CHECK(look(app, "du_nobody")["code"] == "dispute_not_found");
}

TEST_CASE("what our records say is told as a bank would read it") {
  auto app = App::fresh({.sandbox = true});
  dispute(app);
  app.run(
      "INSERT INTO activity (kind, tenant_id, customer_id, actor_kind, actor, subject, data) "
      "VALUES ('access_used', 1, 1, 'visitor', 'visitor', 'acme', '{\"login\": \"ada\"}')");
  CHECK(app.as(Role::auditor).get(disputes + std::string{"/dis_1/suggestion"}).status == 403);
  auto const told = app.as(Role::finance).get(disputes + std::string{"/dis_1/suggestion"});
  REQUIRE_MESSAGE(told.status == 200, told.body);
  CHECK(told["customer_email_address"] == app.value("SELECT email FROM customers"));
  CHECK(told["customer_name"].find("Acme Ltd") != std::string::npos);
  CHECK(told["customer_purchase_ip"] == "127.0.0.1");
  CHECK(told["service_date"].find(" to ") != std::string::npos);
  auto const log = told["access_activity_log"];
  CHECK(log.find("signed up: Acme Ltd") != std::string::npos);
  CHECK(log.find("the first access was opened (login ada)") != std::string::npos);
  CHECK(log.find("Paid €49.00") != std::string::npos);
  CHECK(told["uncategorized_text"] == "null");
}

TEST_CASE("a draft is kept at Stripe, and nobody overwrites what they have not seen") {
  auto app = App::fresh({.sandbox = true});
  auto const id = dispute(app);
  auto const seen = look(app);
  CHECK(save(app, {{"product_description", "Hosting"}}, {}).status == 428);
  auto const saved =
      save(app, {{"product_description", "Hosting"}, {"customer_name", "Ada"}}, version(seen));
  REQUIRE_MESSAGE(saved.status == 200, saved.body);
  CHECK(saved["evidence.product_description"] == "Hosting");
  CHECK(saved["has_evidence"] == "true");
  CHECK(saved["status"] == "needs_response");
  CHECK(at_stripe(app, id)["evidence.customer_name"] == "Ada");
  CHECK(at_stripe(app, id)["status"] == "needs_response");
  CHECK(save(app, {{"product_description", "Mine"}}, version(seen))["code"] == "version_outdated");
  // What is left out is told no more.
  CHECK(save(app, {{"product_description", "Hosting"}}, version(saved))["evidence.customer_name"] ==
        "null");
  CHECK(at_stripe(app, id)["evidence.customer_name"] == "null");
  CHECK(save(app, {{"customer_name", std::string(201, 'x')}}, version(look(app))).wrong_fields() ==
        "/evidence/customer_name");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'dispute.evidence_saved' AND "
                  "target = 'dis_1' AND after IS NOT NULL") == "2");
  SUBCASE("Stripe is away") {
    lose(app, "/v1/disputes/", "before");
    CHECK(save(app, {{"customer_name", "Eve"}}, version(look(app)))["code"] ==
          "stripe_unavailable");
    find_again(app);
    CHECK(at_stripe(app, id)["evidence.customer_name"] == "null");
  }
  SUBCASE("somebody has answered at Stripe meanwhile") {
    REQUIRE(app.at_stripe("/v1/disputes/" + id, {{"submit", "true"}}).status == 200);
    CHECK(save(app, {{"customer_name", "Eve"}}, version(look(app)))["code"] ==
          "evidence_submitted");
    CHECK(look(app)["status"] == "under_review");
  }
}

TEST_CASE("the bank is told once, by somebody who proved who they are") {
  auto app = App::fresh({.sandbox = true});
  auto const id = dispute(app);
  auto const seen = look(app);
  CHECK(unsure(app).post(disputes + std::string{"/dis_1/submission"},
                         {{"evidence", {{"customer_name", "Ada"}}}},
                         version(seen))["code"] == "step_up_required");
  CHECK(submit(app, {}, version(seen))["code"] == "nothing_told");
  CHECK(submit(app, {{"customer_name", "Ada"}}, {}).status == 428);
  CHECK(answers(app).empty());

  auto headers = version(seen);
  headers.push_back("Idempotency-Key: once-and-no-more");
  auto const told = submit(app, {{"customer_name", "Ada"}}, headers);
  REQUIRE_MESSAGE(told.status == 200, told.body);
  CHECK(told["outcome"] == "submitted");
  CHECK(told["status"] == "under_review");
  CHECK(at_stripe(app, id)["evidence.customer_name"] == "Ada");
  CHECK(at_stripe(app, id)["evidence_details.submission_count"] == "1");
  CHECK(submit(app, {{"customer_name", "Ada"}}, headers).header("idempotency-replayed") == "true");
  auto const after = look(app);
  CHECK(after["hindrance"] == "submitted");
  CHECK(submit(app, {{"customer_name", "Eve"}}, version(after))["code"] == "evidence_submitted");
  CHECK(accept(app)["code"] == "evidence_submitted");
  CHECK(app.rows("SELECT actor, target FROM audit_logs WHERE action = 'dispute.submitted' AND "
                 "after IS NOT NULL") == Rows{"finance@example.com|dis_1"});
  app.hurry("billing.check_dispute_answer");
  app.settle();
  CHECK(at_stripe(app, id)["evidence_details.submission_count"] == "1");
  CHECK(answers(app) == Rows{"submission submitted"});
}

TEST_CASE("what the bank decides comes by events") {
  auto app = App::fresh({.sandbox = true});
  auto const id = dispute(app);
  std::string said = "winning_evidence", status = "won";
  SUBCASE("won") {}
  SUBCASE("lost") {
    said = "losing_evidence";
    status = "lost";
  }
  REQUIRE(app.at_stripe("/v1/disputes/" + id,
                        {{"evidence[uncategorized_text]", said}, {"submit", "true"}})
              .status == 200);
  app.settle();
  auto const seen = look(app);
  CHECK(seen["status"] == status);
  CHECK(seen["hindrance"] == "decided");
  CHECK(seen["closed_at"] != "null");
  CHECK(seen["funds_reinstated"] == (status == "won" ? "4900" : "0"));
  CHECK(submit(app, {{"customer_name", "Ada"}}, version(seen))["code"] == "dispute_decided");
  CHECK(app.as(Role::auditor).get(disputes + std::string{"?standing=decided"})["data.0.id"] ==
        "dis_1");
}

TEST_CASE("a dispute is accepted as lost") {
  auto app = App::fresh({.sandbox = true});
  auto const id = dispute(app);
  CHECK(unsure(app).post(disputes + std::string{"/dis_1/acceptance"},
                         boost::json::object{})["code"] == "step_up_required");
  auto const reply = accept(app);
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  CHECK(reply["outcome"] == "accepted");
  CHECK(reply["status"] == "lost");
  CHECK(at_stripe(app, id)["status"] == "lost");
  CHECK(accept(app)["code"] == "dispute_decided");
  app.settle();
  CHECK(app.value("SELECT lost_at IS NOT NULL FROM billing_disputes") == "t");
}

TEST_CASE("an answer that is too late says so") {
  auto app = App::fresh({.sandbox = true});
  dispute(app);
  app.run("UPDATE billing_disputes SET evidence_due_by = now() - interval '1 minute'");
  auto const seen = look(app);
  CHECK(seen["hindrance"] == "overdue");
  CHECK(save(app, {{"customer_name", "Ada"}}, version(seen))["code"] == "evidence_overdue");
  CHECK(submit(app, {{"customer_name", "Ada"}}, version(seen))["code"] == "evidence_overdue");
  CHECK(
      app.as(Role::auditor).get(disputes + std::string{"?standing=overdue"})["data.0.is_overdue"] ==
      "true");
}

TEST_CASE("an answer that is lost on its way is told to the bank once") {
  auto app = App::fresh({.sandbox = true});
  auto const id = dispute(app);
  auto const seen = look(app);
  std::string count = "1";
  SUBCASE("after Stripe took it") {
    lose(app, "/v1/disputes/", "after", "1", "1");
    lose(app, "/v1/disputes/", "before", "50", "1");
  }
  SUBCASE("before it came to Stripe") {
    lose(app, "/v1/disputes/", "before");
    count = "0";
  }
  CHECK(submit(app, {{"customer_name", "Ada"}}, version(seen))["outcome"] == "being_checked");
  find_again(app);
  CHECK(at_stripe(app, id)["evidence_details.submission_count"] == count);
  CHECK(look(app)["is_being_checked"] == "true");
  // Whoever answers now begins nothing new.
  CHECK(submit(app, {{"customer_name", "Eve"}}, version(look(app)))["outcome"] == "being_checked");
  CHECK(accept(app)["outcome"] == "being_checked");
  app.hurry("billing.check_dispute_answer");
  app.work();
  CHECK(answers(app) == Rows{"submission submitted"});
  CHECK(at_stripe(app, id)["evidence_details.submission_count"] == "1");
  CHECK(at_stripe(app, id)["evidence.customer_name"] == "Ada");
  CHECK(look(app)["status"] == "under_review");
}

TEST_CASE("who answers after somebody did at Stripe learns it") {
  auto app = App::fresh({.sandbox = true});
  auto const id = dispute(app);
  auto const seen = look(app);
  REQUIRE(app.at_stripe("/v1/disputes/" + id + "/close").status == 200);
  auto const reply = submit(app, {{"customer_name", "Ada"}}, version(seen));
  CHECK(reply["outcome"] == "answered_already");
  CHECK(reply["status"] == "lost");
  CHECK(answers(app) == Rows{"submission answered_already"});
}
