// What a visitor may expect of POST /api/checkout when something stands in the way.
#include <doctest/doctest.h>

#include <future>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::eventually;
using Rows = std::vector<std::string>;

namespace {
std::string key(std::string const& text) { return "Idempotency-Key: " + text; }
}  // namespace

TEST_CASE("a form sent twice is one sign-up") {
  auto app = App::fresh({.sandbox = true});

  SUBCASE("without a key, the same page is given again") {
    auto const first = app.visitor().post("/api/checkout", acme());
    auto const second = app.visitor().post("/api/checkout", acme());
    CHECK(second.status == 201);
    CHECK(second.body == first.body);
  }
  SUBCASE("with a key, the stored answer is given again") {
    auto const first = app.visitor().post("/api/checkout", acme(), {key("first-try")});
    auto const second = app.visitor().post("/api/checkout", acme(), {key("first-try")});
    CHECK(second.status == 201);
    CHECK(second.body == first.body);
    CHECK(first.header("idempotency-replayed").empty());
    CHECK(second.header("idempotency-replayed") == "true");
    // The stored answer is not worked off again.
    CHECK(app.value("SELECT count(*) FROM audit_logs") == "1");
  }
  SUBCASE("at the same moment, from two tabs") {
    auto send = [&] { return app.visitor().post("/api/checkout", acme()); };
    auto other = std::async(std::launch::async, send);
    auto const one = send(), two = other.get();
    CHECK(one.status == 201);
    CHECK(two.status == 201);
    CHECK(one["signup_id"] == two["signup_id"]);
    CHECK(one["checkout_url"] == two["checkout_url"]);
  }

  CHECK(app.value("SELECT count(*) FROM customers") == "1");
  CHECK(app.value("SELECT count(*) FROM tenants") == "1");
  CHECK(app.value("SELECT count(*) FROM signups") == "1");
  CHECK(app.stripe("GET", "/v1/customers").json.at("data").as_array().size() == 1);
  CHECK(app.stripe("GET", "/v1/checkout/sessions").json.at("data").as_array().size() == 1);
}

