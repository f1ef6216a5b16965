// Reports about recurring revenue: what the doors say of histories whose answer is known, and the
// sums of the ledger against the steps of all customers, whatever came in which order.
#include <doctest/doctest.h>

#include <random>
#include <thread>

#include "platform/jobs/pruning.hpp"
#include "support/mrr_world.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Json;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
using namespace support::mrr;

/// What each question answers out of the sums, and out of the steps (which `as_of` asks for).
void check_both_ways(World& world) {
  world.app.run("SELECT pg_sleep(0.002)");
  for (auto const* door : {"revenue", "cohorts"})
    for (auto const* policy : {"recurring", "forever", "all"})
      for (auto const* currency : {"eur", "usd"})
        for (auto const* grain : {"month", "quarter", "week", "day"}) {
          bool const are_cohorts = std::string_view{door} == "cohorts";
          if (are_cohorts && std::string_view{grain} != "month") continue;
          std::string path =
              std::string{"/api/reports/"} + door + "?policy=" + policy + "&currency=" + currency;
          if (!are_cohorts) path += std::string{"&granularity="} + grain;
          auto const quick = world.get(path);
          auto const exact = world.get(path + "&as_of=" + now_text(world.app));
          auto const* member = are_cohorts ? "cohorts" : "periods";
          CAPTURE(path);
          auto const& one = quick.json.at(member).as_array();
          auto const& other = exact.json.at(member).as_array();
          REQUIRE(one.size() == other.size());
          for (std::size_t i = 0; i < one.size(); ++i)
            CHECK(boost::json::serialize(one[i]) == boost::json::serialize(other[i]));
        }
}

/// What takes so many percent off until then, in unix seconds.
object ending(std::string const& id, std::int64_t ends, int percent = 20) {
  return {{"id", id},
          {"object", "discount"},
          {"start", at("2026-03-01")},
          {"end", ends},
          {"source",
           object{{"coupon",
                   object{{"id", "c_" + id}, {"duration", "repeating"}, {"percent_off", percent}}},
                  {"type", "coupon"}}}};
}

/// The days of its rows.
std::string days_of(Reply const& reply) {
  std::string out;
  for (auto const& row : reply.json.at("data").as_array())
    out += Reply::text(row, "day") + " " + Reply::text(row, "kind") + ", ";
  return out;
}
std::string names_of_periods(Reply const& reply) {
  std::string out;
  for (auto const& period : reply.json.at("periods").as_array())
    out += Reply::text(period, "period") + " ";
  return out;
}
}  // namespace

TEST_CASE("a month is told by its levels, its movements and what follows from them") {
  World world{4};
  world.tell("2026-01-10", {.amount = 5000}, 1);
  world.tell("2026-01-12", {.amount = 10000}, 2);
  world.tell("2026-02-03", {.amount = 5000, .seats = 2}, 1);
  world.tell("2026-02-20", {.amount = 10000, .status = "canceled"}, 2);
  world.tell("2026-02-25", {.amount = 2500}, 3);
  // Comes and goes within one day, and within one month.
  world.tell("2026-02-26T10:00:00Z", {.amount = 700}, 4);
  world.tell("2026-02-26T11:00:00Z", {.amount = 700, .status = "canceled"}, 4);
  world.tell("2026-03-02", {.amount = 10000}, 2);
  auto const reply = world.get("/api/reports/revenue?from=2026-01&to=2026-03&currency=eur");
  CHECK(reply["currency"] == "eur");
  CHECK(reply["timezone"] == "UTC");
  CHECK(reply["policy"] == "recurring");
  CHECK(reply["as_of"] == "null");
  CHECK(reply["periods.0.period"] == "2026-01");
  CHECK(reply["periods.0.incomplete"] == "false");
  CHECK(reply["periods.0.mrr_start"] == "0");
  CHECK(reply["periods.0.mrr_end"] == "15000");
  CHECK(reply["periods.0.arr_end"] == "180000");
  CHECK(reply["periods.0.movements.new"] == "15000");
  CHECK(reply["periods.0.movement_counts.new"] == "2");
  // Nothing is divided by zero.
  for (auto const* name : {"nrr", "grr", "logo_churn", "gross_mrr_churn", "net_mrr_churn", "growth",
                           "quick_ratio", "ltv", "nrr_12", "grr_12", "logo_retention_12"}) {
    CAPTURE(name);
    CHECK(reply.json.at("periods").at(0).at(name).is_null());
  }
  CHECK(reply["periods.0.stripe_churn"] == "0");
  CHECK(reply["periods.0.arpa"] == "7500");

  auto const february = "periods.1.";
  auto const say = [&](std::string const& name) { return said(reply, february + name); };
  CHECK(say("mrr_start") == "15000");
  CHECK(say("mrr_end") == "12500");
  CHECK(say("customers_start") == "2");
  CHECK(say("customers_end") == "2");
  CHECK(reply.json.at("periods").at(1).at("movements") == Json{{"new", 2500},
                                                               {"reactivation", 0},
                                                               {"expansion", 5000},
                                                               {"contraction", 0},
                                                               {"churn", 10000}});
  CHECK(reply.json.at("periods").at(1).at("movement_counts") ==
        Json{{"new", 1}, {"reactivation", 0}, {"expansion", 1}, {"contraction", 0}, {"churn", 1}});
  CHECK(say("fx") == "0");
  CHECK(say("nrr") == "0.666667");
  CHECK(say("grr") == "0.333333");
  CHECK(say("logo_churn") == "0.5");
  CHECK(say("stripe_churn") == "0.333333");
  CHECK(say("gross_mrr_churn") == "0.666667");
  CHECK(say("net_mrr_churn") == "0.333333");
  CHECK(say("growth") == "-0.166667");
  CHECK(say("quick_ratio") == "0.75");
  CHECK(say("arpa") == "6250");
  CHECK(say("ltv") == "12500");
  CHECK(reply["periods.2.movements.reactivation"] == "10000");
  CHECK(reply["periods.2.movements_month_netted.reactivation"] == "10000");
}

