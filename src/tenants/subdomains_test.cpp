// The rules of names.
#include "tenants/subdomains.hpp"

#include <doctest/doctest.h>

#include "tenants/states.hpp"

TEST_CASE("a name is a DNS label of 3 to 40 characters that begins with a letter") {
  CHECK_FALSE(tenants::name_problem("acme"));
  CHECK_FALSE(tenants::name_problem("a-1"));
  CHECK(tenants::name_problem("ab") == "too_short");
  CHECK(tenants::name_problem(std::string(41, 'a')) == "too_long");
  CHECK(tenants::name_problem("1acme") == "bad_start");
  CHECK(tenants::name_problem("-acme") == "bad_start");
  CHECK(tenants::name_problem("acme-") == "bad_end");
  CHECK(tenants::name_problem("ac me") == "bad_characters");
  CHECK(tenants::name_problem("ácme") == "bad_characters");
  CHECK(tenants::is_reserved("www"));
  CHECK(tenants::is_reserved("admin"));
  CHECK(tenants::is_reserved("xn--caf-dma"));
  CHECK_FALSE(tenants::is_reserved("acme"));
}

TEST_CASE("states follow their edges only, and every state that is not final has a way on") {
  using enum tenants::State;
  CHECK(tenants::may_follow(awaiting_payment, queued));
  CHECK_FALSE(tenants::may_follow(awaiting_payment, live));
  CHECK_FALSE(tenants::may_follow(purged, live));
  auto const names = tenants::names_of(reserved);
  for (std::size_t from = 0; from < names.size(); ++from) {
    if (tenants::State(from) == purged) continue;
    bool any = false;
    for (std::size_t to = 0; to < names.size(); ++to)
      any |= tenants::may_follow(tenants::State(from), tenants::State(to));
    CAPTURE(names[from]);
    CHECK(any);
  }
}
