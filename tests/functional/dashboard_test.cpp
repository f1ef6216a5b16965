// The dashboard's figures are those of the rows they stand for, and whoever watches sees them move.
#include <doctest/doctest.h>

#include "analytics/rollups.hpp"
#include "support/app.hpp"
#include "support/socket.hpp"

using support::acme;
using support::App;
using support::By;
using support::Reply;
using support::Role;
using support::Socket;

namespace {
std::string host_of(App const& app) { return app.url().substr(std::string{"http://"}.size()); }

/// "eur 4900, usd 100" from a list of amounts.
std::string amounts(Reply const& reply, std::string_view name) {
  std::string out;
  for (auto const& amount : reply.json.at(name).as_array())
    if (Reply::text(amount, "amount") != "0")
      out += (out.empty() ? "" : ", ") + Reply::text(amount, "currency") + " " +
             Reply::text(amount, "amount");
  return out;
}

std::string by_currency(App const& app, std::string const& sum, std::string const& table) {
  return app.value(
      "SELECT coalesce(string_agg(currency || ' ' || amount, ', ' ORDER BY currency), '') "
      "FROM (SELECT currency, sum(" +
      sum + ") AS amount FROM " + table + " GROUP BY currency HAVING sum(" + sum +
      ") <> 0) AS sums");
}

void check_figures(App& app, Reply const& metrics) {
  CHECK(amounts(metrics, "mrr") == by_currency(app, "mrr", "subscriptions"));
  for (auto const* figure : {"mrr", "net_new_mrr"})
    CHECK(amounts(metrics, figure) ==
          by_currency(app, "mrr_after - mrr_before",
                      "(SELECT * FROM mrr_movements WHERE policy = 'recurring' AND "
                      "upper_inf(believed)) AS moved"));
  CHECK(amounts(metrics, "revenue") ==
        by_currency(app, "amount",
                    "(SELECT currency, amount_paid AS amount FROM billing_invoices "
                    "UNION ALL SELECT currency, -amount FROM billing_refunds WHERE "
                    "status NOT IN ('failed', 'canceled') UNION ALL SELECT currency, -amount FROM "
                    "billing_disputes WHERE status = 'lost') AS cash"));
  CHECK(metrics["active_tenants"] ==
        app.value("SELECT count(*) FROM tenants WHERE state = 'live'"));
  CHECK(metrics["pending"] ==
        app.value("SELECT count(*) FROM tenants WHERE state IN ('queued', 'provisioning', "
                  "'provision_failed')"));
  CHECK(metrics["customers"] == app.value("SELECT count(*) FROM customers"));
  CHECK(metrics["failed_payments"] ==
        app.value(
            "SELECT count(*) FROM billing_invoices WHERE status = 'open' AND attempt_count > 0"));
  CHECK(metrics["signups_funnel.started"] == app.value("SELECT count(*) FROM signups"));
  CHECK(metrics["signups_funnel.paid"] ==
        app.value("SELECT count(*) FROM signups WHERE paid_at IS NOT NULL"));
  CHECK(metrics["jobs.waiting"] == app.value("SELECT count(*) FROM jobs WHERE state = 'waiting'"));
}
}  // namespace

TEST_CASE("every figure equals its rows, before and after folding, and after a restart") {
  auto app = App::fresh({.sandbox = true});
  auto const owner = app.as(Role::owner);
  auto metrics = [&] { return owner.get("/api/dashboard/metrics"); };
  check_figures(app, metrics());

  app.sign_up_and_pay(acme());
  app.sign_up_and_pay(acme({{"subdomain", "globex"}, {"interval", "year"}, {"currency", "usd"}}));
  app.sign_up_and_pay(acme({{"subdomain", "umbrella"}, {"plan", "business"}}));
  app.sign_up(acme({{"subdomain", "undecided"}}));
  auto const full = metrics();
  check_figures(app, full);
  CHECK(amounts(full, "mrr") == "eur 19800, usd 4500");
  CHECK(amounts(full, "revenue") == "eur 19800, usd 54000");
  CHECK(full["mrr_months.0.new"] == "19800");
  CHECK(full["mrr_months.0.end"] == "19800");

  // One leaves, and its money goes back.
  app.stripe("DELETE",
             "/v1/subscriptions/" +
                 app.value("SELECT stripe_subscription_id FROM subscriptions WHERE id = 1"));
  http_client::Form refund;
  refund.add("payment_intent", app.stripe("GET", "/v1/payment_intents")["data.2.id"]);
  CHECK(app.stripe("POST", "/v1/refunds", refund).status == 200);
  app.deliver_news();
  app.work();
  auto const fewer = metrics();
  check_figures(app, fewer);
  CHECK(amounts(fewer, "mrr") == "eur 14900, usd 4500");
  // Who comes and goes on the same day was never there (D6).
  CHECK(fewer["mrr_months.0.new"] == "14900");
  CHECK(fewer["mrr_months.0.churn"] == "0");
  CHECK(fewer["mrr_months.0.end"] == "14900");

  auto without_clock = [](Reply reply) {
    for (auto const* name : {"as_of", "host", "jobs", "activity"})
      reply.json.as_object().erase(name);
    return boost::json::serialize(reply.json);
  };
  CHECK(app.value("SELECT count(*) > 0 FROM rollup_deltas") == "t");
  app.enqueue(analytics::Fold{});
  app.work();
  CHECK(app.value("SELECT count(*) FROM rollup_deltas") == "0");
  CHECK(without_clock(metrics()) == without_clock(fewer));
  app.restart();
  CHECK(without_clock(metrics()) == without_clock(fewer));
}

