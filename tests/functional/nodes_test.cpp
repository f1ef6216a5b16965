// Two nodes of one installation: what one decides holds on the other, also when their clocks
// differ.
#include <doctest/doctest.h>

#include "platform/crypto/crypto.hpp"
#include "support/app.hpp"
#include "support/browser.hpp"
#include "support/second_node.hpp"
#include "support/socket.hpp"

using support::App;
using support::Browser;
using support::By;
using support::Caller;
using support::Role;
using support::SecondNode;
using support::Socket;

namespace {
using std::chrono::minutes;

std::string host_of(std::string const& url) { return url.substr(url.find("//") + 2); }

support::Reply log_in(std::string const& url, Role role) {
  return Caller{url, {}}.post("/api/admin/login",
                              {{"email", App::email_of(role)}, {"password", App::password}});
}

/// At one node; the page is that of the address which all of them have in common.
support::Reply renew(std::string const& url, std::string const& refresh,
                     std::string const& origin) {
  return Caller{url, {}}.post("/api/admin/refresh", nullptr,
                              {"Cookie: __Host-refresh=" + refresh, "Origin: " + origin});
}

/// The clock of a node that is behind or ahead, while it does something.
template <class Work>
auto with_clock(minutes shift, Work&& work) {
  clock_source::advance(shift);
  auto result = work();
  clock_source::advance(-shift);
  return result;
}

bool is_closed(Socket& socket) {
  std::optional<std::string> last;
  return support::eventually([&] {
           last = socket.next();
           return !last || last->starts_with("closed");
         }) &&
         last == "closed 4401";
}
}  // namespace

TEST_CASE("a session that ends on one node ends on the other, with its sockets") {
  auto app = App::fresh();
  SecondNode node{app};
  app.add_staff(Role::owner);
  auto const reply = log_in(app.url(), Role::owner);
  std::string const bearer = "Authorization: Bearer " + reply["access_token"];
  CHECK(Caller{node.url(), {bearer}}.get("/api/admin/me").status == 200);
  Socket here{host_of(app.url()), "/ws/metrics", {bearer}};
  Socket there{host_of(node.url()), "/ws/metrics", {bearer}};
  REQUIRE(here.status() == 101);
  REQUIRE(there.status() == 101);
  CHECK(here.next().has_value());
  CHECK(there.next().has_value());

  CHECK(Caller{app.url(), {bearer}}.post("/api/admin/logout", nullptr).status == 204);
  CHECK(Caller{app.url(), {bearer}}.get("/api/admin/me").status == 401);
  CHECK(support::eventually([&] {
    return Caller{node.url(), {bearer}}.get("/api/admin/me").status == 401;
  }));
  CHECK(is_closed(here));
  CHECK(is_closed(there));
}

TEST_CASE("a permission that is taken away closes the sockets that need it") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const support_person = app.as(Role::support).headers();
  Socket socket{host_of(app.url()), "/ws/metrics", support_person};
  REQUIRE(socket.status() == 101);
  CHECK(socket.next().has_value());
  // As another node would have done it.
  db::Connection connection{app.database.url()};
  db::transact(connection, [](db::Tx& tx) {
    tx.connection().execute("UPDATE staff SET disabled_at = now() WHERE role = 'support'");
    identity::announce_change(tx);
  });
  CHECK(is_closed(socket));
}

TEST_CASE("nodes whose clocks are two minutes apart work together") {
  auto app = App::fresh();
  app.add_staff(Role::owner);
  SecondNode node{app};
  for (auto const skew : {minutes{2}, minutes{-2}}) {
    CAPTURE(skew.count());
    // Made by a node whose clock is wrong, used at one whose clock is right.
    Browser const session{with_clock(skew, [&] { return log_in(node.url(), Role::owner); })};
    CHECK(session.caller(app).get("/api/admin/me").status == 200);
    CHECK(app.visitor().get("/api/admin/me", {"Authorization: Bearer " + session.access}).status ==
          200);
    // Two tabs refresh at one moment, each at another node: nobody is taken for a thief.
    auto const first =
        with_clock(skew, [&] { return renew(node.url(), session.refresh, app.url()); });
    auto const second = session.renew(app);
    CHECK(first.status == 200);
    CHECK(second.status == 200);
    CHECK(Browser{first}.refresh == Browser{second}.refresh);
    CHECK(Browser{second}.renew(app).status == 200);
    CHECK(app.value("SELECT count(*) FROM security_events WHERE kind = 'refresh_token_reused'") ==
          "0");
    // Having just logged in counts as proof on either node.
    CHECK(with_clock(skew, [&] {
            return session.caller(app).post("/api/settings/2fa/totp", nullptr).status;
          }) != 403);
  }
}

TEST_CASE("a node that works no jobs is ready although nobody does, and the dashboard says so") {
  auto app = App::fresh();  // jobs run when a test says so: like `serve --no-jobs`
  app.run(
      "INSERT INTO jobs (kind, payload, run_at) "
      "VALUES ('nobody.knows', '{}', now() - interval '5 minutes')");
  auto const ready = app.visitor().get("/readyz");
  CHECK(ready.status == 200);
  CHECK(ready["jobs.status"] == "ok");
  CHECK(ready["jobs.detail"].find("late") != std::string::npos);
  auto const metrics = app.as(Role::owner).get("/api/dashboard/metrics");
  bool told = false;
  for (auto const& item : metrics.json.at("attention").as_array())
    told = told || item.at("kind") == "jobs_late";
  CHECK(told);
}
