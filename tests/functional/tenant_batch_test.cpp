// One action for many tenants, with a result for each; and links that show a credential once.
#include <doctest/doctest.h>

#include <thread>

#include "identity/keys/rotation.hpp"
#include "provisioning/jobs.hpp"
#include "support/app.hpp"
#include "tenants/access.hpp"
#include "tenants/world.hpp"

using support::App;
using support::Caller;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
/// 120 tenants: every fourth suspended by staff, every tenth purged.
void fill(App const& app) {
  app.run(R"sql(
    INSERT INTO customers (company, name, email, country, locale)
    SELECT 'Company ' || i, 'Person', 'p' || i || '@example.com', 'ES', 'en' FROM generate_series(1, 120) AS i;
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at)
    SELECT i, 'tenant-' || i || 'x', 'team',
           (CASE WHEN i % 10 = 0 THEN 'purged' WHEN i % 4 = 0 THEN 'suspended' ELSE 'live' END)::tenant_state,
           25, 25600, 1024, 100, 'process', 'sample', now()
      FROM generate_series(1, 120) AS i;
    INSERT INTO tenant_holds (tenant_id, reason) SELECT id, 'admin' FROM tenants WHERE state = 'suspended')sql");
}

/// Nothing is provisioned here: the world follows by hand, and the batch looks again.
void stand_still(App& app) {
  app.run("UPDATE tenants SET state = 'suspended' WHERE state = 'suspending'");
  app.hurry("list.run_batch");
  app.work();
}

Reply batch(Caller const& caller, boost::json::object const& body) {
  return caller.post("/api/tenants/batch", body);
}
}  // namespace

TEST_CASE("a batch does what it was asked for, and says for each tenant what came of it") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  auto const begun = batch(admin, {{"action", "suspend"},
                                   {"filter", {{"q", "tenant"}}},
                                   {"exclude", {"ten_1", "ten_2"}},
                                   {"expected_count", 118},
                                   {"arguments", {{"reason", "Moving house"}}}});
  REQUIRE(begun.status == 202);
  CHECK(begun["state"] == "queued");
  auto const path = "/api/tenant-batches/" + begun["id"];
  app.work();
  auto const asked = admin.get(path);
  CHECK(asked["state"] == "running");
  CHECK(asked["running"] == "82");
  CHECK(asked["ok"] == "0");
  stand_still(app);
  auto const done = admin.get(path);
  CHECK(done["state"] == "done");
  CHECK(done["total"] == "118");
  CHECK(done["done"] == "118");
  CHECK(done["ok"] == app.value("SELECT count(*) FROM tenant_holds WHERE note = 'Moving house'"));
  CHECK(done["ok"] == "82");       // 84 live ones without the two
  CHECK(done["skipped"] == "36");  // 24 held already, 12 gone
  CHECK(done["failed"] == "0");
  CHECK(app.value("SELECT state FROM tenants WHERE id = 1") == "live");
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'hold_placed' AND actor = "
                  "'admin@example.com'") == "82");
  CHECK(app.value("SELECT reason FROM audit_logs WHERE action = 'tenant.batch_started'") ==
        "Moving house");

  Rows seen;
  for (std::string next = "?limit=50"; !next.empty();) {
    auto const page = admin.get(path + "/rows" + next);
    for (auto const& row : page.json.at("data").as_array())
      seen.push_back(Reply::text(row, "id") + " " + Reply::text(row, "state"));
    next = page["has_more"] == "true" ? "?limit=50&cursor=" + page["next_cursor"] : "";
  }
  CHECK(seen.size() == 118);
  CHECK(seen[0] == "ten_3 ok");
  CHECK(seen[1] == "ten_4 skipped");
  CHECK(admin.get(path + "/rows?state=skipped&limit=1")["data.0.why.code"] == "held_by_staff");
  CHECK(admin.get(path + "/rows?state=skipped&limit=100").json.at("data").as_array().size() == 36);
  CHECK(admin.get("/api/tenant-batches/bat_99")["code"] == "batch_not_found");

  auto const csv = admin.get(path + "/rows/export?format=csv");
  CHECK(csv.header("content-type").starts_with("text/csv"));
  CHECK(std::count(csv.body.begin(), csv.body.end(), '\n') == 120);  // what it is, and its head
  CHECK(csv.body.find("\"ten_10\",\"tenant-10x\",\"skipped\",\"It is purged\"") !=
        std::string::npos);
  // What a spreadsheet would take for a formula.
  app.run(
      R"(UPDATE list_batch_rows SET why = '{"code":"x","parameters":{},"text":"=1+1"}' WHERE row_id = 3)");
  CHECK(admin.get(path + "/rows/export").body.find("\"'=1+1\"") != std::string::npos);
}

