// The mirror has all that Stripe has of our customers, in whatever order, shape and number its
// words came; what was missed is found at night.
#include <doctest/doctest.h>

#include <random>

#include "billing/applying.hpp"
#include "billing/comparison.hpp"
#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;
using Fields = std::vector<std::pair<std::string, std::string>>;

void settle(App& app) {
  app.deliver_news();
  app.work();
}

Reply post(App const& app, std::string const& path, Fields const& fields = {}) {
  http_client::Form form;
  for (auto const& [name, value] : fields) form.add(name, value);
  auto reply = app.stripe("POST", path, form);
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  return reply;
}

std::string customer(App const& app) {
  return app.value("SELECT stripe_customer_id FROM customers ORDER BY id LIMIT 1");
}
std::string first_invoice(App const& app) {
  return app.value("SELECT stripe_invoice_id FROM billing_invoices ORDER BY id LIMIT 1");
}
std::string first_charge(App const& app) {
  return app.stripe("GET", "/v1/charges?customer=" + customer(app))["data.0.id"];
}

void add_item(App const& app, int amount, std::string const& words = "Work") {
  post(app, "/v1/invoiceitems",
       {{"customer", customer(app)},
        {"currency", "eur"},
        {"amount", std::to_string(amount)},
        {"description", words}});
}
/// A draft with all that waits.
std::string draft(App const& app) {
  return post(app, "/v1/invoices",
              {{"customer", customer(app)}, {"pending_invoice_items_behavior", "include"}})["id"];
}
std::string finalized(App const& app) {
  auto const id = draft(app);
  post(app, "/v1/invoices/" + id + "/finalize", {{"auto_advance", "false"}});
  return id;
}

/// The oldest time at which an event of this type tells of an object, as PostgreSQL writes it.
std::string told_at(App const& app, std::string const& object, std::string const& type) {
  return app.value("SELECT min(created) FROM stripe_events WHERE object_id = '" + object +
                   "' AND type = '" + type + "'");
}

/// A customer of ours to whom everything happens: paid, declined, paid by hand, credited, given
/// back, disputed.
void live_a_lot(App& app) {
  app.sign_up_and_pay(acme());
  auto const id = customer(app);
  auto const paid = first_invoice(app);
  post(
      app, "/v1/credit_notes",
      {{"invoice", paid}, {"amount", "500"}, {"refund_amount", "500"}, {"reason", "order_change"}});
  post(app, "/v1/refunds", {{"charge", first_charge(app)}, {"amount", "300"}});
  post(app, "/v1/test_helpers/charges/" + first_charge(app) + "/dispute", {{"amount", "1000"}});
  post(app, "/v1/customers/" + id + "/balance_transactions",
       {{"amount", "-700"}, {"currency", "eur"}, {"description", "Sorry"}});
  add_item(app, 1900);
  post(app, "/v1/invoices/" + finalized(app) + "/pay");
  add_item(app, 2900);
  post(app, "/v1/invoices/" + finalized(app) + "/pay", {{"paid_out_of_band", "true"}});
  add_item(app, 3900);
  post(app, "/v1/invoices/" + finalized(app) + "/void");
  add_item(app, 4900);
  post(app, "/v1/invoices/" + finalized(app) + "/mark_uncollectible");
  add_item(app, 100);
  post(app, "/v1/coupons", {{"id", "SPRING"}, {"percent_off", "20"}, {"duration", "once"}});
  settle(app);
}

/// All that must not depend on how events came.
Rows everything(App const& app) {
  Rows out;
  for (auto const* sql :
       {"SELECT id, kind, customer_id, belongs_to, deleted_at, md5(state::text) FROM "
        "stripe_objects ORDER BY 1",
        "SELECT stripe_subscription_id, status, trial_end, cancel_at, canceled_at, pause_behavior, "
        "collection_method FROM subscriptions ORDER BY 1",
        "SELECT * FROM subscription_items ORDER BY 1", "SELECT * FROM stripe_prices ORDER BY 1",
        "SELECT stripe_invoice_id, number, status, subtotal, tax, amount_due, amount_remaining, "
        "collection_method, billing_reason, due_date, finalized_at, voided_at, uncollectible_at, "
        "first_failed_at, is_paid_out_of_band FROM billing_invoices ORDER BY 1",
        "SELECT stripe_line_id, position, description, amount, discount, tax_inclusive, "
        "tax_exclusive, period_start, period_end, is_proration, price_id, stripe_item_id, quantity "
        "FROM billing_invoice_lines ORDER BY 1",
        "SELECT * FROM billing_attempts ORDER BY 1",
        "SELECT stripe_refund_id, amount, status, stripe_invoice_id, stripe_charge_id, reason, "
        "failure_reason, failed_at, stripe_credit_note_id FROM billing_refunds ORDER BY 1",
        "SELECT to_jsonb(n) - 'id' FROM billing_credit_notes AS n ORDER BY stripe_credit_note_id",
        "SELECT to_jsonb(d) - 'id' FROM billing_disputes AS d ORDER BY stripe_dispute_id",
        "SELECT * FROM billing_balance_transactions ORDER BY 1"})
    for (auto& row : app.rows(sql)) out.push_back(std::move(row));
  return out;
}