TEST_CASE("what is answered quickly comes out of the sums") {
  World world;
  world.tell("2026-05-10", {.amount = 5000});
  world.app.run(
      "INSERT INTO mrr_rollup_deltas (policy, currency, span, anchor, day, kind, amount, "
      "customers) VALUES ('recurring', 'eur', 'day', '2026-05-01', '2026-05-10', 'new', 1, 0), "
      "('recurring', 'eur', 'cohort', '2026-05-01', '2026-05-10', 'new', 1, 0), ('recurring', "
      "'eur', 'month', '2026-05-01', '2026-05-10', 'new', 1, 0)");
  auto const month = [&](std::string const& more) {
    auto const reply = world.get("/api/reports/revenue?from=2026-05&to=2026-05" + more);
    auto const cohorts = world.get("/api/reports/cohorts?from=2026-05&to=2026-05" + more);
    return reply["periods.0.mrr_end"] + " " + reply["periods.0.movements_month_netted.new"] + " " +
           cohorts["cohorts.0.mrr0"];
  };
  CHECK(month("") == "5001 5001 5001");
  CHECK(month("&policy=all") == "5000 5000 5000");
  for (auto const* slow :
       {"&as_of=2026-11-30T00:00:00Z", "&timezone=Europe/Madrid", "&plan=team", "&country=ES"}) {
    CAPTURE(slow);
    // What the test has written today was not known yesterday.
    auto const expected = std::string_view{slow}.starts_with("&as_of") ? "0 0 0" : "5000 5000 5000";
    CHECK(month(slow) == expected);
  }
}

TEST_CASE("an answer out of the sums costs the same however many customers there are") {
  World world{0};
  auto const touched = [&](int customers) {
    world.app.run(
        "INSERT INTO ledger_runs (reason, code_version) SELECT 'carried', 1 WHERE NOT EXISTS "
        "(SELECT FROM ledger_runs); INSERT INTO customers (company, name, email, country, locale) "
        "SELECT 'C ' || i, 'N', 'many' || i || '@example.com', 'ES', 'es' FROM generate_series("
        "(SELECT count(*) + 1 FROM customers), " +
        std::to_string(customers) + ") AS i");
    world.app.run(
        "INSERT INTO mrr_movements (customer_id, currency, policy, day, kind, amount, mrr_before, "
        "mrr_after, run_id, believed) SELECT id, 'eur', 'recurring', date '2026-01-01' + (id % "
        "300)::int, 'new', 100, 0, 100, (SELECT min(id) FROM ledger_runs), tstzrange(now(), NULL) "
        "FROM customers WHERE id NOT IN (SELECT customer_id FROM mrr_movements)");
    world.app.run("SELECT make_mrr_rollups()");
    world.app.run("VACUUM ANALYZE");
    return support::rows_touched(world.app.database, "reports.mrr_sums",
                                 "'recurring', 'eur', '{2026-01-01,2026-02-01,2026-03-01}', "
                                 "'2026-03-01', '{0,1}', '{month,month}', "
                                 "'{2026-01-01,2026-02-01}', '{2026-02-01,2026-03-01}'") +
           support::rows_touched(world.app.database, "reports.cohort_sums",
                                 "'recurring', 'eur', '2026-01-01', '2026-06-01', '2026-12-01'");
  };
  auto const few = touched(900), many = touched(9000);
  CHECK(few > 0);
  CHECK(many == few);
}

