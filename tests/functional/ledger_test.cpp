// The ledger of MRR through the door that Stripe uses: whatever the order in which events come, the
// books are the same, dated when things happened, and what was believed before can be asked for.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "billing/billing.hpp"
#include "ledger/rebuild.hpp"
#include "support/app.hpp"

using support::App;
using support::Reply;
using support::Role;
using support::StripeEvent;
using Rows = std::vector<std::string>;

namespace {
using boost::json::object;

std::string post(App const& app, std::string const& path,
                 std::vector<std::pair<std::string, std::string>> const& fields) {
  http_client::Form form;
  for (auto const& [name, value] : fields) form.add(name, value);
  auto const reply = app.stripe("POST", path, form);
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
  return reply["id"];
}

/// A customer of ours with a subscription over 50.00 a month at Stripe, none of whose events was
/// sent.
struct World {
  App app = App::fresh({.sandbox = true});
  std::string customer, subscription;
  object present;
  std::int64_t const today =
      clock_source::unix_seconds(std::chrono::floor<std::chrono::days>(clock_source::now()));

  World() {
    customer = post(app, "/v1/customers", {{"email", "ada@acme.example"}});
    app.run(
        "INSERT INTO customers (company, name, email, country, locale, stripe_customer_id) VALUES "
        "('Acme', 'Ada', 'ada@acme.example', 'ES', 'es', '" +
        customer + "')");
    auto const product = post(app, "/v1/products", {{"name", "Team"}});
    auto const price = post(app, "/v1/prices",
                            {{"currency", "eur"},
                             {"unit_amount", "5000"},
                             {"product", product},
                             {"recurring[interval]", "month"}});
    subscription = post(app, "/v1/subscriptions",
                        {{"customer", customer},
                         {"items[0][price]", price},
                         {"collection_method", "send_invoice"},
                         {"days_until_due", "30"}});
    present = app.stripe("GET", "/v1/subscriptions/" + subscription).json.as_object();
  }

  /// So many days ago, at ten in the morning.
  std::int64_t ago(int days) const { return today - days * 86'400 + 36'000; }
  std::string day(int days) const {
    return clock_source::rfc3339(clock_source::from_unix_seconds(ago(days))).substr(0, 10);
  }

  StripeEvent event(std::string const& id, std::string const& type, std::int64_t created,
                    object const& carried, object const& before = {}) const {
    object data{{"object", carried}};
    if (!before.empty()) data["previous_attributes"] = before;
    return {"evt_" + id, type,
            boost::json::serialize(object{{"id", "evt_" + id},
                                          {"object", "event"},
                                          {"type", type},
                                          {"created", created},
                                          {"livemode", false},
                                          {"data", data}})};
  }

  object state(int seats, object const& changes = {}) const {
    auto out = present;
    out["items"].as_object()["data"].as_array()[0].as_object()["quantity"] = seats;
    for (auto const& [name, value] : changes) out[name] = value;
    return out;
  }
  object seats(int before) const { return {{"items", state(before).at("items")}}; }

  /// Three months: a coupon of 20 % that ends by itself and is gone from Stripe, two changes in one
  /// second, a pause, fewer seats in the end.
  std::vector<StripeEvent> history() const {
    std::string const updated = "customer.subscription.updated";
    object const with{{"discounts", boost::json::array{"di_1"}}};
    object paused = with;
    paused["pause_collection"] = object{{"behavior", "void"}, {"resumes_at", nullptr}};
    object const coupon{{"id", "gone"},
                        {"object", "coupon"},
                        {"duration", "repeating"},
                        {"duration_in_months", 1},
                        {"percent_off", 20},
                        {"amount_off", nullptr},
                        {"currency", nullptr}};
    object const discount{{"id", "di_1"},
                          {"object", "discount"},
                          {"customer", customer},
                          {"subscription", subscription},
                          {"source", object{{"coupon", "gone"}, {"type", "coupon"}}},
                          {"start", ago(80)},
                          {"end", ago(20)}};
    return {event("7", "coupon.created", ago(81), coupon),
            event("3", "customer.discount.created", ago(80), discount),
            event("9", "customer.subscription.created", ago(80), state(1, with)),
            event("5", updated, ago(70), state(2, with), seats(1)),
            event("1", updated, ago(70), state(3, with), seats(2)),
            event("8", updated, ago(50), state(3, paused), {{"pause_collection", nullptr}}),
            event("2", updated, ago(40), state(3, with),
                  {{"pause_collection", paused.at("pause_collection")}}),
            event("6", updated, ago(10), state(1), [&] {
              auto before = seats(3);
              before["discounts"] = with.at("discounts");
              return before;
            }())};
  }
  Rows expected() const {
    return {day(80) + " new 0 4000",
            day(70) + " expansion 4000 12000",
            day(50) + " churn 12000 0",
            day(40) + " reactivation 0 12000",
            day(20) + " expansion 12000 15000",
            day(10) + " contraction 15000 5000"};
  }

