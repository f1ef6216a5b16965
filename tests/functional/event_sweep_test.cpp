// The gap filler: what Stripe remembers and we do not is fetched, whatever came before it, however
// often the fetching is cut off.
#include <doctest/doctest.h>

#include "support/app.hpp"

namespace {
using namespace support;
using Rows = std::vector<std::string>;

/// `count` events that nobody delivered, all of them some hours old.
void miss(App const& app, int count) {
  for (int i = 0; i < count; ++i) REQUIRE(app.stripe("POST", "/v1/customers").status == 200);
  app.run("UPDATE stripe_sandbox.objects SET created = created - 6 * 3600 WHERE type = 'event'");
}

void deliver_a_fresh_one(App const& app) {
  REQUIRE(app.stripe("POST", "/v1/customers").status == 200);
  REQUIRE(app.deliver(app.events().back()).status == 200);
}

std::string missing(App const& app) {
  return app.value(
      "SELECT count(*) FROM stripe_sandbox.objects o WHERE type = 'event' AND NOT EXISTS (SELECT 1 "
      "FROM stripe_events e WHERE e.id = o.id)");
}

void fail_second_page(App const& app, int times) {
  http_client::Form form;
  form.add("skip", 1).add("count", times).add("status", 500).add("path_prefix", "/v1/events");
  REQUIRE(app.stripe("POST", "/v1/test_helpers/faults", form).status == 200);
}

void sweep(App& app) {
  app.enqueue(billing::SweepEvents{});
  app.work();
}
}  // namespace

TEST_CASE("a fresh delivery that comes first hides none of the events before it") {
  auto app = App::fresh({.sandbox = true});
  miss(app, 250);
  deliver_a_fresh_one(app);
  sweep(app);
  CHECK(missing(app) == "0");
}

TEST_CASE("a page that fails loses nothing") {
  auto app = App::fresh({.sandbox = true});
  miss(app, 250);
  fail_second_page(app, 1);
  sweep(app);
  CHECK(missing(app) == "150");
  CHECK(app.value("SELECT swept_until IS NULL FROM stripe_sweeps") == "t");
  SUBCASE("when the job tries again") {
    app.hurry("billing.sweep_events");
    app.work();
  }
  SUBCASE("when another one comes first, after a fresh delivery") {
    deliver_a_fresh_one(app);
    app.run("DELETE FROM jobs WHERE kind = 'billing.sweep_events'");
    sweep(app);
  }
  SUBCASE("when Stripe has forgotten where we were") {
    app.run("UPDATE stripe_sweeps SET pass_after = 'evt_forgotten'");
    app.hurry("billing.sweep_events");
    app.work();
    app.hurry("billing.sweep_events");
    app.work();
  }
  CHECK(missing(app) == "0");
  CHECK(app.value("SELECT swept_until > now() - interval '1 minute' FROM stripe_sweeps") == "t");
}

TEST_CASE("the next pass begins an hour before the last one did") {
  auto app = App::fresh({.sandbox = true});
  sweep(app);
  CHECK(
      app.value("SELECT count(*) FROM stripe_sweeps WHERE swept_until > now() - interval '1 minute'"
                " AND pass_began IS NULL") == "1");
  REQUIRE(app.stripe("POST", "/v1/customers").status == 200);
  app.run("UPDATE stripe_sandbox.objects SET created = created - 3000 WHERE type = 'event'");
  sweep(app);
  CHECK(missing(app) == "0");
  SUBCASE("also when the clock was wrong for a while") {
    app.run("UPDATE stripe_sweeps SET swept_until = now() + interval '300 days'");
    REQUIRE(app.stripe("POST", "/v1/customers").status == 200);
    sweep(app);
    CHECK(missing(app) == "0");
  }
}

TEST_CASE("what is older is found by the pass over all that Stripe remembers") {
  auto app = App::fresh({.sandbox = true});
  REQUIRE(app.stripe("POST", "/v1/customers").status == 200);
  app.run("UPDATE stripe_sandbox.objects SET created = created - 20 * 86400 WHERE type = 'event'");
  sweep(app);
  CHECK(missing(app) == "1");
  app.enqueue(billing::SweepMonth{});
  app.work();
  CHECK(missing(app) == "0");
}

TEST_CASE("a signed event is stored whatever stands in its strings") {
  auto app = App::fresh({.sandbox = true});
  int number = 0;
  for (auto const* string : {"a\\u0000b", "\\ud800", "\\udc00\\ud800", "\\ud83d\\ude00",
                             "\\u202e\\ufeff", "'; DROP", "\\\\u0000", "$1 {} %s", "\\u0000"}) {
    CAPTURE(string);
    auto const id = "evt_" + std::to_string(++number);
    auto const body = R"({"id":")" + id +
                      R"(","object":"event","type":"invoice.paid","created":1795000000,"data":)" +
                      R"({"object":{"id":"in_unknown","description":")" + string +
                      R"(","metadata":{")" + string + R"(":"1"}}}})";
    CHECK(app.deliver({id, "invoice.paid", body}).status == 200);
    CHECK(app.value("SELECT payload FROM stripe_events WHERE id = '" + id + "'") == body);
  }
  app.work();
  CHECK(app.value("SELECT DISTINCT state FROM stripe_events") == "ignored");
  for (auto const* word : {"\\u0000", "\\ud800", "a b", "a\\nb"}) {
    CAPTURE(word);
    auto const body = R"({"id":")" + std::string{word} + R"(","type":"invoice.paid"})";
    CHECK(app.deliver({"", "", body}).status == 400);
  }
}