TEST_CASE("sums and steps say the same of histories that come late, shuffled and at once") {
  World world{25};
  auto events = much(20261201, 25);
  std::mt19937 generator{5};
  std::shuffle(events.begin(), events.end(), generator);
  SUBCASE("one after the other") {
    db::Connection connection{world.app.database.url()};
    std::size_t count = 0;
    for (auto const& event : events) {
      World::keep(connection, event);
      if (++count % 40 == 0) {
        CHECK(world.wrong_sums() == "0");
        world.fold();
      }
    }
  }
  SUBCASE("by three writers and somebody who folds") {
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> writers;
    for (int i = 0; i < 3; ++i)
      writers.emplace_back([&] {
        db::Connection connection{world.app.database.url()};
        for (auto place = next++; place < events.size(); place = next++)
          World::keep(connection, events[place]);
      });
    db::Connection connection{world.app.database.url()};
    while (next < events.size()) (void)connection.execute("SELECT fold_mrr_rollups()");
  }
  CHECK(world.wrong_sums() == "0");
  check_both_ways(world);
  world.fold();
  CHECK(world.app.value("SELECT count(*) FROM mrr_rollup_deltas") == "0");
  CHECK(world.wrong_sums() == "0");
  check_both_ways(world);
  db::Connection connection{world.app.database.url()};
  ledger::rebuild(connection, [](ledger::Difference const& difference) {
    FAIL_CHECK("a difference: " << difference.day << " " << difference.amount);
  });
  CHECK(world.wrong_sums() == "0");
}

TEST_CASE("a business of nobody has periods of nothing, and cohorts of nobody") {
  World world{0};
  for (auto const* more : {"", "&timezone=Asia/Tokyo"}) {
    auto const reply = world.get(std::string{"/api/reports/growth?from=2026-01&to=2026-03"} + more);
    CHECK(reply.json.at("periods").as_array().size() == 3);
    CHECK(reply["periods.1.mrr_start"] == "0");
    CHECK(reply["periods.1.customers_end"] == "0");
    for (auto const* name : {"nrr", "arpa", "ltv", "stripe_churn", "growth", "quick_ratio"})
      CHECK(reply.json.at("periods").at(1).at(name).is_null());
    auto const cohorts =
        world.get(std::string{"/api/reports/cohorts?from=2026-01&to=2026-02"} + more);
    CHECK(cohorts.json.at("cohorts").as_array().size() == 2);
    CHECK(cohorts["cohorts.0.size"] == "0");
    CHECK(cohorts["cohorts.0.mrr0"] == "0");
    CHECK(cohorts.json.at("cohorts").at(0).at("logo").at(0).is_null());
  }
}