  Rows movements() const {
    return app.rows(
        "SELECT day || ' ' || kind || ' ' || mrr_before || ' ' || mrr_after FROM mrr_movements "
        "WHERE policy = 'recurring' AND upper_inf(believed) ORDER BY day");
  }
  /// All that must not depend on the order of arrival.
  Rows books() const {
    Rows out = movements();
    for (auto const* sql :
         {"SELECT policy, currency, day, kind, mrr_before, mrr_after FROM mrr_movements WHERE "
          "upper_inf(believed) ORDER BY 1, 2, 3",
          "SELECT item_id, price_id, policy, at, sum(delta) FROM mrr_steps GROUP BY 1, 2, 3, 4 "
          "HAVING sum(delta) <> 0 ORDER BY 1, 2, 3, 4",
          "SELECT metric, day, sum(amount) FROM (SELECT metric, day, amount FROM rollups UNION ALL "
          "SELECT metric, day, amount FROM rollup_deltas) AS r WHERE metric LIKE 'mrr%' GROUP BY "
          "1, "
          "2 HAVING sum(amount) <> 0 ORDER BY 1, 2",
          "SELECT status, mrr FROM subscriptions"})
      for (auto& row : app.rows(sql)) out.push_back(std::move(row));
    return out;
  }
  void forget() const {
    app.run(
        "SET session_replication_role = replica; TRUNCATE subscription_snapshots, discount_terms, "
        "mrr_steps, mrr_movements, mrr_rollup_deltas, mrr_rollup_days, mrr_rollup_months, "
        "ledger_runs, stripe_events, subscriptions, rollup_deltas, "
        "rollups, rollup_months, rollup_totals, jobs CASCADE");
  }
  void deliver(std::vector<StripeEvent> const& events, bool one_by_one = false) {
    for (auto const& event : events) {
      CHECK(app.deliver(event).status == 200);
      if (one_by_one) app.work();
    }
    app.work();
  }
  /// How many differences a rebuild finds.
  std::size_t rebuild() const {
    std::size_t found = 0;
    db::Connection connection{app.database.url()};
    ledger::rebuild(connection, [&](ledger::Difference const&) { ++found; });
    return found;
  }
};
}  // namespace

TEST_CASE(
    "events in order, late, shuffled and doubled make the same books, and so does a rebuild") {
  World world;
  auto const history = world.history();
  world.deliver(history);
  auto const expected = world.books();
  CHECK(world.movements() == world.expected());
  CHECK(world.app.rows("SELECT status, mrr FROM subscriptions") == Rows{"active|5000"});
  CHECK(world.rebuild() == 0);

  std::mt19937 generator{20261130};
  auto events = history;
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    world.forget();
    if (round == 0)
      std::reverse(events.begin(), events.end());
    else
      std::shuffle(events.begin(), events.end(), generator);
    auto sent = events;
    if (round % 3 == 1) sent.insert(sent.end(), events.begin(), events.end());
    world.deliver(sent, round % 2 == 0);
    CHECK(world.app.value("SELECT count(*) FROM jobs WHERE state <> 'done'") == "0");
    CHECK(world.books() == expected);
    CHECK(world.rebuild() == 0);
    CHECK(world.books() == expected);
  }
}

