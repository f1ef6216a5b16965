// Holds, suspension, deletion, the archive, and who may do any of it.
#include <doctest/doctest.h>

#include <thread>

#include "support/app.hpp"
#include "tenants/tenants.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
void fill(App const& app, std::string const& state = "live") {
  app.run(R"sql(
    INSERT INTO customers (company, name, email, country, locale)
    VALUES ('Acme Ltd', 'Ada', 'ada@acme.example', 'ES', 'en');
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at, failure_code)
    VALUES (1, 'acme', 'team', ')sql" +
          state + "', 25, 25600, 1024, 100, 'process', 'sample', now(), CASE WHEN '" + state +
          "' = 'provision_failed' THEN 'test' END)");
}

Reply remove(Caller const& caller, std::string const& path) {
  return caller.send("DELETE", "/api/tenants/ten_1" + path, "", {});
}
std::string state(App const& app) { return app.value("SELECT state FROM tenants WHERE id = 1"); }
void set_state(App const& app, std::string const& to) {
  app.run("UPDATE tenants SET state = '" + to + "' WHERE id = 1");
}
}  // namespace

TEST_CASE("holds are a set: it runs again when the last one is gone") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  std::string const path = "/api/tenants/ten_1/holds";
  auto const until = clock_source::rfc3339(clock_source::now() + std::chrono::hours{2});
  auto const placed =
      admin.post(path, {{"reason", "abuse"}, {"note", "Sends spam"}, {"expires_at", until}});
  CHECK(placed.status == 201);
  CHECK(placed["placed_by"] == "admin@example.com");
  CHECK(state(app) == "suspending");
  CHECK(admin.post(path, {{"reason", "quota"}}).status == 201);
  CHECK(admin.post(path, {{"reason", "quota"}}).status == 201);
  CHECK(admin.get(path).json.at("data").as_array().size() == 2);
  CHECK(admin.get("/api/tenants/ten_1")["holds_detail.0.note"] == "Sends spam");
  set_state(app, "suspended");

  CHECK(remove(admin, "/holds/quota").status == 204);
  CHECK(state(app) == "suspended");
  CHECK(remove(admin, "/holds/quota")["code"] == "hold_not_found");
  CHECK(remove(admin, "/holds/billing").status == 404);
  CHECK(remove(admin, "/holds/nonsense").status == 422);

  auto expire = [&] {
    db::Connection connection{app.database.url()};
    db::transact(connection, [](db::Tx& tx) { tenants::expire_holds(tx); });
  };
  expire();
  CHECK(state(app) == "suspended");
  app.run("UPDATE tenant_holds SET expires_at = now() - interval '1 second'");
  expire();
  CHECK(state(app) == "resuming");
  CHECK(app.rows("SELECT kind, data->>'hold', data->>'note', actor FROM activity WHERE kind LIKE "
                 "'hold%' ORDER BY id") == Rows{"hold_placed|abuse|Sends spam|admin@example.com",
                                                "hold_placed|quota||admin@example.com",
                                                "hold_released|quota||admin@example.com",
                                                "hold_released|abuse||timeout"});

  CHECK(admin.post(path, {{"reason", "boredom"}}).wrong_fields() == "/reason");
  CHECK(admin.post(path, {{"reason", "abuse"}, {"expires_at", "2020-01-01T00:00:00Z"}})
            .wrong_fields() == "/expires_at");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'tenant.hold_placed'") == "3");
}