TEST_CASE("whose month it is: what happens at midnight elsewhere, and on a leap day") {
  World world{2};
  // 23:30 UTC on 31 January is 1 February in Madrid.
  world.tell("2026-01-31T23:30:00Z", {.amount = 5000}, 1);
  world.tell("2024-02-29T23:59:59Z", {.amount = 1000}, 2);
  auto const ends = [&](std::string const& query) {
    auto const reply = world.get("/api/reports/revenue?" + query);
    std::string out;
    for (auto const& period : reply.json.at("periods").as_array())
      out += Reply::text(period, "period") + " " + Reply::text(period, "mrr_end") + ", ";
    return out;
  };
  CHECK(ends("from=2026-01&to=2026-02") == "2026-01 6000, 2026-02 6000, ");
  CHECK(ends("from=2026-01&to=2026-02&timezone=Europe/Madrid") == "2026-01 1000, 2026-02 6000, ");
  CHECK(ends("from=2024-02&to=2024-03") == "2024-02 1000, 2024-03 1000, ");
  CHECK(ends("from=2024-02&to=2024-03&timezone=Europe/Madrid") == "2024-02 0, 2024-03 1000, ");
  auto const cohort = [&](std::string const& zone) {
    auto const reply = world.get("/api/reports/cohorts?from=2026-01&to=2026-02&timezone=" + zone);
    return reply["cohorts.0.size"] + " " + reply["cohorts.1.size"];
  };
  CHECK(cohort("UTC") == "1 0");
  CHECK(cohort("Europe/Madrid") == "0 1");
  // A day, some days, ten years.
  CHECK(ends("from=2026-01-31&to=2026-01-31&granularity=day") == "2026-01-31 6000, ");
  CHECK(ends("from=2026-01-30&to=2026-02-01&granularity=day") ==
        "2026-01-30 1000, 2026-01-31 6000, 2026-02-01 6000, ");
  auto const years = world.get("/api/reports/revenue?from=2016-12&to=2026-11");
  CHECK(years.json.at("periods").as_array().size() == 120);
  CHECK(years["periods.119.mrr_end"] == "6000");
  CHECK(years["periods.87.movements.new"] == "0");
  CHECK(years["periods.86.movements.new"] == "1000");
  auto const quarter =
      world.get("/api/reports/revenue?from=2026-01&to=2026-03&granularity=quarter");
  CHECK(quarter["periods.0.period"] == "2026-Q1");
  CHECK(quarter["periods.0.nrr"] == "1");
  CHECK(quarter["periods.0.movements_month_netted.new"] == "5000");
}

TEST_CASE("who leaves and comes back within a day moved nothing, within a month came back") {
  World world;
  world.tell("2026-03-10", {.amount = 5000});
  world.tell("2026-04-10T08:00:00Z", {.amount = 5000, .status = "canceled"});
  world.tell("2026-04-10T09:00:00Z", {.amount = 5000});
  world.tell("2026-05-10", {.amount = 5000, .status = "canceled"});
  world.tell("2026-05-20", {.amount = 4000});
  auto const reply = world.get("/api/reports/churn?from=2026-04&to=2026-05");
  CHECK(reply["periods.0.movement_counts.churn"] == "0");
  CHECK(reply["periods.0.stripe_churn"] == "0");
  CHECK(reply["periods.1.movements.churn"] == "5000");
  CHECK(reply["periods.1.movements.reactivation"] == "4000");
  CHECK(reply["periods.1.movements_month_netted.contraction"] == "1000");
  CHECK(reply["periods.1.movements_month_netted.churn"] == "0");
  CHECK(reply["periods.1.logo_churn"] == "0");
  CHECK(said(reply, "periods.1.stripe_churn") == "0.5");
  CHECK(said(reply, "periods.1.grr") == "0.8");
  auto const cohorts = world.get("/api/reports/cohorts?from=2026-03&to=2026-05");
  CHECK(cohorts["cohorts.0.size"] == "1");
  CHECK(boost::json::serialize(cohorts.json.at("cohorts").at(0).at("mrr").as_array()[2]) == "4000");
  CHECK(cohorts["cohorts.2.size"] == "0");
}

TEST_CASE("who is no customer at a month's end is new in the first that ends with him") {
  World world;
  world.tell("2026-03-10", {.amount = 5000});
  world.tell("2026-03-20", {.amount = 5000, .status = "canceled"});
  world.tell("2026-05-20", {.amount = 4000});
  for (auto const* more : {"", "&as_of="}) {
    auto path = std::string{"/api/reports/revenue?from=2026-03&to=2026-05"} + more;
    if (*more) path += now_text(world.app);
    auto const reply = world.get(path);
    CHECK(reply["periods.0.movements.new"] == "5000");
    CHECK(reply["periods.0.movements.churn"] == "5000");
    CHECK(reply["periods.0.movements_month_netted.new"] == "0");
    CHECK(reply["periods.2.movements.reactivation"] == "4000");
    CHECK(reply["periods.2.movements_month_netted.new"] == "4000");
  }
}

