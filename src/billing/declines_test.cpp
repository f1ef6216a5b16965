#include "billing/declines.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace billing;

TEST_CASE("every decline code has an advice, and what is hard never says that it waits") {
  std::set<std::string_view> seen;
  for (auto const code : names_of(DeclineCode{})) {
    CAPTURE(code);
    CHECK(seen.insert(code).second);
    auto const advice = advice_for(code, true);
    if (is_hard(code)) CHECK(advice != Advice::wait);
    // What the customer has to do does not depend on Stripe's plans.
    if (advice != Advice::wait) CHECK(advice == advice_for(code, false));
  }
  CHECK(seen.size() > 50);
}

TEST_CASE("what passes by itself waits for Stripe, or is tried by hand") {
  CHECK(advice_for("processing_error", true) == Advice::wait);
  CHECK(advice_for("processing_error", false) == Advice::try_again);
  CHECK(advice_for("a code of tomorrow", true) == Advice::ask_bank);
  CHECK(advice_for("insufficient_funds", true) == Advice::wait);
  CHECK(advice_for("lost_card", false) == Advice::other_method);
  CHECK(advice_for("authentication_required", true) == Advice::confirm);
  CHECK(advice_for("rule", true) == Advice::risk);
}

TEST_CASE("SQL says the same") {
  CHECK(hard_sql("code").find("'stolen_card'") != std::string::npos);
  auto const sql = advice_sql("code", "tries");
  CHECK(sql.starts_with("CASE WHEN code IN ("));
  CHECK(sql.ends_with("WHEN tries THEN 'wait' ELSE 'try_again' END ELSE 'ask_bank' END"));
}