TEST_CASE("one event that comes days late is dated when it happened, and both beliefs remain") {
  World world;
  auto const history = world.history();
  auto& app = world.app;
  std::vector<StripeEvent> known;
  for (auto const& event : history)
    if (event.id != "evt_8" && event.id != "evt_2") known.push_back(event);
  world.deliver(known);
  CHECK(world.movements() ==
        Rows{world.day(80) + " new 0 4000", world.day(70) + " expansion 4000 12000",
             world.day(20) + " expansion 12000 15000", world.day(10) + " contraction 15000 5000"});
  auto const then = app.value(
      "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
      "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
  world.deliver({history[5], history[6]});
  CHECK(world.movements() == world.expected());

  auto const owner = app.as(Role::owner);
  auto const level = [&](int days, std::string const& as_of) {
    auto const day = world.day(days);
    auto const reply = owner.get("/api/dashboard/mrr?granularity=day&from=" + day + "&to=" + day +
                                 "&currency=eur" + as_of);
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    return reply["rows.0.values.6"];
  };
  CHECK(level(45, "") == "0");
  CHECK(level(45, "&as_of=" + then) == "12000");
  CHECK(level(45, "&policy=forever") == "0");
  CHECK(level(60, "&policy=forever") == "15000");
  for (auto const& as_of : Rows{"", "&as_of=" + then, "&policy=recurring"}) {
    CHECK(level(60, as_of) == "12000");
    CHECK(level(0, as_of) == "5000");
  }
  // What was written is never written over: what was wrong has its opposite.
  CHECK(app.value("SELECT count(*) FROM mrr_steps WHERE undoes IS NOT NULL") ==
        app.value("SELECT count(*) FROM mrr_steps WHERE undoes IS NOT NULL AND delta = -(SELECT "
                  "delta FROM mrr_steps AS s WHERE s.id = mrr_steps.undoes)"));
  CHECK(app.value("SELECT count(*) FROM mrr_movements AS a JOIN mrr_movements AS b USING "
                  "(customer_id, currency, policy, day) WHERE a.id < b.id AND a.believed && "
                  "b.believed") == "0");
  db::Connection connection{app.database.url()};
  for (auto const* sql :
       {"UPDATE mrr_steps SET delta = 1", "DELETE FROM mrr_steps", "TRUNCATE mrr_steps CASCADE"})
    CHECK_THROWS(connection.execute(sql));
}

TEST_CASE("an event of another mode leaves nothing in the books") {
  World world;
  auto event = world.history()[2];
  auto const at = event.body.find("\"livemode\":false");
  event.body.replace(at, 16, "\"livemode\":true");
  world.deliver({event});
  CHECK(world.app.value("SELECT count(*) FROM subscription_snapshots") == "0");
  CHECK(world.app.value("SELECT count(*) FROM mrr_steps") == "0");
}

TEST_CASE("a discount that ends ahead is in the books and not in today's figures") {
  World world;
  auto& app = world.app;
  post(app, "/v1/coupons",
       {{"id", "spring"},
        {"percent_off", "50"},
        {"duration", "repeating"},
        {"duration_in_months", "2"}});
  post(app, "/v1/subscriptions/" + world.subscription, {{"discounts[0][coupon]", "spring"}});
  auto const id = app.stripe("GET", "/v1/subscriptions/" + world.subscription)["discounts.0"];
  object const discount{{"id", id},
                        {"customer", world.customer},
                        {"subscription", world.subscription},
                        {"source", object{{"coupon", "spring"}}},
                        {"start", world.ago(3)},
                        {"end", world.ago(-40)}};
  world.deliver({world.event("2", "customer.discount.created", world.ago(3), discount)});
  world.deliver({world.event("1", "customer.subscription.created", world.ago(3),
                             world.state(1, {{"discounts", boost::json::array{id}}}))});
  CHECK(world.movements() ==
        Rows{world.day(3) + " new 0 2500", world.day(-40) + " expansion 2500 5000"});
  auto const owner = app.as(Role::owner);
  CHECK(owner.get("/api/dashboard/metrics")["mrr.0.amount"] == "2500");
  CHECK(owner.get("/api/dashboard/metrics")["net_new_mrr.0.amount"] ==
        (world.day(3).substr(0, 7) == world.day(0).substr(0, 7) ? "2500" : ""));
  CHECK(owner.get("/api/dashboard/mrr?range=today")["rows.0.values.6"] == "2500");
  CHECK(app.value("SELECT mrr FROM subscriptions") == "2500");
  // The day has come.
  db::Connection connection{app.database.url()};
  clock_source::advance(std::chrono::days{41});
  db::transact(connection, [](db::Tx& tx) {
    CHECK(billing::follow_mrr(tx, clock_source::now() - std::chrono::days{2}) == 1);
  });
  CHECK(app.value("SELECT mrr FROM subscriptions") == "5000");
  clock_source::advance(-std::chrono::days{41});
}

TEST_CASE(
    "a discount ends when another takes its place, or when Stripe does not have it any more") {
  World world;
  auto& app = world.app;
  post(app, "/v1/coupons", {{"id", "half"}, {"percent_off", "50"}, {"duration", "forever"}});
  post(app, "/v1/coupons", {{"id", "tenth"}, {"percent_off", "10"}, {"duration", "forever"}});
  auto const discount = [&](std::string const& id, std::string const& coupon, int days) {
    return object{{"id", id},
                  {"object", "discount"},
                  {"customer", world.customer},
                  {"source", object{{"coupon", coupon}, {"type", "coupon"}}},
                  {"start", world.ago(days)},
                  {"end", nullptr}};
  };
  world.deliver(
      {world.event("1", "customer.subscription.created", world.ago(80), world.state(1)),
       world.event("3", "customer.discount.updated", world.ago(40), discount("di_b", "tenth", 40),
                   {{"id", "di_a"}}),
       world.event("2", "customer.discount.created", world.ago(60), discount("di_a", "half", 60))});
  Rows const lived{world.day(80) + " new 0 5000", world.day(60) + " contraction 5000 2500",
                   world.day(40) + " expansion 2500 4500"};
  CHECK(world.movements() == lived);
  // The event of its end got lost; the customer has none.
  auto const customer = app.stripe("GET", "/v1/customers/" + world.customer).json.as_object();
  world.deliver({world.event("4", "customer.updated", world.ago(5), customer)});
  auto rows = world.movements();
  REQUIRE(rows.size() == 4);
  CHECK(rows.back() == world.day(0) + " expansion 4500 5000");
  // The event comes after all, and knows better when it was.
  world.deliver({world.event("5", "customer.discount.deleted", world.ago(20),
                             discount("di_b", "tenth", 40))});
  rows = world.movements();
  REQUIRE(rows.size() == 4);
  CHECK(rows.back() == world.day(20) + " expansion 4500 5000");
}

TEST_CASE("what is no currency is no money: no books are kept in it") {
  World world;
  world.deliver({world.event("1", "customer.subscription.created", world.ago(80), world.state(1)),
                 world.event("2", "customer.subscription.updated", world.ago(60),
                             world.state(2, {{"currency", "EUR"}}), world.seats(1)),
                 world.event("3", "customer.subscription.updated", world.ago(40),
                             world.state(3, {{"currency", nullptr}}), world.seats(2))},
                true);
  CHECK(world.movements() == Rows{world.day(80) + " new 0 5000",
                                  world.day(60) + " expansion 5000 10000",
                                  world.day(0) + " contraction 10000 5000"});
  CHECK(world.app.value("SELECT string_agg(DISTINCT currency, ' ') FROM mrr_steps") == "eur");
}

TEST_CASE("an event that can never be applied is marked as such at once, with why") {
  World world;
  auto& app = world.app;
  auto item = world.state(1).at("items").as_object();
  item["data"].as_array()[0] = "x";
  auto huge = world.state(1).at("items").as_object();
  auto& most = huge["data"].as_array()[0].as_object();
  most["quantity"] = most["price"].as_object()["unit_amount"] = 9'007'199'254'740'991;
  std::string const updated = "customer.subscription.updated";
  world.deliver({world.event("1", "customer.subscription.created", world.ago(80), world.state(1)),
                 world.event("2", updated, world.ago(60), world.state(2, {{"currency", nullptr}})),
                 world.event("3", updated, world.ago(50), world.state(2, {{"items", item}})),
                 world.event("4", updated, world.ago(40), world.state(2, {{"items", huge}}))});
  // Which one it is that cannot be applied shows when each is tried alone.
  for (int round = 0; round < 3; ++round) {
    app.hurry("billing.apply_stripe_event");
    app.work();
  }
  for (auto const* const id : {"evt_2", "evt_3", "evt_4"}) {
    INFO(id);
    CHECK(app.value("SELECT state || ' ' || (last_error > '') FROM stripe_events WHERE id = '" +
                    std::string{id} + "'") == "dead true");
  }
  CHECK(world.movements() == Rows{world.day(80) + " new 0 5000"});
}

TEST_CASE("what was written before there were snapshots stands until stored events say more") {
  World world;
  auto& app = world.app;
  auto const history = world.history();
  app.run(
      "INSERT INTO ledger_runs (reason, code_version) VALUES ('carried', 1); INSERT INTO mrr_steps "
      "(customer_id, subscription_id, item_id, price_id, currency, policy, at, delta, run_id, "
      "believed_at) SELECT 1, '" +
      world.subscription +
      "', 'carried', '', 'eur', policy, at, delta, 1, now() FROM unnest(enum_range(NULL::"
      "mrr_policy)) AS policy, (VALUES (to_timestamp(" +
      std::to_string(world.ago(200)) + "), 7000), (to_timestamp(" + std::to_string(world.ago(60)) +
      "), -7000)) AS former (at, delta)");
  CHECK(world.rebuild() > 0);
  CHECK(world.movements() == Rows{world.day(200) + " new 0 7000", world.day(60) + " churn 7000 0"});
  SUBCASE("its very beginning is stored: nothing of it stays") {
    for (auto const& event : history)
      if (event.type.starts_with("customer.subscription."))
        app.run(
            "INSERT INTO stripe_events (id, type, object_id, created, payload, state) VALUES ('" +
            event.id + "', '" + event.type + "', '" + world.subscription + "', to_timestamp((($$" +
            event.body + "$$)::jsonb->>'created')::bigint), $$" + event.body + "$$, 'applied')");
    world.deliver({history[0], history[1]});
    CHECK(world.rebuild() > 0);
    CHECK(world.movements() == world.expected());
    CHECK(world.rebuild() == 0);
  }
  SUBCASE("a later part is stored: what was before it stays") {
    world.deliver({history[7]});
    CHECK(world.movements() == Rows{world.day(200) + " new 0 7000", world.day(60) + " churn 7000 0",
                                    world.day(10) + " reactivation 0 5000"});
    CHECK(world.rebuild() == 0);
    world.deliver({history[6]});
    world.deliver({history[0], history[1]});
    CHECK(world.movements().at(1) == world.day(60) + " churn 7000 0");
    CHECK(world.rebuild() == 0);
    world.deliver(history);
    CHECK(world.movements() == world.expected());
  }
}

TEST_CASE("a rebuild that was cut off goes on where it was") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) SELECT 'C', 'N', 'p' || i || "
      "'@example.com', 'ES', 'es' FROM generate_series(1, 120) AS i");
  app.run(
      "INSERT INTO ledger_runs (reason, code_version) VALUES ('carried', 1); INSERT INTO mrr_steps "
      "(customer_id, subscription_id, item_id, price_id, currency, policy, at, delta, run_id, "
      "believed_at) SELECT id, 'sub_' || id, 'carried', '', 'eur', policy, now(), 100, 1, now() "
      "FROM customers, unnest(enum_range(NULL::mrr_policy)) AS policy");
  db::Connection connection{app.database.url()};
  struct Killed {};
  CHECK_THROWS_AS(ledger::rebuild(connection, [](ledger::Difference const&) { throw Killed{}; }),
                  Killed);
  CHECK(app.value("SELECT count(*) FROM mrr_movements WHERE policy = 'all'") == "50");
  int found = 0;
  auto const rebuilt = ledger::rebuild(connection, [&](ledger::Difference const&) { ++found; });
  CHECK(rebuilt.customers == 70);
  CHECK(found == 70 * 3);
  CHECK(app.rows("SELECT differences, finished_at IS NOT NULL FROM ledger_runs WHERE reason = "
                 "'rebuild' AND next_customer IS NOT NULL") == Rows{"360|t"});
  CHECK(app.value("SELECT sum(amount) FROM rollup_deltas WHERE metric = 'mrr'") == "12000");
}

