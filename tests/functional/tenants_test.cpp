// What staff may expect of the list of tenants and of creating one by hand.
#include <doctest/doctest.h>

#include <set>

#include "support/app.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Role;
using Rows = std::vector<std::string>;

namespace {

/// Twenty-three tenants in threes of the same moment, with companies that repeat.
void fill(App const& app) {
  app.run(R"sql(
    INSERT INTO customers (company, name, email, country, locale)
    SELECT (ARRAY['Beta', 'alpha', 'Gamma'])[1 + i % 3], 'Person ' || i, 'p' || i || '@example.com', 'ES', 'en'
      FROM generate_series(1, 23) AS i;
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, health, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, created_at, live_at)
    SELECT i, 'tenant-' || chr(97 + (i * 7) % 23), CASE WHEN i % 2 = 0 THEN 'team' ELSE 'starter' END,
           (CASE WHEN i % 4 = 0 THEN 'suspended' ELSE 'live' END)::tenant_state,
           (CASE WHEN i % 5 = 0 THEN 'down' ELSE 'healthy' END)::tenant_health_state,
           1, 1, 1, 1, 'process', 'sample', timestamptz '2026-01-01' + (i / 3) * interval '1 day', now()
      FROM generate_series(1, 23) AS i)sql");
}

Rows column(support::Reply const& reply, std::string_view name) {
  Rows out;
  for (auto const& row : reply.json.at("data").as_array())
    out.push_back(support::Reply::text(row, name));
  return out;
}

/// All ids over all pages, by the Link header, as a client would go.
Rows walk(
    Caller const& caller, std::string path, std::function<void()> const& between = [] {}) {
  Rows ids;
  while (!path.empty()) {
    auto const page = caller.get(path);
    REQUIRE(page.status == 200);
    for (auto& id : column(page, "id")) ids.push_back(std::move(id));
    auto const link = page.header("link");
    CHECK(link.empty() == (page["has_more"] == "false"));
    path = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    if (!link.empty()) CHECK(link.ends_with("; rel=\"next\""));
    between();
    REQUIRE(ids.size() < 200);
  }
  return ids;
}

boost::json::object new_tenant(boost::json::object const& changes = {}) {
  auto form = acme(changes);
  form.erase("interval");
  form.erase("currency");
  return form;
}

}  // namespace

TEST_CASE("pages follow each other without a gap and without a repeat, in every order") {
  auto app = App::fresh();
  fill(app);
  auto const owner = app.as(Role::owner);
  for (auto const& [sort, order] : {std::pair{"created_at", "created_at, id"},
                                    std::pair{"-created_at", "created_at DESC, id DESC"},
                                    std::pair{"subdomain", "subdomain, id"},
                                    std::pair{"-subdomain", "subdomain DESC, id DESC"}}) {
    CAPTURE(sort);
    auto const expected =
        app.rows(std::string{"SELECT 'ten_' || id FROM tenants ORDER BY "} + order);
    for (auto const* limit : {"1", "5", "23", "100"})
      CHECK(walk(owner, std::string{"/api/tenants?sort="} + sort + "&limit=" + limit) == expected);
  }
  for (auto const* direction : {"", "DESC"}) {
    std::string const by = direction;
    CHECK(
        walk(owner,
             std::string{"/api/tenants?limit=4&sort="} + (by.empty() ? "" : "-") + "company") ==
        app.rows(
            "SELECT 'ten_' || t.id FROM tenants t JOIN customers c ON c.id = customer_id ORDER BY "
            "lower(c.company) " +
            by + ", t.id " + by));
  }
}

TEST_CASE("rows that come while somebody turns pages shift nothing") {
  auto app = App::fresh();
  fill(app);
  auto const before =
      app.rows("SELECT 'ten_' || id FROM tenants ORDER BY created_at DESC, id DESC");
  int added = 0;
  auto const seen = walk(app.as(Role::owner), "/api/tenants?limit=4", [&] {
    auto const name = "new-" + std::to_string(++added);
    app.run(
        "INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, "
        "storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, blueprint) VALUES "
        "(1, '" +
        name + "', 'team', 'queued', 1, 1, 1, 1, 'process', 'sample')");
  });
  CHECK(seen == before);
}