/// Back to the moment before Stripe had told anything.
void forget(App const& app) {
  app.run(
      "SET session_replication_role = replica; TRUNCATE stripe_objects, stripe_events, "
      "subscriptions, subscription_items, stripe_prices, billing_invoices, billing_invoice_lines, "
      "billing_attempts, billing_refunds, billing_credit_notes, billing_disputes, "
      "billing_balance_transactions, billing_profiles, payment_methods, jobs, "
      "subscription_snapshots, discount_terms, mrr_steps, mrr_movements, ledger_runs, "
      "rollup_deltas, rollups, rollup_months, rollup_totals CASCADE");
}

void compare(App& app) {
  app.enqueue(billing::Compare{});
  app.work();
}
/// The mirror is filled, and nothing differs.
void fill(App& app) {
  compare(app);
  REQUIRE(app.value("SELECT count(*) FROM mirror_walks WHERE ended_at IS NOT NULL") == "12");
  REQUIRE(app.value("SELECT count(*) FROM mirror_differences") == "0");
}
Rows differences(App const& app) {
  return app.rows(
      "SELECT kind, nature, members::text FROM mirror_differences WHERE resolved_at IS NULL ORDER "
      "BY kind, stripe_id");
}
}  // namespace

TEST_CASE("every kind of object has its row in the mirror and its columns") {
  auto app = App::fresh({.sandbox = true});
  live_a_lot(app);
  CHECK(app.rows("SELECT kind, count(*) FROM stripe_objects WHERE kind NOT IN ('price', "
                 "'payment_method') GROUP BY 1 ORDER BY 1") ==
        Rows{"charge|2", "coupon|1", "credit_note|1", "customer|1",
             "customer_balance_transaction|2", "dispute|1", "invoice|5", "invoiceitem|5",
             "refund|2", "subscription|1"});
  auto const paid = first_invoice(app);
  CHECK(app.rows("SELECT kind, count(*) FROM stripe_objects WHERE belongs_to = '" + paid +
                 "' GROUP BY 1 ORDER BY 1") ==
        Rows{"charge|1", "credit_note|1", "dispute|1", "refund|2"});
  CHECK(app.value("SELECT count(*) FROM stripe_objects WHERE customer_id IS NULL AND kind NOT IN "
                  "('price', 'coupon', 'tax_rate')") == "0");

  CHECK(app.rows("SELECT status, subtotal, amount_due, amount_remaining, collection_method, "
                 "is_paid_out_of_band, finalized_at IS NOT NULL, voided_at IS NOT NULL, "
                 "uncollectible_at IS NOT NULL FROM billing_invoices ORDER BY id") ==
        Rows{"paid|4900|4900|0|charge_automatically|f|t|f|f",
             "paid|1900|1200|0|charge_automatically|f|t|f|f",
             "paid|2900|2900|0|charge_automatically|t|t|f|f",
             "void|3900|3900|3900|charge_automatically|f|t|t|f",
             "uncollectible|4900|4900|4900|charge_automatically|f|t|f|t"});
  CHECK(app.rows("SELECT position, description, l.amount, is_proration, quantity, price_id IS NULL "
                 "FROM billing_invoice_lines l JOIN billing_invoices i ON i.id = l.invoice_id "
                 "WHERE i.amount = 1900") == Rows{"0|Work|1900|f|1|t"});
  CHECK(app.rows("SELECT i.quantity, p.interval, p.is_active, p.unit_amount, i.current_period_end "
                 "= s.current_period_end FROM subscription_items i JOIN stripe_prices p ON p.id = "
                 "i.price_id JOIN subscriptions s USING (stripe_subscription_id)") ==
        Rows{"1|month|f|4900|t"});
  CHECK(app.rows("SELECT outcome, amount, currency, stripe_pm_id IS NOT NULL, stripe_invoice_id = "
                 "'" +
                 paid + "' FROM billing_attempts ORDER BY at, amount DESC") ==
        Rows{"succeeded|4900|eur|t|t", "succeeded|1200|eur|t|f"});
  CHECK(app.rows("SELECT amount, stripe_invoice_id = '" + paid + "', stripe_charge_id = '" +
                 app.value("SELECT stripe_charge_id FROM "
                           "billing_attempts WHERE amount = 4900") +
                 "', stripe_credit_note_id = (SELECT stripe_credit_note_id FROM "
                 "billing_credit_notes) FROM billing_refunds ORDER BY amount DESC") ==
        Rows{"500|t|t|t", "300|t|t|"});
  CHECK(app.rows("SELECT status, reason, amount, post_payment_amount, stripe_invoice_id = '" +
                 paid + "' FROM billing_credit_notes") == Rows{"issued|order_change|500|500|t"});
  CHECK(app.rows("SELECT status, amount, funds_withdrawn, funds_reinstated, closed_at IS NULL, "
                 "evidence_due_by > created_at FROM billing_disputes") ==
        Rows{"needs_response|1000|1000|0|t|t"});
  CHECK(app.rows("SELECT type, amount, ending_balance, stripe_invoice_id IS NOT NULL FROM "
                 "billing_balance_transactions ORDER BY amount") ==
        Rows{"adjustment|-700|-700|f", "applied_to_invoice|700|0|t"});
  CHECK(app.value("SELECT count(*) FROM stripe_objects WHERE state::text LIKE '%_secret_%'") ==
        "0");
}

