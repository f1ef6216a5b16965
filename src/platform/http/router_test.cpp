// Paths to routes.
#include <doctest/doctest.h>

#include "platform/http/route.hpp"

using namespace http;

namespace {
Response nothing(Worker*, Request&) { return {}; }

struct Found {
  std::string pattern, parameters, allowed;
};
Found find(Router const& router, std::string method, std::string target) {
  Request request{.method = std::move(method), .target = std::move(target)};
  auto const match = router.match(request);
  Found found{match.route    ? match.route->method + " " + match.route->pattern
              : match.socket ? "socket " + match.socket->pattern
                             : "",
              "", match.allowed_methods};
  for (auto const& [name, value] : request.path_parameters)
    found.parameters += std::string{name} + "=" + value + ";";
  return found;
}
}  // namespace

TEST_CASE("the router finds the most particular pattern that has the method") {
  Router router;
  for (auto const& [method, pattern] : std::vector<std::pair<std::string, std::string>>{
           {"GET", "/"},
           {"GET", "/api/tenants"},
           {"POST", "/api/tenants"},
           {"GET", "/api/tenants/export"},
           {"GET", "/api/tenants/{id}"},
           {"PATCH", "/api/tenants/{tenant}"},
           {"POST", "/api/tenants/{id}/backups/{backup}/restore"},
           {"GET", "/assets/{path...}"},
           {"HEAD", "/own-head"},
           {"GET", "/own-head"}})
    router.add(Route{.method = method, .pattern = pattern, .handle = nothing});
  router.add(Socket{.pattern = "/ws/logs"});
  router.add(Socket{.pattern = "/api/tenants/{id}/live"});

  CHECK(find(router, "GET", "/").pattern == "GET /");
  CHECK(find(router, "GET", "/api/tenants?x=/").pattern == "GET /api/tenants");
  CHECK(find(router, "HEAD", "/api/tenants").pattern == "GET /api/tenants");
  CHECK(find(router, "HEAD", "/own-head").pattern == "HEAD /own-head");
  CHECK(find(router, "GET", "/api/tenants/export").pattern == "GET /api/tenants/export");
  CHECK(find(router, "GET", "/api/%74enants/export").pattern == "GET /api/tenants/export");
  CHECK(find(router, "GET", "/api/tenants/ten_1").parameters == "id=ten_1;");
  // Each method keeps the name of its own pattern, and a fixed segment does not hide the others.
  CHECK(find(router, "PATCH", "/api/tenants/export").parameters == "tenant=export;");
  CHECK(find(router, "GET", "/api/tenants/a%2Fb%20c").parameters == "id=a/b c;");
  CHECK(find(router, "POST", "/api/tenants/1/backups/2/restore").parameters == "id=1;backup=2;");
  CHECK(find(router, "GET", "/assets/a/b.css").parameters == "path=a/b.css;");
  CHECK(find(router, "GET", "/ws/logs").pattern == "socket /ws/logs");
  CHECK(find(router, "GET", "/api/tenants/7/live").parameters == "id=7;");

  for (auto const* missing : {"/api", "/api/tenants/", "/api/tenants//backups", "//", "/assets/",
                              "/assets", "/API/tenants", "/api/tenants/1/backups/2"}) {
    CAPTURE(missing);
    CHECK(find(router, "GET", missing).pattern == "");
    CHECK(find(router, "GET", missing).allowed == "");
  }
  CHECK(find(router, "DELETE", "/api/tenants").allowed == "GET, HEAD, POST");
  CHECK(find(router, "DELETE", "/api/tenants/1").allowed == "GET, HEAD, PATCH");
  CHECK(find(router, "POST", "/ws/logs").allowed == "GET");
}

TEST_CASE("patterns that cannot be meant stop the program at its start") {
  Router router;
  auto add = [&](std::string pattern) {
    router.add(Route{.method = "GET", .pattern = std::move(pattern), .handle = nothing});
  };
  add("/a/{id}");
  CHECK_THROWS_AS(add("/a/{other}"), std::logic_error);
  CHECK_THROWS_AS(add("a"), std::logic_error);
  CHECK_THROWS_AS(add("/{a...}/b"), std::logic_error);
  CHECK_THROWS_AS(add("/{}"), std::logic_error);
  CHECK_THROWS_AS(add("/{a"), std::logic_error);
}
