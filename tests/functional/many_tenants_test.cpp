// Many tenants at the same moment, with real processes, databases and jobs that run side by side.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::App;
using support::eventually;

TEST_CASE("fifty suspended at once stand still, and all of them come back") {
  auto app = App::fresh({.front_door = true, .jobs = true});
  auto const staff = app.as(support::Role::owner);
  constexpr int all = 50;
  for (int i = 0; i < all; ++i) {
    auto const name = "many-" + std::to_string(i);
    REQUIRE(staff
                .post("/api/tenants", {{"company", "Company"},
                                       {"name", "Ada Smith"},
                                       {"email", "ada@" + name + ".example"},
                                       {"country", "ES"},
                                       {"locale", "en"},
                                       {"subdomain", name},
                                       {"plan", "starter"}})
                .status == 201);
  }
  auto const become = [&](std::string const& state) {
    auto const count = "SELECT count(*) FROM tenants WHERE state = '" + state + "'";
    return eventually([&] { return app.value(count) == std::to_string(all); }, 300);
  };
  REQUIRE(become("live"));
  auto const batch = [&](char const* action) {
    auto const reply =
        staff.post("/api/tenants/batch", {{"action", action},
                                          {"filter", {{"q", "many-"}}},
                                          {"expected_count", all},
                                          {"arguments", {{"reason", "Moving house"}}}});
    REQUIRE(reply.status == 202);
    return "/api/tenant-batches/" + reply["id"];
  };
  auto const suspended = batch("suspend");
  CHECK(become("suspended"));
  CHECK(eventually([&] { return staff.get(suspended)["state"] == "done"; }));
  CHECK(staff.get(suspended)["ok"] == std::to_string(all));
  for (auto const& process : app.supervisor().list())
    CHECK_FALSE(process.name.starts_with("tenant-"));
  CHECK(app.tenant("many-7").get("/").status == 503);
  CHECK(app.value("SELECT coalesce(string_agg(kind || ': ' || last_error, ', '), '') FROM jobs "
                  "WHERE state = 'dead' AND kind NOT LIKE 'billing.%'") == "");  // no Stripe here

  (void)batch("resume");
  CHECK(become("live"));
  for (int i = 0; i < all; i += 7)
    CHECK(app.tenant("many-" + std::to_string(i)).get("/healthz").status == 200);
}
