// The desk's chart: what was invoiced, collected, given back, lost and not collected, by period.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;

constexpr auto trends = "/api/billing/trends";

/// The sum of a column over all rows.
std::int64_t sum(Reply const& series, std::string const& column) {
  auto const& columns = series.json.at("columns").as_array();
  std::size_t place = 0;
  while (Reply::text(columns.at(place), "id") != column) ++place;
  std::int64_t out = 0;
  for (auto const& row : series.json.at("rows").as_array())
    out += row.at("values").at(place).as_int64();
  return out;
}
}  // namespace

TEST_CASE("money in and out is a series that agrees with the cash report") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  REQUIRE(app.as(Role::finance)
              .post("/api/billing/refunds", {{"invoice_id", "inv_1"}, {"amount", 900}})
              .status == 200);
  auto const charge = app.value("SELECT stripe_charge_id FROM billing_attempts");
  REQUIRE(app.at_stripe("/v1/test_helpers/charges/" + charge + "/dispute", {{"amount", "1000"}})
              .status == 200);
  app.settle();
  auto const finance = app.as(Role::finance);
  auto series = finance.get(trends);
  REQUIRE_MESSAGE(series.status == 200, series.body);
  CHECK(series["definition"] == "billing_trends");
  CHECK(series["unit.kind"] == "money");
  CHECK(series["unit.currency"] == "eur");
  CHECK(series["range.word"] == "last_12_months");
  CHECK(series["range.granularity"] == "month");
  CHECK(series.json.at("rows").as_array().size() >= 12);
  CHECK(sum(series, "invoiced") == 4900);
  CHECK(sum(series, "collected") == 4900);
  CHECK(sum(series, "refunded") == -900);
  // Nothing is lost before it is decided.
  CHECK(sum(series, "disputed") == 0);
  CHECK(sum(series, "failed") == 0);
  CHECK(sum(series, "paid_otherwise") == 0);

  REQUIRE(app.at_stripe("/v1/disputes/" +
                        app.value("SELECT stripe_dispute_id FROM "
                                  "billing_disputes") +
                        "/close")
              .status == 200);
  app.settle();
  series = finance.get(trends);
  CHECK(sum(series, "disputed") == -1000);
  auto const rows = series.json.at("rows").as_array().size();
  auto const last = "rows." + std::to_string(rows - 1);
  CHECK(series[last + ".complete"] == "false");
  CHECK(series[last + ".drill"].starts_with("/admin/billing?from="));
  CHECK(series[last + ".drill"].ends_with("&currency=eur"));
  auto const cash = finance.get("/api/reports/cash");
  REQUIRE(cash.status == 200);
  CHECK(cash["periods.11.gross"] == "4900");
  CHECK(cash["periods.11.refunds"] == "900");
  CHECK(cash["periods.11.disputes"] == "1000");
  CHECK(cash["periods.11.invoiced"] == "4900");

  SUBCASE("another currency, another range, with the one before") {
    CHECK(sum(finance.get(trends + std::string{"?currency=usd"}), "invoiced") == 0);
    auto const days = finance.get(
        trends + std::string{"?range=last_7_days&granularity=day&compare=previous_period"});
    CHECK(days.json.at("rows").as_array().size() == 7);
    CHECK(days.json.at("comparison").at("rows").as_array().size() == 7);
    CHECK(sum(days, "collected") == 4900);
  }
  SUBCASE("what nobody understands is refused") {
    CHECK(finance.get(trends + std::string{"?currency=euro"}).wrong_fields() == "?currency");
    CHECK(finance.get(trends + std::string{"?range=ever"}).wrong_fields() == "?range");
    CHECK(app.as(Role::support).get(trends).status == 403);
  }
}

TEST_CASE("what could not be collected at first is told on its day") {
  auto app = App::fresh({.sandbox = true});
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
  REQUIRE(app.at_stripe(path, {{"billing_cycle_anchor", "now"},
                               {"proration_behavior", "none"}})["status"] == "past_due");
  app.settle();
  auto const series = app.as(Role::auditor).get(trends);
  CHECK(sum(series, "failed") == 4900);
  CHECK(sum(series, "invoiced") == 9800);
  CHECK(sum(series, "collected") == 4900);
}