TEST_CASE("a batch is refused when other tenants match than somebody saw") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  boost::json::object request{
      {"action", "suspend"}, {"filter", {{"state", "live"}}}, {"expected_count", 84}};
  app.run("UPDATE tenants SET state = 'suspended' WHERE id = 1");
  auto const moved = batch(admin, request);
  CHECK(moved.status == 409);
  CHECK(moved["code"] == "count_moved");
  CHECK(moved["count"] == "83");
  CHECK(app.value("SELECT count(*) FROM list_batches") == "0");
  request["expected_count"] = 83;
  CHECK(batch(admin, request).status == 202);

  auto wrong = [&](boost::json::object const& body) { return batch(admin, body).wrong_fields(); };
  CHECK(wrong({{"action", "suspend"}, {"expected_count", 1}}) == "/filter");
  CHECK(wrong({{"action", "release_hold"},
               {"ids", {"ten_1"}},
               {"filter", boost::json::object{}},
               {"expected_count", 1}}) == "/arguments/hold /ids");
  CHECK(wrong({{"action", "change_plan"}, {"ids", {"ten_1"}}, {"expected_count", 1}}) ==
        "/arguments/to_plan");
  CHECK(wrong({{"action", "purge"}, {"ids", {"ten_1"}}, {"expected_count", 0}}) ==
        "/action /expected_count");
  CHECK(batch(admin, {{"action", "resume"},
                      {"ids", {"ten_1", "ten_999"}},
                      {"expected_count", 2}})["count"] == "1");
}

TEST_CASE("a row of a batch is done when what was asked for has ended, as it has ended") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  auto const begun = batch(
      admin, {{"action", "backup"}, {"ids", {"ten_1", "ten_2", "ten_3"}}, {"expected_count", 3}});
  REQUIRE(begun.status == 202);
  auto const path = "/api/tenant-batches/" + begun["id"];
  app.work();
  auto look = [&] {
    app.hurry("list.run_batch");
    app.work();
    return admin.get(path);
  };
  CHECK(look()["running"] == "3");
  app.run(
      "UPDATE tenant_operations SET state = 'succeeded', finished_at = now() WHERE tenant_id = 1; "
      "UPDATE tenant_operations SET state = 'failed', finished_at = now(), error_code = "
      "'backup_disk_full', error_detail = '/backups has 3 MiB free' WHERE tenant_id = 2");
  auto const half = look();
  CHECK(half["state"] == "running");
  CHECK(half["ok"] == "1");
  CHECK(half["failed"] == "1");
  auto const failed = admin.get(path + "/rows?state=failed");
  CHECK(failed["data.0.why.code"] == "operation_failed");
  CHECK(failed["data.0.why.parameters.failure"] == "backup_disk_full");
  CHECK(failed["data.0.why.text"] == "It failed: backup_disk_full: /backups has 3 MiB free");
  CHECK(admin.get(path + "/rows?state=running")["data.0.id"] == "ten_3");
  // The third one never ends.
  clock_source::advance(std::chrono::hours{25});
  app.hurry("list.run_batch");
  app.work();
  clock_source::advance(std::chrono::hours{-25});
  auto const over = admin.get(path);
  CHECK(app.value("SELECT why->>'code' FROM list_batch_rows WHERE row_id = 3") == "never_ended");
  CHECK(over["state"] == "done");
  CHECK(over["failed"] == "2");
}

TEST_CASE("a new plan of a batch is there when the subscription has followed") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  // Somebody pays for the first one, and nobody listens at Stripe's address.
  app.run(
      "INSERT INTO subscriptions (customer_id, tenant_id, stripe_subscription_id, status, "
      "currency, "
      "started_at) VALUES (1, 1, 'sub_1', 'active', 'eur', now())");
  auto const begun = batch(admin, {{"action", "change_plan"},
                                   {"ids", {"ten_1", "ten_2"}},
                                   {"arguments", {{"to_plan", "starter"}}},
                                   {"expected_count", 2}});
  REQUIRE(begun.status == 202);
  auto const path = "/api/tenant-batches/" + begun["id"];
  app.work();
  app.run("UPDATE tenants SET settled_version = version");
  auto look = [&] {
    app.hurry("list.run_batch");
    app.work();
    return admin.get(path);
  };
  auto const waits = look();
  CHECK(waits["ok"] == "1");
  CHECK(waits["running"] == "1");
  app.run(
      "UPDATE jobs SET state = 'dead', finished_at = now(), last_error = 'No such price' WHERE "
      "kind = 'tenants.plan_changed' AND state = 'waiting'");
  auto const over = look();
  CHECK(over["state"] == "done");
  CHECK(over["failed"] == "1");
  CHECK(admin.get(path + "/rows?state=failed")["data.0.why.text"] ==
        "Its subscription stays as it was: No such price");
}

