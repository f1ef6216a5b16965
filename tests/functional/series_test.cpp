// Series: each period's numbers are those of the rows it stands for, in the zone of the reports.
#include <doctest/doctest.h>

#include "analytics/rollups.hpp"
#include "ledger/rebuild.hpp"
#include "support/app.hpp"

using support::App;
using support::Caller;
using support::Reply;
using support::Role;

namespace {
void use_zone(App& app, std::string const& zone) {
  auto const owner = app.as(Role::owner);
  constexpr auto path = "/api/settings/groups/organisation";
  auto const before = owner.get(path);
  boost::json::object const values{{"legal_name", "Acme SL"},
                                   {"address", ""},
                                   {"vat_id", ""},
                                   {"reporting_zone", zone},
                                   {"reporting_currency", "eur"}};
  REQUIRE(owner
              .send("PUT", path, boost::json::serialize(values),
                    {"Content-Type: application/json", "If-Match: " + before.header("etag")})
              .status == 200);
  app.enqueue(ledger::FollowZone{});
  app.work();
}

/// Steps of customers (each an id from 1 to 60), and what follows from them.
void move(App const& app, std::string const& steps) {
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) SELECT 'C ' || i, 'N', 'p' || "
      "i || '@example.com', 'ES', 'es' FROM generate_series(1, 60) AS i WHERE NOT EXISTS (SELECT "
      "FROM customers)");
  app.run("INSERT INTO ledger_runs (reason, code_version) VALUES ('carried', 1)");
  app.run(
      "INSERT INTO mrr_steps (customer_id, subscription_id, item_id, price_id, currency, policy, "
      "at, "
      "delta, run_id, believed_at) SELECT customer, 'sub_' || customer, 'carried', '', currency, "
      "policy, at, delta, (SELECT max(id) FROM ledger_runs), now() FROM (" +
      steps +
      ") AS s (customer, currency, delta, at), unnest(enum_range(NULL::mrr_policy)) AS policy");
  db::Connection connection{app.database.url()};
  ledger::rebuild(connection, [](ledger::Difference const&) {});
}

/// 60 customers whose level changes 50 times at all hours of two years, often within a day.
void move_much(App const& app) {
  move(
      app,
      "SELECT * FROM (SELECT customer, CASE WHEN customer % 7 = 0 THEN 'usd' ELSE 'eur' END, level "
      "- coalesce(lag(level) OVER line, 0) AS delta, at FROM (SELECT customer, (customer * 7 + i * "
      "i) % 5 * 100 AS level, now() - make_interval(hours => (50 - i) * 350 + customer * 5 - i % 2 "
      "* "
      "340, mins => customer) AS at FROM generate_series(1, 60) AS customer, generate_series(1, "
      "50) AS i) AS levels WINDOW line AS (PARTITION BY customer ORDER BY at)) AS moved WHERE "
      "delta "
      "<> 0");
}

/// "2026-11-01 12 -3 net 9 end 40" of each row.
std::vector<std::string> rows(Reply const& reply, std::string const& of = "rows") {
  std::vector<std::string> out;
  auto const* found = &reply.json;
  if (of == "comparison") found = &reply.json.at("comparison");
  for (auto const& row : found->at("rows").as_array()) {
    std::string line = Reply::text(row, "key");
    for (auto const& value : row.at("values").as_array())
      line += " " + boost::json::serialize(value);
    out.push_back(line);
  }
  return out;
}

/// The same from the steps alone, each customer's day netted.
std::vector<std::string> counted(App const& app, std::string const& zone, std::string const& unit,
                                 std::string const& first, std::string const& end) {
  auto const sum = [](std::string const& condition) {
    return "coalesce(sum(amount) FILTER (WHERE " + condition + " AND inside), 0)";
  };
  return app.rows(
      "SELECT to_char(greatest(start, " + first + "), 'YYYY-MM-DD') || ' ' || " + sum("place = 1") +
      " || ' ' || " + sum("amount > 0 AND level <> amount") + " || ' ' || " +
      sum("place > 1 AND level = amount") + " || ' ' || " + sum("amount < 0 AND level > 0") +
      " || ' ' || " + sum("level = 0") +
      " || ' ' || coalesce(sum(amount) FILTER (WHERE inside), 0) || ' ' || coalesce(sum(amount), "
      "0) "
      "FROM generate_series(date_trunc('" +
      unit + "', " + first + "), " + end + ", interval '1 " + unit +
      "') AS starts (start) LEFT JOIN LATERAL (SELECT *, day >= greatest(start, " + first +
      ") AS inside FROM (SELECT *, sum(amount) OVER line AS level, row_number() OVER line AS place "
      "FROM (SELECT customer_id, (at AT TIME ZONE '" +
      zone +
      "')::date AS day, sum(delta) AS amount FROM mrr_steps WHERE currency = 'eur' AND policy = "
      "'recurring' GROUP BY 1, 2 HAVING sum(delta) <> 0) AS days WINDOW line AS (PARTITION BY "
      "customer_id ORDER BY day)) AS m WHERE day < least(start + interval '1 " +
      unit + "', " + end +
      " + interval '1 day')) AS movements ON true GROUP BY start ORDER BY start");
}
}  // namespace

