// What stands in the log is read by many: no link that opens something to whoever has it.
#include <doctest/doctest.h>

#include "support/app.hpp"
#include "support/socket.hpp"

using support::App;
using support::Role;

namespace {
constexpr auto secret = "s3cr3t-of-somebody.0123456789abcdef";

/// The lines that have reached the table once the one about `last` has.
std::string lines_after(App const& app, std::string const& last) {
  CHECK(support::eventually([&] {
    return app.value("SELECT count(*) FROM system_logs WHERE message LIKE '%" + last + "%'") != "0";
  }));
  return app.value(
      "SELECT coalesce(string_agg(level || ' ' || message, E'\\n'), '') FROM system_logs");
}
}  // namespace

TEST_CASE("a route that fails is named by its pattern: the link itself stands in no line") {
  auto app = App::fresh();
  logging::configure(logging::Format::text, logging::Level::debug);
  // Whatever is looked up cannot be: every door that takes a token fails on our side.
  for (auto const* table : {"invitations", "one_time_access", "signups", "tenants"})
    app.run(std::string{"ALTER TABLE "} + table + " RENAME TO away_" + table);
  int doors = 0;
  for (auto const& endpoint : app.application().api().endpoints()) {
    auto const at = endpoint->path.find("{token}");
    if (at == std::string::npos) continue;
    ++doors;
    CAPTURE(endpoint->path);
    auto path = endpoint->path;
    path.replace(at, 7, secret);
    app.visitor().send(endpoint->method, path + "?token=" + secret,
                       R"({"token":"x","password":"a password of length"})",
                       {"Content-Type: application/json"});
    app.visitor().send(endpoint->method, path, R"({"password":"a password of length"})",
                       {"Content-Type: application/json", "Accept: text/html"});
    if (path.starts_with("/ws/")) support::Socket{app.settings.http_listen, path, {}};
  }
  CHECK(doors >= 8);
  auto const lines = lines_after(app, "/api/invitations/{token} answered 500");
  logging::configure(logging::Format::text, logging::Level::error);
  CHECK(lines.find(secret) == std::string::npos);
}

TEST_CASE("tokens that are wrong are no errors of ours") {
  auto app = App::fresh();
  logging::configure(logging::Format::text, logging::Level::info);
  for (auto const* header :
       {"Authorization: Bearer not.a.token", "Authorization: Bearer ob_live_0123456789abcdef",
        "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.", "Cookie: __Host-session=x",
        "Cookie: __Host-refresh=x"})
    for (auto const* path : {"/api/admin/me", "/api/audit"})
      CHECK(app.visitor().get(path, {header}).status == 401);
  CHECK(app.visitor()
            .post("/api/admin/refresh", boost::json::object{}, {"Cookie: __Host-refresh=x"})
            .status == 401);
  CHECK(
      app.visitor().send("POST", "/webhook/stripe", "{}", {"Stripe-Signature: t=1,v1=00"}).status ==
      400);
  logging::info("test", "the end of it");
  auto const lines = lines_after(app, "the end of it");
  logging::configure(logging::Format::text, logging::Level::error);
  CAPTURE(lines);
  CHECK(lines.find("error ") == std::string::npos);
  CHECK(lines.find("warning ") == std::string::npos);
}

TEST_CASE("a line with bytes that are no text does not keep the others from being stored") {
  auto app = App::fresh();
  logging::error("test", "odd bytes: {} {}", "\xFF\xC3", std::string{"a\xE2\x82"});
  logging::error("test", "the line after it");
  CHECK(lines_after(app, "the line after it").find("odd bytes: \uFFFD") != std::string::npos);
}