TEST_CASE("a look at the dashboard costs the same however many customers there are") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) SELECT 'C ' || i, 'N', "
      "'p' || i || '@example.com', 'ES', 'es' FROM generate_series(1, 8000) AS i");
  app.run(
      "INSERT INTO tenants (customer_id, subdomain, plan_id, state, state_since, health, "
      "max_users, "
      "storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, blueprint, "
      "failure_code, "
      "queued_at, live_at) SELECT id, 'c-' || id, 'team', CASE WHEN id % 4 = 0 THEN 'rolled_back' "
      "ELSE 'live' END::tenant_state, now() - interval '1 year', 'healthy', 5, 5, 5, 5, 'process', "
      "'sample', CASE WHEN id % 4 = 0 THEN 'timeout' END, now(), now() FROM customers");
  app.run(
      "INSERT INTO activity (tenant_id, kind, actor_kind, actor, subject) "
      "SELECT id, 'state_changed', 'system', 'test', subdomain "
      "FROM tenants");
  app.run(
      "INSERT INTO stripe_events (id, type, object_id, created, payload, source, state) SELECT "
      "'evt_' || id, 'invoice.paid', 'in_' || id, now(), '{}', 'webhook', CASE WHEN id % 2 = 0 "
      "THEN 'received' ELSE 'applied' END::stripe_event_state FROM tenants");
  app.run(
      "INSERT INTO jobs (kind, payload, state, finished_at) SELECT 'test', '{}', 'done', now() "
      "FROM tenants");
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, state) SELECT 't', 'es', "
      "email, 's', 'b', 'sent' FROM customers");
  app.run(
      "INSERT INTO rollup_deltas (metric, currency, day, amount) SELECT metric, 'eur', "
      "now()::date - i % 700, 1 FROM generate_series(1, 8000) AS i, "
      "(VALUES ('mrr'), ('mrr_new'), ('revenue'), ('signups_live')) AS m (metric)");
  app.enqueue(analytics::Fold{});
  app.work();
  app.run("VACUUM ANALYZE");
  for (auto const* query : db::Query::all()) {
    if (!query->name.starts_with("monitoring.")) continue;
    CAPTURE(query->name);
    // What answers for a range has a test of its own.
    if (query->name == "monitoring.sums_of_periods" || query->name == "monitoring.local_day" ||
        query->name == "monitoring.believed_sums")
      continue;
    auto const today = "'" + app.value("SELECT now()::date") + "'";
    auto const arguments = query->name == "monitoring.durations"  ? "'sample', 'process'"
                           : query->name == "monitoring.months"   ? "'Asia/Kolkata', " + today
                           : query->name == "monitoring.calendar" ? "'Asia/Kolkata', 'UTC'"
                           : query->name == "monitoring.totals"   ? today
                                                                  : std::string{};
    // Days, months and the last few: nothing here is a number of customers.
    CHECK(support::rows_touched(app.database, query->name, arguments) < 500);
  }
}

