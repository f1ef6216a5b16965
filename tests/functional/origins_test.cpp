// Which pages may act for somebody who is logged in: those of public_url and its allowed origins,
// whatever a proxy in front makes of the Host.
#include <doctest/doctest.h>

#include "support/app.hpp"
#include "support/socket.hpp"

using support::App;
using support::Headers;
using support::Role;

namespace {

struct World {
  App app = App::fresh({.settings = [](config::Settings& settings) {
    settings.public_url = "https://c.example.test";
  }});
  support::Caller caller{"http://" + app.settings.http_listen, {}};
  Headers cookies;

  World() {
    app.add_staff(Role::owner);
    auto const reply = login({});
    REQUIRE(reply.status == 200);
    auto const cookie = reply.header("set-cookie");
    cookies = {"Cookie: " + cookie.substr(0, cookie.find(';')),
               "X-CSRF-Token: " + reply["csrf_token"]};
  }
  support::Reply login(Headers headers) const {
    return caller.post("/api/admin/login",
                       {{"email", App::email_of(Role::owner)}, {"password", App::password}},
                       std::move(headers));
  }
  /// Something that only a page of the console may do with the cookie.
  int change(Headers const& headers) const {
    return caller.with(cookies).send("DELETE", "/api/settings/sessions", "", headers).status;
  }
  int socket(Headers headers) const {
    headers.push_back(cookies.front());
    return support::Socket{app.settings.http_listen, "/ws/metrics", headers}.status();
  }
};

constexpr auto own = "Origin: https://c.example.test";
char const* const hosts[]{"Host: c.example.test", "Host: c.example.test:443",
                          "Host: C.example.test", "Host: backend:8443", "Host: 10.0.0.7"};

}  // namespace

TEST_CASE("the own pages work behind a proxy that rewrites the Host") {
  World const world;
  for (auto const* host : hosts)
    for (auto const* origin :
         {own, "Origin: https://C.Example.Test", "Origin: https://c.example.test:443"}) {
      CAPTURE(host);
      CAPTURE(origin);
      CHECK(world.login({host, origin}).status == 200);
      CHECK(world.change({host, origin}) == 200);
      CHECK(world.socket({host, origin}) == 101);
    }
}

TEST_CASE("pages of others are refused, whatever Host they come with") {
  World const world;
  for (auto const* host : {"c.example.test", "backend:8443", "evil.example", "c.example.test:8443"})
    for (auto const* origin :
         {"https://evil.example", "http://c.example.test", "https://c.example.test:8443",
          "https://c.example.test.evil.example", "https://evil.example/https://c.example.test",
          "https://user@c.example.test", "null", "c.example.test", "https://", "://c.example.test",
          "https://c.example.test:", "https://c.example.test:443443"}) {
      CAPTURE(host);
      CAPTURE(origin);
      Headers const headers{std::string{"Host: "} + host, std::string{"Origin: "} + origin};
      if (std::string_view{host}.starts_with("backend")) {
        auto const login = world.login(headers);
        CHECK(login.status == 403);
        CHECK(login["code"] == "cross_site_request");
        CHECK(login["detail"].find("public_url") != std::string::npos);
      }
      CHECK(world.change(headers) == 403);
      CHECK(world.socket(headers) == 403);
    }
  CHECK(world.change({}) == 403);  // by cookie, a page has to say where it comes from
}
