// D2 and D3 of the report definitions, with exact figures.
#include <doctest/doctest.h>

#include "billing/billing.hpp"

TEST_CASE("an item's MRR is exact and rounded half up (D2)") {
  CHECK(billing::monthly(5000, 1, "month", 1) == 5000);
  CHECK(billing::monthly(100000, 1, "year", 1) == 8333);
  CHECK(billing::monthly(100, 3, "week", 1) == 1300);
  CHECK(billing::monthly(100, 1, "day", 1) == 3042);
  CHECK(billing::monthly(3000, 1, "month", 3) == 1000);
  CHECK(billing::monthly(6, 1, "year", 1) == 1);  // 0.5 goes up
}

TEST_CASE("only active and past due subscriptions that collect count (D3)") {
  auto subscription = [](char const* status, char const* more = "") {
    return boost::json::parse(std::string{R"({"status":")"} + status + "\"" + more +
                              R"(,"items":{"data":[{"quantity":2,"price":{"unit_amount":1000,
                              "recurring":{"interval":"month","interval_count":1}}}]}})")
        .as_object();
  };
  CHECK(billing::mrr_of(subscription("active")) == 2000);
  CHECK(billing::mrr_of(subscription("past_due")) == 2000);
  CHECK(billing::mrr_of(subscription("active", R"(,"pause_collection":{"behavior":"void"})")) == 0);
  CHECK(billing::mrr_of(subscription("active", R"(,"pause_collection":null)")) == 2000);
  for (auto const* status : {"trialing", "incomplete", "unpaid", "paused", "canceled"})
    CHECK(billing::mrr_of(subscription(status)) == 0);
}