TEST_CASE("late, twice and backwards give the same mirror") {
  auto app = App::fresh({.sandbox = true});
  live_a_lot(app);
  auto const expected = everything(app);
  auto events = app.events();
  std::mt19937 generator{20261130};
  for (int round = 0; round < 4; ++round) {
    CAPTURE(round);
    if (round == 0) std::reverse(events.begin(), events.end());
    if (round > 1) std::shuffle(events.begin(), events.end(), generator);
    forget(app);
    for (std::size_t i = 0; i < events.size(); ++i) {
      REQUIRE(app.deliver(events[i]).status == 200);
      if (round % 2) app.work();  // each alone, or all together at the end
      if (i % 7 == 0) REQUIRE(app.deliver(events[i]).status == 200);
    }
    app.work();
    CHECK(app.value("SELECT count(*) FROM stripe_events WHERE state IN ('received', 'dead')") ==
          "0");
    CHECK(everything(app) == expected);
  }
}

TEST_CASE("events of one object that wait together are worked off with one answer of Stripe's") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  settle(app);
  add_item(app, 1900);
  auto const id = finalized(app);
  post(app, "/v1/invoices/" + id + "/pay");
  app.deliver_news();
  auto const of_invoice =
      "kind = 'billing.apply_stripe_event' AND payload ->> 'object_id' = '" + id + "'";
  auto const told = app.value("SELECT count(*) FROM stripe_events WHERE object_id = '" + id + "'");
  REQUIRE(std::stoi(told) > 2);
  app.work();
  CHECK(app.value("SELECT count(*) FROM stripe_events WHERE object_id = '" + id +
                  "' AND state = 'applied'") == told);
  CHECK(app.rows("SELECT attempt, count(*) FROM jobs WHERE " + of_invoice +
                 " AND state = 'done' AND (coalesce(note, '') LIKE 'worked off with evt_%') = "
                 "(attempt = 0) GROUP "
                 "BY 1 ORDER BY 1") == Rows{"0|" + std::to_string(std::stoi(told) - 1), "1|1"});
  CHECK(app.value("SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" + id + "'") ==
        "paid");
}

TEST_CASE("an invoice of many lines is kept with all of them") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  for (int i = 1; i <= 23; ++i) add_item(app, 100 * i, "Line " + std::to_string(i));
  auto const id = finalized(app);
  auto const shown = app.stripe("GET", "/v1/invoices/" + id);
  REQUIRE(shown["lines.has_more"] == "true");
  REQUIRE(shown.json.at("lines").at("data").as_array().size() == 10);
  settle(app);
  CHECK(app.rows("SELECT count(*), sum(l.amount), max(position) FROM billing_invoice_lines l JOIN "
                 "billing_invoices i ON i.id = invoice_id WHERE stripe_invoice_id = '" +
                 id + "'") == Rows{"23|27600|22"});
  CHECK(app.rows("SELECT jsonb_array_length(state #> '{lines,data}'), state #> '{lines,has_more}' "
                 "FROM stripe_objects WHERE id = '" +
                 id + "'") == Rows{"23|false"});
}

TEST_CASE("what only events know of time is dated by them, however late they are worked off") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"], "4000 0000 0000 0002");  // declined first
  app.pay(signup["checkout_url"]);
  settle(app);
  auto const charge = first_charge(app);
  post(app, "/v1/refunds", {{"charge", charge}, {"amount", "900"}});
  auto const refund = app.stripe("GET", "/v1/refunds")["data.0.id"];
  post(app, "/v1/test_helpers/refunds/" + refund + "/fail",
       {{"failure_reason", "lost_or_stolen_card"}});
  post(app, "/v1/test_helpers/charges/" + charge + "/dispute", {{"amount", "1000"}});
  auto const dispute = app.stripe("GET", "/v1/disputes")["data.0.id"];
  post(app, "/v1/disputes/" + dispute + "/close");
  // It happened a day before it is told.
  app.run(
      "UPDATE stripe_sandbox.objects SET data = jsonb_set(data::jsonb, '{created}', "
      "to_jsonb((data->>'created')::bigint - 86400))::json WHERE type = 'event' AND data->>'type' "
      "IN ('refund.failed', 'charge.dispute.closed')");
  settle(app);
  CHECK(app.rows("SELECT outcome, failure_code, decline_code FROM billing_attempts ORDER BY at, "
                 "outcome") == Rows{"failed|card_declined|generic_decline", "succeeded||"});
  CHECK(app.rows("SELECT status, failure_reason, failed_at FROM billing_refunds") ==
        Rows{"failed|lost_or_stolen_card|" + told_at(app, refund, "refund.failed")});
  CHECK(app.rows("SELECT status, closed_at FROM billing_disputes") ==
        Rows{"lost|" + told_at(app, dispute, "charge.dispute.closed")});
}

