// Unpaid invoices are followed up: each step once, never for who has paid, and paying ends it.
#include <doctest/doctest.h>

#include <thread>

#include "dunning/dunning.hpp"
#include "platform/settings/groups.hpp"
#include "support/app.hpp"
#include "support/second_node.hpp"

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

void round(App& app) {
  app.enqueue(dunning::Round{});
  app.work();
}
std::string subscription(App const& app) {
  return app.value("SELECT stripe_subscription_id FROM subscriptions ORDER BY id LIMIT 1");
}
std::string state(App const& app) { return app.value("SELECT state FROM tenants WHERE id = 1"); }
std::string holds(App const& app) {
  return app.value(
      "SELECT coalesce(string_agg(reason::text, ' ' ORDER BY reason::text), '') FROM tenant_holds");
}
Rows mails(App const& app) {
  return app.rows("SELECT template FROM mails WHERE template LIKE 'dunning%' ORDER BY id");
}
Rows steps(App const& app) {
  return app.rows(
      "SELECT step || ' ' || outcome FROM dunning_steps ORDER BY acted_at, case_id, array_position("
      "ARRAY['first_mail', 'second_mail', 'third_mail', 'warning', 'hold', 'archive', 'purge'], "
      "step)");
}
std::string outcome(App const& app) {
  return app.value("SELECT coalesce(outcome, 'open') FROM dunning_cases ORDER BY id DESC LIMIT 1");
}
std::string body(App const& app, std::string const& name) {
  return app.value("SELECT body FROM mails WHERE template = '" + name +
                   "' ORDER BY id DESC LIMIT 1");
}
/// So many days after the first failure of an invoice that is open.
std::string day(App const& app, int later) {
  return app.value("SELECT to_char(min(first_failed_at) AT TIME ZONE 'UTC' + interval '" +
                   std::to_string(later) +
                   " days', 'YYYY-MM-DD') FROM billing_invoices WHERE status = 'open'");
}

/// A live tenant whose new period could not be charged; Stripe makes no further attempts. Returns
/// the invoice.
std::string fail_to_pay(App& app) {
  app.sign_up_and_pay(acme());
  REQUIRE(state(app) == "live");
  REQUIRE(app.at_stripe("/v1/test_helpers/switches", {{"after_retries", "past_due"}}).status ==
          200);
  auto const failing =
      app.at_stripe("/v1/payment_methods/pm_card_chargeCustomerFail/attach",
                    {{"customer", app.value("SELECT stripe_customer_id FROM customers")}});
  auto const path = "/v1/subscriptions/" + subscription(app);
  REQUIRE(app.at_stripe(path, {{"default_payment_method", failing["id"]}}).status == 200);
  auto const billed =
      app.at_stripe(path, {{"billing_cycle_anchor", "now"}, {"proration_behavior", "none"}});
  REQUIRE_MESSAGE(billed["status"] == "past_due", billed.body);
  app.settle();
  app.run("UPDATE billing_invoices SET next_payment_attempt = NULL");
  return billed["latest_invoice"];
}
void pay(App& app, std::string const& invoice) {
  auto const paid =
      app.at_stripe("/v1/invoices/" + invoice + "/pay", {{"payment_method", "pm_card_visa"}});
  REQUIRE_MESSAGE(paid.status == 200, paid.body);
  app.settle();
}
/// One more invoice of the subscription that failed so many days from now.
void fail_another(App& app, double later) {
  app.run(
      "INSERT INTO billing_invoices (customer_id, subscription_id, stripe_subscription_id, "
      "stripe_invoice_id, number, amount, currency, status, attempt_count, date, first_failed_at) "
      "SELECT customer_id, id, stripe_subscription_id, 'in_second', 'SECOND-1', 1900, 'eur', "
      "'open', 1, now(), '" +
      clock_source::rfc3339(clock_source::now() +
                            std::chrono::seconds{std::int64_t(later * 86'400)}) +
      "' FROM subscriptions ORDER BY id LIMIT 1");
}
}  // namespace

TEST_CASE("who does not pay is written to, suspended, archived and purged; each step once") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  fail_to_pay(app);
  CHECK(outcome(app) == "open");
  round(app);
  round(app);
  CHECK(mails(app) == Rows{"dunning_first_mail"});
  auto const first = body(app, "dunning_first_mail");
  CHECK(first.find(app.value("SELECT hosted_invoice_url FROM billing_invoices WHERE status = "
                             "'open'")) != std::string::npos);
  CHECK(first.find("is suspended on " + day(app, 14)) != std::string::npos);
  for (double const days : {3, 4, 3, 4}) {
    calendar.pass(days);
    round(app);
    round(app);
  }
  CHECK(mails(app) == Rows{"dunning_first_mail", "dunning_second_mail", "dunning_third_mail",
                           "dunning_warning", "dunning_hold"});
  CHECK(holds(app) == "billing");
  CHECK(state(app) == "suspended");
  // Whatever is heard of the subscription meanwhile: the hold stays.
  REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app), {{"metadata[a]", "b"}}).status ==
          200);
  app.settle();
  CHECK(holds(app) == "billing");
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'payment_needed'") == "0");

  calendar.pass(16);
  round(app);
  app.settle();
  CHECK(state(app) == "archived");
  CHECK(mails(app).back() == "dunning_archive");
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'tenant_ends'") == "0");
  CHECK(app.value("SELECT status FROM subscriptions") == "canceled");
  CHECK(body(app, "dunning_archive").find("On " + day(app, 60) + " it is deleted") !=
        std::string::npos);
  CHECK(app.value("SELECT (state_deadline - '" + clock_source::rfc3339(clock_source::now()) +
                  "') > interval '29 days 23 hours' FROM tenants") == "t");
  calendar.pass(30);
  round(app);
  app.settle();
  CHECK(state(app) == "purged");
  CHECK(mails(app).back() == "dunning_purge");
  CHECK(outcome(app) == "purged");
  CHECK(steps(app).size() == 7);
  CHECK(app.value("SELECT count(*) FROM dunning_steps s JOIN mails m ON m.id = s.mail_id AND "
                  "m.template = 'dunning_' || s.step") == "7");
  round(app);
  CHECK(mails(app).size() == 7);
}