TEST_CASE("the periods of MRR are those of the reports' zone, netted by its days, folded or not") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  move_much(app);
  for (bool const folded : {false, true}) {
    CAPTURE(folded);
    if (folded) {
      app.enqueue(analytics::Fold{});
      app.work();
      REQUIRE(app.value("SELECT count(*) FROM rollup_deltas") == "0");
    }
    for (auto const* zone : {"UTC", "Europe/Madrid", "America/Mexico_City", "Asia/Kolkata",
                             "Pacific/Kiritimati", "Pacific/Pago_Pago"}) {
      CAPTURE(zone);
      use_zone(app, zone);
      auto const months = owner.get("/api/dashboard/mrr");
      REQUIRE(months.status == 200);
      CHECK(months["range.word"] == "last_12_months");
      CHECK(months["range.zone"] == zone);
      CHECK(months["unit.kind"] == "money");
      CHECK(months["unit.currency"] == "eur");
      CHECK(months["unit.decimals"] == "2");
      auto const today = "(now() AT TIME ZONE '" + std::string{zone} + "')::date::timestamp";
      CHECK(rows(months) == counted(app, zone, "month",
                                    "date_trunc('month', " + today + ") - interval '11 months'",
                                    today));
      CHECK(rows(owner.get("/api/dashboard/mrr?range=last_30_days&granularity=day")) ==
            counted(app, zone, "day", today + " - interval '29 days'", today));
      // Both of Spain's change days of the clock, and a week that begins before its range.
      CHECK(rows(owner.get("/api/dashboard/mrr?from=2026-03-25&to=2026-04-02&granularity=day")) ==
            counted(app, zone, "day", "timestamp '2026-03-25'", "timestamp '2026-04-02'"));
      CHECK(rows(owner.get("/api/dashboard/mrr?from=2025-10-22&to=2025-11-05&granularity=week")) ==
            counted(app, zone, "week", "timestamp '2025-10-22'", "timestamp '2025-11-05'"));
    }
  }
  CHECK(owner.get("/api/dashboard/mrr")["rows.11.values.6"] ==
        app.value("SELECT sum(delta) FROM mrr_steps WHERE currency = 'eur' AND policy = 'all'"));
}