TEST_CASE("nobody pays for what stands still, and nobody reads that it runs while it does") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const admin = app.as(Role::admin);
  auto const signup = app.sign_up(acme());
  CHECK(admin.post("/api/tenants/ten_1/holds", {{"reason", "abuse"}})["code"] == "not_paid_yet");
  CHECK(remove(admin, "?action=suspend")["code"] == "not_paid_yet");
  CHECK(admin
            .post("/api/tenants/batch",
                  {{"action", "suspend"}, {"ids", {"ten_1"}}, {"expected_count", 1}})
            .status == 202);
  app.work();
  CHECK(app.rows("SELECT state, why->>'code', why->>'text' FROM list_batch_rows") ==
        Rows{"skipped|state_is|It is awaiting_payment"});
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");

  app.pay(signup["checkout_url"]);
  app.deliver_news();
  app.run("INSERT INTO tenant_holds (tenant_id, reason) VALUES (1, 'abuse')");
  app.work();
  CHECK(state(app) == "suspended");
  auto page = [&] { return app.visitor().get(App::status_path(signup)); };
  CHECK(page()["state"] == "live");
  CHECK(page()["rest"] == "paused");
  auto ready_mails = [&] {
    return app.value("SELECT count(*) FROM mails WHERE template = 'tenant_ready'");
  };
  CHECK(ready_mails() == "0");

  CHECK(remove(admin, "/holds/abuse").status == 204);
  app.work();
  app.hurry();
  app.work();
  CHECK(state(app) == "live");
  CHECK(page().json.at("rest").is_null());
  CHECK(ready_mails() == "1");
}

TEST_CASE("fifty suspensions at once are one") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  std::vector<int> statuses(50);
  std::vector<std::thread> threads;
  for (auto& status : statuses)
    threads.emplace_back(
        [&] { status = remove(admin, "?action=suspend&note=Asked%20by%20phone").status; });
  for (auto& thread : threads) thread.join();
  CHECK(std::count(statuses.begin(), statuses.end(), 200) == 50);
  CHECK(app.rows("SELECT reason, placed_by, note FROM tenant_holds") ==
        Rows{"admin|admin@example.com|Asked by phone"});
  CHECK(app.rows("SELECT kind, data->>'to_state' FROM activity ORDER BY id") ==
        Rows{"hold_placed|", "state_changed|suspending"});
  CHECK(app.jobs("tenants.reconcile").size() == 1);
  CHECK(app.value("SELECT count(DISTINCT (action, reason)) FROM audit_logs WHERE action = "
                  "'tenant.suspended'") == "1");

  auto const resumed = admin.post("/api/tenants/ten_1/resume", boost::json::object{});
  CHECK(resumed.status == 200);
  CHECK(resumed["state"] == "resuming");
  app.run("INSERT INTO tenant_holds (tenant_id, reason) VALUES (1, 'billing')");
  set_state(app, "suspended");
  auto const held = admin.post("/api/tenants/ten_1/resume", boost::json::object{});
  CHECK(held.status == 409);
  CHECK(held["code"] == "still_held");
  CHECK(held["holds.0"] == "billing");
}