TEST_CASE("the first failed attempt of an invoice is known by its event, else by its charge") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const method = app.value("SELECT stripe_pm_id FROM payment_methods");
  post(app, "/v1/test_helpers/payment_methods/" + method + "/decline",
       {{"decline_code", "insufficient_funds"}});
  add_item(app, 1900);
  auto const id = finalized(app);
  REQUIRE(app.stripe("POST", "/v1/invoices/" + id + "/pay").status == 402);
  REQUIRE(app.stripe("POST", "/v1/invoices/" + id + "/pay").status == 402);
  settle(app);
  auto const failed_at =
      "SELECT first_failed_at FROM billing_invoices WHERE stripe_invoice_id = '" + id + "'";
  CHECK(app.rows("SELECT decline_code FROM billing_attempts WHERE stripe_invoice_id = '" + id +
                 "'") == Rows{"insufficient_funds", "insufficient_funds"});
  CHECK(app.value(failed_at) == told_at(app, id, "invoice.payment_failed"));
  // Another event of it, an older one, was lost until now.
  app.run(
      "UPDATE stripe_events SET created = created - interval '3 hours' WHERE id = (SELECT id "
      "FROM stripe_events WHERE object_id = '" +
      id + "' AND type = 'invoice.payment_failed' LIMIT 1)");
  app.run("DELETE FROM stripe_events WHERE object_id = '" + id +
          "' AND type = 'invoice.payment_failed' AND created > now() - interval '1 hour'");
  app.as(Role::admin)
      .post("/api/billing/events/" +
                app.value("SELECT id FROM stripe_events WHERE object_id = '" + id +
                          "' AND type = 'invoice.payment_failed'") +
                "/replay",
            nullptr);
  app.work();
  CHECK(app.value(failed_at) == told_at(app, id, "invoice.payment_failed"));
  // Nobody has told: the charge that was refused first.
  app.run("DELETE FROM stripe_events WHERE type = 'invoice.payment_failed'");
  app.run("UPDATE stripe_events SET state = 'received' WHERE type = 'invoice.finalized'");
  app.as(Role::admin)
      .post("/api/billing/events/" +
                app.value("SELECT id FROM stripe_events WHERE object_id = '" + id +
                          "' AND type = 'invoice.finalized'") +
                "/replay",
            nullptr);
  app.work();
  CHECK(app.value(failed_at) == app.value("SELECT min(at) FROM billing_attempts WHERE "
                                          "stripe_invoice_id = '" +
                                          id + "'"));
}

TEST_CASE("payments that were kept before their invoice was known find it with the invoice") {
  auto app = App::fresh({.sandbox = true});
  live_a_lot(app);
  auto const expected = everything(app);
  // As it was when a payment intent had not been attached to its invoice yet.
  app.run(
      "UPDATE stripe_objects SET belongs_to = NULL WHERE kind IN ('charge', 'refund', "
      "'dispute')");
  for (auto const* table : {"billing_attempts", "billing_refunds", "billing_disputes"})
    app.run(std::string{"UPDATE "} + table + " SET stripe_invoice_id = NULL");
  REQUIRE(everything(app) != expected);
  app.run(
      "UPDATE stripe_events SET state = 'dead' WHERE type = 'invoice.finalized' OR type = "
      "'invoice.paid'");
  db::Connection connection{app.database.url()};
  db::transact(connection, [](db::Tx& tx) { billing::replay(tx, ""); });
  app.work();
  CHECK(everything(app) == expected);
}

