// Reports in one currency (D11), by the rates that staff keep; without a rate no amount is told.
#include <doctest/doctest.h>

#include "support/mrr_world.hpp"

using support::App;
using support::Json;
using support::Reply;
using support::Role;

namespace {
using namespace support::mrr;

constexpr auto rates = "/api/settings/exchange-rates";

Reply put(World& world, std::string const& currency, std::string const& month, Json const& body,
          Role role = Role::finance) {
  return world.app.as(role).send("PUT", rates + ("/" + currency) + "/" + month,
                                 boost::json::serialize(body), {"Content-Type: application/json"});
}
void tell_rate(World& world, std::string const& currency, std::string const& month,
               std::string const& rate) {
  auto const reply = put(world, currency, month, {{"rate", rate}, {"source", "test"}});
  REQUIRE_MESSAGE(reply.status == 200, reply.body);
}
}  // namespace

TEST_CASE("all currencies are one by the rate of each month's end, and the rest is fx") {
  World world{3};
  world.tell("2026-01-10", {.amount = 10000}, 1);
  world.tell("2026-01-12", {.amount = 10000, .currency = "usd"}, 2);
  // 5,000 yen, of a currency without minor units; the same customer pays euros as well.
  world.tell("2026-02-03", {.amount = 5000, .currency = "jpy"}, 1, "sub_yen");
  world.tell("2026-02-10", {.amount = 5000, .currency = "usd"}, 2);
  tell_rate(world, "usd", "2026-01", "0.9");
  tell_rate(world, "usd", "2026-02", "0.8");
  tell_rate(world, "jpy", "2026-02", "0.00625");
  auto const reply = world.get("/api/reports/revenue?from=2026-01&to=2026-03&currency=reporting");
  auto const say = [&](std::string const& path) { return said(reply, "periods." + path); };
  CHECK(reply["currency"] == "eur");
  CHECK(say("0.mrr_end") == "19000");
  CHECK(say("0.movements.new") == "19000");
  CHECK(say("0.fx") == "0");
  CHECK(say("1.mrr_start") == "19000");
  // 100.00 + 31.25 + 50.00 × 0.8
  CHECK(say("1.mrr_end") == "17125");
  CHECK(say("1.movements.new") == "3125");
  CHECK(say("1.movements.contraction") == "4000");
  // The 100.00 dollars that were 90.00 are 80.00 before they become less.
  CHECK(say("1.fx") == "-1000");
  // Who pays in two currencies is one customer.
  CHECK(say("1.customers_end") == "2");
  CHECK(say("1.movement_counts.new") == "1");
  CHECK(say("1.missing_rate") == "null");
  // Nobody has told March's rates.
  CHECK(say("2.mrr_end") == "null");
  CHECK(say("2.movements") == "null");
  CHECK(say("2.nrr") == "null");
  CHECK(say("2.logo_churn") == "0");
  CHECK(say("2.customers_end") == "2");
  CHECK(say("2.missing_rate.code") == "rate_missing");
  CHECK(say("2.missing_rate.parameters.month") == "2026-03");
  auto const cohorts = world.get("/api/reports/cohorts?from=2026-01&to=2026-01&currency=reporting");
  CHECK(cohorts["cohorts.0.size"] == "2");
  // Those months that have their rates are told all the same.
  CHECK(cohorts["cohorts.0.mrr0"] == "19000");
  CHECK(cohorts["cohorts.0.mrr.1"] == "17125");
  CHECK(said(cohorts, "cohorts.0.revenue_retention.1") == "0.901316");
  CHECK(cohorts["cohorts.0.mrr.2"] == "null");
  CHECK(cohorts["cohorts.0.revenue_retention.2"] == "null");
  CHECK(cohorts["cohorts.0.customers.2"] == "2");
  CHECK(cohorts["cohorts.0.missing_rate.code"] == "rate_missing");
  CHECK(cohorts["cohorts.0.missing_rate.parameters.month"] == "2026-03");
}

TEST_CASE("of a cohort whose first month has no rate nothing is compared with it") {
  World world;
  world.tell("2026-01-10", {.amount = 10000, .currency = "usd"});
  tell_rate(world, "usd", "2026-02", "0.8");
  auto const cohorts = world.get("/api/reports/cohorts?from=2026-01&to=2026-01&currency=reporting");
  CHECK(cohorts["cohorts.0.mrr0"] == "null");
  CHECK(cohorts["cohorts.0.mrr.1"] == "8000");
  CHECK(cohorts["cohorts.0.revenue_retention.1"] == "null");
  CHECK(cohorts["cohorts.0.missing_rate.parameters.month"] == "2026-01");
}

