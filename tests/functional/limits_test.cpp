// How much is let through, on one node and on two: requests, and attempts to log in.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "support/app.hpp"
#include "support/second_node.hpp"

using support::App;
using support::Caller;
using support::Role;
using support::SecondNode;
using Rows = std::vector<std::string>;

namespace {
support::Reply log_in(Caller const& caller, std::string const& email, std::string const& password,
                      support::Headers headers = {}) {
  return caller.post("/api/admin/login", {{"email", email}, {"password", password}},
                     std::move(headers));
}

/// Whatever is blocked for no longer may go on at once, as if the wait were over.
void let_pass(App const& app, std::string const& minutes) {
  app.run(
      "UPDATE login_throttle SET blocked_until = '-infinity' WHERE blocked_until <= last_at + "
      "interval '" +
      minutes + " minutes'");
}

/// What is blocked stays so for a while, however slow this machine is.
void hold_blocks(App const& app) {
  app.run(
      "UPDATE login_throttle SET blocked_until = last_at + interval '5 minutes' WHERE "
      "blocked_until > last_at");
}

/// Asks until it is refused; how often it was let through.
int allowed_in_a_row(Caller const& caller, std::string const& path, int most) {
  int count = 0;
  while (count < most && caller.get(path).status == 200) ++count;
  return count;
}
}  // namespace