TEST_CASE("deletion asks for the name, leads to the archive, and can be taken back") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  CHECK(remove(admin, "").status == 422);
  CHECK(remove(admin, "?action=explode").status == 422);
  CHECK(remove(admin, "?action=delete").problem_of("?confirm") == "required");
  CHECK(remove(admin, "?action=delete&confirm=other").problem_of("?confirm") == "does_not_match");
  CHECK(state(app) == "live");

  auto const asked = remove(admin, "?action=delete&confirm=acme");
  CHECK(asked.status == 200);
  CHECK(asked["state"] == "suspending");
  CHECK(asked["purge_after"] != "null");
  CHECK(remove(admin, "?action=delete&confirm=acme").status == 200);
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'deletion_requested'") == "1");
  CHECK(app.rows("SELECT reason FROM tenant_holds") == Rows{"admin"});
  // Nobody wrote a note: the reason is the program's, so it comes as a code. Once it was a note.
  for (auto const* note : {"NULL", "'deletion'"}) {
    app.run(std::string{"UPDATE tenant_holds SET note = "} + note);
    auto const held = admin.get("/api/tenants/ten_1/holds");
    CHECK(held["data.0.message.code"] == "deletion_requested");
    CHECK(held["data.0.note"] == "null");
  }
  app.run("UPDATE tenant_holds SET note = 'Asked for by phone'");
  CHECK(admin.get("/api/tenants/ten_1/holds")["data.0.note"] == "Asked for by phone");

  SUBCASE("before it is archived, by resuming") {
    CHECK(admin.post("/api/tenants/ten_1/resume", boost::json::object{}).status == 200);
    CHECK(app.value("SELECT delete_requested_at IS NULL FROM tenants") == "t");
    CHECK(state(app) == "resuming");
  }
  SUBCASE("from the archive, or purged") {
    set_state(app, "archived");
    app.run("UPDATE tenants SET archived_at = now(), state_deadline = now() + interval '30 days'");
    CHECK(admin.get("/api/tenants/ten_1")["restorable_until"] != "null");
    CHECK(admin.post("/api/tenants/ten_1/archive", boost::json::object{})["code"] ==
          "state_conflict");
    CHECK(admin.post("/api/tenants/ten_1/purge", {{"confirm", "acm"}}).wrong_fields() ==
          "/confirm");
    SUBCASE("restored") {
      app.run("INSERT INTO tenant_holds (tenant_id, reason) VALUES (1, 'abuse')");
      CHECK(admin.post("/api/tenants/ten_1/restore", boost::json::object{})["code"] ==
            "still_held");
      CHECK(state(app) == "archived");
      CHECK(app.value("SELECT count(*) FROM tenant_holds") == "2");
      CHECK(remove(admin, "/holds/abuse").status == 204);
      CHECK(admin.post("/api/tenants/ten_1/restore", boost::json::object{}).status == 200);
      CHECK(state(app) == "resuming");
      CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
      CHECK(app.value("SELECT delete_requested_at IS NULL AND archived_at IS NULL FROM tenants") ==
            "t");
    }
    SUBCASE("purged") {
      CHECK(admin.post("/api/tenants/ten_1/purge", {{"confirm", "acme"}}).status == 200);
      CHECK(state(app) == "purging");
      CHECK(admin.post("/api/tenants/ten_1/restore", boost::json::object{})["code"] ==
            "state_conflict");
    }
    CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'tenants.reconcile'") == "1");
  }
}

TEST_CASE("what is deleted in any other state ends by the shortest way") {
  auto app = App::fresh();
  auto const admin = app.as(Role::admin);
  auto asked = [&](std::string const& in_state) {
    fill(app, in_state);
    return remove(admin, "?action=delete&confirm=acme");
  };
  SUBCASE("what is being built is undone by its worker") {
    for (auto const* building : {"queued", "provisioning", "provision_failed"}) {
      CAPTURE(building);
      auto const reply = asked(building);
      CHECK(reply.status == 200);
      CHECK(reply["purge_after"] == "null");
      CHECK(app.value("SELECT delete_requested_at IS NOT NULL FROM tenants") == "t");
      CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'tenants.reconcile'") == "1");
      app.run(
          "SET session_replication_role = replica; "
          "TRUNCATE tenants, customers, jobs RESTART IDENTITY CASCADE");
    }
  }
  SUBCASE("what was only reserved is released") {
    CHECK(asked("reserved")["state"] == "rolled_back");
    CHECK(remove(admin, "?action=delete&confirm=acme")["code"] == "state_conflict");
    CHECK(remove(admin, "?action=suspend")["code"] == "state_conflict");
    CHECK(admin.post("/api/tenants/ten_1/holds", {{"reason", "abuse"}})["code"] ==
          "state_conflict");
  }
  SUBCASE("what stands still goes to the archive at once") {
    CHECK(asked("suspended")["state"] == "archiving");
  }
  SUBCASE("what is archived already stays there") {
    CHECK(asked("archived")["state"] == "archived");
    CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
  }
}

