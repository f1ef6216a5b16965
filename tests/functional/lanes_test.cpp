// One slow thing stops nothing else: locked tables, other nodes' row locks, guessing, downloads.
#include <doctest/doctest.h>

#include <future>

#include "identity/guards/login_attempts.hpp"
#include "support/app.hpp"
#include "support/socket.hpp"

using support::App;
using support::eventually;
using support::Role;
using support::Socket;
using Rows = std::vector<std::string>;

namespace {
std::string host_of(std::string const& url) { return url.substr(url.find("//") + 2); }

/// Holds what `sql` locks until it goes out of scope.
class Holding {
 public:
  Holding(App const& app, std::string const& sql) : connection_{app.database.url()} {
    connection_.execute("BEGIN");
    connection_.execute(sql);
  }
  void let_go() { connection_.execute("ROLLBACK"); }

 private:
  db::Connection connection_;
};

/// The statements that wait for a lock, each with the moment it began.
Rows waiting(App const& app) {
  return app.rows(
      "SELECT pid, query_start FROM pg_stat_activity WHERE datname = current_database() AND "
      "wait_event_type = 'Lock' ORDER BY pid");
}

bool shares_one(Rows const& before, Rows const& after) {
  return std::any_of(before.begin(), before.end(), [&](std::string const& row) {
    return std::find(after.begin(), after.end(), row) != after.end();
  });
}

support::Reply log_in(App const& app, Role role) {
  return app.visitor().post("/api/admin/login",
                            {{"email", App::email_of(role)}, {"password", App::password}});
}
}  // namespace

TEST_CASE("a locked table under open dashboards holds up nobody who does not need it") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner).headers();
  std::vector<std::unique_ptr<Socket>> dashboards;
  for (int i = 0; i < 6; ++i)
    dashboards.push_back(std::make_unique<Socket>(host_of(app.url()), "/ws/metrics", owner));
  for (auto& dashboard : dashboards) REQUIRE(dashboard->next().has_value());

  Holding lock{app, "LOCK TABLE rollup_totals IN ACCESS EXCLUSIVE MODE"};
  Rows before;
  // Answered while the very wait that was seen before still goes on.
  CHECK(eventually([&] {
    REQUIRE(eventually([&] { return !(before = waiting(app)).empty(); }));
    CHECK(app.visitor().get("/api/plans").status == 200);
    return shares_one(before, waiting(app));
  }));
  // The dashboards go on with what was known; the one that waits gives up and says the same.
  auto const metrics = app.as(Role::owner).get("/api/dashboard/metrics");
  CHECK(metrics.status == 200);
  CHECK(!metrics["as_of"].empty());
  lock.let_go();
}

TEST_CASE("a log-in that waits for another node's lock keeps no other log-in waiting") {
  auto app = App::fresh();
  std::string buckets;
  for (auto const role : {Role::owner, Role::support}) {
    app.add_staff(role);
    auto const bucket = "'account " + identity::guards::account_hash_of(App::email_of(role)) + "'";
    app.run("INSERT INTO login_throttle (bucket) VALUES (" + bucket + ")");
    buckets += (buckets.empty() ? "" : ", ") + bucket;
  }
  Holding lock{app, "SELECT * FROM login_throttle WHERE bucket IN (" + buckets + ") FOR UPDATE"};
  // Each waits for its own row; neither waits for the other to have waited.
  auto const wait_together = [&] {
    auto one = std::async(std::launch::async, [&] { return log_in(app, Role::owner).status; });
    auto two = std::async(std::launch::async, [&] { return log_in(app, Role::support).status; });
    bool together = false;
    for (auto const* login : {&one, &two})
      while (login->wait_for(std::chrono::milliseconds{20}) != std::future_status::ready)
        together = together || waiting(app).size() >= 2;
    CHECK(one.get() == 503);
    CHECK(two.get() == 503);
    return together;
  };
  CHECK(eventually(wait_together));
  lock.let_go();
  for (auto const role : {Role::owner, Role::support}) CHECK(log_in(app, role).status == 200);
}

TEST_CASE("a locked table is waited for briefly, by those who need it only") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  Holding lock{app, "LOCK TABLE login_throttle IN ACCESS EXCLUSIVE MODE"};
  // A node that hangs in the middle of a log-in: everything but log-ins goes on.
  auto held_up = std::async(std::launch::async, [&] { return log_in(app, Role::owner); });
  REQUIRE(eventually([&] { return !waiting(app).empty(); }));
  CHECK(owner.get("/api/tenants").status == 200);
  // And whoever waits in vain is told to come again, before a minute has passed.
  auto const reply = held_up.get();
  CHECK(reply.status == 503);
  CHECK(!reply.header("retry-after").empty());
  lock.let_go();
}

TEST_CASE("long downloads, calls to Stripe and live documents have lanes of their own") {
  auto app = App::fresh();
  std::map<std::string, http::Lane> lanes;
  for (auto const& endpoint : app.application().api().endpoints())
    lanes[endpoint->method + " " + endpoint->path] = endpoint->lane;
  CHECK(lanes.at("GET /api/tenants/{id}/backups/{backup}/download") == http::Lane::files);
  CHECK(lanes.at("POST /api/checkout") == http::Lane::slow);
  CHECK(lanes.at("GET /api/plans") == http::Lane::standard);
  for (auto const& [route, lane] : lanes)
    if (route.find(" /ws/") != std::string::npos) {
      CAPTURE(route);
      CHECK(lane == http::Lane::live);
    }
}
