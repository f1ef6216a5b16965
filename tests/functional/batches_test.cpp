// Batches of any list when things go wrong: rows that go, workers that die, people who lose their
// rights, actions that a new version no longer has.
#include <doctest/doctest.h>

#include <sys/wait.h>

#include <csignal>
#include <set>

#include "support/app.hpp"

using support::App;
using support::Caller;
using support::Reply;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
/// Live tenants and nothing beneath them.
void fill(App const& app, int count) {
  app.run(R"sql(
    INSERT INTO customers (company, name, email, country, locale)
    SELECT 'Company ' || i, 'Person', 'p' || i || '@example.com', 'ES', 'en' FROM generate_series(1, )sql" +
          std::to_string(count) + R"sql() AS i;
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at)
    SELECT id, 'tenant-' || id || 'x', 'team', 'live', 25, 25600, 1024, 100, 'process', 'sample', now()
      FROM customers ORDER BY id)sql");
}

/// Jobs that have failed for good, as ids 1 … count of an empty table.
void bury(App const& app, int count) {
  app.run(
      "DELETE FROM jobs; ALTER TABLE jobs ALTER id RESTART; "
      "INSERT INTO jobs (kind, payload, state, attempt, finished_at, last_error) "
      "SELECT 'test.buried', '{}', 'dead', 10, now(), 'no such thing' FROM generate_series(1, " +
      std::to_string(count) + ")");
}

Reply suspend(Caller const& caller, int count, std::vector<std::string> const& more = {}) {
  return caller.post("/api/tenants/batch",
                     {{"action", "suspend"},
                      {"filter", boost::json::object{}},
                      {"expected_count", count},
                      {"arguments", {{"reason", "Moving house"}}}},
                     more);
}

void look_again(App& app) {
  app.hurry("list.run_batch");
  app.work();
}

/// The world follows by hand.
void stand_still(App& app) {
  app.run("UPDATE tenants SET state = 'suspended' WHERE state = 'suspending'");
  look_again(app);
}

std::string outcomes(App const& app, std::string const& batch) {
  return app.value(
      "SELECT string_agg(state || ' ' || count, ', ' ORDER BY state) FROM (SELECT "
      "state::text, count(*) FROM list_batch_rows WHERE batch_id = " +
      batch.substr(4) + " GROUP BY 1) AS counted");
}
}  // namespace

TEST_CASE(
    "a preview says how many there are, with how many it can be done, and why not with others") {
  auto app = App::fresh();
  fill(app, 30);
  app.run(
      "UPDATE tenants SET state = 'purged' WHERE id IN (3, 4); "
      "UPDATE tenants SET state = 'rolled_back' WHERE id = 5; "
      "INSERT INTO tenant_holds (tenant_id, reason) VALUES (7, 'admin')");
  auto const admin = app.as(Role::admin);
  auto const seen = admin.get("/api/tenants/batch/preview?action=suspend&exclude=ten_4,ten_30");
  REQUIRE(seen.status == 200);
  CHECK(seen["matching"] == "28");
  CHECK(seen["selectable"] == "25");
  CHECK(seen["capped"] == "false");
  std::set<std::string> skipped;
  for (auto const& one : seen.json.at("skipped").as_array())
    skipped.insert(Reply::text(one, "why.code") + " " + Reply::text(one, "why.parameters.state") +
                   " " + Reply::text(one, "count") + " " + Reply::text(one, "ids.0"));
  CHECK(skipped.contains("state_is purged 1 ten_3"));
  CHECK(skipped.contains("state_is rolled_back 1 ten_5"));
  CHECK(skipped.size() == 3);
  // What the batch then does is what was said.
  auto const begun = suspend(admin, 30);
  REQUIRE(begun.status == 202);
  app.work();
  CHECK(outcomes(app, begun["id"]) == "running 26, skipped 4");

  auto const filtered =
      admin.get("/api/tenants/batch/preview?action=suspend&state=purged,rolled_back&q=tenant");
  CHECK(filtered["matching"] == "3");
  CHECK(filtered["selectable"] == "0");
  auto const plans = admin.get(
      "/api/tenants/batch/preview?action=change_plan&ids=ten_1,ten_3&arguments="
      "%7B%22to_plan%22%3A%22team%22%7D");
  CHECK(plans["selectable"] == "0");
  CHECK(plans["skipped.0.why.code"] == "has_plan_already");
  auto wrong = [&](std::string const& query) {
    return admin.get("/api/tenants/batch/preview?" + query).wrong_fields();
  };
  CHECK(wrong("") == "?action");
  CHECK(wrong("action=purge&nonsense=1") == "?action ?nonsense");
  CHECK(wrong("action=suspend&ids=cus_1") == "?ids");
  CHECK(wrong("action=suspend&ids=ten_1&state=live") == "?ids");
  for (auto const* arguments : {"%7B", "%5B", "%5B%5D", "7", "%7B%7D%7B%7D"}) {
    CAPTURE(arguments);
    CHECK(wrong("action=suspend&arguments=" + std::string{arguments}) == "?arguments");
  }
  // What the batch refuses is not promised either.
  CHECK(wrong("action=change_plan&arguments=%7B%22to_plan%22%3A%22none%22%7D") ==
        "?arguments/to_plan");
  CHECK(wrong("action=change_plan") == "?arguments/to_plan");
  CHECK(app.as(Role::auditor).get("/api/tenants/batch/preview?action=suspend").status == 403);
}

