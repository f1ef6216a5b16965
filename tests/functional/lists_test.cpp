// What every list promises, tried on mails and tenants: pages that lose and double nothing, cursors
// that are good for one list and order, counts, facets, and files of one snapshot.
#include <doctest/doctest.h>

#include <set>

#include "platform/http/message.hpp"
#include "support/app.hpp"

using support::App;
using support::Caller;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
void add_mails(App const& app, int count, std::string const& subject = "Hello") {
  app.run(
      "INSERT INTO mails (template, locale, recipient, subject, body, state) "
      "SELECT 'welcome', 'en', 'p' || i || '@example.com', '" +
      subject + " ' || i, '', 'kept' FROM generate_series(1, " + std::to_string(count) + ") AS i");
}

Rows ids_of(support::Reply const& page) {
  Rows out;
  for (auto const& row : page.json.at("data").as_array())
    out.push_back(support::Reply::text(row, "id"));
  return out;
}

Rows walk(
    Caller const& caller, std::string const& path, std::function<void()> const& between = [] {}) {
  Rows ids;
  std::string cursor;
  while (true) {
    auto const page = caller.get(path + (cursor.empty() ? "" : "&cursor=" + cursor));
    REQUIRE(page.status == 200);
    for (auto& id : ids_of(page)) ids.push_back(std::move(id));
    if (page["has_more"] == "false") return ids;
    cursor = page["next_cursor"];
    between();
    REQUIRE(ids.size() < 2000);
  }
}

void add_tenants(App const& app, int count) {
  app.run(
      "INSERT INTO customers (company, name, email, country, locale) "
      "SELECT 'Company ' || i % 3, 'P', 'p' || i || '@example.com', 'ES', 'en' "
      "FROM generate_series(1, " +
      std::to_string(count) + ") AS i");
  app.run(R"sql(
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, health, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at, created_at)
    SELECT id, 'acme-' || id, 'team',
           (ARRAY['live', 'suspended', 'archived'])[1 + id % 3]::tenant_state, 'healthy',
           1, 1, 1, 1, 'process', 'sample', now(),
           -- Three of one moment, the next three a microsecond later.
           timestamptz '2026-01-01' + (id / 3) * interval '1 microsecond'
      FROM customers)sql");
}
}  // namespace

TEST_CASE("rows of one instant, of a microsecond later, inserted and deleted between pages") {
  auto app = App::fresh();
  add_tenants(app, 40);
  auto const admin = app.as(Role::admin);
  for (auto const* sort :
       {"created_at", "-created_at", "subdomain", "-subdomain", "company", "-company"}) {
    CAPTURE(sort);
    auto const ids = walk(admin, "/api/tenants?limit=7&sort=" + std::string{sort});
    CHECK(ids.size() == 40);
    CHECK(std::set<std::string>{ids.begin(), ids.end()}.size() == 40);
  }
  // Several values of one filter, in one order.
  auto const two = walk(admin, "/api/tenants?limit=7&sort=created_at&state=live,suspended");
  CHECK(two.size() == 27);
  auto sorted = two;
  std::sort(sorted.begin(), sorted.end(), [](auto const& a, auto const& b) {
    return std::stoi(a.substr(4)) < std::stoi(b.substr(4));
  });
  CHECK(two == sorted);

  // Those that were there are seen once, whatever comes and goes behind the reader's back.
  bool once = true;
  auto const seen = walk(admin, "/api/tenants?limit=10&sort=-created_at", [&] {
    if (!once) return;
    once = false;
    app.run("UPDATE tenants SET created_at = '2027-01-01' WHERE id = 40");
    app.run("DELETE FROM tenants WHERE id = 1");
  });
  CHECK(std::set<std::string>{seen.begin(), seen.end()}.size() == seen.size());
  CHECK(seen.size() == 39);
}