TEST_CASE("currencies are apart, and one without minor units is one like all") {
  World world{2};
  world.tell("2026-03-10", {.amount = 5000}, 1, "sub_a");
  world.tell("2026-03-11", {.amount = 900, .currency = "jpy"}, 1, "sub_b");
  auto const end = [&](std::string const& currency) {
    auto const reply =
        world.get("/api/reports/revenue?from=2026-03&to=2026-03&currency=" + currency);
    return reply["periods.0.mrr_end"] + " " + reply["periods.0.movement_counts.new"] + " " +
           reply["periods.0.customers_end"];
  };
  CHECK(end("eur") == "5000 1 1");
  CHECK(end("jpy") == "900 1 1");
  CHECK(end("usd") == "0 0 0");
}

TEST_CASE("a discount that ends by itself moves revenue on its day, and not before") {
  World world;
  // It is over tomorrow: the present month has not seen that.
  auto const tomorrow = clock_source::unix_seconds(clock_source::now()) + 86'400;
  auto const later_today = clock_source::unix_seconds(clock_source::now()) + 60;
  SUBCASE("in the past") {
    world.tell("2026-03-10", {.amount = 5000, .discounts = {ending("di_1", at("2026-05-10"))}});
    auto const reply = world.get("/api/reports/revenue?from=2026-04&to=2026-05");
    CHECK(reply["periods.0.mrr_end"] == "4000");
    CHECK(reply["periods.1.mrr_end"] == "5000");
    CHECK(reply["periods.1.movements.expansion"] == "1000");
    CHECK(world.get(
              "/api/reports/revenue?from=2026-04&to=2026-04&policy=forever")["periods.0.mrr_end"] ==
          "5000");
  }
  SUBCASE("tomorrow, or later today") {
    for (auto const ends : {tomorrow, later_today}) {
      world.tell("2026-03-10",
                 {.amount = 5000, .discounts = {ending("di_" + std::to_string(ends), ends)}}, 1,
                 "sub_" + std::to_string(ends));
      auto const month = world.get("/api/reports/revenue");
      CHECK(month["periods.11.mrr_end"] == (ends == tomorrow ? "4000" : "8000"));
      CHECK(month["periods.11.incomplete"] == "true");
      CHECK(month["periods.11.movements.expansion"] == "0");
      CHECK(month["periods.11.movements_month_netted.expansion"] == "0");
      auto const cohorts = world.get("/api/reports/cohorts?from=2026-03&to=2026-03");
      CHECK(Reply::text(cohorts.json.at("cohorts").at(0).at("mrr").as_array().back(), "") ==
            (ends == tomorrow ? "4000" : "8000"));
      check_both_ways(world);
    }
  }
}

TEST_CASE("what is still to come today is taken off the sums, and what was undone never comes") {
  World world{4};
  auto const now = clock_source::unix_seconds(clock_source::now());
  auto const later = now + 60;
  world.tell("2026-03-10", {.amount = 5000, .discounts = {ending("di_1", later)}}, 1);
  // Pays nothing until then; is new tonight.
  world.tell("2026-03-10", {.amount = 700, .discounts = {ending("di_2", later, 100)}}, 2);
  // Had paid, and comes back tonight.
  world.tell("2026-04-10", {.amount = 900}, 3);
  world.tell("2026-05-10", {.amount = 900, .discounts = {ending("di_3", later, 100)}}, 3);
  // Would have, had it not been taken away.
  world.tell("2026-03-10", {.amount = 2000, .discounts = {ending("di_4", later)}}, 4);
  world.tell("2026-06-10", {.amount = 2000}, 4);
  check_both_ways(world);
  // One more in the sums, to see that it is they who answer.
  world.app.run(
      "INSERT INTO mrr_rollup_deltas (policy, currency, span, anchor, day, kind, amount, "
      "customers) VALUES ('recurring', 'eur', 'day', '2026-05-01', '2026-05-10', 'new', 1, 0)");
  auto const month = world.get("/api/reports/revenue");
  CHECK(month["periods.11.mrr_end"] == "6001");
  CHECK(month["periods.11.customers_end"] == "2");
  CHECK(month["periods.11.movements.new"] == "0");
  CHECK(month["periods.11.movements.expansion"] == "0");
}