TEST_CASE("a look at the dashboard costs the same however much waits") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  // The ended ones lie before those that are counted.
  app.run(
      "INSERT INTO jobs (kind, payload, state, run_at, finished_at) SELECT 'test', '{}', "
      "state::job_state, now() - interval '1 hour', CASE WHEN state <> 'waiting' THEN now() END "
      "FROM (VALUES ('done', 20000), ('waiting', 50000), ('dead', 3000)) AS many (state, count), "
      "generate_series(1, count)");
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, state) SELECT 't', 'es', "
      "'r', 's', 'b', state::mail_state FROM (VALUES ('sent', 8000), ('failed', 3000)) AS many "
      "(state, count), generate_series(1, count)");
  app.run(
      "INSERT INTO stripe_events (id, type, object_id, created, payload, state) SELECT state || "
      "i, 't', 'o', now(), '{}', state::stripe_event_state FROM (VALUES ('applied', 8000), "
      "('dead', 3000)) AS many (state, count), generate_series(1, count) AS i");
  app.run(
      "INSERT INTO waitlist (email, locale) SELECT i || '@example.com', 'es' FROM "
      "generate_series(1, 3000) AS i");
  app.run("VACUUM ANALYZE");
  for (auto const* query : {"monitoring.job_counts", "monitoring.attention"}) {
    CAPTURE(query);
    CHECK(support::rows_touched(app.database, query) <= 1001);
  }
  auto const metrics = owner.get("/api/dashboard/metrics");
  CHECK(metrics["jobs.waiting"] == "1001");
  CHECK(metrics["jobs.running"] == "0");
  CHECK(metrics["jobs.dead"] == "1001");
  std::map<std::string, std::int64_t> counts;
  for (auto const& item : metrics.json.at("attention").as_array())
    counts[std::string{item.at("kind").as_string()}] = item.at("count").as_int64();
  for (auto const* kind :
       {"jobs_late", "jobs_dead", "mail_failed", "events_dead", "people_waiting"}) {
    CAPTURE(kind);
    CHECK(counts[kind] == 1001);
  }
}

TEST_CASE("readings of the machine are real") {
  auto app = App::fresh();
  auto const host = app.as(Role::owner).get("/api/dashboard/metrics").json.at("host").as_object();
  CHECK(host.size() > 3);
  for (auto const& [name, reading] : host)
    if (name.find("total") != std::string_view::npos) CHECK(reading.to_number<double>() > 0);
}

TEST_CASE("the dashboard's socket speaks to those who may look") {
  auto app = App::fresh({.sandbox = true});
  auto const host = host_of(app);
  CHECK(Socket{host, "/ws/metrics", {}}.status() == 401);
  CHECK(Socket{host, "/ws/metrics", {"Authorization: Bearer nonsense"}}.status() == 401);
  auto const cookie = app.as(Role::owner, By::cookie).headers().front();
  CHECK(Socket{host, "/ws/metrics", {cookie, "Origin: https://evil.example"}}.status() == 403);
  CHECK(Socket{host, "/ws/metrics", {cookie}}.status() == 403);

  Socket socket{host, "/ws/metrics", {cookie, "Origin: " + app.url()}};
  REQUIRE(socket.status() == 101);
  auto const first = socket.next();
  REQUIRE(first.has_value());
  auto const message = boost::json::parse(*first);
  CHECK(Reply::text(message, "type") == "metrics");
  CHECK(Reply::text(message, "data.customers") == "0");

  app.sign_up(acme());
  CHECK(support::eventually([&] {
    auto const next = socket.next();
    return next && Reply::text(boost::json::parse(*next), "data.customers") == "1";
  }));

  // The session ends: the socket is told so.
  app.as(Role::owner, By::cookie).post("/api/admin/logout", nullptr);
  std::optional<std::string> last;
  CHECK(support::eventually([&] {
    last = socket.next();
    return !last || last->starts_with("closed");
  }));
  CHECK(last.value_or("") == "closed 4401");
}

TEST_CASE("a sign-up's socket tells each change to whoever holds its token") {
  auto app = App::fresh({.sandbox = true});
  auto const signup = app.sign_up(acme());
  auto const path =
      "/ws/signups/" + App::status_path(signup).substr(std::string{"/api/signups/"}.size());
  CHECK(Socket{host_of(app), "/ws/signups/1.AAAAAAAAAAAAAAAAAAAAAAAA", {}}.status() == 404);

  Socket socket{host_of(app), path, {}};
  REQUIRE(socket.status() == 101);
  CHECK(Reply::text(boost::json::parse(socket.next().value_or("{}")), "state") ==
        "awaiting_payment");
  app.pay(signup["checkout_url"]);
  app.deliver_news();
  app.work();
  CHECK(support::eventually([&] {
    auto const next = socket.next();
    return next && Reply::text(boost::json::parse(*next), "state") == "queued";
  }));
}