TEST_CASE("a cursor is good for its list and order only, and cannot be forged") {
  auto app = App::fresh();
  add_tenants(app, 12);
  add_mails(app, 12);
  auto const owner = app.as(Role::owner);
  auto const cursor = owner.get("/api/tenants?limit=5&sort=subdomain")["next_cursor"];
  REQUIRE(!cursor.empty());
  CHECK(owner.get("/api/tenants?limit=5&sort=subdomain&cursor=" + cursor).status == 200);
  for (auto const& path :
       {"/api/tenants?sort=-subdomain&cursor=" + cursor, "/api/tenants?cursor=" + cursor,
        "/api/mails?cursor=" + cursor, std::string{"/api/mails?cursor=mail_3"},
        std::string{"/api/mails?cursor="}, "/api/tenants?sort=subdomain&cursor=A" + cursor,
        "/api/tenants?sort=subdomain&cursor=" + cursor.substr(0, cursor.size() - 4)}) {
    CAPTURE(path);
    auto const refused = owner.get(path);
    CHECK(refused.status == 422);
    CHECK(refused.wrong_fields() == "?cursor");
  }
  // After a restart, and on every node, it is still good.
  app.restart();
  CHECK(app.as(Role::owner).get("/api/tenants?limit=5&sort=subdomain&cursor=" + cursor).status ==
        200);
}

TEST_CASE("the API refuses what a list does not know") {
  auto app = App::fresh();
  auto const owner = app.as(Role::owner);
  CHECK(owner.get("/api/mails?stat=kept").wrong_fields() == "?stat");
  CHECK(owner.get("/api/mails?state=gone").wrong_fields() == "?state");
  CHECK(owner.get("/api/mails?state=kept,gone").wrong_fields() == "?state");
  CHECK(owner.get("/api/mails?state=kept&state=sent").wrong_fields() == "?state");
  CHECK(owner.get("/api/mails?sort=subject").wrong_fields() == "?sort");
  CHECK(owner.get("/api/mails?limit=0").wrong_fields() == "?limit");
  CHECK(owner.get("/api/mails?limit=101").wrong_fields() == "?limit");
  CHECK(owner.get("/api/mails?count=maybe").wrong_fields() == "?count");
  CHECK(owner.get("/api/mails?q=" + std::string(101, 'x')).wrong_fields() == "?q");
  CHECK(owner.get("/api/mails/facets?limit=5").wrong_fields() == "?limit");
  CHECK(owner.get("/api/tenants/ten_99/backups").status == 404);
  CHECK(owner.get("/api/tenants/nonsense/backups").status == 422);
  CHECK(owner.get("/api/tenants/nonsense/backups?%7Bid%7D=ten_1").wrong_fields() == "?{id}");
  CHECK(owner.get("/api/mails?state=kept&q=x&state=sent").wrong_fields() == "?state");
}

TEST_CASE("counts stop at a thousand, and facets count under the other filters") {
  auto app = App::fresh();
  add_mails(app, 1200);
  add_mails(app, 3, "Other");
  app.run("UPDATE mails SET state = 'failed' WHERE subject LIKE 'Other%'");
  auto const owner = app.as(Role::owner);
  auto const all = owner.get("/api/mails?limit=1&count=true");
  CHECK(all["total_capped.count"] == "1000");
  CHECK(all["total_capped.capped"] == "true");
  auto const few = owner.get("/api/mails?limit=1&count=true&q=other");
  CHECK(few["total_capped.count"] == "3");
  CHECK(few["total_capped.capped"] == "false");

  auto of = [&](std::string const& query) {
    Rows out;
    auto const facets = owner.get("/api/mails/facets" + query);
    for (auto const& row : facets.json.at("data").as_array())
      out.push_back(support::Reply::text(row, "value") + " " + support::Reply::text(row, "count"));
    return out;
  };
  CHECK(of("") == Rows{"queued 0", "handed 0", "sent 0", "kept 1000", "failed 3", "bounced 0",
                       "suppressed 0"});
  // What the filter itself says does not hold for its own counts; what is searched for does.
  CHECK(of("?state=kept&q=other") ==
        Rows{"queued 0", "handed 0", "sent 0", "kept 0", "failed 3", "bounced 0", "suppressed 0"});
}

TEST_CASE("a search finds few through indexes and many by going through the order, alike") {
  auto app = App::fresh();
  add_mails(app, 1100, "Common");
  add_mails(app, 2, "50%_off\\");
  auto const owner = app.as(Role::owner);
  CHECK(walk(owner, "/api/mails?limit=100&q=common").size() == 1100);
  CHECK(walk(owner, "/api/mails?limit=1&q=COMMON%201100").size() == 1);
  CHECK(walk(owner, "/api/mails?limit=100&q=50%25_off%5C").size() == 2);
  CHECK(walk(owner, "/api/mails?limit=100&q=50%25xoff").empty());
  CHECK(walk(owner, "/api/mails?limit=100&q=nothing").empty());
}