TEST_CASE("weeks that begin with a month are netted like all, also when its days are gone") {
  World world{3};
  // April 2026 begins on a Wednesday, June on a Monday.
  world.tell("2026-01-10", {.amount = 5000}, 1);
  world.tell("2026-01-10", {.amount = 5000}, 2);
  world.tell("2026-04-02", {.amount = 5000, .status = "canceled"}, 2);
  // Has seen the end of a week and never that of a month.
  world.tell("2026-03-10", {.amount = 700}, 3);
  world.tell("2026-03-18", {.amount = 700, .status = "canceled"}, 3);
  world.tell("2026-04-03", {.amount = 700}, 3);
  world.tell("2026-04-20", {.amount = 700, .status = "canceled"}, 3);
  world.tell("2026-06-03", {.amount = 900}, 3);
  world.fold();
  world.app.enqueue(jobs::Prune{});
  world.app.work();
  REQUIRE(world.app.value("SELECT count(*) FROM mrr_rollup_days WHERE span = 'month' AND day < "
                          "now() - interval '100 days'") == "0");
  auto const april = world.get("/api/reports/growth?from=2026-04&to=2026-04&granularity=week");
  CHECK(april["periods.0.period"] == "2026-04-01");
  CHECK(said(april, "periods.0.nrr") == "0.5");
  CHECK(said(april, "periods.0.logo_churn") == "0.5");
  CHECK(april["periods.0.movements_month_netted.churn"] == "5000");
  CHECK(april["periods.0.movements_month_netted.reactivation"] == "700");
  CHECK(april["periods.0.movements_month_netted.new"] == "0");
  auto const june = world.get("/api/reports/growth?from=2026-06&to=2026-06&granularity=week");
  CHECK(june["periods.0.movements_month_netted.reactivation"] == "900");
  CHECK(june["periods.0.movements_month_netted.new"] == "0");
  // A month never ended with him before.
  auto const months = world.get("/api/reports/growth?from=2026-06&to=2026-06");
  CHECK(months["periods.0.movements_month_netted.new"] == "900");
  check_both_ways(world);
  // What is told late of such a week is in its sums as well.
  world.tell("2026-04-01T08:00:00Z", {.amount = 300}, 1, "sub_late");
  world.fold();
  check_both_ways(world);
}