TEST_CASE("several that rebuild at once write what one would, and tell it once") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) SELECT 'C', 'N', 'p' || i || "
      "'@example.com', 'ES', 'es' FROM generate_series(1, 420) AS i");
  app.run(
      "INSERT INTO ledger_runs (reason, code_version) VALUES ('carried', 1); INSERT INTO mrr_steps "
      "(customer_id, subscription_id, item_id, price_id, currency, policy, at, delta, run_id, "
      "believed_at) SELECT id, 'sub_' || id, 'carried', '', 'eur', policy, now(), 100, 1, now() "
      "FROM customers, unnest(enum_range(NULL::mrr_policy)) AS policy");
  db::Connection connection{app.database.url()}, second{app.database.url()},
      third{app.database.url()};
  std::set<std::int64_t> whose;
  int found = 0;
  auto const tell = [&](ledger::Difference const& difference) {
    ++found;
    whose.insert(difference.customer_id);
  };
  CHECK(ledger::rebuild(connection, tell, {&second, &third}).customers == 420);
  CHECK(found == 420 * 3);
  CHECK(whose.size() == 420);
  CHECK(app.value("SELECT count(*) FROM mrr_movements WHERE upper_inf(believed)") == "1260");
  CHECK(app.rows("SELECT differences, finished_at IS NOT NULL FROM ledger_runs WHERE reason = "
                 "'rebuild' AND next_customer IS NOT NULL") == Rows{"1260|t"});
  CHECK(ledger::rebuild(connection, tell, {&second, &third}).customers == 420);
  CHECK(found == 420 * 3);
  // Whoever fails, the others end and the failure is told.
  app.run("UPDATE mrr_movements SET believed = tstzrange(lower(believed), now()), ended_run = 1");
  auto const fail = [](ledger::Difference const&) { throw std::runtime_error{"no paper"}; };
  CHECK_THROWS_WITH(ledger::rebuild(connection, fail, {&second, &third}), "no paper");
  CHECK(ledger::rebuild(connection, tell, {&second, &third}).customers > 0);
  CHECK(app.value("SELECT count(*) FROM mrr_movements WHERE upper_inf(believed)") == "1260");
}