TEST_CASE("the months of the figures are those of the reports' zone, folded or not") {
  auto app = App::fresh();
  move_much(app);
  // A payment, a refund and a lost dispute at each hour of a hundred days.
  app.run(
      "SET session_replication_role = replica; WITH paid AS (INSERT INTO billing_invoices "
      "(customer_id, amount, amount_paid, currency, status, date, paid_at, counted_paid) SELECT 1, "
      "100 + i, 100 + i, CASE WHEN i % 7 = 0 THEN 'usd' ELSE 'eur' END, 'paid', at, at, 100 + i "
      "FROM generate_series(0, 2399) AS i, LATERAL (SELECT now() - make_interval(hours => i) AS "
      "at) AS moments RETURNING currency, paid_at AS at, counted_paid AS amount), returned AS "
      "(INSERT INTO billing_refunds (customer_id, stripe_refund_id, amount, currency, status, "
      "date, counted) SELECT 1, 're_' || i, i % 90, 'eur', 'succeeded', now() - "
      "make_interval(hours => i, mins => 30), i % 90 FROM generate_series(0, 2399) AS i RETURNING "
      "currency, date AS at, -counted AS amount), lost AS (INSERT INTO billing_disputes "
      "(stripe_dispute_id, customer_id, stripe_charge_id, reason, status, amount, currency, "
      "created_at, funds_withdrawn, funds_reinstated, lost_at, counted) SELECT 'du_' || i, 1, '', "
      "'', 'lost', i % 50, 'eur', now(), 0, 0, now() - make_interval(hours => i, mins => 15), i % "
      "50 FROM generate_series(0, 2399) AS i RETURNING currency, lost_at AS at, -counted AS "
      "amount) "
      "INSERT INTO rollup_deltas (metric, currency, day, amount) SELECT 'revenue', currency, (at "
      "AT TIME ZONE 'UTC')::date, amount FROM (TABLE paid "
      "UNION ALL TABLE returned UNION ALL TABLE lost) AS cash");
  auto const owner = app.as(Role::owner);
  auto const in_words = [](Reply const& metrics, std::string_view name) {
    std::string out;
    for (auto const& amount : metrics.json.at(name).as_array())
      out += Reply::text(amount, "currency") + " " + Reply::text(amount, "amount") + ";";
    return out;
  };
  for (bool const folded : {false, true}) {
    CAPTURE(folded);
    if (folded) app.enqueue(analytics::Fold{});
    if (folded) app.work();
    for (std::string const zone : {"UTC", "Africa/Addis_Ababa", "Pacific/Kiritimati",
                                   "Pacific/Pago_Pago", "America/St_Johns"}) {
      CAPTURE(zone);
      use_zone(app, zone);
      auto const sums = [&](std::string const& rows, std::string const& months_ago) {
        return app.value(
            "SELECT coalesce(string_agg(currency || ' ' || amount || ';', '' ORDER BY "
            "currency), '') FROM (SELECT currency, sum(amount) AS amount FROM (" +
            rows + ") AS all_of_them WHERE date_trunc('month', at AT TIME ZONE '" + zone +
            "') = date_trunc('month', now() AT TIME ZONE '" + zone + "') - interval '" +
            months_ago + " months' GROUP BY currency HAVING sum(amount) <> 0) AS sums");
      };
      std::string const cash =
          "SELECT currency, paid_at AS at, amount_paid AS amount FROM billing_invoices UNION ALL "
          "SELECT currency, date, -amount FROM billing_refunds UNION ALL "
          "SELECT currency, lost_at, -amount FROM billing_disputes";
      std::string const moved =
          "SELECT currency, at, delta AS amount FROM mrr_steps WHERE policy = 'recurring'";
      auto const metrics = owner.get("/api/dashboard/metrics");
      CHECK(metrics["timezone"] == zone);
      CHECK(in_words(metrics, "revenue") == sums(cash, "0"));
      CHECK(in_words(metrics, "revenue_previous_month") == sums(cash, "1"));
      CHECK(in_words(metrics, "net_new_mrr") == sums(moved, "0"));
      std::string months;
      for (auto const& month : metrics.json.at("mrr_months").as_array())
        months += Reply::text(month, "month") + Reply::text(month, "currency") + " " +
                  Reply::text(month, "new") + " " + Reply::text(month, "churn") + " " +
                  Reply::text(month, "end") + ";";
      CHECK(
          months ==
          app.value(
              "SELECT string_agg(concat(to_char(month, 'YYYY-MM'), currency, ' ', gained, ' ', "
              "lost, ' ', level, ';'), '' ORDER BY currency, month) FROM (SELECT month, "
              "currency, coalesce(sum(amount) FILTER (WHERE place = 1), 0) AS gained, "
              "coalesce(-sum(amount) FILTER (WHERE stands = 0), 0) AS lost, sum(sum(amount)) OVER "
              "(PARTITION BY currency ORDER BY month) AS level FROM (SELECT *, sum(amount) OVER "
              "line AS stands, row_number() OVER line AS place FROM (SELECT customer_id, currency, "
              "(at AT TIME ZONE '" +
              zone +
              "')::date AS day, sum(delta) AS amount FROM mrr_steps WHERE policy = 'recurring' "
              "GROUP BY 1, 2, 3 HAVING sum(delta) <> 0) AS days WINDOW line AS (PARTITION BY "
              "customer_id, currency ORDER BY day)) AS moved, LATERAL (SELECT date_trunc('month', "
              "day::timestamp"
              ") AS month) AS its GROUP BY currency, month) AS months WHERE month > "
              "date_trunc('month', now() AT TIME ZONE '" +
              zone + "') - interval '12 months'"));
    }
  }
}