TEST_CASE("a row whose tenant cannot follow has failed with the reason, and can be tried again") {
  auto app = App::fresh({.front_door = true});
  fill(app);  // nothing was ever built for them, and nothing was backed up
  auto const admin = app.as(Role::admin);
  auto const resume = [&] {
    auto const begun =
        batch(admin, {{"action", "resume"}, {"ids", {"ten_4"}}, {"expected_count", 1}});
    REQUIRE(begun.status == 202);
    app.work();
    app.hurry("list.run_batch");
    app.work();
    return begun["id"];
  };
  for (int i = 0; i < 2; ++i) {
    CAPTURE(i);
    auto const path = "/api/tenant-batches/" + resume();
    CHECK(admin.get(path)["state"] == "done");
    CHECK(admin.get(path)["failed"] == "1");
    auto const row = admin.get(path + "/rows");
    CHECK(row["data.0.why.code"] == "operation_failed");
    CHECK(row["data.0.why.parameters.failure"] == "place_and_backup_lost");
    // Its own page says it, too, and when it is tried again by itself.
    auto const tenant = admin.get("/api/tenants/ten_4");
    CHECK(tenant["state"] == "resuming");
    CHECK(tenant["failure.code"] == "place_and_backup_lost");
    CHECK(tenant["failure.retry_at"] != "null");
    CHECK(admin.get("/api/tenants/batch/preview?action=resume&ids=ten_4")["selectable"] == "1");
  }
  CHECK(app.value("SELECT count(*) FROM activity WHERE tenant_id = 4 AND kind = 'change_waits'") ==
        "2");  // once for each who asked

  SUBCASE("by somebody who looks at it alone") {
    auto const retried = admin.post("/api/tenants/ten_4/retry", {});
    CHECK(retried.status == 200);
    CHECK(retried["failure"] == "null");
    app.work();
    CHECK(admin.get("/api/tenants/ten_4")["failure.code"] == "place_and_backup_lost");
  }
  SUBCASE("and it can stand still again instead") {
    CHECK(admin.send("DELETE", "/api/tenants/ten_4?action=suspend", "", {}).status == 200);
    app.work();
    CHECK(admin.get("/api/tenants/ten_4")["state"] == "suspended");
    CHECK(admin.get("/api/tenants/ten_4")["failure"] == "null");
  }
  SUBCASE("when its job has given up nobody waits for a next time") {
    app.run("UPDATE jobs SET attempt = max_attempts - 1 WHERE kind = 'tenants.reconcile'");
    app.hurry("tenants.reconcile");
    app.work();
    CHECK(app.jobs("tenants.reconcile") == Rows{"dead", "dead"});
    CHECK(admin.get("/api/tenants/ten_4")["failure.code"] == "place_and_backup_lost");
    CHECK(admin.get("/api/tenants/ten_4")["failure.retry_at"] == "null");
    resume();
    CHECK(app.jobs("tenants.reconcile") == Rows{"dead", "dead", "waiting"});
  }
}

TEST_CASE("a row whose job gave up for a reason that nobody foresaw has failed, too") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  auto const begun =
      batch(admin, {{"action", "suspend"}, {"ids", {"ten_1"}}, {"expected_count", 1}});
  app.work();
  db::Connection connection{app.database.url()};
  db::transact(connection, [](db::Tx& tx) { tenants::note_given_up(tx, {1}, "out of luck"); });
  app.hurry("list.run_batch");
  app.work();
  auto const row = admin.get("/api/tenant-batches/" + begun["id"] + "/rows");
  CHECK(row["data.0.state"] == "failed");
  CHECK(row["data.0.why.parameters.failure"] == "given_up");
  CHECK(row["data.0.why.text"] == "It failed: given_up: out of luck");
  CHECK(admin.get("/api/tenants/batch/preview?action=suspend&ids=ten_1")["selectable"] == "1");
}