TEST_CASE("operations stand in rows, one of a kind at a time") {
  auto app = App::fresh();
  fill(app);
  auto const admin = app.as(Role::admin);
  auto const first = admin.post("/api/tenants/ten_1/restart", boost::json::object{});
  CHECK(first.status == 202);
  CHECK(first["kind"] == "restart");
  CHECK(first["state"] == "queued");
  CHECK(first["requested_by"] == "admin@example.com");
  auto const second = admin.post("/api/tenants/ten_1/restart", boost::json::object{});
  CHECK(second.status == 409);
  CHECK(second["code"] == "operation_running");
  CHECK(second["operation"] == first["id"]);
  CHECK(app.jobs("tenants.operate").size() == 1);
  CHECK(admin.get("/api/tenants/ten_1/operations/" + first["id"])["kind"] == "restart");
  CHECK(admin.get("/api/tenants/ten_1/operations/top_99")["code"] == "operation_not_found");

  app.run("UPDATE tenant_operations SET state = 'succeeded', finished_at = now()");
  CHECK(admin.post("/api/tenants/ten_1/restart", boost::json::object{}).status == 202);
  auto const page = admin.get("/api/tenants/ten_1/operations?limit=1");
  CHECK(page["has_more"] == "true");
  CHECK(admin.get("/api/tenants/ten_1/operations?limit=1&cursor=" +
                  page["next_cursor"])["data.0.id"] == first["id"]);
  set_state(app, "suspended");
  CHECK(admin.post("/api/tenants/ten_1/restart", boost::json::object{})["code"] ==
        "state_conflict");

  SUBCASE("a clone is reserved with the limits of its source") {
    app.run("UPDATE tenants SET memory_limit_mib = 1500, process_limit = 77");
    auto const clone = admin.post("/api/tenants/ten_1/clone", {{"subdomain", "acme-test"}});
    CHECK(clone.status == 201);
    CHECK(clone["state"] == "reserved");
    CHECK(clone["cloned_from"] == "ten_1");
    CHECK(clone["memory_limit_mib"] == "1500");
    CHECK(clone["process_limit"] == "77");
    CHECK(clone["company"] == "Acme Ltd");
    CHECK(app.value("SELECT arguments->>'target' FROM tenant_operations WHERE kind = 'clone'") ==
          clone["id"]);
    CHECK(admin.post("/api/tenants/ten_1/clone", {{"subdomain", "acme"}})["code"] ==
          "subdomain_taken");
    CHECK(admin.post("/api/tenants/ten_1/clone", {{"subdomain", "admin"}}).wrong_fields() ==
          "/subdomain");
  }
}

TEST_CASE("health says what probes and samples say") {
  auto app = App::fresh();
  fill(app);
  auto const auditor = app.as(Role::auditor);
  auto const none = auditor.get("/api/tenants/ten_1/health");
  CHECK(none["status"] == "unknown");
  CHECK(none["resource_usage"] == "null");
  CHECK(none["uptime.percent_30d"] == "null");

  app.run(R"sql(
    UPDATE tenants SET health = 'healthy', latency_ms = 12, application_version = '16.0', state_since = now() - interval '1 hour';
    INSERT INTO tenant_uptime (tenant_id, day, probes, down, degraded)
    VALUES (1, (now() AT TIME ZONE 'UTC')::date, 100, 1, 2), (1, (now() AT TIME ZONE 'UTC')::date - 40, 100, 9, 0),
           (1, (now() AT TIME ZONE 'UTC')::date - 91, 100, 100, 0);
    INSERT INTO tenant_health (tenant_id, cpu, ram, disk, network_in, network_out, processes, "timestamp")
    VALUES (1, 10, 1000, 5000, 1, 2, 3, now() - interval '3 days'), (1, 20, 2000, 6000, 10, 20, 4, now()))sql");
  auto const now = auditor.get("/api/tenants/ten_1/health");
  CHECK(now["status"] == "healthy");
  CHECK(now["latency_ms"] == "12");
  CHECK(now["version"] == "16.0");
  CHECK(std::stoll(now["uptime.seconds"]) >= 3600);
  CHECK(now["uptime.percent_30d"] == "99");
  CHECK(now["uptime.percent_90d"] == "95");
  CHECK(now.json.at_pointer("/uptime/days").as_array().size() == 2);
  CHECK(now["resource_usage.memory_bytes"] == "2000");
  CHECK(now["resource_usage.memory_limit_bytes"] == std::to_string(1024 * 1024 * 1024));
  CHECK(now["resource_usage.network_out_bytes"] == "20");
  CHECK(auditor.get("/api/tenants/ten_1/usage")["data.0.rows.0.values.0"] == "2000");
  auto const week = auditor.get("/api/tenants/ten_1/usage?range=7d");
  CHECK(week["data.2.rows.0.values.0"] == "5000");
  CHECK(week["data.0.rows.0.values.0"] == "1000");
  CHECK(auditor.get("/api/tenants/ten_1/usage?range=1y").status == 422);
  CHECK(auditor.get("/api/tenants/ten_9/health").status == 404);
}