TEST_CASE("paying by any way ends it and gives back exactly the billing hold") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  auto const invoice = fail_to_pay(app);
  round(app);
  SUBCASE("before anything was taken: nothing more is written") {
    calendar.pass(5);
    pay(app, invoice);
    CHECK(outcome(app) == "paid");
    round(app);
    CHECK(mails(app) == Rows{"dunning_first_mail"});
  }
  SUBCASE("while it is suspended") {
    calendar.pass(14);
    round(app);
    CHECK(mails(app) == Rows{"dunning_first_mail", "dunning_warning"});
    calendar.pass(1);
    round(app);
    REQUIRE(state(app) == "suspended");
    SUBCASE("by card") { pay(app, invoice); }
    SUBCASE("out of band") {
      REQUIRE(app.at_stripe("/v1/invoices/" + invoice + "/pay", {{"paid_out_of_band", "true"}})
                  .status == 200);
      app.settle();
    }
    SUBCASE("or not at all: it is not asked for any more") {
      REQUIRE(app.at_stripe("/v1/invoices/" + invoice + "/void").status == 200);
      app.settle();
      CHECK(outcome(app) == "dropped");
    }
    CHECK(state(app) == "live");
    CHECK(holds(app) == "");
  }
  SUBCASE("while something else holds it, too") {
    app.as(Role::owner).post("/api/tenants/ten_1/holds", {{"reason", "abuse"}});
    calendar.pass(14);
    round(app);
    calendar.pass(1);
    round(app);
    CHECK(holds(app) == "abuse billing");
    pay(app, invoice);
    CHECK(holds(app) == "abuse");
    CHECK(state(app) == "suspended");
  }
  SUBCASE("after the archive: it comes back, and hears where a new subscription starts") {
    for (double const days : {14, 1, 16}) {
      calendar.pass(days);
      round(app);
      app.settle();
    }
    REQUIRE(state(app) == "archived");
    pay(app, invoice);
    app.settle();
    CHECK(outcome(app) == "paid");
    CHECK(state(app) == "suspended");
    CHECK(holds(app) == "billing");
    CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'subscription_over'") != "0");
    CHECK(app.value("SELECT kept_until IS NULL FROM tenants") == "t");
  }
}

TEST_CASE("a step is decided anew where it is taken: who paid in the same moment is spared") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  fail_to_pay(app);
  db::Connection connection{app.database.url()};
  db::Tx tx{connection};
  static_cast<void>(tenants::lock(tx, tenants::TenantId{1}));
  app.enqueue(dunning::Round{});
  std::thread worker{[&] { app.work(); }};
  while (app.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0")
    std::this_thread::yield();
  app.run("UPDATE billing_invoices SET status = 'paid' WHERE status = 'open'");
  tx.commit();
  worker.join();
  CHECK(mails(app) == Rows{});
  CHECK(outcome(app) == "paid");
}

