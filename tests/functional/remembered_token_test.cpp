// A token that was found right once is not checked from the start again; it must end all the same.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::App;
using support::By;
using support::Role;

TEST_CASE("a token that is known already ends at its time, and with its session") {
  auto app = App::fresh();
  auto const bearer = app.as(Role::owner);
  auto const cookie = app.as(Role::support, By::cookie);
  auto status = [](support::Caller const& caller) { return caller.get("/api/admin/me").status; };
  for (int times = 0; times < 3; ++times) {
    CHECK(status(bearer) == 200);
    CHECK(status(cookie) == 200);
  }
  // The same person by token and by cookie: only the cookie must prove its page.
  auto const as_token = app.as(Role::support);
  CHECK(as_token.get("/api/admin/me")["email"] == cookie.get("/api/admin/me")["email"]);

  clock_source::advance(std::chrono::hours{25});
  CHECK(status(bearer) == 401);
  CHECK(status(cookie) == 401);
  clock_source::advance(-std::chrono::hours{25});
  CHECK(status(bearer) == 200);

  CHECK(as_token.post("/api/admin/logout", nullptr).status == 204);
  CHECK(status(as_token) == 401);
  CHECK(status(bearer) == 200);
}