TEST_CASE("an event that cannot be applied takes none down that waits with it") {
  World world;
  auto& app = world.app;
  auto const updated = "customer.subscription.updated";
  object broken = world.state(2);
  broken["items"] = object{{"data", boost::json::array{1}}};
  REQUIRE(
      app.deliver(world.event("1", "customer.subscription.created", world.ago(9), world.state(1)))
          .status == 200);
  REQUIRE(app.deliver(world.event("2", updated, world.ago(8), broken)).status == 200);
  REQUIRE(app.deliver(world.event("3", updated, world.ago(7), world.state(3))).status == 200);
  for (int round = 0; round < 3; ++round) {
    app.work();
    app.hurry("billing.apply_stripe_event");
  }
  CHECK(app.rows("SELECT id, state FROM stripe_events ORDER BY id") ==
        Rows{"evt_1|applied", "evt_2|dead", "evt_3|applied"});
  CHECK(world.movements().front() == world.day(9) + " new 0 5000");
}

TEST_CASE("one more event costs the same however many there were before") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) VALUES ('C', 'N', "
      "'p@example.com', 'ES', 'es'); INSERT INTO subscription_snapshots (subscription_id, created, "
      "event_id, type, customer_id, state) SELECT 'sub_' || s, to_timestamp(1790000000 + i * "
      "3600), "
      "'evt_' || s || '_' || i, 'customer.subscription.updated', 1, '{}' FROM generate_series(1, "
      "20) AS s, generate_series(1, 1000) AS i");
  app.run("VACUUM ANALYZE");
  CHECK(support::rows_touched(app.database, "ledger.window_around",
                              "'sub_7', to_timestamp(1790000000 + 500 * 3600)") < 20);
  CHECK(support::rows_touched(app.database, "ledger.snapshots_between",
                              "'sub_7', to_timestamp(1790000000 + 500 * 3600), "
                              "to_timestamp(1790000000 + 505 * 3600)") < 20);
  // A movement a day for years, and one of them was another one.
  app.run(
      "INSERT INTO ledger_runs (reason, code_version) VALUES ('carried', 1); INSERT INTO mrr_steps "
      "(customer_id, subscription_id, item_id, price_id, currency, policy, at, delta, run_id, "
      "believed_at) SELECT 1, 'sub_1', 'si_1', '', 'eur', policy, timestamptz '2024-01-01 12:00Z' "
      "+ i * interval '1 day', 100, 1, now() FROM generate_series(0, 999) AS i, "
      "unnest(enum_range(NULL::mrr_policy)) AS policy");
  app.run(
      "INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before, "
      "mrr_after, run_id, believed) SELECT 1, 'eur', policy, date '2024-01-01' + i, (CASE i WHEN 0 "
      "THEN 'new' ELSE 'expansion' END)::movement_kind, 100, i * 100, i * 100 + 100, 1, "
      "tstzrange(now(), NULL) FROM generate_series(0, 999) AS i, "
      "unnest(enum_range(NULL::mrr_policy)) AS policy");
  app.run("VACUUM ANALYZE");
  CHECK(support::rows_touched(app.database, "ledger.movement_differences",
                              "'{1}', timestamptz '2025-01-01 12:00Z', 'UTC', timestamptz "
                              "'2025-01-03 12:00Z'") < 60);
  // The sums of reports: levels of a year before, what is netted in the year after. Day 366 of
  // them.
  std::string const line = "'{1}', '{eur}', '{recurring}'";
  CHECK(support::rows_touched(app.database, "ledger.line_beginnings", line) < 40);
  CHECK(support::rows_touched(app.database, "ledger.line_levels", line + ", '{20089}'") < 60);
  CHECK(support::rows_touched(app.database, "ledger.line_days", line + ", '{20089}', '{20454}'") <
        400);
}