TEST_CASE("tokens are taken from the database by the block and spent in memory") {
  support::Database database;
  db::Connection connection{database.url()};
  http::RateLimiter limiter;
  http::Limit const limit{1000, 360'000};
  for (int i = 0; i < 150; ++i) CHECK(limiter.take("a", limit, &connection).allowed);
  CHECK(support::value(database, "SELECT round(tokens)::text FROM rate_buckets") == "800");
  // Another node takes the rest and no more.
  http::RateLimiter other;
  int let_through = 0;
  while (other.take("a", limit, &connection).allowed) ++let_through;
  CHECK(let_through == 800);
  auto const refused = other.take("a", limit, &connection);
  CHECK(refused.wait_seconds >= 1);
  CHECK(refused.remaining == 0);
  // What the first one has taken it may still spend.
  for (int i = 0; i < 50; ++i) CHECK(limiter.take("a", limit, &connection).allowed);
  CHECK(!limiter.take("a", limit, &connection).allowed);
}

TEST_CASE("while the database is away each node decides alone") {
  db::Connection nowhere{"postgresql://nobody@127.0.0.1:1/nothing"};
  http::RateLimiter limiter;
  for (int i = 0; i < 5; ++i) CHECK(limiter.take("a", {5, 3600}, &nowhere).allowed);
  CHECK(!limiter.take("a", {5, 3600}, &nowhere).allowed);
  CHECK(limiter.take("b", {5, 3600}, &nowhere).allowed);
}

TEST_CASE("an address of IPv6 stands for its network") {
  CHECK(http::address_group("203.0.113.7") == "203.0.113.7");
  CHECK(http::address_group("::ffff:203.0.113.7") == "203.0.113.7");
  CHECK(http::address_group("2001:db8:1:2:3:4:5:6") == http::address_group("2001:db8:1:2::9"));
  CHECK(http::address_group("2001:db8:1:2::9") != http::address_group("2001:db8:1:3::9"));
  CHECK(http::address_group("") == "");
}

TEST_CASE("two nodes together let no more through than the limit") {
  auto app = App::fresh({.settings = [](auto& settings) {
    settings.rate_per_person = 100;
    settings.rate_per_address = 0;
  }});
  auto const here = app.as(Role::owner);
  SecondNode node{app};
  Caller const there{node.url(), here.headers()};
  auto const started = std::chrono::steady_clock::now();
  int let_through = 0, refused = 0;
  for (int i = 0; i < 200; ++i) {
    auto const reply = (i % 2 ? here : there).get("/api/admin/me");
    if (reply.status == 200) {
      ++let_through;
      CHECK(reply.header("ratelimit-policy").find("q=100;w=60") != std::string::npos);
    } else {
      ++refused;
      REQUIRE(reply.status == 429);
      CHECK(reply["code"] == "too_many_requests");
      CHECK(std::stoi(reply.header("retry-after")) >= 1);
      CHECK(reply.header("x-ratelimit-remaining") == "0");
    }
  }
  // The bucket fills while the test runs; nothing comes on top of that.
  auto const seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  CHECK(let_through <= 100 + int(seconds * 100 / 60) + 2);
  CHECK(let_through >= 90);
  CHECK(refused > 0);
}

TEST_CASE("an answer says what is left, and one person's limit is not another's") {
  auto app = App::fresh({.settings = [](auto& settings) { settings.rate_per_person = 10; }});
  auto const owner = app.as(Role::owner), admin = app.as(Role::admin);
  auto const reply = owner.get("/api/admin/me");
  CHECK(reply.header("ratelimit-policy") == "\"person\";q=10;w=60");
  CHECK(reply.header("ratelimit").starts_with("\"person\";r=9;t="));
  CHECK(reply.header("x-ratelimit-limit") == "10");
  CHECK(reply.header("x-ratelimit-remaining") == "9");
  CHECK(std::stoi(reply.header("x-ratelimit-reset")) >= 1);
  CHECK(allowed_in_a_row(owner, "/api/admin/me", 30) <= 15);
  CHECK(owner.get("/api/admin/me").status == 429);
  CHECK(admin.get("/api/admin/me").status == 200);
  // Pages and probes are not counted.
  CHECK(app.visitor().get("/readyz").header("ratelimit").empty());
}

TEST_CASE("an address is counted whoever asks, also with bad tokens") {
  auto app = App::fresh({.settings = [](auto& settings) { settings.rate_per_address = 20; }});
  Caller const guesser{app.url(), {"Authorization: Bearer not.a.token"}};
  int unauthenticated = 0;
  for (int i = 0; i < 30; ++i) unauthenticated += guesser.get("/api/admin/me").status == 401;
  CHECK(unauthenticated >= 20);
  CHECK(unauthenticated < 30);
  CHECK(guesser.get("/api/admin/me").status == 429);
}

TEST_CASE("guessing gets slower, alike for an account that there is and one that there is not") {
  auto app = App::fresh({.settings = [](auto& settings) { settings.rate_per_address = 0; }});
  app.add_staff(Role::admin);
  auto delays = [&](std::string const& email) {
    std::vector<std::string> seen;
    for (int attempt = 1; attempt <= 10; ++attempt) {
      auto const reply = log_in(app.visitor(), email, "a wrong guess");
      CHECK(reply.status == 401);
      CHECK(reply["code"] == "invalid_credentials");
      seen.push_back(
          app.value("SELECT round(extract(epoch FROM blocked_until - last_at)) FROM "
                    "login_throttle WHERE bucket = 'account ' || '" +
                    crypto::hex(crypto::sha256(email)) + "'"));
      if (attempt == 4 || attempt == 10) {
        hold_blocks(app);
        auto const refused = log_in(app.visitor(), email, App::password);
        CHECK(refused.status == 429);
        CHECK(refused["code"] == "too_many_attempts");
        CHECK(std::stoi(refused.header("retry-after")) >= 1);
      }
      let_pass(app, "15");
    }
    app.run("DELETE FROM login_throttle WHERE bucket LIKE 'address%'");
    return seen;
  };
  auto const known = delays("admin@example.com");
  CHECK(known == Rows{"0", "0", "0", "2", "4", "8", "16", "32", "64", "900"});
  CHECK(delays("nobody@example.com") == known);
  // The lock has passed; it was no lock for good.
  CHECK(log_in(app.visitor(), "Admin@Example.com", App::password).status == 200);
}

TEST_CASE("a lock is told to the person, once, and to nobody else") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  app.run("UPDATE staff SET locale = 'es'");
  for (auto const* email : {"admin@example.com", "nobody@example.com"})
    for (int attempt = 1; attempt <= 10; ++attempt) {
      CHECK(log_in(app.visitor(), email, "a wrong guess").status == 401);
      let_pass(app, "2");
      app.run("DELETE FROM login_throttle WHERE bucket LIKE 'address%'");
    }
  CHECK(log_in(app.visitor(), "admin@example.com", App::password).status == 429);
  CHECK(log_in(app.visitor(), "nobody@example.com", App::password).status == 429);
  app.work();
  CHECK(app.rows("SELECT recipient, locale, subject FROM mails") ==
        Rows{"admin@example.com|es|Alguien intenta adivinar tu contraseña"});
  CHECK(app.value("SELECT body LIKE '%127.0.0.1%' FROM mails") == "t");
  CHECK(app.rows("SELECT staff_id, address FROM security_events WHERE kind = 'account_locked'") ==
        Rows{"1|127.0.0.1"});
  // No lock is longer than a quarter of an hour; the database itself refuses it.
  CHECK(app.value("SELECT bool_and(blocked_until <= now() + interval '15 minutes') FROM "
                  "login_throttle") == "t");
  CHECK_THROWS(app.run("UPDATE login_throttle SET blocked_until = now() + interval '16 minutes'"));
}