TEST_CASE("objects in the shapes of older versions mean the same") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const ours = customer(app);
  auto const now = clock_source::now();
  auto object = [&](std::string text) {
    for (auto at = text.find('\''); at != std::string::npos; at = text.find('\'')) text[at] = '"';
    if (auto const at = text.find("CUSTOMER"); at != std::string::npos) text.replace(at, 8, ours);
    return stripe::parse(text);
  };
  db::Connection connection{app.database.url()};
  db::transact(connection, [&](db::Tx& tx) {
    CHECK(billing::apply_invoice(
        tx,
        {.object =
             object(R"({'id':'in_old','object':'invoice','customer':'CUSTOMER','status':'paid',
          'paid':true,'currency':'eur','total':2420,'subtotal':2000,'tax':420,'amount_due':2420,
          'amount_paid':2420,'amount_remaining':0,'attempt_count':1,'created':1795000000,
          'paid_out_of_band':true,'subscription':null,'payment_intent':'pi_old',
          'charge':'ch_old','lines':{'object':'list','has_more':false,'data':[
            {'id':'il_old','object':'line_item','amount':2000,'proration':true,'quantity':2,
             'price':{'id':'price_old','object':'price'},'subscription_item':'si_old',
             'period':{'start':1795000000,'end':1795086400},
             'discount_amounts':[{'amount':100,'discount':'di_1'}],
             'tax_amounts':[{'amount':420,'inclusive':false},{'amount':7,'inclusive':true}]}]}})"),
         .asked_at = now},
        {}));
    CHECK(billing::apply_credit_note(
        tx,
        {.object = object(R"({'id':'cn_old','object':'credit_note','customer':'CUSTOMER',
          'invoice':'in_old','status':'issued','total':121,'currency':'eur','refund':'re_old',
          'created':1795000000,'tax_amounts':[{'amount':21,'inclusive':false}],
          'lines':{'object':'list','has_more':false,'data':[]}})"),
         .asked_at = now},
        {}));
  });
  CHECK(app.rows("SELECT status, tax, is_paid_out_of_band FROM billing_invoices WHERE "
                 "stripe_invoice_id = 'in_old'") == Rows{"paid|420|t"});
  CHECK(app.rows("SELECT amount, discount, tax_inclusive, tax_exclusive, is_proration, price_id, "
                 "stripe_item_id, quantity, period_end - period_start FROM billing_invoice_lines "
                 "WHERE stripe_line_id = 'il_old'") ==
        Rows{"2000|100|7|420|t|price_old|si_old|2|1 day"});
  CHECK(app.rows("SELECT tax, stripe_refund_ids FROM billing_credit_notes") == Rows{"21|{re_old}"});
  // An endpoint of an older version: what comes is another shape, what is asked for is not.
  add_item(app, 1900);
  auto const id = finalized(app);
  auto const body =
      R"({"id":"evt_old","object":"event","api_version":"2020-08-27","livemode":false,)"
      R"("type":"invoice.payment_succeeded","created":1795000000,"data":{"object":)"
      R"({"id":")" +
      id + R"(","object":"invoice","paid":true,"charge":"ch_1"}}})";
  CHECK(app.deliver({"evt_old", "", body}).status == 200);
  app.work();
  CHECK(app.rows("SELECT e.state, i.status, amount_remaining FROM stripe_events e, "
                 "billing_invoices i WHERE e.id = 'evt_old' AND stripe_invoice_id = object_id") ==
        Rows{"applied|open|1900"});
}

TEST_CASE("what is of nobody, of another mode or not there is kept apart") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto tell = [&](std::string const& id, std::string const& type, std::string const& more,
                  std::string const& object) {
    auto const body = R"({"id":")" + id + R"(","object":"event","type":")" + type + R"(",)" + more +
                      R"("created":1795000000,"data":{"object":)" + object + "}}";
    REQUIRE(app.deliver({id, type, body}).status == 200);
    app.work();
    return app.value("SELECT state FROM stripe_events WHERE id = '" + id + "'");
  };
  auto const stranger = post(app, "/v1/customers", {{"email", "b@example.com"}})["id"];
  CHECK(tell("evt_1", "customer.updated", "",
             R"({"id":")" + stranger + R"(","object":"customer"})") == "unlinked");
  CHECK(tell("evt_2", "charge.failed", "", R"({"id":"ch_none","object":"charge"})") == "ignored");
  CHECK(tell("evt_3", "invoice.upcoming", "",
             R"({"id":"upcoming_in_1","object":"invoice","customer":")" + customer(app) +
                 R"("})") == "ignored");
  CHECK(tell("evt_4", "charge.refunded", R"("livemode":true,)",
             R"({"id":")" + first_charge(app) + R"(","object":"charge"})") == "foreign");
  CHECK(tell("evt_5", "radar.early_fraud_warning.created", "", R"({"id":"issfr_1"})") == "ignored");
  CHECK(app.value("SELECT count(*) FROM stripe_objects WHERE customer_id IS NULL AND kind NOT IN "
                  "('price', 'coupon', 'tax_rate') OR id IN ('ch_none', 'upcoming_in_1')") == "0");
}

TEST_CASE("an invoice item that was deleted is marked, whichever event comes first") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  settle(app);
  add_item(app, 800);
  auto const id = app.stripe("GET", "/v1/invoiceitems?pending=true")["data.0.id"];
  SUBCASE("and its beginning was seen") { settle(app); }
  SUBCASE("and nothing of it was") {}
  REQUIRE(app.stripe("DELETE", "/v1/invoiceitems/" + id).status == 200);
  auto const events = app.events();
  auto const deliver = [&](std::string const& type) {
    for (auto const& event : events)
      if (event.type == type) app.deliver(event);
    app.work();
  };
  deliver("invoiceitem.deleted");
  deliver("invoiceitem.created");
  CHECK(app.rows("SELECT customer_id, state ->> 'amount', deleted_at = '" +
                 told_at(app, id, "invoiceitem.deleted") + "' FROM stripe_objects WHERE id = '" +
                 id + "'") == Rows{"1|800|t"});
}

