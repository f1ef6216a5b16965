// Events while Stripe or PostgreSQL is away: nothing that was acknowledged is ever lost.
#include <doctest/doctest.h>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::eventually;
using Rows = std::vector<std::string>;

TEST_CASE("while Stripe cannot be asked an event waits, is given up at last, and can be replayed") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"]);
  auto const completed = app.events().back();
  REQUIRE(completed.type == "checkout.session.completed");
  auto const address = std::exchange(app.settings.stripe_api_base, "http://127.0.0.1:1");

  CHECK(app.deliver(completed).status == 200);
  app.work();
  CHECK(app.rows(
            "SELECT state, attempt, run_at > now(), last_error LIKE '%Stripe cannot be reached%' "
            "FROM jobs WHERE kind = 'billing.apply_stripe_event'") == Rows{"waiting|1|t|t"});
  CHECK(app.value("SELECT state FROM stripe_events") == "received");

  SUBCASE("it is applied as soon as Stripe is back") {
    app.settings.stripe_api_base = address;
    app.hurry();
    app.work();
    CHECK(app.value("SELECT state FROM stripe_events") == "applied");
    CHECK(app.value("SELECT payment FROM signups") == "paid");
  }
  SUBCASE("after twelve attempts it is dead, and staff replay it") {
    for (int attempt = 2; attempt <= 12; ++attempt) {
      app.hurry("billing.%");
      app.work();
    }
    CHECK(app.rows("SELECT state, attempt FROM jobs WHERE kind = 'billing.apply_stripe_event'") ==
          Rows{"dead|12"});
    CHECK(app.rows("SELECT state, last_error <> '' FROM stripe_events") == Rows{"dead|t"});
    CHECK(app.value("SELECT payment FROM signups") == "open");

    app.settings.stripe_api_base = address;
    db::Connection connection{app.database.url()};
    CHECK(db::transact(connection, [](db::Tx& tx) { return billing::replay(tx, ""); }) == 1);
    CHECK(db::transact(connection, [](db::Tx& tx) { return billing::replay(tx, ""); }) == 0);
    app.work();
    CHECK(app.value("SELECT state FROM stripe_events") == "applied");
    CHECK(app.value("SELECT payment FROM signups") == "paid");
    // Replaying one that was applied changes nothing.
    CHECK(db::transact(connection, [&](db::Tx& tx) { return billing::replay(tx, completed.id); }) ==
          1);
    app.work();
    CHECK(app.mrr() == "4900");
    CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "1");
  }
}

TEST_CASE("events that never arrived are fetched") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"]);
  app.deliver(app.events().front());
  auto const total = app.events().size();

  app.enqueue(billing::SweepEvents{});
  app.work();
  CHECK(app.value("SELECT count(*) FROM stripe_events") == std::to_string(total));
  CHECK(app.value("SELECT count(*) FROM stripe_events WHERE source = 'webhook'") == "1");
  CHECK(app.value("SELECT payment FROM signups") == "paid");
  CHECK(app.value("SELECT count(*) FROM activity WHERE data->>'to_state' = 'queued'") == "1");

  app.enqueue(billing::SweepEvents{});
  app.work();
  CHECK(app.value("SELECT count(*) FROM stripe_events") == std::to_string(total));
  CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'billing.apply_stripe_event'") ==
        std::to_string(total));
}

TEST_CASE("with PostgreSQL gone the answer is 503, and afterwards everything goes on by itself") {
  auto app = App::fresh({.sandbox = true, .jobs = true});
  auto const signup = app.sign_up(acme());
  app.pay(signup["checkout_url"]);
  auto const events = app.events();
  REQUIRE(events.size() > 4);
  // Some are acknowledged just before.
  for (std::size_t i = 0; i < 4; ++i) REQUIRE(app.deliver(events[i]).status == 200);
  auto const owner = app.as(support::Role::owner);

  support::Database::stop_cluster();
  auto const webhook = app.deliver(events[4]);
  auto const list = owner.get("/api/tenants");
  auto const checkout = app.visitor().post("/api/checkout", acme({{"subdomain", "other"}}));
  auto const ready = app.visitor().get("/readyz");
  auto const alive = app.visitor().get("/healthz");
  support::Database::start_cluster();

  for (auto const& reply : {webhook, list, checkout}) {
    CHECK(reply.status == 503);
    CHECK(reply["code"] == "database_unavailable");
    CHECK(!reply.header("retry-after").empty());
  }
  CHECK(ready.status == 503);
  CHECK(ready["database.status"] == "failed");
  CHECK(alive.status == 200);

  CHECK(eventually([&] { return owner.get("/api/tenants").status == 200; }));
  CHECK(eventually([&] { return app.visitor().get("/readyz").status == 200; }));
  for (std::size_t i = 4; i < events.size(); ++i) CHECK(app.deliver(events[i]).status == 200);
  // What was acknowledged before is there, and the jobs go on without a restart.
  CHECK(app.value("SELECT count(*) FROM stripe_events") == std::to_string(events.size()));
  CHECK(eventually(
      [&] {
        return app.value(
                   "SELECT count(*) FROM stripe_events WHERE state IN ('applied', 'ignored')") ==
               std::to_string(events.size());
      },
      60));
  CHECK(app.value("SELECT payment FROM signups") == "paid");
}