TEST_CASE("one or two letters find words that begin with them, where blanks divide words") {
  auto app = App::fresh();
  add_mails(app, 2, "Zq works");
  add_mails(app, 2, "(zq)");
  add_mails(app, 2, "Bazqux");
  add_mails(app, 2, "\xc3\x91u");                             // Ñu
  add_mails(app, 2, "\xe5\xa4\xa7\xe6\x9d\xb1\xe4\xba\xac");  // three characters without a blank
  auto const owner = app.as(Role::owner);
  auto const found = [&](std::string const& q) {
    return walk(owner, "/api/mails?limit=100&q=" + q).size();
  };
  CHECK(found("zq") == 4);
  CHECK(found("ZQ") == 4);
  CHECK(found("zqu") == 2);
  CHECK(found("w") == 2);
  CHECK(found("(z") == 2);
  CHECK(found("%C3%B1") == 2);              // ñ
  CHECK(found("%E6%9D%B1%E4%BA%AC") == 2);  // the last two of the three
  CHECK(found("*") == 0);
  CHECK(found("z%5C") == 0);
  CHECK(found("e.") == 0);
  // Counts, facets and exports say the same.
  CHECK(owner.get("/api/mails?count=true&q=zq")["total_capped.count"] == "4");
  auto const file = owner.get("/api/mails/export?format=csv&q=zq").body;
  CHECK(std::count(file.begin(), file.end(), '\n') == 6);  // about, heads, four rows
}

TEST_CASE("a search knows the capitals of all letters, and no blanks around it") {
  auto app = App::fresh();
  add_tenants(app, 6);
  app.run(
      "UPDATE customers SET company = (ARRAY['Zeta', 'Ábaco', 'CAFÉ Ñandú', 'émile', 'Abadía', "
      "'Эхо'])[id]");
  auto const owner = app.as(Role::owner);
  auto const found = [&](std::string const& q) {
    return ids_of(owner.get("/api/tenants?sort=created_at&q=" + http::percent_encode(q)));
  };
  for (auto const* q : {"Ábaco", "ábaco", "ÁBACO", "Á", "ÁB", "  ábaco", "ÁBACO\u00a0 "}) {
    CAPTURE(q);
    CHECK(found(q) == Rows{"ten_2"});
  }
  for (auto const* q : {"café ñ", "CAFÉ", "Café Ñandú", "Ñ", "ÑANDÚ"}) {
    CAPTURE(q);
    CHECK(found(q) == Rows{"ten_3"});
  }
  CHECK(found("É") == Rows{"ten_4"});
  CHECK(found("ЭХО") == Rows{"ten_6"});
  CHECK(found("  zeta") == Rows{"ten_1"});
  CHECK(found(" \u200b ").size() == 6);
  // Everything that takes the filter finds the same.
  auto const q = http::percent_encode(" ÁBACO");
  CHECK(owner.get("/api/tenants?count=true&q=" + q)["total_capped.count"] == "1");
  CHECK(owner.get("/api/tenants/batch/preview?action=suspend&q=" + q)["matching"] == "1");
  auto const file = owner.get("/api/tenants/export?q=" + q).body;
  CHECK(std::count(file.begin(), file.end(), '\n') == 3);
  app.run("UPDATE staff SET name = 'Óscar Ávila' WHERE email = 'owner@example.com'");
  for (auto const* name : {"ÓSCAR", "óscar", "Á"})
    CHECK(owner.get("/api/settings/team?q=" + http::percent_encode(name))["data.0.name"] ==
          "Óscar Ávila");
}