TEST_CASE("an item is known to be on an invoice, though no event tells") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  add_item(app, 800);
  settle(app);
  auto const item =
      "SELECT coalesce(state ->> 'invoice', '') FROM stripe_objects WHERE kind = "
      "'invoiceitem'";
  REQUIRE(app.value(item) == "");
  auto const id = draft(app);
  settle(app);
  CHECK(app.value(item) == id);
  CHECK(app.value("SELECT belongs_to FROM stripe_objects WHERE kind = 'invoiceitem'") == id);
  REQUIRE(app.stripe("DELETE", "/v1/invoices/" + id).status == 200);
  settle(app);
  CHECK(app.value("SELECT count(*) FROM billing_invoice_lines l JOIN billing_invoices i ON i.id = "
                  "l.invoice_id WHERE i.stripe_invoice_id = '" +
                  id + "'") == "0");
}

TEST_CASE("a customer who is deleted at Stripe has no subscription any more") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const id = customer(app);
  REQUIRE(app.stripe("DELETE", "/v1/customers/" + id).status == 200);
  // Of all that Stripe has to say only this arrives.
  for (auto const& event : app.events())
    if (event.type == "customer.deleted") app.deliver(event);
  app.work();
  app.work();
  CHECK(app.value("SELECT status FROM subscriptions") == "canceled");
  CHECK(app.mrr() == "0");
  auto const when = told_at(app, id, "customer.deleted");
  CHECK(app.value("SELECT deleted_at FROM billing_profiles") == when);
  CHECK(app.rows("SELECT deleted_at, state ->> 'email' IS NOT NULL FROM stripe_objects WHERE id = "
                 "'" +
                 id + "'") == Rows{when + "|t"});
  CHECK(app.value("SELECT count(*) FROM payment_methods WHERE \"default\"") == "0");
}

TEST_CASE("events can be looked through, and worked off again") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  app.deliver({"evt_strange", "", R"({"id":"evt_strange","type":"ping","created":1795000000})"});
  app.work();
  auto const auditor = app.as(Role::auditor);
  auto const paid = auditor.get("/api/billing/events?type=invoice.paid");
  CHECK(paid.json.at("data").as_array().size() == 1);
  CHECK(paid["data.0.object_id"] == first_invoice(app));
  CHECK(paid["data.0.state"] == "applied");
  CHECK(paid["data.0.customer_id"] == "cus_1");
  CHECK(paid["data.0.source"] == "webhook");
  auto count = [&](std::string const& query) {
    return std::to_string(
        auditor.get("/api/billing/events?limit=100&" + query).json.at("data").as_array().size());
  };
  CHECK(count("type=invoice.") ==
        app.value("SELECT count(*) FROM stripe_events WHERE type LIKE 'invoice.%'"));
  CHECK(count("state=ignored") ==
        app.value("SELECT count(*) FROM stripe_events WHERE state = 'ignored'"));
  CHECK(count("object=" + first_invoice(app)) ==
        app.value("SELECT count(*) FROM stripe_events WHERE object_id = '" + first_invoice(app) +
                  "'"));

  auto const again = "/api/billing/events/" + paid["data.0.id"] + "/replay";
  app.run("UPDATE billing_invoices SET status = 'open', subtotal = NULL");
  CHECK(auditor.post(again, nullptr).status == 403);
  CHECK(app.as(Role::admin).post(again, nullptr).status < 300);
  app.work();
  CHECK(app.rows("SELECT status, subtotal FROM billing_invoices") == Rows{"paid|4900"});
  CHECK(app.value("SELECT target FROM audit_logs WHERE action = 'stripe_event.replayed'") ==
        paid["data.0.id"]);
  CHECK(app.as(Role::admin).post("/api/billing/events/evt_none/replay", nullptr).status == 404);
}

TEST_CASE("the first comparison fills the mirror, a quiet night finds nothing") {
  auto app = App::fresh({.sandbox = true});
  live_a_lot(app);
  auto const expected = everything(app);
  fill(app);
  CHECK(everything(app) == expected);
  compare(app);
  CHECK(differences(app) == Rows{});
  // What was there before the mirror was.
  app.run(
      "TRUNCATE stripe_objects, subscription_items, stripe_prices, billing_invoice_lines, "
      "billing_attempts, billing_credit_notes, billing_disputes, "
      "billing_balance_transactions, mirror_walks");
  app.run(
      "UPDATE billing_invoices SET subtotal = NULL, amount_due = NULL, finalized_at = NULL, "
      "is_paid_out_of_band = NULL");
  app.run("UPDATE billing_refunds SET stripe_invoice_id = NULL, stripe_charge_id = NULL");
  fill(app);
  auto const filled = everything(app);
  for (auto const& row : expected) {
    CAPTURE(row);
    CHECK(std::ranges::count(filled, row) == 1);
  }
}