TEST_CASE("tenants of the demo follow in their rows, and nothing of them is in the world") {
  auto app = App::fresh({.front_door = true});
  fill(app);
  app.run("UPDATE tenants SET provisioner = 'demo'");
  auto const admin = app.as(Role::admin);
  auto const done = [&](boost::json::object body) {
    body["ids"] = {"ten_1", "ten_2"};
    body["expected_count"] = 2;
    auto const begun = batch(admin, body);
    REQUIRE(begun.status == 202);
    for (int i = 0; i < 3; ++i) {
      app.work();
      app.hurry("list.run_batch");
      app.hurry("tenants.%");
    }
    app.work();
    return app.value(
        "SELECT string_agg(state || coalesce(' ' || (why->>'code'), ''), ', ') FROM "
        "list_batch_rows WHERE batch_id = " +
        begun["id"].substr(4));
  };
  auto const state = [&] {
    return app.value("SELECT string_agg(DISTINCT state::text, ', ') FROM tenants WHERE id < 3");
  };
  CHECK(done({{"action", "suspend"}}) == "ok, ok");
  CHECK(state() == "suspended");
  app.enqueue(provisioning::Inspect{});
  app.work();
  CHECK(app.value("SELECT count(*) FROM world_findings") == "0");
  CHECK(done({{"action", "resume"}}) == "ok, ok");
  CHECK(state() == "live");
  CHECK(done({{"action", "change_plan"}, {"arguments", {{"to_plan", "starter"}}}}) == "ok, ok");
  CHECK(done({{"action", "backup"}}) == "skipped nothing_runs, skipped nothing_runs");
  db::Connection connection{app.database.url()};
  auto const with_both = [&](void (*verb)(db::Tx&, tenants::TenantId)) {
    db::transact(connection, [&](db::Tx& tx) {
      for (std::int64_t const id : {1, 2}) verb(tx, {id});
    });
    app.work();
  };
  CHECK(done({{"action", "suspend"}}) == "ok, ok");
  with_both([](db::Tx& tx, tenants::TenantId id) { tenants::archive(tx, id, "test"); });
  CHECK(state() == "archived");
  with_both([](db::Tx& tx, tenants::TenantId id) { tenants::purge(tx, id, "test"); });
  CHECK(state() == "purged");
  CHECK(app.value("SELECT count(*) FROM tenant_resources") == "0");
}

TEST_CASE("each row of a batch is judged by itself") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  auto rows = [&](Reply const& begun) {
    REQUIRE(begun.status == 202);
    app.work();
    app.run(
        "UPDATE tenants SET settled_version = version; "
        "UPDATE tenants SET state = 'live' WHERE state = 'resuming'");
    stand_still(app);
    return app.rows(
        "SELECT 'ten_' || row_id, state, why->>'code', why->>'parameters' FROM list_batch_rows "
        "WHERE batch_id = " +
        begun["id"].substr(4) + " ORDER BY row_id");
  };
  SUBCASE("plans") {
    app.run(
        "UPDATE tenants SET plan_id = 'starter' WHERE id = 1; "
        "INSERT INTO tenant_health (tenant_id, cpu, ram, disk) VALUES (2, 0, 0, 9000::bigint * "
        "1048576)");
    CHECK(rows(batch(admin, {{"action", "change_plan"},
                             {"ids", {"ten_1", "ten_2", "ten_3", "ten_10"}},
                             {"arguments", {{"to_plan", "starter"}}},
                             {"expected_count", 4}})) ==
          Rows{"ten_1|skipped|has_plan_already|{}",
               R"(ten_2|skipped|uses_more_storage|{"used_bytes": 9437184000})", "ten_3|ok||",
               R"(ten_10|skipped|state_is|{"state": "purged"})"});
    CHECK(app.value("SELECT max_users FROM tenants WHERE id = 3") == "5");
  }
  SUBCASE("operations") {
    CHECK(rows(batch(admin, {{"action", "restart"}, {"ids", {"ten_4"}}, {"expected_count", 1}})) ==
          Rows{R"(ten_4|skipped|state_is|{"state": "suspended"})"});
  }
  SUBCASE("holds") {
    CHECK(rows(batch(admin, {{"action", "release_hold"},
                             {"arguments", {{"hold", "admin"}}},
                             {"ids", {"ten_3", "ten_4"}},
                             {"expected_count", 2}})) ==
          Rows{"ten_3|skipped|no_such_hold|{}", "ten_4|ok||"});
  }
  SUBCASE("another hold keeps it") {
    app.run("INSERT INTO tenant_holds (tenant_id, reason) VALUES (4, 'billing')");
    CHECK(rows(batch(admin, {{"action", "resume"}, {"ids", {"ten_4"}}, {"expected_count", 1}})) ==
          Rows{R"(ten_4|failed|held_otherwise|{"holds": "billing"})"});
    CHECK(app.value("SELECT state FROM tenants WHERE id = 4") == "suspended");
  }
  SUBCASE("by somebody who may not do it any more") {
    auto const begun =
        batch(admin, {{"action", "suspend"}, {"ids", {"ten_1"}}, {"expected_count", 1}});
    CHECK(app.as(Role::owner)
              .send("PATCH",
                    "/api/settings/team/" +
                        app.value("SELECT 'usr_' || id FROM staff WHERE role = 'admin'"),
                    R"({"role":"auditor"})", {"Content-Type: application/json", "If-Match: \"1\""})
              .status == 200);
    CHECK(rows(begun) == Rows{"ten_1|failed|may_not_any_more|{}"});
    CHECK(app.value("SELECT state FROM tenants WHERE id = 1") == "live");
  }
}