TEST_CASE("names stand in the order that people know, Á beside A, page after page") {
  auto app = App::fresh();
  add_tenants(app, 6);
  app.run(
      "UPDATE customers SET company = (ARRAY['Zeta', 'Ábaco', 'abeto', 'émile', 'Abadía', "
      "'Faro'])[id]");
  auto const owner = app.as(Role::owner);
  Rows const order{"ten_2", "ten_5", "ten_3", "ten_4", "ten_6", "ten_1"};
  CHECK(walk(owner, "/api/tenants?sort=company&limit=1") == order);
  CHECK(walk(owner, "/api/tenants?sort=-company&limit=1") == Rows{order.rbegin(), order.rend()});
  // Two filters' values are two branches of one order.
  CHECK(walk(owner, "/api/tenants?sort=company&limit=2&state=live,suspended,archived") == order);
  app.add_staff(Role::admin);
  app.add_staff(Role::support);
  app.run(
      "UPDATE staff SET name = CASE role WHEN 'admin' THEN 'Álvaro' WHEN 'support' THEN 'Alba' "
      "ELSE 'Zoe' END");
  CHECK(owner.get("/api/settings/team")["data.1.name"] == "Álvaro");
}

TEST_CASE("tenants stand in the order of their companies, also after one was renamed") {
  auto app = App::fresh();
  add_tenants(app, 9);
  auto const owner = app.as(Role::owner);
  auto const companies = [&](std::string const& query) {
    Rows out;
    auto const page = owner.get("/api/tenants?sort=company&" + query);
    for (auto const& row : page.json.at("data").as_array())
      out.push_back(support::Reply::text(row, "id") + " " + support::Reply::text(row, "company"));
    return out;
  };
  auto const suspended = companies("state=suspended");
  CHECK(suspended == Rows{"ten_1 Company 1", "ten_4 Company 1", "ten_7 Company 1"});
  app.run("UPDATE customers SET company = 'AARDVARK' WHERE id = 7");
  CHECK(companies("state=suspended") ==
        Rows{"ten_7 AARDVARK", "ten_1 Company 1", "ten_4 Company 1"});
  CHECK(companies("limit=1") == Rows{"ten_7 AARDVARK"});
  CHECK(walk(owner, "/api/tenants?sort=-company&limit=1&state=suspended,archived").size() == 6);
  CHECK(owner.get("/api/tenants?q=aardvark")["data.0.id"] == "ten_7");
  // Nobody can make them differ.
  CHECK_THROWS(app.run("UPDATE tenants SET company = 'Other' WHERE id = 1"));
  CHECK_THROWS(app.run("UPDATE tenants SET customer_id = 2 WHERE id = 1"));
}

TEST_CASE("an export is what is seen, in its order, columns and zone, without formulas") {
  auto app = App::fresh();
  add_tenants(app, 6);
  app.run("UPDATE customers SET company = '=1+1' WHERE id = 1");
  app.run(
      "INSERT INTO subscriptions (customer_id, tenant_id, stripe_subscription_id, status, "
      "currency, "
      "mrr, started_at) SELECT 1, 1, 'sub_1', 'active', 'eur', 4900, now()");
  auto const owner = app.as(Role::owner);
  auto const csv = owner.get(
      "/api/tenants/export?sort=subdomain&state=suspended,live&zone=Europe/Madrid"
      "&columns=id,company,mrr.amount,created_at");
  REQUIRE(csv.status == 200);
  CHECK(csv.header("content-type").starts_with("text/csv"));
  CHECK(csv.header("cache-control") == "no-store");
  CHECK(csv.body.substr(0, csv.body.find("\r\n")).find("state=suspended,live") !=
        std::string::npos);
  CHECK(csv.body.find("\"id\",\"company\",\"mrr.amount\",\"created_at\"\r\n") != std::string::npos);
  // A text that looks like a formula is guarded, a number stays one.
  CHECK(csv.body.find("ten_1,\"'=1+1\",49.00,2026-01-01 01:00:00+01\r\n") != std::string::npos);
  CHECK(std::count(csv.body.begin(), csv.body.end(), '\n') == 2 + 4);

  // Excel takes neither parts of a second nor a zone: that stands in the first line.
  auto const excel = owner.get(
      "/api/tenants/export?format=csv-es&columns=id,subdomain,created_at&zone=Europe/Madrid");
  CHECK(excel.body.starts_with("\xEF\xBB\xBF"));
  CHECK(excel.body.find("ten_4;\"acme-4\";2026-01-01 01:00:00\r\n") != std::string::npos);
  CHECK(excel.body.substr(0, excel.body.find("\r\n")).find("Europe/Madrid") != std::string::npos);

  auto const json = owner.get("/api/tenants/export?format=json&sort=subdomain");
  REQUIRE(json.status == 200);
  CHECK(json["rows"] == "6");
  CHECK(json.json.at("data").at(0) ==
        owner.get("/api/tenants?sort=subdomain").json.at("data").at(0));

  CHECK(owner.get("/api/tenants/export?zone=UTC%2B3").wrong_fields() == "?zone");
  CHECK(owner.get("/api/tenants/export?zone=Etc/GMT%2B3").status == 200);
  CHECK(owner.get("/api/tenants/export?columns=id,secret").wrong_fields() == "?columns");
  CHECK(owner.get("/api/tenants/export?format=xls").wrong_fields() == "?format");
  CHECK(owner.get("/api/tenants/export?limit=5").wrong_fields() == "?limit");
  CHECK(app.visitor().get("/api/tenants/export").status == 401);
  CHECK(app.rows("SELECT actor, action, target, after->>'format', after->>'rows' FROM audit_logs "
                 "WHERE action = 'tenants.exported' ORDER BY id") ==
        Rows{"owner@example.com|tenants.exported|tenants|csv|4",
             "owner@example.com|tenants.exported|tenants|csv-es|6",
             "owner@example.com|tenants.exported|tenants|json|6",
             "owner@example.com|tenants.exported|tenants|csv|6"});
}