TEST_CASE("a device that is known has a count of its own, and so have all nodes together") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  app.add_staff(Role::owner);
  SecondNode node{app};
  for (int attempt = 1; attempt <= 10; ++attempt) {
    auto const caller = attempt % 2 ? app.visitor() : Caller{node.url(), {}};
    CHECK(log_in(caller, "admin@example.com", "a wrong guess").status == 401);
    let_pass(app, "2");
  }
  app.run("DELETE FROM login_throttle WHERE bucket LIKE 'address%'");
  CHECK(log_in(app.visitor(), "admin@example.com", App::password).status == 429);
  CHECK(log_in(Caller{node.url(), {}}, "admin@example.com", App::password).status == 429);

  auto const device = crypto::random_token();
  app.run("INSERT INTO known_devices (hash, staff_id, first_seen_at, last_seen_at) VALUES ('" +
          crypto::hex(crypto::sha256(device)) + "', 1, now(), now())");
  std::string const cookie = "Cookie: __Host-device=" + device;
  CHECK(log_in(app.visitor(), "admin@example.com", App::password, {cookie}).status == 200);
  // Nobody else's device helps, nor an invented one; and the known one is not unlimited either.
  CHECK(log_in(app.visitor(), "admin@example.com", App::password, {cookie + "x"}).status == 429);
  for (int attempt = 1; attempt <= 4; ++attempt)
    CHECK(log_in(app.visitor(), "admin@example.com", "a wrong guess", {cookie}).status == 401);
  hold_blocks(app);
  CHECK(log_in(app.visitor(), "admin@example.com", App::password, {cookie}).status == 429);
  CHECK(log_in(app.visitor(), "owner@example.com", App::password, {cookie}).status == 200);
}

TEST_CASE("guesses at one moment are counted before any of them is looked at") {
  auto app = App::fresh();
  app.add_staff(Role::admin);
  std::atomic<int> looked_at = 0, refused = 0, sent_away = 0;
  {
    std::vector<std::jthread> guessers;
    for (int i = 0; i < 25; ++i)
      guessers.emplace_back([&] {
        auto const reply = log_in(app.visitor(), "admin@example.com", "a wrong guess");
        if (reply.status == 401) ++looked_at;
        if (reply.status == 429) ++refused;
        if (reply.status == 503) ++sent_away;  // one address has few places in the queue
      });
  }
  CHECK(looked_at + refused + sent_away == 25);
  CHECK(refused > 0);
  CHECK(app.value("SELECT failures FROM login_throttle WHERE bucket LIKE 'account%'") ==
        std::to_string(looked_at));
  CHECK(app.value("SELECT count(*) FROM login_attempts WHERE reason = 'throttled'") ==
        std::to_string(refused));
}

TEST_CASE("an address that guesses at many accounts is slowed down as well") {
  auto app = App::fresh();
  for (int i = 0; i < 11; ++i)
    CHECK(log_in(app.visitor(), "person" + std::to_string(i) + "@example.com", "guess").status ==
          401);
  hold_blocks(app);
  CHECK(log_in(app.visitor(), "somebody@example.com", "guess").status == 429);
}

TEST_CASE("a storm of log-ins leaves other requests alone") {
  auto app = App::fresh({.settings = [](auto& settings) {
    settings.rate_per_person = settings.rate_per_address = 0;
  }});
  auto const owner = app.as(Role::owner);
  SecondNode node{app, [](http::ServerSettings& server) {
                    server.behind_proxy = true;  // ten guessers behind each of many addresses
                    server.connections_per_address = 2000;
                  }};
  std::map<int, int> outcomes;
  std::mutex mutex;
  std::atomic<bool> storming = true;
  std::vector<std::jthread> storm;
  for (int guesser = 0; guesser < 100; ++guesser)
    storm.emplace_back([&, guesser] {
      for (int i = 0; i < 10; ++i) {
        auto const number = std::to_string(guesser * 10 + i);
        auto const status =
            log_in(
                Caller{node.url(), {}}, "person" + number + "@example.com", "guess",
                {"X-Forwarded-For: 10.1." + std::to_string(guesser % 10) + "." + std::to_string(i)})
                .status;
        std::scoped_lock lock{mutex};
        ++outcomes[status];
      }
    });
  Caller const meanwhile{node.url(), owner.headers()};
  int answered = 0, others = 0;
  std::jthread const watcher{[&] {
    while (storming) {
      ++others;
      answered += meanwhile.get("/api/admin/me").status == 200;
    }
  }};
  for (auto& one : storm) one.join();
  storming = false;
  const_cast<std::jthread&>(watcher).join();
  CHECK(outcomes[401] + outcomes[429] + outcomes[503] == 1000);
  CHECK(outcomes[401] > 0);
  CHECK(outcomes[503] > 0);  // the queue is short
  CHECK(others > 0);
  CHECK(answered == others);
}