TEST_CASE("filters narrow the list and are kept from page to page") {
  auto app = App::fresh();
  fill(app);
  auto const owner = app.as(Role::owner);
  auto check = [&](std::string const& query, std::string const& condition) {
    CAPTURE(query);
    auto const expected = app.rows(
        "SELECT 'ten_' || t.id FROM tenants t JOIN customers c ON c.id = customer_id WHERE " +
        condition + " ORDER BY t.created_at DESC, t.id DESC");
    CHECK(walk(owner, "/api/tenants?limit=3&" + query) == expected);
    auto const counted = owner.get("/api/tenants?count=true&" + query);
    CHECK(counted["total_capped.count"] == std::to_string(expected.size()));
    CHECK(counted["total_capped.capped"] == "false");
  };
  for (auto const& [query, condition] : {
           std::pair{"state=suspended", "state = 'suspended'"},
           std::pair{"state=suspended,live", "state IN ('suspended', 'live')"},
           std::pair{"state=purged", "false"}, std::pair{"health=down", "health = 'down'"},
           std::pair{"plan=team", "plan_id = 'team'"}, std::pair{"plan=nothing", "false"},
           std::pair{"q=ALPHA", "c.company = 'alpha'"}, std::pair{"q=p1", "email LIKE 'p1%'"},
           std::pair{"q=tenant-c", "subdomain = 'tenant-c'"},
           std::pair{"q=person%207", "name = 'Person 7'"}, std::pair{"q=%25", "false"},
           std::pair{"q=_", "false"}, std::pair{"q=%5C", "false"},
           std::pair{
               "state=live&health=down&plan=starter&q=a",
               "state = 'live' AND health = 'down' AND plan_id = 'starter' AND "
               "(c.company = 'alpha' OR subdomain = 'tenant-a')"},  // words that begin with it
       })
    check(query, std::string{condition});
}

TEST_CASE("a row says what staff need to know") {
  auto app = App::fresh({.sandbox = true});
  app.sign_up_and_pay(acme());
  auto const row = app.as(Role::auditor).get("/api/tenants");
  CHECK(row["data.0.id"] == "ten_1");
  CHECK(row["data.0.subdomain"] == "acme");
  CHECK(row["data.0.company"] == "Acme Ltd");
  CHECK(row["data.0.customer_email"] == "ada@acme.example");
  CHECK(row["data.0.state"] == "queued");
  CHECK(row["data.0.plan"] == "team");
  CHECK(row["data.0.subscription_status"] == "active");
  CHECK(row["data.0.mrr.amount"] == "4900");
  CHECK(row["data.0.mrr.currency"] == "eur");
  CHECK(row["data.0.url"] == "http://acme.localhost:" + std::to_string(app.settings.tenant_port));
  auto const one = app.as(Role::auditor).get("/api/tenants/ten_1");
  CHECK(one["max_users"] == "25");
  auto const events = app.as(Role::auditor).get("/api/tenants/ten_1/events?limit=2");
  CHECK(events["data.0.kind"] == "mail_sent");
  CHECK(events["data.1.data.to_state"] == "queued");
  CHECK(events["has_more"] == "true");
  auto const rest = app.as(Role::auditor)
                        .get("/api/tenants/ten_1/events?limit=2&cursor=" + events["next_cursor"]);
  CHECK(rest["data.1.data.to_state"] == "reserved");
  CHECK(rest["has_more"] == "false");
}