TEST_CASE("a link shows its credential once, to one of many") {
  auto app = App::fresh();
  fill(app);
  vault::Vault vault{app.key()};
  auto make = [&] {
    db::Connection connection{app.database.url()};
    return db::transact(connection, [&](db::Tx& tx) {
      return tenants::make_access(tx, app.settings, vault, tenants::TenantId{1}, "admin",
                                  "s3cret pass");
    });
  };
  auto const link = make();
  REQUIRE(link.starts_with(app.settings.public_url + "/access/"));
  auto const path = link.substr(app.settings.public_url.size());
  auto const token = path.substr(path.rfind('/') + 1);
  CHECK(token.size() == 43);
  CHECK(app.value("SELECT count(*) FROM one_time_access WHERE token_hash LIKE '%" + token +
                  "%' OR sealed LIKE '%s3cret%'") == "0");

  std::vector<Reply> replies(10);
  std::vector<std::thread> threads;
  for (auto& reply : replies)
    threads.emplace_back([&] { reply = app.visitor().send("POST", path, "", {}); });
  for (auto& thread : threads) thread.join();
  int shown = 0;
  for (auto const& reply : replies) {
    if (reply.status == 200) {
      ++shown;
      CHECK(reply["login"] == "admin");
      CHECK(reply["password"] == "s3cret pass");
      CHECK(reply["url"].starts_with("http://tenant-1x.localhost:"));
      CHECK(reply.header("cache-control") == "no-store");
    } else {
      CHECK(reply.status == 410);
      CHECK(reply["code"] == "access_used");
    }
  }
  CHECK(shown == 1);
  CHECK(app.visitor().send("POST", "/access/nonsense", "", {}).status == 404);
  CHECK(app.value("SELECT sealed FROM one_time_access").empty());
  CHECK(app.rows("SELECT action, target FROM audit_logs WHERE action LIKE 'tenant.access%'") ==
        Rows{"tenant.access_used|ten_1"});
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE audit_logs::text LIKE '%s3cret%' OR "
                  "audit_logs::text LIKE '%" +
                  token + "%'") == "0");

  auto const late = make().substr(app.settings.public_url.size());
  app.run("UPDATE one_time_access SET expires_at = now() WHERE used_at IS NULL");
  CHECK(app.visitor().send("POST", late, "", {}).status == 410);
}

TEST_CASE(
    "a second way to a password leads to the same one; a new password ends the links before") {
  auto app = App::fresh();
  fill(app);
  vault::Vault vault{app.key()};
  auto const tenant = tenants::TenantId{1};
  auto with = [&](auto&& work) {
    db::Connection connection{app.database.url()};
    return db::transact(connection, work);
  };
  auto make = [&](std::string const& password) {
    return with([&](db::Tx& tx) {
      return tenants::make_access(tx, app.settings, vault, tenant, "admin", password);
    });
  };
  auto repeat = [&] {
    return with(
        [&](db::Tx& tx) { return tenants::repeat_access(tx, app.settings, vault, tenant); });
  };
  auto open = [&](std::string const& link) {
    return app.visitor().send("POST", link.substr(app.settings.public_url.size()), "", {});
  };
  CHECK_FALSE(repeat());
  auto const old = make("the first password");
  auto const present = make("the second password");
  CHECK(open(old).status == 410);
  auto const beside = repeat();
  REQUIRE(beside);
  CHECK_FALSE(with([&](db::Tx& tx) { return tenants::was_access_seen(tx, tenant); }));
  CHECK(open(*beside)["password"] == "the second password");
  CHECK(open(*beside).status == 410);
  CHECK(open(present)["password"] == "the second password");
  CHECK(with([&](db::Tx& tx) { return tenants::was_access_seen(tx, tenant); }));
  CHECK_FALSE(repeat());
}