TEST_CASE("a moment that never comes, or always was, is the furthest that can be written") {
  auto app = App::fresh();
  app.run(
      "INSERT INTO jobs (kind, payload, run_at) VALUES ('some.day', '{}', 'infinity'), "
      "('some.day', '{}', '-infinity')");
  auto const owner = app.as(Role::owner);
  auto const page = owner.get("/api/system/jobs?kind=some.day");
  REQUIRE(page.status == 200);
  CHECK(page["data.0.run_at"] == "0001-01-01T00:00:00.000Z");
  CHECK(page["data.1.run_at"] == "9999-12-31T23:59:59.999Z");
  auto const file = owner.get("/api/system/jobs/export?format=csv&columns=run_at&kind=some.day");
  CHECK(file.body.ends_with("\"run_at\"\r\n-infinity\r\ninfinity\r\n"));
}

TEST_CASE("an export shows one moment, whatever is written meanwhile, and leaves nothing behind") {
  auto app = App::fresh();
  add_mails(app, 5000);
  std::atomic<bool> over = false;
  std::thread writer{[&] {
    db::Connection connection{app.database.url()};
    for (int i = 0; !over; ++i)
      connection.execute("DELETE FROM mails WHERE id = " + std::to_string(1 + i) +
                         "; INSERT INTO mails (template, locale, recipient, subject, body, state) "
                         "VALUES ('welcome', 'en', 'new@example.com', 'New', '', 'kept')");
  }};
  auto const owner = app.as(Role::owner);
  for (int i = 0; i < 3; ++i) {
    auto const json = owner.get("/api/mails/export?format=json");
    REQUIRE(json.status == 200);
    // Each write takes one away and brings another: at every moment there are as many.
    CHECK(json["rows"] == "5000");
  }
  over = true;
  writer.join();
  CHECK(std::filesystem::is_empty(std::filesystem::path{app.settings.data_dir} / "exports"));
}

TEST_CASE("a back-end forgets statements that were not used for long") {
  auto app = App::fresh();
  db::Connection connection{app.database.url()};
  db::Tx tx{connection, db::Mode::autocommit};
  for (int i = 0; i < 500; ++i) {
    auto const number = std::to_string(i);
    auto const result = tx.result_of({"test.number_" + number, "SELECT " + number}, {});
    CHECK(std::string{PQgetvalue(result.get(), 0, 0)} == number);
  }
  // One that was let go is prepared again.
  CHECK(PQntuples(tx.result_of({"test.number_0", "SELECT 0"}, {}).get()) == 1);
  auto const kept = connection.execute("SELECT count(*) FROM pg_prepared_statements");
  CHECK(std::stoi(PQgetvalue(kept.get(), 0, 0)) <= int(db::most_prepared));
}