TEST_CASE("staff create a tenant without a payment") {
  auto app = App::fresh({.sandbox = true});
  auto const support_person = app.as(Role::support);
  auto const reply = support_person.post("/api/tenants", new_tenant());
  CHECK(reply.status == 201);
  CHECK(reply.header("location") == "/api/tenants/ten_1");
  CHECK(reply["id"] == "ten_1");
  CHECK(reply["state"] == "queued");
  CHECK(app.rows("SELECT subdomain, state, plan_id FROM tenants") == Rows{"acme|queued|team"});
  CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'tenants.reconcile'") == "1");
  CHECK(
      app.rows("SELECT data->>'from_state', data->>'to_state', actor FROM activity ORDER BY id") ==
      Rows{"|reserved|support@example.com", "reserved|queued|support@example.com"});
  CHECK(app.rows(
            "SELECT actor, target, before IS NULL, after->>'company' FROM audit_logs WHERE action "
            "= 'tenant.created'") == Rows{"support@example.com|ten_1|t|Acme Ltd"});
  CHECK(app.stripe("GET", "/v1/customers").json.at("data").as_array().empty());

  SUBCASE("the same name cannot be had twice") {
    auto const again = support_person.post("/api/tenants", new_tenant({{"company", "Other"}}));
    CHECK(again.status == 409);
    CHECK(again["code"] == "subdomain_taken");
    CHECK(again["suggestions.0"] == "acme-app");
  }
  SUBCASE("a plan must be for sale") {
    auto const odd = support_person.post(
        "/api/tenants", new_tenant({{"subdomain", "other"}, {"plan", "enterprise"}}));
    CHECK(odd.status == 422);
    CHECK(odd["code"] == "plan_not_for_sale");
  }
  SUBCASE("fields are checked as in the sign-up") {
    auto const wrong = support_person.post(
        "/api/tenants", new_tenant({{"subdomain", "admin"}, {"email", "x"}, {"country", "XX"}}));
    CHECK(wrong.status == 422);
    CHECK(wrong.wrong_fields() == "/country /email /subdomain");
  }
  SUBCASE("a key makes it happen once") {
    auto const form = new_tenant({{"subdomain", "other"}});
    auto const first = support_person.post("/api/tenants", form, {"Idempotency-Key: create-other"});
    auto const second =
        support_person.post("/api/tenants", form, {"Idempotency-Key: create-other"});
    CHECK(first.status == 201);
    CHECK(second.body == first.body);
    CHECK(app.value("SELECT count(*) FROM tenants") == "2");
    CHECK(
        app.as(Role::owner).post("/api/tenants", form, {"Idempotency-Key: create-other"}).status ==
        409);
    return;
  }
  CHECK(app.value("SELECT count(*) FROM tenants") == "1");
  CHECK(app.value("SELECT count(*) FROM customers") == "1");
}

TEST_CASE("tenants are counted by state, and counting ends at a thousand") {
  auto app = App::fresh();
  fill(app);
  auto const auditor = app.as(Role::auditor);
  auto counts = [&] {
    auto const reply = auditor.get("/api/tenants/states");
    REQUIRE(reply.status == 200);
    Rows out;
    for (auto const& entry : reply.json.at("data").as_array())
      out.push_back(support::Reply::text(entry, "state") + " " +
                    support::Reply::text(entry, "count") +
                    (support::Reply::text(entry, "capped") == "true" ? " and more" : ""));
    return out;
  };
  CHECK(counts() == app.rows("SELECT s || ' ' || count(t.id) FROM "
                             "unnest(enum_range(NULL::tenant_state)) AS s "
                             "LEFT JOIN tenants t ON t.state = s GROUP BY s ORDER BY s"));
  auto add = [&](int from, int to) {
    app.run(
        "INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, "
        "storage_limit_mib, memory_limit_mib, cpu_limit_percent, provisioner, blueprint) "
        "SELECT 1, 'many-' || i, 'team', 'queued', 1, 1, 1, 1, 'process', 'sample' FROM "
        "generate_series(" +
        std::to_string(from) + ", " + std::to_string(to) + ") AS i");
  };
  add(1, 1000);
  CHECK(counts()[2] == "queued 1000");
  add(1001, 1002);
  CHECK(counts()[2] == "queued 1000 and more");
  CHECK(app.visitor().get("/api/tenants/states").status == 401);
}