TEST_CASE("two workers in the same round take each step once") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  fail_to_pay(app);
  SecondNode other{app};
  for (double const days : {0, 3, 7, 4}) {
    calendar.pass(days);
    for (int twice = 0; twice < 2; ++twice) app.enqueue(dunning::Round{});
    std::thread worker{[&] { other.application().engine().run_ready(); }};
    app.work();
    worker.join();
  }
  CHECK(mails(app) ==
        Rows{"dunning_first_mail", "dunning_second_mail", "dunning_warning", "dunning_hold"});
  CHECK(steps(app) == Rows{"first_mail done", "second_mail done", "third_mail skipped",
                           "warning done", "hold done"});
  CHECK(app.value("SELECT count(*) FROM jobs WHERE state = 'dead'") == "0");
}

TEST_CASE("after a weekend away one mail says how it is; without a mail server none is lost") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  fail_to_pay(app);
  app.settings.smtp_url = "smtp://127.0.0.1:1";
  calendar.pass(8.5);
  round(app);
  round(app);
  CHECK(mails(app) == Rows{"dunning_third_mail"});
  CHECK(steps(app) == Rows{"first_mail skipped", "second_mail skipped", "third_mail done"});
  CHECK(app.value("SELECT state FROM mails WHERE template = 'dunning_third_mail'") == "queued");
  app.settings.smtp_url.clear();
  app.hurry("mail.deliver");
  app.work();
  CHECK(app.value("SELECT state FROM mails WHERE template = 'dunning_third_mail'") == "kept");
  round(app);
  CHECK(mails(app).size() == 1);
}

TEST_CASE("a second invoice begins nothing anew; when the first is paid its own days count") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  auto const invoice = fail_to_pay(app);
  round(app);
  calendar.pass(8);
  fail_another(app, 0);
  round(app);
  CHECK(app.value("SELECT count(*) FROM dunning_cases") == "1");
  CHECK(mails(app) == Rows{"dunning_first_mail", "dunning_third_mail"});
  CHECK(body(app, "dunning_third_mail").find("SECOND-1") != std::string::npos);
  // Changed settings are for cases to come.
  app.run(
      "INSERT INTO settings_groups (name, version, content, changed_at, changed_by) VALUES "
      "('dunning', 1, '{\"third_mail_day\": 4}', now(), 'test')");
  calendar.pass(1);
  pay(app, invoice);
  round(app);
  CHECK(app.rows("SELECT coalesce(outcome, 'open'), ladder->>'third_mail' FROM dunning_cases ORDER "
                 "BY id") == Rows{"paid|7", "open|7"});
  CHECK(mails(app).back() == "dunning_first_mail");
  auto const calendar_of = app.as(Role::auditor).get("/api/tenants/ten_1/what-happens-next");
  CHECK(calendar_of.status == 200);
  std::string third;
  for (auto const& next : calendar_of.json.at("data").as_array())
    if (Reply::text(next, "what") == "third_mail") third = Reply::text(next, "at").substr(0, 10);
  CHECK(third == day(app, 7));
}

TEST_CASE("what was agreed with a customer: nothing comes while it is paused, nor before a day") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  fail_to_pay(app);
  auto const path = "/api/customers/cus_1/dunning";
  // Whoever asks has logged in for it: sessions end within a day.
  auto const put = [&](Role role, boost::json::object const& wanted, std::string const& tag) {
    return app.as(role).send("PUT", path, boost::json::serialize(wanted),
                             {"Content-Type: application/json", "If-Match: " + tag});
  };
  CHECK(app.as(Role::finance).get(path).header("etag") == "\"0\"");
  CHECK(put(Role::finance, {{"is_paused", true}, {"note", "Pays on Friday"}}, "\"0\"").status ==
        200);
  CHECK(put(Role::finance, {{"is_paused", false}}, "\"0\"").status == 412);
  CHECK(app.as(Role::finance).get("/api/customers/cus_999/dunning").status == 404);
  CHECK(put(Role::support, {{"is_paused", false}}, "\"1\"").status == 403);
  CHECK(app.value("SELECT DISTINCT action || ' ' || target FROM audit_logs WHERE action LIKE "
                  "'dunning%'") == "dunning.exception_changed cus_1");
  calendar.pass(20);
  round(app);
  CHECK(mails(app) == Rows{});
  auto const waiting = app.as(Role::owner).get("/api/tenants/ten_1/what-happens-next");
  CHECK(waiting["is_paused"] == "true");
  CHECK(waiting.body.find("\"hold\",\"progress\":\"waiting\"") != std::string::npos);
  // Then a day before which nothing comes, and what comes then.
  auto const until = clock_source::rfc3339(clock_source::now() + std::chrono::days{2});
  CHECK(put(Role::owner, {{"is_paused", false}, {"not_before", until}}, "\"1\"").status == 200);
  round(app);
  CHECK(mails(app) == Rows{});
  calendar.pass(2.1);
  round(app);
  calendar.pass(1);
  round(app);
  CHECK(mails(app) == Rows{"dunning_warning", "dunning_hold"});
  CHECK(state(app) == "suspended");
  // A promise lets it run again at once, and only until then.
  auto const promised = clock_source::rfc3339(clock_source::now() + std::chrono::days{3});
  CHECK(put(Role::admin, {{"is_paused", false}, {"not_before", promised}}, "\"2\"").status == 200);
  app.work();
  CHECK(state(app) == "live");
  round(app);
  CHECK(holds(app) == "");
  calendar.pass(3.1);
  round(app);
  app.work();
  CHECK(holds(app) == "billing");
}