TEST_CASE(
    "a batch of nothing, of what is not there, of a filter that there is not: all are refused") {
  auto app = App::fresh();
  fill(app, 3);
  auto const admin = app.as(Role::admin);
  auto ask = [&](boost::json::object body) {
    body["action"] = "suspend";
    return admin.post("/api/tenants/batch", body);
  };
  CHECK(ask({{"filter", {{"state", "purged"}}}, {"expected_count", 0}}).wrong_fields() ==
        "/expected_count");
  CHECK(ask({{"filter", {{"state", "purged"}}}, {"expected_count", 1}})["count"] == "0");
  CHECK(ask({{"ids", boost::json::array{}}, {"expected_count", 1}})["count"] == "0");
  CHECK(ask({{"filter", {{"colour", "red"}}}, {"expected_count", 3}}).wrong_fields() ==
        "/filter/colour");
  CHECK(ask({{"filter", {{"state", "flying"}}}, {"expected_count", 3}}).wrong_fields() ==
        "/filter/state");
  CHECK(ask({{"filter", {{"q", 7}}}, {"expected_count", 3}}).wrong_fields() == "/filter/q");
  CHECK(ask({{"filter", "live"}, {"expected_count", 3}}).wrong_fields() == "/filter");
  CHECK(ask({{"ids", {"cus_1"}}, {"expected_count", 1}}).wrong_fields() == "/ids");
  CHECK(ask({{"ids", {"ten_1"}}, {"expected_count", 1}, {"arguments", {{"hold", "admin"}}}})
            .wrong_fields() == "/arguments/hold");
  CHECK(ask({{"ids", {"ten_1"}}, {"expected_count", 1}, {"arguments", 5}}).wrong_fields() ==
        "/arguments");
  CHECK(app.value("SELECT count(*) FROM list_batches") == "0");

  // Exceptions that the filter does not match take nothing away; an id twice is one row.
  auto const begun = ask(
      {{"filter", {{"state", "live"}}}, {"exclude", {"ten_2", "ten_999"}}, {"expected_count", 2}});
  CHECK(begun.status == 202);
  CHECK(begun.header("location") == "/api/tenant-batches/" + begun["id"]);
  CHECK(ask({{"ids", {"ten_1", "ten_1"}}, {"expected_count", 1}}).status == 202);
}

TEST_CASE("the same batch asked for twice under one key is one batch") {
  auto app = App::fresh();
  fill(app, 3);
  auto const admin = app.as(Role::admin);
  Rows const key{"Idempotency-Key: suspend-all-1"};
  auto const first = suspend(admin, 3, key);
  auto const second = suspend(admin, 3, key);
  CHECK(first.status == 202);
  CHECK(second["id"] == first["id"]);
  CHECK(app.value("SELECT count(*) FROM list_batches") == "1");
  app.work();
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'hold_placed'") == "3");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'tenant.batch_started'") == "1");
}

TEST_CASE("a row that goes before its turn is left out, and can still be told by its name") {
  auto app = App::fresh();
  bury(app, 3);
  auto const admin = app.as(Role::admin);
  auto const begun = admin.post(
      "/api/system/jobs/batch",
      {{"action", "discard"}, {"filter", {{"kind", "test.buried"}}}, {"expected_count", 3}});
  REQUIRE(begun.status == 202);
  app.run("DELETE FROM jobs WHERE id = 2; UPDATE jobs SET state = 'done' WHERE id = 3");
  app.work();
  auto const path = "/api/system/job-batches/" + begun["id"];
  CHECK(admin.get(path)["state"] == "done");
  CHECK(
      app.rows("SELECT row_id, label, state, why->>'code' FROM list_batch_rows ORDER BY row_id") ==
      Rows{"1|test.buried|ok|", "2|test.buried|skipped|gone",
           "3|test.buried|skipped|job_not_dead"});
  CHECK(app.rows("SELECT id FROM jobs WHERE kind = 'test.buried'") == Rows{"3"});
  CHECK(admin.get(path + "/rows?state=skipped")["data.0.id"] == "job_2");
  // One list's batch is not another's to look at.
  CHECK(admin.get("/api/tenant-batches/" + begun["id"]).status == 404);
  CHECK(admin.get("/api/tenant-batches/" + begun["id"] + "/rows").status == 404);
  CHECK(app.as(Role::support).get(path).status == 200);
  CHECK(app.as(Role::support).post("/api/system/jobs/batch", boost::json::object{}).status == 403);
}