TEST_CASE("a month that runs is open, and compared with as much of another as has passed") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  use_zone(app, "Europe/Madrid");
  auto const now = std::string{"(now() AT TIME ZONE 'Europe/Madrid')"};
  // A day later in the month before: not yet comparable; and a day earlier.
  move(app, "VALUES (1, 'eur', 4900, now()), (2, 'eur', 700, (" + now +
                " - interval '1 month' - interval '1 minute') AT TIME ZONE 'Europe/Madrid'), (3, "
                "'eur', 90000, (" +
                now + " - interval '1 month' + interval '1 day') AT TIME ZONE 'Europe/Madrid')");
  auto const reply =
      owner.get("/api/dashboard/mrr?range=this_month&granularity=month&compare=previous_period");
  REQUIRE(reply.status == 200);
  CHECK(reply["rows.0.complete"] == "false");
  CHECK(reply["rows.0.values.0"] == "4900");
  CHECK(reply["rows.1.key"].empty());
  CHECK(reply["comparison.from"] ==
        app.value("SELECT (date_trunc('month', " + now + ") - interval '1 month')::date"));
  CHECK(reply["comparison.rows.0.complete"] == "false");
  // Where the month before has no such day, all of it has passed; and its last day may be today's.
  bool const is_comparable =
      app.value("SELECT extract(day FROM " + now + ") = extract(day FROM " + now +
                " - interval '1 month') AND date_trunc('month', " + now +
                " - interval '1 month' + interval '1 day') <> date_trunc('month', " + now + ")") ==
      "t";
  if (is_comparable) CHECK(reply["comparison.rows.0.values.0"] == "700");

  auto const year = owner.get("/api/dashboard/mrr?compare=previous_year");
  CHECK(rows(year, "comparison").size() == 12);
  CHECK(year["comparison.rows.0.complete"] == "true");
  CHECK(year["rows.10.complete"] == "true");
  CHECK(year["rows.11.complete"] == "false");
}

TEST_CASE("nothing yet is zeros in the currency of the reports, and each currency stands alone") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const nothing = owner.get("/api/dashboard/mrr?range=this_year&granularity=quarter");
  REQUIRE(nothing.status == 200);
  CHECK(nothing["unit.currency"] == "eur");
  CHECK(nothing["rows.0.values.6"] == "0");
  move(app, "VALUES (1, 'jpy', 4900, now())");
  auto const yen = owner.get("/api/dashboard/mrr?range=today");
  CHECK(yen["unit.currency"] == "jpy");
  CHECK(yen["unit.decimals"] == "0");
  CHECK(rows(yen).size() == 1);
  CHECK(yen["rows.0.values.0"] == "4900");
  CHECK(owner.get("/api/dashboard/mrr?range=today&currency=eur")["rows.0.values.0"] == "0");
  CHECK(owner.get("/api/dashboard/mrr?range=yesterday&currency=jpy")["rows.0.values.6"] == "0");
}

TEST_CASE("a range that nobody can understand is refused with its field") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  auto const wrong = [&](std::string const& query) {
    auto const reply = owner.get("/api/dashboard/mrr?" + query);
    return std::to_string(reply.status) + " " + reply.wrong_fields();
  };
  CHECK(wrong("range=this_moment") == "422 ?range");
  CHECK(wrong("from=2026-02-30") == "422 ?from");
  CHECK(wrong("from=2026-03-01&to=2026-02-01") == "422 ?to");
  CHECK(wrong("from=2099-01-01") == "422 ?from");
  CHECK(wrong("to=2026-01-01") == "422 ?from");
  CHECK(wrong("range=today&from=2026-01-01") == "422 ?range");
  CHECK(wrong("from=2001-01-01&granularity=day") == "422 ?granularity");
  CHECK(wrong("currency=EUR") == "422 ?currency");
  CHECK(wrong("currency=%27%3B-") == "422 ?currency");
  CHECK(wrong("compare=yesterday") == "422 ?compare");
}

TEST_CASE("the longest range can be compared with what was before it") {
  auto app = App::fresh();
  auto const compared =
      app.as(Role::owner)
          .get(
              "/api/dashboard/mrr?from=2000-01-01&to=2026-11-30&granularity=quarter&"
              "compare=previous_period");
  REQUIRE(compared.status == 200);
  CHECK(compared["comparison.from"].starts_with("19"));
}