TEST_CASE("movements are listed when their day has come, also as of a time") {
  World world;
  auto const today = clock_source::unix_seconds(clock_source::now());
  world.tell("2026-03-10", {.amount = 5000, .discounts = {ending("di_1", today + 2 * 86'400)}});
  world.app.run("SELECT pg_sleep(0.002)");
  CHECK(days_of(world.get("/api/reports/movements?sort=day")) == "2026-03-10 new, ");
  CHECK(days_of(world.get("/api/reports/movements?sort=day&as_of=" + now_text(world.app))) ==
        "2026-03-10 new, ");
  // As if it had been known so in the spring.
  world.app.run(
      "UPDATE mrr_movements SET believed = tstzrange('2026-02-01', NULL); UPDATE mrr_movements SET "
      "day = '2026-03-31' WHERE kind = 'expansion'");
  auto const as_of = [&](std::string const& time) {
    return days_of(world.get("/api/reports/movements?sort=day&as_of=" + time));
  };
  CHECK(as_of("2026-03-30T23:59:59Z") == "2026-03-10 new, ");
  CHECK(as_of("2026-03-31T00:00:00Z") == "2026-03-10 new, 2026-03-31 expansion, ");
  CHECK(as_of("2026-01-31T00:00:00Z").empty());
  auto const owner = world.app.as(Role::owner);
  auto const ahead = owner.get("/api/reports/movements?as_of=2036-01-01T00:00:00Z");
  CHECK(ahead.wrong_fields() == "?as_of");
  CHECK(ahead.problem_of("?as_of") == "not_past");
}

TEST_CASE("a period that had not begun is none") {
  World world;
  auto const periods = [&](std::string const& query) {
    return names_of_periods(world.get("/api/reports/revenue?" + query));
  };
  CHECK(periods("from=2026-02&to=2026-06&as_of=2026-04-10T00:00:00Z") ==
        "2026-02 2026-03 2026-04 ");
  CHECK(periods("from=2026-04&to=2026-06&granularity=week&as_of=2026-04-08T00:00:00Z") ==
        "2026-04-01 2026-04-06 ");
  CHECK(world.get("/api/reports/revenue?as_of=2026-04-10T00:00:00Z")["periods.11.period"] ==
        "2026-04");
  auto const april = world.get("/api/reports/revenue?to=2026-06&as_of=2026-04-10T00:00:00Z");
  CHECK(april["periods.0.incomplete"] == "false");
  auto const owner = world.app.as(Role::owner);
  CHECK(owner.get("/api/reports/revenue?from=2026-05&as_of=2026-04-10T00:00:00Z").wrong_fields() ==
        "?from");
  // Whose day it was: in Auckland it was May already.
  CHECK(periods("from=2026-05&timezone=Pacific/Auckland&as_of=2026-04-30T13:00:00Z") == "2026-05 ");
  // Days of the present month end with today.
  auto const days = world.get("/api/reports/revenue?granularity=day&from=" +
                              world.app.value("SELECT to_char(now(), 'YYYY-MM')"));
  CHECK(std::to_string(days.json.at("periods").as_array().size()) ==
        world.app.value("SELECT extract(day FROM now() AT TIME ZONE 'UTC')"));
}

TEST_CASE("a day's movement names the last event that stands, whatever came in which order") {
  // To each customer the same is told in another order.
  World world{24};
  db::Connection connection{world.app.database.url()};
  std::array order{0, 1, 2, 3};
  int customer = 0;
  do {
    auto const name = std::to_string(++customer);
    // By itself it would have ended in the evening of the day on which it was given up.
    State const first{.amount = 5000,
                      .discounts = {ending("di_" + name, at("2026-05-10T20:00:00Z"))}};
    State const second{.amount = 7000}, third{.amount = 8000};
    auto const told = [&](std::string const& event, std::string const& when, State const& state,
                          std::optional<State> const& before) {
      return World::Told{customer, "sub_" + name, event + "_" + name, at(when), state, before};
    };
    std::array const events{told("evt_1", "2026-03-10", first, {}),
                            told("evt_2", "2026-05-10T10:00:00Z", second, first),
                            told("evt_3", "2026-06-01T09:00:00Z", third, second),
                            // Says the same as the one before, and may come without it.
                            told("evt_4", "2026-06-01T10:00:00Z", third, third)};
    for (auto const place : order) World::keep(connection, events.at(std::size_t(place)));
  } while (std::ranges::next_permutation(order).found);
  REQUIRE(customer == 24);
  CHECK(world.app.rows(
            "SELECT day, kind, amount, left(event_id, 5), count(*) FROM mrr_movements WHERE "
            "upper_inf(believed) AND policy = 'recurring' GROUP BY 1, 2, 3, 4 ORDER BY 1, 4") ==
        Rows{"2026-03-10|new|4000|evt_1|24", "2026-05-10|expansion|3000|evt_2|24",
             "2026-06-01|expansion|1000|evt_3|24"});
  CHECK(world.wrong_sums() == "0");
}

TEST_CASE("a plan has those who came with it at sign-up, whatever product sold it") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  REQUIRE(app.pay(signup["checkout_url"]).reply.status == 303);
  app.deliver_news();
  app.work();
  auto const subscription = app.stripe(
      "GET", "/v1/subscriptions/" + app.value("SELECT stripe_subscription_id FROM subscriptions"));
  CHECK(subscription["items.data.0.price.product"] == "plan_team");
  CHECK(app.stripe("GET", "/v1/products/plan_team")["name"] == "Team");
  auto const of_plan = [&](std::string const& plan) {
    auto const reply = app.as(Role::owner).get("/api/reports/revenue?plan=" + plan);
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    return reply["periods.11.mrr_end"];
  };
  CHECK(of_plan("team") == "4900");
  CHECK(of_plan("business") == "0");
  // As it was sold until now.
  app.run("UPDATE stripe_prices SET product = 'prod_of_that_page'");
  CHECK(of_plan("team") == "4900");
  // Who has moved on since paid for what was sold first until then.
  app.run("UPDATE tenants SET plan_id = 'business'");
  CHECK(of_plan("team") == "4900");
  CHECK(of_plan("business") == "0");
}

TEST_CASE("as of a time: what was known then, and the future is nobody's") {
  World world;
  world.tell("2026-03-10", {.amount = 5000});
  world.app.run("SELECT pg_sleep(0.002)");
  auto const then = now_text(world.app);
  world.app.run("SELECT pg_sleep(0.002)");
  world.tell("2026-02-10", {.amount = 3000}, 1, "sub_late");
  auto const march = [&](std::string const& as_of) {
    auto const reply = world.get("/api/reports/revenue?from=2026-03&to=2026-03" + as_of);
    return reply["periods.0.mrr_start"] + " " + reply["periods.0.movements.new"] + " " +
           reply["periods.0.movements.expansion"];
  };
  CHECK(march("") == "3000 0 5000");
  CHECK(march("&as_of=" + then) == "0 5000 0");
  auto const owner = world.app.as(Role::owner);
  CHECK(owner.get("/api/reports/revenue?as_of=2036-01-01T00:00:00Z").wrong_fields() == "?as_of");
  CHECK(owner.get("/api/reports/cohorts?as_of=2036-01-01T00:00:00Z").wrong_fields() == "?as_of");
  CHECK(owner.get("/api/reports/movements?as_of=2036-01-01T00:00:00Z").wrong_fields() == "?as_of");
  for (auto const* wrong : {"currency=euro", "timezone=Mars", "policy=some", "plan=none",
                            "country=es", "from=2026-13", "from=1999-01", "granularity=year"}) {
    CAPTURE(wrong);
    auto const name = std::string{wrong}.substr(0, std::string_view{wrong}.find('='));
    CHECK(owner.get(std::string{"/api/reports/growth?"} + wrong).wrong_fields() == "?" + name);
  }
  auto const kinds = [&](std::string const& more) {
    auto const reply = world.get("/api/reports/movements?sort=day" + more);
    std::string out;
    for (auto const& row : reply.json.at("data").as_array())
      out += Reply::text(row, "day") + " " + Reply::text(row, "kind") + " " +
             Reply::text(row, "amount") + " " + Reply::text(row, "stripe_event_id") + ", ";
    return out;
  };
  CHECK(kinds("") == "2026-02-10 new 3000 evt_2, 2026-03-10 expansion 5000 evt_1, ");
  CHECK(kinds("&as_of=" + then) == "2026-03-10 new 5000 evt_1, ");
  CHECK(kinds("&from=2026-03-01&to=2026-03-10&policy=all&kind=expansion,new&country=ES") ==
        "2026-03-10 expansion 5000 evt_1, ");
  CHECK(kinds("&country=PT").empty());
  CHECK(kinds("&q=C%201") == kinds(""));
  CHECK(owner.get("/api/reports/movements?from=2026-02-30").wrong_fields() == "?from");
}

TEST_CASE("of a plan count the items of its prices, of a country its customers") {
  World world{3};
  world.tell("2026-03-10", {.amount = 5000, .plan = "team"}, 1);
  world.tell("2026-03-10", {.amount = 2000, .plan = "starter"}, 3);
  world.tell("2026-04-10", {.amount = 6000, .plan = "starter"}, 1);
  auto const april = [&](std::string const& more) {
    auto const reply = world.get("/api/reports/revenue?from=2026-04&to=2026-04&" + more);
    return reply["periods.0.mrr_start"] + " " + reply["periods.0.mrr_end"] + " " +
           reply["periods.0.movements.churn"] + " " + reply["periods.0.movements.new"] + " " +
           reply["periods.0.movements.expansion"];
  };
  CHECK(april("") == "7000 8000 0 0 1000");
  CHECK(april("plan=team") == "5000 0 5000 0 0");
  CHECK(april("plan=starter") == "2000 8000 0 6000 0");
  CHECK(april("country=PT") == "2000 2000 0 0 0");
  CHECK(april("country=ES&plan=starter") == "0 6000 0 6000 0");
}

TEST_CASE("sums follow when the zone of the reports changes, and when somebody is gone") {
  World world{20};
  db::Connection connection{world.app.database.url()};
  for (auto const& event : much(7, 20)) World::keep(connection, event);
  world.app.run(
      "INSERT INTO settings_groups (name, content, version) VALUES ('organisation', "
      "'{\"legal_name\":\"\",\"address\":\"\",\"vat_id\":\"\",\"reporting_zone\":\"Pacific/"
      "Auckland\",\"reporting_currency\":\"eur\"}', 1) ON CONFLICT (name) DO UPDATE SET content = "
      "excluded.content, version = settings_groups.version + 1");
  world.app.enqueue(ledger::FollowZone{});
  world.app.work();
  world.app.restart();
  CHECK(world.app.value("SELECT zone FROM ledger_runs WHERE zone IS NOT NULL") ==
        "Pacific/Auckland");
  CHECK(world.wrong_sums() == "0");
  CHECK(world.get("/api/reports/revenue")["timezone"] == "Pacific/Auckland");
  check_both_ways(world);
}
