// What coupons take off, exactly.
#include "sandbox/discounts.hpp"

#include <doctest/doctest.h>

#include "sandbox/cards.hpp"

using namespace sandbox;

TEST_CASE("a percentage is taken exactly, a half to the larger number, never more than there is") {
  CHECK(reduction({{"percent_off", 50.0}}, 9900) == 4950);
  CHECK(reduction({{"percent_off", 33.33}}, 10000) == 3333);
  CHECK(reduction({{"percent_off", 12.5}}, 1004) == 126);  // 125.5
  CHECK(reduction({{"percent_off", 0.01}}, 99'999'999'999) == 10'000'000);
  CHECK(reduction({{"percent_off", 100.0}}, 7) == 7);
  CHECK(reduction({{"amount_off", 1000}, {"percent_off", nullptr}}, 9900) == 1000);
  CHECK(reduction({{"amount_off", 1000}, {"percent_off", nullptr}}, 700) == 700);
  CHECK(reduction({{"percent_off", 50.0}}, -100) == 0);
}

TEST_CASE("hard declines are those that no retry changes") {
  CHECK(is_hard_decline("lost_card"));
  CHECK(is_hard_decline("pickup_card"));
  CHECK_FALSE(is_hard_decline("insufficient_funds"));
  CHECK_FALSE(is_hard_decline("do_not_honor"));
  CHECK_FALSE(is_hard_decline(""));
}