TEST_CASE("jobs that are tried again count when they have come to their end, this time or not") {
  auto app = App::fresh();
  bury(app, 3);
  app.run("UPDATE jobs SET schedule = 'test.buried' WHERE id = 3");
  auto const admin = app.as(Role::admin);
  auto const begun =
      admin.post("/api/system/jobs/batch", {{"action", "retry"},
                                            {"ids", {"job_1", "job_2", "job_3"}},
                                            {"expected_count", 3},
                                            {"arguments", {{"reason", "It is there"}}}});
  REQUIRE(begun.status == 202);
  app.work();
  CHECK(app.rows("SELECT id, state, attempt FROM jobs WHERE id <= 3 ORDER BY id") ==
        Rows{"1|waiting|0", "2|waiting|0", "3|dead|10"});
  CHECK(outcomes(app, begun["id"]) == "running 2, skipped 1");
  app.run(
      "UPDATE jobs SET state = 'done', finished_at = now() WHERE id = 1; "
      "UPDATE jobs SET state = 'dead', finished_at = now(), last_error = 'nor now' WHERE id = 2");
  look_again(app);
  CHECK(app.rows("SELECT state, why->>'code', why->>'text' FROM list_batch_rows ORDER BY row_id") ==
        Rows{"ok||", "failed|job_failed_again|It has failed again: nor now",
             "skipped|job_of_schedule|Its schedule starts a new one by itself"});
  CHECK(app.value("SELECT reason FROM audit_logs WHERE action = 'jobs.batch_started'") ==
        "It is there");
}

TEST_CASE("two batches over the same rows at once: each row is done by one of them") {
  auto app = App::fresh();
  fill(app, 250);
  auto const admin = app.as(Role::admin);
  auto const one = suspend(admin, 250);
  auto const other = suspend(admin, 250);
  app.work();  // in turns of a hundred rows each
  stand_still(app);
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'hold_placed'") == "250");
  CHECK(app.value("SELECT count(*) FROM list_batch_rows WHERE state = 'ok'") == "250");
  CHECK(app.value("SELECT count(*) FROM list_batch_rows WHERE why->>'code' = 'held_by_staff'") ==
        "250");
  CHECK(app.value("SELECT count(*) FROM (SELECT row_id FROM list_batch_rows WHERE state = 'ok' "
                  "GROUP BY 1) AS rows") == "250");
  CHECK(admin.get("/api/tenant-batches/" + one["id"])["state"] == "done");
  CHECK(admin.get("/api/tenant-batches/" + other["id"])["state"] == "done");
}

TEST_CASE("a batch gives its worker away after some rows: what was asked for later does not wait") {
  auto app = App::fresh();
  fill(app, 1000);
  auto const admin = app.as(Role::admin);
  auto const batch = suspend(admin, 1000);
  app.run(
      "CREATE TABLE seen (rows bigint); "
      "CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen "
      "SELECT count(*) FROM list_batch_rows WHERE batch_id = 1 AND state <> 'waiting'; RETURN "
      "NULL; END $$; "
      "CREATE TRIGGER note_end AFTER UPDATE OF finished_at ON list_batches FOR EACH ROW WHEN "
      "(NEW.id = 2 AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION note_end()");
  // Its only row is skipped, so that it ends at its first turn.
  REQUIRE(admin
              .post("/api/tenants/batch",
                    {{"action", "resume"}, {"ids", {"ten_1000"}}, {"expected_count", 1}})
              .status == 202);
  app.work();
  CHECK(app.rows("SELECT rows FROM seen") == Rows{"100"});
  CHECK(outcomes(app, batch["id"]) == "running 1000");
}

