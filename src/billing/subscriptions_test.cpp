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

TEST_CASE("metered items are no MRR, decimal prices are (D2)") {
  auto mrr = [](std::string const& items) {
    return billing::mrr_of(
        boost::json::parse(R"({"status":"active","items":{"data":[)" + items + "]}}").as_object());
  };
  auto item = [](std::string const& price, std::string const& recurring = {},
                 std::string const& quantity = R"("quantity":1000,)") {
    return "{" + quantity + R"("price":{)" + price +
           R"(,"recurring":{"interval":"month","interval_count":1)" + recurring + "}}}";
  };
  std::string const metered = R"(,"usage_type":"metered")";
  CHECK(mrr(item(R"("unit_amount":1000)", metered, "")) == 0);
  CHECK(mrr(item(R"("unit_amount":10)") + "," + item(R"("unit_amount":99)", metered, "")) == 10000);
  CHECK(mrr(item(R"("unit_amount":null,"unit_amount_decimal":"0.5")")) == 500);
  CHECK(mrr(item(R"("unit_amount":null,"unit_amount_decimal":"12.3456")")) == 12346);
  CHECK(mrr(item(R"("unit_amount":null,"unit_amount_decimal":"0.000000000001")")) == 0);
  CHECK(mrr(item(R"("unit_amount":7,"unit_amount_decimal":"7")")) == 7000);
  CHECK(mrr(item(R"("unit_amount":null,"unit_amount_decimal":null)")) == 0);  // by tiers
  CHECK(mrr(R"({"quantity":1,"price":{"unit_amount":null,"unit_amount_decimal":"1250.5",
               "recurring":{"interval":"year","interval_count":1}}})") == 104);
}