TEST_CASE("a report as of a time counts by the rates that were told by then") {
  World world;
  world.tell("2026-01-10", {.amount = 10000, .currency = "usd"});
  auto const january = [&](std::string const& as_of) {
    auto const reply =
        world.get("/api/reports/revenue?from=2026-01&to=2026-01&currency=reporting&as_of=" + as_of);
    return reply["periods.0.mrr_end"];
  };
  auto const moment = [&] {
    world.app.run("SELECT pg_sleep(0.002)");
    auto const text = now_text(world.app);
    world.app.run("SELECT pg_sleep(0.002)");
    return text;
  };
  auto const untold = moment();
  tell_rate(world, "usd", "2026-01", "0.9");
  auto const told = moment();
  tell_rate(world, "usd", "2026-01", "0.9");
  tell_rate(world, "usd", "2026-01", "0.8");
  auto const corrected = moment();
  CHECK(world.app.as(Role::finance)
            .send("DELETE", rates + std::string{"/usd/2026-01"}, "", {})
            .status == 204);
  auto const taken_away = moment();
  CHECK(january(untold) == "null");
  CHECK(january(told) == "9000");
  CHECK(january(corrected) == "8000");
  CHECK(january(taken_away) == "null");
  CHECK(
      world.get(
          "/api/reports/revenue?from=2026-01&to=2026-01&currency=reporting")["periods.0.mrr_end"] ==
      "null");
  CHECK(world.get(rates).json.at("data").as_array().empty());
  tell_rate(world, "usd", "2026-01", "0.7");
  CHECK(world.get(rates)["data.0.rate"] == "0.7");
  CHECK(january(told) == "9000");
  CHECK(world.app.value("SELECT count(*) FROM exchange_rates") == "3");
}

TEST_CASE("who pays in one currency less has not left, and who pays in none has left once") {
  World world{2};
  for (auto const* month : {"2026-01", "2026-02", "2026-03"}) tell_rate(world, "usd", month, "1");
  world.tell("2026-01-10", {.amount = 1000}, 1, "sub_a");
  world.tell("2026-01-12", {.amount = 1000, .currency = "usd"}, 1, "sub_b");
  world.tell("2026-01-12", {.amount = 1000}, 2);
  world.tell("2026-02-10", {.amount = 1000, .status = "canceled", .currency = "usd"}, 1, "sub_b");
  world.tell("2026-03-10", {.amount = 1000, .status = "canceled"}, 1, "sub_a");
  auto const reply = world.get("/api/reports/churn?from=2026-01&to=2026-03&currency=reporting");
  CHECK(reply["periods.0.movement_counts.new"] == "3");
  CHECK(reply["periods.1.movement_counts.churn"] == "1");
  CHECK(said(reply, "periods.1.stripe_churn") == "0");
  CHECK(said(reply, "periods.2.stripe_churn") == "0.5");
}

TEST_CASE("rates are told, corrected, taken away and imported, and somebody did it") {
  World world{0};
  auto const finance = world.app.as(Role::finance);
  CHECK(put(world, "usd", "2026-11", {{"rate", "0.9234"}, {"source", "ECB"}}).status == 200);
  CHECK(put(world, "usd", "2026-11", {{"rate", "0.9230000000"}, {"source", "ECB"}})["rate"] ==
        "0.923");
  for (auto const* wrong : {"0", "-1", "1e3", "0,9", "abc", "", "123456789", "0.12345678901"}) {
    CAPTURE(wrong);
    CHECK(put(world, "usd", "2026-11", {{"rate", wrong}, {"source", "ECB"}}).wrong_fields() ==
          "/rate");
  }
  CHECK(put(world, "eur", "2026-11", {{"rate", "1"}, {"source", "ECB"}}).status == 422);
  CHECK(put(world, "zzz", "2026-11", {{"rate", "1"}, {"source", "ECB"}}).status == 422);
  CHECK(put(world, "usd", "2026-13", {{"rate", "1"}, {"source", "ECB"}}).status == 422);
  CHECK(put(world, "usd", "2026-11", {{"rate", "1"}, {"source", "ECB"}}, Role::support).status ==
        403);

  auto const import = [&](std::string const& csv) {
    return finance.post(rates + std::string{"/import"}, {{"csv", csv}, {"source", "ECB"}});
  };
  auto const imported = import("month;currency;rate\n2026-11;usd;0,923\n2026-10;USD;0,91;BCE\n");
  CHECK(imported["changed"] == "1");
  CHECK(imported["unchanged"] == "1");
  auto const refused = import("2026-09,usd,0.9\n2026-09,usd\n");
  CHECK(refused.wrong_fields() == "/csv");
  CHECK(refused.problem_of("/csv") == "wrong_rate_line");
  CHECK(world.app.rows("SELECT month, rate, source FROM exchange_rates WHERE ended_at IS NULL "
                       "ORDER BY month") ==
        std::vector<std::string>{"2026-10-01|0.9100000000|BCE", "2026-11-01|0.9230000000|ECB"});

  auto const list = world.get(rates + std::string{"?currency=usd"});
  CHECK(list["data.0.month"] == "2026-11");
  CHECK(list["data.0.rate"] == "0.923");
  CHECK(list["data.0.to_currency"] == "eur");
  CHECK(list["data.0.changed_by"] == App::email_of(Role::finance));
  CHECK(finance.send("DELETE", rates + std::string{"/usd/2026-10"}, "", {}).status == 204);
  CHECK(finance.send("DELETE", rates + std::string{"/usd/2026-10"}, "", {})["code"] ==
        "rate_not_found");
  CHECK(world.app.rows("SELECT action FROM audit_logs WHERE action LIKE 'exchange_rate.%' ORDER BY "
                       "id") ==
        std::vector<std::string>{"exchange_rate.changed", "exchange_rate.changed",
                                 "exchange_rate.imported", "exchange_rate.removed"});
}