TEST_CASE(
    "what Stripe has given up on is suspended by that, and is neither warned nor asked twice") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  auto const invoice = fail_to_pay(app);
  round(app);
  REQUIRE(app.at_stripe("/v1/subscriptions/" + subscription(app),
                        {{"metadata[sandbox_after_retries]", "unpaid"}})
              .status == 200);
  REQUIRE(app.at_stripe("/v1/test_helpers/invoices/" + invoice + "/exhaust_retries").status == 200);
  app.settle();
  REQUIRE(app.value("SELECT status FROM subscriptions") == "unpaid");
  CHECK(holds(app) == "billing");
  calendar.pass(15);
  round(app);
  CHECK(mails(app) == Rows{"dunning_first_mail", "dunning_third_mail"});
  CHECK(body(app, "dunning_third_mail").find("is suspended until it is paid") != std::string::npos);
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'payment_needed'") == "1");
  pay(app, invoice);
  CHECK(state(app) == "live");
  CHECK(outcome(app) == "paid");
}

TEST_CASE("a case that cannot be put off keeps no other one waiting") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  Calendar calendar;
  fail_to_pay(app);
  app.sign_up_and_pay(acme({{"subdomain", "globex"}, {"email", "bea@globex.example"}}));
  app.run(
      "INSERT INTO billing_invoices (customer_id, subscription_id, stripe_subscription_id, "
      "stripe_invoice_id, number, amount, currency, status, attempt_count, date, first_failed_at) "
      "SELECT customer_id, id, stripe_subscription_id, 'in_other', 'OTHER-1', 1900, 'eur', 'open', "
      "1, now(), now() + interval '3 days' FROM subscriptions WHERE tenant_id = 2");
  round(app);
  calendar.pass(3.1);
  round(app);
  // Both are looked at; the other one, first, has nothing due.
  app.run(
      "DELETE FROM dunning_steps WHERE step = 'second_mail'; UPDATE dunning_cases SET next_at = "
      "now() - tenant_id * interval '1 minute'; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE "
      "plpgsql AS $$ BEGIN IF OLD.tenant_id = 2 AND NEW.next_at > now() + interval '77 hours' "
      "THEN RAISE EXCEPTION 'not now'; END IF; RETURN NEW; END $$; CREATE TRIGGER refuse BEFORE "
      "UPDATE ON dunning_cases FOR EACH ROW EXECUTE FUNCTION refuse()");
  round(app);
  CHECK(app.value("SELECT count(*) FROM dunning_steps WHERE step = 'second_mail'") == "1");
}

TEST_CASE("failures from before there were cases are found by the round") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  fail_to_pay(app);
  app.run("DELETE FROM dunning_cases");
  round(app);
  CHECK(mails(app) == Rows{"dunning_first_mail"});
  CHECK(app.value("SELECT count(*) FROM dunning_cases WHERE closed_at IS NULL") == "1");
}

TEST_CASE("the days of the steps are settings, in their order, for plans that are there") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const path = "/api/settings/groups/dunning";
  auto settings = owner.get(path).json.as_object();
  CHECK(settings.at("suspend_day").as_int64() == 14);
  auto const put = [&](boost::json::object const& wanted) {
    return owner.send("PUT", path, boost::json::serialize(wanted),
                      {"Content-Type: application/json", "If-Match: \"0\""});
  };
  auto wrong = settings;
  wrong["warning_day"] = 7;
  wrong["mail_only_plans"] = boost::json::array{"nothing"};
  CHECK(put(wrong).wrong_fields() == "/mail_only_plans /warning_day");
  wrong["suspends"] = false;
  wrong["sends_warning"] = false;  // its day counts no more
  wrong["mail_only_plans"] = boost::json::array{"team"};
  CHECK(put(wrong).status == 200);
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'settings.dunning_changed'") ==
        "1");
}