TEST_CASE("active tenants are counted at the end of each period") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO rollup_deltas (metric, currency, day, amount) VALUES ('tenants_live', '', "
      "(now() AT TIME ZONE 'UTC')::date, 2), ('tenants_live', '', (now() AT TIME ZONE "
      "'UTC')::date - 40, 5), ('tenants_live', '', (now() AT TIME ZONE 'UTC')::date - 3, -1)");
  auto const reply =
      app.as(Role::owner).get("/api/dashboard/active-tenants?range=last_7_days&granularity=day");
  REQUIRE(reply.status == 200);
  CHECK(reply["range.zone"] == "UTC");
  CHECK(reply["rows.2.values.1"] == "5");
  CHECK(reply["rows.3.values.1"] == "4");
  CHECK(reply["rows.6.values.1"] == "6");
  CHECK(reply["rows.6.drill"] == "/admin/tenants?state=live");
  CHECK(reply["rows.5.drill"] == "null");
}

TEST_CASE("years of movements cost days and hours, not customers") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO rollup_deltas (metric, currency, day, amount) SELECT metric, 'eur', now()::date "
      "- "
      "i % 700, 1 FROM generate_series(1, 26000) AS i, (VALUES ('mrr'), ('mrr_new')) AS m "
      "(metric)");
  app.enqueue(analytics::Fold{});
  app.work();
  app.run("VACUUM ANALYZE");
  auto const touched = support::rows_touched(
      app.database, "monitoring.sums_of_periods",
      "'" +
          app.value(
              "SELECT array_agg(m::date)::text FROM generate_series(date_trunc('month', "
              "now()) - interval '11 months', now() + interval '1 month', interval '1 month') "
              "AS m") +
          "', 'eur', '{mrr_new,mrr_churn}', 'mrr'");
  CHECK(touched < 1000);
}

TEST_CASE("what was not measured is a gap, and a limit stands beside the line") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) VALUES ('Acme', 'Ada', "
      "'ada@example.com', 'ES', 'es'); INSERT INTO tenants (customer_id, subdomain, plan_id, "
      "state, health, max_users, storage_limit_mib, memory_limit_mib, cpu_limit_percent, "
      "provisioner, blueprint, live_at) VALUES (1, 'acme', 'team', 'live', 'healthy', 5, 1024, "
      "512, 50, "
      "'process', 'sample', now()); INSERT INTO tenant_health (tenant_id, cpu, ram, disk, "
      "\"timestamp\") "
      "SELECT 1, 12.345, 1048576, 2097152, now() - make_interval(mins => m) FROM (VALUES (30), "
      "(10)) AS t (m)");
  auto const owner = app.as(Role::owner);
  auto const usage = owner.get("/api/tenants/ten_1/usage");
  REQUIRE(usage.status == 200);
  CHECK(usage["data.0.definition"] == "tenant_cpu");
  CHECK(usage["data.0.unit.kind"] == "percent");
  CHECK(usage["data.0.unit.decimals"] == "2");
  CHECK(usage["data.0.limit"] == "5000");
  CHECK(usage["data.0.rows.0.values.0"] == "1235");
  CHECK(usage["data.0.rows.1.values.0"] == "null");
  CHECK(usage["data.1.unit.kind"] == "bytes");
  CHECK(usage["data.1.rows.0.values.0"] == "1048576");
  CHECK(usage["data.1.limit"] == "536870912");
  CHECK(usage["data.3.columns.1.id"] == "out");
  CHECK(usage["data.3.limit"] == "null");
  auto const& rows = usage.json.at("data").at(0).at("rows").as_array();
  CHECK(rows.size() >= 7);
  CHECK(Reply::text(rows.back(), "complete") == "false");
  CHECK(Reply::text(rows.front(), "complete") == "true");

  app.run("DELETE FROM tenant_health");
  auto const none = owner.get("/api/tenants/ten_1/usage?range=30d");
  CHECK(none.json.at("data").at(0).at("rows").as_array().empty());
  CHECK(owner.get("/api/tenants/ten_2/usage").status == 404);
  CHECK(owner.get("/api/tenants/ten_1/usage?range=1y").wrong_fields() == "?range");
}