TEST_CASE("a worker that is killed in the middle: another goes on, and each row is done once") {
  auto app = App::fresh();
  fill(app, 300);
  auto const admin = app.as(Role::admin);
  auto const begun = suspend(admin, 300);
  // It dies as it is about to write the result of the 151st row, whose hold is placed already.
  app.run(
      "CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "PERFORM pg_advisory_xact_lock(7, 7); RETURN NEW; END $$; "
      "CREATE TRIGGER hang BEFORE UPDATE ON list_batch_rows FOR EACH ROW WHEN (NEW.row_id = 151) "
      "EXECUTE FUNCTION hang()");
  db::Connection gate{app.database.url()};
  gate.execute("SELECT pg_advisory_lock(7, 7)");
  auto const died = fork();
  if (died == 0) {
    app.application().engine().run_ready();
    _exit(1);
  }
  REQUIRE(support::eventually([&] {
    return app.value(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query "
               "LIKE '%list_batch_rows%'") == "1";
  }));
  kill(died, SIGKILL);
  waitpid(died, nullptr, 0);
  gate.drop();
  CHECK(outcomes(app, begun["id"]) == "running 150, waiting 150");
  REQUIRE(support::eventually([&] {  // PostgreSQL has noticed
    return app.value(
               "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
               "classid <> 7") == "0";
  }));
  app.run(
      "DROP TRIGGER hang ON list_batch_rows; "
      "UPDATE jobs SET state = 'waiting', lease_until = NULL, run_at = now() WHERE state = "
      "'running' AND kind = 'list.run_batch'");  // as when its lease has lapsed
  app.work();
  stand_still(app);
  CHECK(outcomes(app, begun["id"]) == "ok 300");
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "300");
  CHECK(app.value("SELECT count(*) FROM activity WHERE kind = 'hold_placed'") == "300");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'tenant.batch_started'") == "1");
}

TEST_CASE("who loses the right in the middle: what is done stays, the rest is not done") {
  auto app = App::fresh();
  fill(app, 150);
  auto const admin = app.as(Role::admin);
  auto const begun = suspend(admin, 150);
  app.run("UPDATE list_batch_rows SET state = 'ok', finished_at = now() WHERE row_id <= 100");
  CHECK(app.as(Role::owner)
            .send("PATCH",
                  "/api/settings/team/" +
                      app.value("SELECT 'usr_' || id FROM staff WHERE role = 'admin'"),
                  R"({"role":"auditor"})", {"Content-Type: application/json", "If-Match: \"1\""})
            .status == 200);
  app.work();
  CHECK(outcomes(app, begun["id"]) == "failed 50, ok 100");
  CHECK(app.value("SELECT count(*) FROM list_batch_rows WHERE why->>'code' = 'may_not_any_more'") ==
        "50");
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "0");
}

TEST_CASE("an action or a list that this version does not have ends its batches, and says so") {
  auto app = App::fresh();
  fill(app, 2);
  auto const admin = app.as(Role::admin);
  auto const one = suspend(admin, 2);
  auto const other = suspend(admin, 2);
  app.run(
      "UPDATE list_batches SET action = 'paint' WHERE id = 1; "
      "UPDATE list_batches SET list = 'houses' WHERE id = 2");
  app.work();
  for (auto const& begun : {one, other}) {
    CHECK(outcomes(app, begun["id"]) == "failed 2");
    CHECK(app.value("SELECT finished_at IS NOT NULL FROM list_batches WHERE id = " +
                    begun["id"].substr(4)) == "t");
  }
  CHECK(app.value("SELECT string_agg(DISTINCT why->>'code', ',') FROM list_batch_rows") ==
        "action_gone");
}

TEST_CASE("a batch whose job is given up does not wait for ever") {
  auto app = App::fresh();
  fill(app, 2);
  auto const begun = suspend(app.as(Role::admin), 2);
  // Arguments that this version does not read.
  app.run(
      "UPDATE list_batches SET arguments = '{\"reason\":5}'; UPDATE jobs SET max_attempts = 1 "
      "WHERE kind = 'list.run_batch'");
  app.work();
  CHECK(app.jobs("list.run_batch") == Rows{"dead"});
  CHECK(app.rows("SELECT state, why->>'code' FROM list_batch_rows") ==
        Rows{"failed|broke_off", "failed|broke_off"});
  CHECK(app.as(Role::admin).get("/api/tenant-batches/" + begun["id"])["state"] == "done");
}

TEST_CASE("more rows than a list counts: all of them, and the preview counts them all") {
  auto app = App::fresh();
  fill(app, 1'100);
  auto const admin = app.as(Role::admin);
  CHECK(admin.get("/api/tenants/batch/preview?action=suspend")["selectable"] == "1100");
  auto const begun = suspend(admin, 1'100);
  REQUIRE(begun.status == 202);
  app.work();
  CHECK(app.value("SELECT count(*) FROM tenant_holds") == "1100");
  stand_still(app);
  CHECK(outcomes(app, begun["id"]) == "ok 1100");
}