TEST_CASE("a form sent again and again while Stripe takes its time opens one payment page") {
  auto app = App::fresh({.sandbox = true});
  http_client::Form slow;
  slow.add("count", 1).add("delay_milliseconds", 2'000).add("path_prefix", "/v1/checkout/sessions");
  REQUIRE(app.stripe("POST", "/v1/test_helpers/faults", slow).status == 200);
  auto send = [&] { return app.visitor().post("/api/checkout", acme()); };
  auto first = std::async(std::launch::async, send);
  REQUIRE(eventually([&] {
    return app.stripe("GET", "/v1/test_helpers/faults").json.at("data").as_array().empty();
  }));

  // The page's end is rounded to five minutes: the others come just after it has moved on.
  auto const now = clock_source::unix_seconds(clock_source::now()) + 60;
  auto const step = std::chrono::seconds{301 - now % 300};
  clock_source::advance(step);
  std::vector<std::future<support::Reply>> others;
  for (int i = 0; i < 6; ++i) others.push_back(std::async(std::launch::async, send));
  auto const reply = first.get();
  CHECK(reply.status == 201);
  for (auto& other : others) CHECK(other.get().body == reply.body);
  clock_source::advance(-step);

  CHECK(app.stripe("GET", "/v1/checkout/sessions").json.at("data").as_array().size() == 1);
  CHECK(app.stripe("GET", "/v1/customers").json.at("data").as_array().size() == 1);
  CHECK(app.value("SELECT count(*) FROM signups") == "1");
  CHECK(app.value("SELECT count(*) FROM tenants") == "1");
}

TEST_CASE("an Idempotency-Key belongs to one request") {
  auto app = App::fresh({.sandbox = true});
  app.visitor().post("/api/checkout", acme(), {key("one-request")});

  SUBCASE("another body is refused") {
    auto const other =
        app.visitor().post("/api/checkout", acme({{"company", "Other"}}), {key("one-request")});
    CHECK(other.status == 422);
    CHECK(other["code"] == "idempotency_key_reused");
  }
  SUBCASE("one without an answer that nobody works on any more is free at once") {
    app.run("UPDATE idempotency_keys SET status = NULL, body = NULL");
    CHECK(app.visitor().post("/api/checkout", acme(), {key("one-request")}).status == 201);
  }
  SUBCASE("a key that cannot be one is refused") {
    for (auto const* bad : {"short", "with blank inside", "caf\xc3\xa9-caf\xc3\xa9"})
      CHECK(app.visitor().post("/api/checkout", acme(), {key(bad)}).status == 400);
  }
  CHECK(app.value("SELECT count(*) FROM signups") == "1");
}

TEST_CASE("a request that takes its time is not begun a second time, however long it takes") {
  auto app = App::fresh({.sandbox = true});
  http_client::Form slow;
  slow.add("count", 1).add("delay_milliseconds", 2'000).add("path_prefix", "/v1/checkout/sessions");
  REQUIRE(app.stripe("POST", "/v1/test_helpers/faults", slow).status == 200);
  auto send = [&] { return app.visitor().post("/api/checkout", acme(), {key("one-request")}); };
  auto first = std::async(std::launch::async, send);
  REQUIRE(eventually([&] {
    return app.stripe("GET", "/v1/test_helpers/faults").json.at("data").as_array().empty();
  }));
  app.run("UPDATE idempotency_keys SET claimed_at = now() - interval '10 minutes'");
  auto const second = send();
  CHECK(second.status == 409);
  CHECK(second["code"] == "idempotency_key_in_flight");
  CHECK(second.header("retry-after") == "1");
  auto const answer = first.get();
  CHECK(answer.status == 201);
  auto const third = send();
  CHECK(third.body == answer.body);
  CHECK(third.header("idempotency-replayed") == "true");
}

TEST_CASE("an answer is kept together with the work that it answers for, or neither is") {
  auto app = App::fresh({.sandbox = true});
  auto const owner = app.as(support::Role::owner);
  auto const invite = [&] {
    return owner.post(
        "/api/settings/invitations",
        {{"email", "new@example.com"}, {"name", "New"}, {"role", "support"}, {"locale", "en"}},
        {key("invite-once")});
  };
  auto const count = [&] { return app.value("SELECT count(*) FROM invitations"); };
  // As if the program died between the work and its answer.
  app.run("ALTER TABLE idempotency_keys ADD CONSTRAINT crash CHECK (status IS NULL)");
  CHECK(invite().status == 500);
  CHECK(count() == "0");
  app.run("ALTER TABLE idempotency_keys DROP CONSTRAINT crash");
  auto const first = invite();
  CHECK(first.status < 300);
  CHECK(invite().body == first.body);
  CHECK(count() == "1");
}

TEST_CASE("a sign-up that was interrupted before its answer goes on with what it has made") {
  auto app = App::fresh({.sandbox = true});
  auto send = [&] { return app.visitor().post("/api/checkout", acme(), {key("one-request")}); };
  app.break_stripe(500, 3);
  CHECK(send().status == 502);
  // The form alone would no longer find it.
  app.run("UPDATE customers SET company = 'Renamed meanwhile'");
  CHECK(send().status == 201);
  CHECK(app.value("SELECT count(*) FROM signups") == "1");
}

TEST_CASE("keys are forgotten after their day") {
  auto app = App::fresh({.sandbox = true});
  app.visitor().post("/api/checkout", acme(), {key("one-request")});
  app.run("INSERT INTO jobs (kind, payload) VALUES ('retention.prune', '{}')");
  app.work();
  CHECK(app.value("SELECT count(*) FROM idempotency_keys") == "1");
  app.run("UPDATE idempotency_keys SET claimed_at = now() - interval '25 hours'");
  app.run("INSERT INTO jobs (kind, payload) VALUES ('retention.prune', '{}')");
  app.work();
  CHECK(app.value("SELECT count(*) FROM idempotency_keys") == "0");
}

TEST_CASE("a refused request does not use its key up") {
  auto app = App::fresh({.sandbox = true});
  app.break_stripe(500, 3);
  CHECK(app.visitor().post("/api/checkout", acme(), {key("again-later")}).status == 502);
  auto const again = app.visitor().post("/api/checkout", acme(), {key("again-later")});
  CHECK(again.status == 201);
  CHECK(again.header("idempotency-replayed").empty());
}

TEST_CASE("a name that cannot be had is told with others near it") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up(acme());

  SUBCASE("taken") {
    auto const reply = app.visitor().post("/api/checkout", acme({{"email", "bob@bob.example"}}));
    CHECK(reply.status == 409);
    CHECK(reply["code"] == "subdomain_taken");
    CHECK(reply["suggestions.0"] == "acme-app");
    CHECK(reply.json.at("suggestions").as_array().size() == 3);
    auto const look = app.visitor().get("/api/subdomains/ACME");
    CHECK(look["name"] == "acme");
    CHECK(look["available"] == "false");
    CHECK(look["status"] == "taken");
    for (auto const& name : look.json.at("suggestions").as_array())
      CHECK(app.visitor().get("/api/subdomains/" + std::string{name.as_string()})["available"] ==
            "true");
  }
  SUBCASE("reserved") {
    for (auto const* name : {"www", "admin", "xn--80ak6aa92e"}) {
      auto const reply = app.visitor().post("/api/checkout", acme({{"subdomain", name}}));
      CHECK(reply.status == 422);
      CHECK(reply.wrong_fields() == "/subdomain");
      CHECK(app.visitor().get("/api/subdomains/" + std::string{name})["status"] == "reserved");
    }
  }
  SUBCASE("no name at all") {
    for (auto const* name : {"ab", "1acme", "-acme", "acme-", "ac me", "ac_me", "ac.me",
                             "\xc3\xa1"
                             "cme",
                             "acme\n", "a23456789012345678901234567890123456789012"}) {
      CAPTURE(name);
      auto const reply = app.visitor().post("/api/checkout", acme({{"subdomain", name}}));
      CHECK(reply.status == 422);
      CHECK(reply.wrong_fields() == "/subdomain");
    }
  }
  CHECK(app.value("SELECT count(*) FROM customers") == "1");
  CHECK(app.value("SELECT count(*) FROM tenants") == "1");
}

TEST_CASE("two people who want one name at the same moment: one gets it") {
  auto app = App::fresh({.sandbox = true});
  auto sign_up = [&](std::string const& person) {
    return app.visitor().post("/api/checkout", acme({{"email", person + "@example.com"}})).status;
  };
  for (int round = 0; round < 5; ++round) {
    app.run("UPDATE tenants SET state = 'rolled_back', subdomain = 'old-' || id");
    auto other = std::async(std::launch::async, sign_up, "ada");
    auto const one = sign_up("bob"), two = other.get();
    CHECK(std::min(one, two) == 201);
    CHECK(std::max(one, two) == 409);
    CHECK(app.value("SELECT count(*) FROM tenants WHERE subdomain = 'acme'") == "1");
  }
}

TEST_CASE("the last place is given once, and a place that is free again can be had") {
  auto app = App::fresh(
      {.sandbox = true, .settings = [](auto& settings) { settings.tenant_capacity = 2; }});
  app.sign_up(acme({{"subdomain", "first"}}));
  auto sign_up = [&](char const* name) {
    return app.visitor().post("/api/checkout", acme({{"subdomain", name}}));
  };
  auto other = std::async(std::launch::async, sign_up, "second");
  auto const one = sign_up("third").status, two = other.get().status;
  CHECK(std::min(one, two) == 201);
  CHECK(std::max(one, two) == 409);
  CHECK(sign_up("fourth")["code"] == "capacity_exhausted");

  app.run("UPDATE tenants SET state = 'purged' WHERE subdomain = 'first'");
  CHECK(sign_up("fourth").status == 201);
}

TEST_CASE("only what is for sale can be bought") {
  auto app = App::fresh({.sandbox = true});
  for (auto const& change :
       {boost::json::object{{"plan", "enterprise"}}, boost::json::object{{"currency", "gbp"}},
        boost::json::object{{"currency", "EUR"}}}) {
    auto const reply = app.visitor().post("/api/checkout", acme(change));
    CHECK(reply.status == 422);
    CHECK(reply.wrong_fields() == "/plan");
  }
  CHECK(app.visitor().post("/api/checkout", acme({{"interval", "week"}})).wrong_fields() ==
        "/interval");
  app.run("UPDATE plans SET for_sale = false WHERE id = 'team'");
  CHECK(app.visitor().post("/api/checkout", acme()).status == 422);
  CHECK(app.value("SELECT count(*) FROM customers") == "0");

  auto const yearly =
      app.sign_up(acme({{"plan", "business"}, {"interval", "year"}, {"currency", "usd"}}));
  CHECK(app.value("SELECT amount FROM signups") == "164000");
  auto const session = app.stripe(
      "GET", "/v1/checkout/sessions/" + app.value("SELECT stripe_session_id FROM signups"));
  CHECK(session["amount_total"] == "164000");
  CHECK(session["currency"] == "usd");
}

namespace {
/// Stripe is away: what a visitor gets, and both ways to go on afterwards.
void sign_up_without_stripe(App& app, std::function<void()> const& repair) {
  auto const down = app.visitor().post("/api/checkout", acme());
  CHECK(down.status == 502);
  CHECK(down["code"] == "stripe_unavailable");
  CHECK(down["status_url"].starts_with(app.url() + "/setup/"));
  CHECK(down.header("retry-after") == "10");
  CHECK(app.value("SELECT state FROM tenants") == "reserved");
  CHECK(app.visitor().get("/api/subdomains/acme")["status"] == "taken");
  auto const seen = app.visitor().get(App::status_path(down));
  CHECK(seen["state"] == "awaiting_payment");
  CHECK(seen["checkout_url"] == "null");
  CHECK(seen["name_held_until"] != "null");

  repair();
  auto const again = app.visitor().post("/api/checkout", acme());
  CHECK(again.status == 201);
  CHECK(again["status_url"] == down["status_url"]);
  auto const page = app.visitor().post(App::status_path(down) + "/checkout", nullptr);
  CHECK(page["checkout_url"] == again["checkout_url"]);
  CHECK(app.value("SELECT state FROM tenants") == "awaiting_payment");
  CHECK(app.value("SELECT count(*) FROM signups") == "1");
  CHECK(app.stripe("GET", "/v1/customers").json.at("data").as_array().size() == 1);
  CHECK(app.stripe("GET", "/v1/checkout/sessions").json.at("data").as_array().size() == 1);
}
}  // namespace

TEST_CASE("while Stripe is away the sign-up says so, keeps the name, and goes on later") {
  auto app = App::fresh({.sandbox = true});
  SUBCASE("nobody listens") {
    auto const address = std::exchange(app.settings.stripe_api_base, "http://127.0.0.1:1");
    sign_up_without_stripe(app, [&] { app.settings.stripe_api_base = address; });
  }
  SUBCASE("too many requests") {
    app.break_stripe(429, 3);
    sign_up_without_stripe(app, [] {});
  }
  SUBCASE("an error of its own") {
    app.break_stripe(500, 3);
    sign_up_without_stripe(app, [] {});
  }
  SUBCASE("only the page cannot be made") {
    app.break_stripe(503, 3, "/v1/checkout");
    sign_up_without_stripe(app, [] {});
  }
}

TEST_CASE("too many sign-ups from one address are told when to come again") {
  auto app =
      App::fresh({.sandbox = true, .settings = [](auto& settings) { settings.checkout_rate = 2; }});
  CHECK(app.visitor().post("/api/checkout", acme()).status == 201);
  CHECK(app.visitor().post("/api/checkout", acme()).status == 201);
  auto const refused = app.visitor().post("/api/checkout", acme());
  CHECK(refused.status == 429);
  CHECK(refused["code"] == "too_many_requests");
  auto const wait = std::stoi(refused.header("retry-after"));
  CHECK(wait >= 1);
  CHECK(wait <= 30);
}