TEST_CASE("what no event has told is a difference, until somebody takes it over") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  add_item(app, 1900);
  auto const open = finalized(app);
  add_item(app, 800);
  auto const item = app.stripe("GET", "/v1/invoiceitems?pending=true")["data.0.id"];
  settle(app);
  fill(app);
  auto const stranger = post(app, "/v1/customers", {{"email", "b@example.com"}})["id"];
  post(app, "/v1/invoiceitems", {{"customer", stranger}, {"currency", "eur"}, {"amount", "100"}});
  // None of this is delivered.
  post(app, "/v1/customers/" + customer(app), {{"name", "Ada B."}});
  post(app, "/v1/invoices/" + open + "/void");
  REQUIRE(app.stripe("DELETE", "/v1/invoiceitems/" + item).status == 200);
  post(app, "/v1/refunds", {{"charge", first_charge(app)}, {"amount", "300"}});
  compare(app);
  auto const refund = app.stripe("GET", "/v1/refunds")["data.0.id"];
  auto const found = differences(app);
  REQUIRE(found.size() == 5);
  CHECK(found[0].starts_with("charge|different|"));
  CHECK(found[0].find("\"amount_refunded\": [0, 300]") != std::string::npos);
  CHECK(found[1].starts_with("customer|different|"));
  CHECK(found[1].find(", \"Ada B.\"]") != std::string::npos);
  CHECK(found[2].starts_with("invoice|different|"));
  CHECK(found[2].find("\"status\": [\"open\", \"void\"]") != std::string::npos);
  CHECK(found[3] == "invoiceitem|missing_there|{\"id\": [\"" + item + "\", null]}");
  CHECK(found[4] == "refund|missing_here|{\"id\": [null, \"" + refund + "\"]}");
  CHECK(app.value("SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" + open + "'") ==
        "open");
  CHECK(app.rows("SELECT kind, not_ours FROM mirror_walks WHERE not_ours > 0 ORDER BY 1") ==
        Rows{"customer|1", "invoiceitem|1"});

  auto const admin = app.as(Role::admin);
  auto const listed = admin.get("/api/billing/differences?kind=invoice&state=open");
  REQUIRE(listed.json.at("data").as_array().size() == 1);
  CHECK(listed["data.0.nature"] == "different");
  CHECK(listed["data.0.customer_id"] == "cus_1");
  CHECK(listed["data.0.members.status.1"] == "void");
  CHECK(admin.get("/api/billing/comparison")["kinds.0.not_ours"] == "1");
  auto const apply = "/api/billing/differences/" + listed["data.0.id"] + "/apply";
  CHECK(app.as(Role::auditor).post(apply, nullptr).status == 403);
  auto const applied = admin.post(apply, nullptr);
  CHECK(applied.status == 200);
  CHECK(applied["before.status.0"] == "open");
  CHECK(applied.json.at("after").as_object().empty());
  CHECK(applied["is_resolved"] == "true");
  CHECK(app.value("SELECT status FROM billing_invoices WHERE stripe_invoice_id = '" + open + "'") ==
        "void");
  CHECK(admin.post(apply, nullptr).status == 404);
  CHECK(app.rows("SELECT action, target FROM audit_logs WHERE action LIKE 'mirror.%'") ==
        Rows{"mirror.applied|" + open});
  for (auto const* kind : {"refund", "invoiceitem", "charge", "customer"}) {
    CAPTURE(kind);
    auto const one = admin.get(std::string{"/api/billing/differences?state=open&kind="} + kind);
    if (one.json.at("data").as_array().empty()) continue;  // the charge came with its refund
    CHECK(admin.post("/api/billing/differences/" + one["data.0.id"] + "/apply",
                     nullptr)["is_resolved"] == "true");
  }
  CHECK(differences(app) == Rows{});
  CHECK(app.value("SELECT deleted_at IS NOT NULL FROM stripe_objects WHERE id = '" + item + "'") ==
        "t");
  CHECK(app.value("SELECT sum(amount) FROM billing_refunds") == "300");
  CHECK(app.rows("SELECT kind, resolution FROM mirror_differences ORDER BY 1") ==
        Rows{"charge|gone", "customer|applied", "invoice|applied", "invoiceitem|applied",
             "refund|applied"});
  compare(app);
  CHECK(differences(app) == Rows{});
}