TEST_CASE("an auditor reads and changes nothing, and what is final asks again who one is") {
  auto app = App::fresh();
  fill(app);
  auto const auditor = app.as(Role::auditor);
  boost::json::object const empty;
  CHECK(auditor.get("/api/tenants/ten_1/holds").status == 200);
  CHECK(auditor.get("/api/tenants/ten_1/operations").status == 200);
  CHECK(auditor.post("/api/tenants/ten_1/holds", {{"reason", "abuse"}}).status == 403);
  for (auto const* verb : {"resume", "restart", "archive", "restore", "purge", "clone"})
    CHECK(auditor.post(std::string{"/api/tenants/ten_1/"} + verb, empty).status == 403);
  CHECK(remove(auditor, "?action=suspend").status == 403);
  CHECK(auditor.send("PATCH", "/api/tenants/ten_1", "{}", {"Content-Type: application/json"})
            .status == 403);
  CHECK(auditor.post("/api/tenants/batch", empty).status == 403);

  auto const admin = app.as(Role::admin);
  app.run("UPDATE sessions SET confirmed_at = now() - interval '6 minutes'");
  CHECK(remove(admin, "?action=delete&confirm=acme")["code"] == "step_up_required");
  CHECK(admin.post("/api/tenants/ten_1/purge", {{"confirm", "acme"}})["code"] ==
        "step_up_required");
  CHECK(remove(admin, "?action=suspend").status == 200);
  CHECK(app.value("SELECT delete_requested_at IS NULL FROM tenants") == "t");
}

TEST_CASE("a real tenant is suspended, renamed and resumed at its own address") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(support::acme());
  auto const admin = app.as(Role::admin);
  REQUIRE(state(app) == "live");
  CHECK(remove(admin, "?action=suspend").status == 200);
  CHECK(admin.post("/api/tenants/ten_1/holds", {{"reason", "abuse"}}).status == 201);
  app.work();
  CHECK(state(app) == "suspended");
  CHECK(app.tenant("acme").get("/").header("x-tenant-id").empty());
  CHECK(admin.post("/api/tenants/ten_1/resume", boost::json::object{})["state"] == "suspended");
  app.work();
  CHECK(state(app) == "suspended");
  CHECK(remove(admin, "/holds/abuse").status == 204);
  app.work();
  CHECK(state(app) == "live");

  auto const tag = admin.get("/api/tenants/ten_1").header("etag");
  CHECK(admin
            .send("PATCH", "/api/tenants/ten_1", R"({"subdomain":"acme-new"})",
                  {"Content-Type: application/json", "If-Match: " + tag})
            .status == 200);
  app.work();
  CHECK(app.tenant("acme-new").get("/").header("x-tenant-id") == "ten_1");
  auto const old = app.tenant("acme").get("/some/page");
  CHECK(old.status / 100 == 3);
  CHECK(old.header("location").starts_with("http://acme-new.localhost:"));
  CHECK(old.header("location").ends_with("/some/page"));
  CHECK(admin.get("/api/tenants/ten_1")["limits_applied"] == "true");
}