TEST_CASE("a difference ends when events are worked off again, or come after all") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  settle(app);
  fill(app);
  auto const id = first_invoice(app);
  // A row that was damaged here.
  app.run("UPDATE stripe_objects SET state = state || '{\"total\": 1}' WHERE id = '" + id + "'");
  app.run("UPDATE billing_invoices SET amount = 1");
  post(app, "/v1/customers/" + customer(app), {{"name", "Ada B."}});
  compare(app);
  REQUIRE(differences(app).size() == 2);
  CHECK(differences(app)[1] == "invoice|different|{\"total\": [1, 4900]}");
  auto const admin = app.as(Role::admin);
  auto const row = admin.get("/api/billing/differences?kind=invoice")["data.0.id"];
  auto const replayed = admin.post("/api/billing/differences/" + row + "/replay", nullptr);
  CHECK(replayed.status == 200);
  CHECK(replayed["before.total.0"] == "1");
  CHECK(replayed["is_resolved"] == "true");
  CHECK(app.value("SELECT amount FROM billing_invoices") == "4900");
  settle(app);  // the customer's event
  CHECK(app.rows("SELECT kind, resolution FROM mirror_differences ORDER BY 1") ==
        Rows{"customer|gone", "invoice|replayed"});
  CHECK(app.value("SELECT count(*) FROM stripe_events WHERE state IN ('received', 'dead')") == "0");
}

TEST_CASE("what only lags is no difference") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  settle(app);
  fill(app);
  post(app, "/v1/customers/" + customer(app), {{"name", "Ada B."}});
  // Its event is here and waits for its turn.
  app.deliver_news();
  app.run(
      "UPDATE jobs SET run_at = now() + interval '1 hour' WHERE kind = "
      "'billing.apply_stripe_event' AND state = 'waiting'");
  compare(app);
  CHECK(differences(app) == Rows{});
  app.hurry("billing.apply_stripe_event");
  app.work();
  CHECK(app.value("SELECT state ->> 'name' FROM stripe_objects WHERE kind = 'customer'") ==
        "Ada B.");
}

TEST_CASE("what Stripe changes and never tells is taken over, and is no difference") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const coupon = post(app, "/v1/coupons", {{"percent_off", "10"}, {"duration", "once"}});
  settle(app);
  fill(app);
  post(app, "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM subscriptions"),
       {{"discounts[0][coupon]", coupon["id"]}});
  settle(app);
  auto const redeemed =
      "SELECT state ->> 'times_redeemed' FROM stripe_objects WHERE id = '" + coupon["id"] + "'";
  CHECK(app.value(redeemed) == "0");
  compare(app);
  CHECK(differences(app) == Rows{});
  CHECK(app.value(redeemed) == "1");
}

TEST_CASE("a comparison that Stripe cuts off goes on where it was") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  settle(app);
  for (int i = 0; i < 130; ++i)
    post(app, "/v1/coupons",
         {{"id", "C" + std::to_string(i)}, {"percent_off", "20"}, {"duration", "once"}});
  settle(app);
  fill(app);
  post(app, "/v1/coupons/C1", {{"name", "One"}});  // on the second page
  int status = 0;
  SUBCASE("when there were too many requests") { status = 429; }
  SUBCASE("when it fails") { status = 503; }
  http_client::Form fault;
  fault.add("skip", 1).add("count", 1).add("status", status).add("path_prefix", "/v1/coupons");
  REQUIRE(app.stripe("POST", "/v1/test_helpers/faults", fault).status == 200);
  compare(app);
  CHECK(app.jobs("billing.compare").back() == "waiting");
  CHECK(app.value("SELECT run_at < now() + interval '1 hour' FROM jobs WHERE kind = "
                  "'billing.compare' AND state = 'waiting'") == "t");
  CHECK(app.rows("SELECT compared, after IS NOT NULL FROM mirror_walks WHERE kind = 'coupon'") ==
        Rows{"100|t"});
  auto const prices = app.value("SELECT ended_at FROM mirror_walks WHERE kind = 'price'");
  app.hurry("billing.compare");
  app.work();
  CHECK(app.rows("SELECT compared, after IS NULL FROM mirror_walks WHERE kind = 'coupon'") ==
        Rows{"130|t"});
  CHECK(app.value("SELECT ended_at FROM mirror_walks WHERE kind = 'price'") == prices);
  CHECK(app.value("SELECT count(*) FROM mirror_walks WHERE began_at IS NULL") == "12");
  CHECK(differences(app) == Rows{"coupon|different|{\"name\": [null, \"One\"]}"});
}

TEST_CASE("a key of another account ends nothing") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  settle(app);
  fill(app);
  // All that the account had is not there in this one.
  app.run("DELETE FROM stripe_sandbox.objects WHERE type NOT IN ('event', 'webhook_endpoint')");
  compare(app);
  CHECK(differences(app) == Rows{});
  CHECK(app.value("SELECT count(*) FROM stripe_objects WHERE deleted_at IS NOT NULL AND kind <> "
                  "'price'") == "0");
  CHECK(app.value("SELECT status FROM subscriptions") == "active");
}
