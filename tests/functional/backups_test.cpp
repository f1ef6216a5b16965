// Tenants' data kept elsewhere and brought back, on real processes and databases.
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "backups/backups.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/db/url.hpp"
#include "support/app.hpp"
#include "tenants/jobs.hpp"

using support::acme;
using support::App;
using support::Caller;
using support::eventually;
using support::Role;
using Rows = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {
constexpr auto all = "/api/tenants/ten_1/backups";

/// Acme with its owner at the notebook, and staff beside it.
struct Scene {
  explicit Scene(std::function<void(config::Settings&)> settings = {})
      : app{App::fresh({.sandbox = true, .front_door = true, .settings = std::move(settings)})},
        staff{app.as(Role::owner)},
        notebook{[this] {
          app.sign_up_and_pay(acme());
          auto const mail = app.value("SELECT body FROM mails WHERE template = 'tenant_ready'");
          auto const at = mail.find("/access/");
          auto const link = mail.substr(at, mail.find_first_of(" \n", at) - at);
          auto const cookie = app.tenant("acme").send("POST", link, "", {}).header("set-cookie");
          return support::Headers{"Cookie: " + cookie.substr(0, cookie.find(';')),
                                  "Content-Type: application/x-www-form-urlencoded"};
        }()} {}

  void write(std::string const& text) {
    REQUIRE(app.tenant("acme").send("POST", "/notes", "text=" + text, notebook).status == 303);
  }
  bool reads(std::string const& text, std::string const& tenant = "acme") {
    support::Headers const headers{notebook.begin(), notebook.begin() + 1};
    return app.tenant(tenant).get("/", headers).body.find(text) != std::string::npos;
  }
  /// Makes a backup through the API; its id.
  std::string back_up() {
    auto const reply = staff.post(all, nullptr);
    REQUIRE(reply.status == 202);
    app.work();
    REQUIRE(app.value("SELECT state FROM tenant_operations ORDER BY id DESC LIMIT 1") ==
            "succeeded");
    return staff.get(all)["data.0.id"];
  }
  support::Reply restore(std::string const& backup) {
    return staff.post(std::string{all} + "/" + backup + "/restore", {{"confirm", "acme"}});
  }
  support::Reply remove(std::string const& backup) {
    return staff.send("DELETE", std::string{all} + "/" + backup, "", {});
  }
  fs::path home() const { return app.directory.path() / "backups"; }
  fs::path file_of(std::string const& backup) const {
    return home() / "archives" /
           app.value("SELECT location FROM tenant_backups WHERE id = " + backup.substr(4));
  }
  /// Files in a folder of ours, without the folders.
  std::size_t files(char const* folder) const {
    std::size_t count = 0;
    std::error_code absent;
    for (auto const& entry : fs::recursive_directory_iterator{home() / folder, absent})
      count += entry.is_regular_file() && entry.path().filename() != "mark";
    return count;
  }
  pid_t pid() {
    auto const status = app.supervisor().status("tenant-1");
    return status ? status->pid : 0;
  }
  /// Four verified ones of the schedule, made today and 35, 65 and 95 days ago.
  std::vector<std::string> four_of_the_schedule() {
    std::vector<std::string> made;
    for (int age : {95, 65, 35, 0}) {
      made.push_back(back_up());
      app.run("UPDATE tenant_backups SET reason = 'scheduled', started_at = now() - interval '" +
              std::to_string(age) + " days' WHERE id = " + made.back().substr(4));
    }
    return made;
  }
  void sweep() {
    app.enqueue(backups::Sweep{});
    app.work();
  }
  Rows states() const {
    return app.rows("SELECT state, error_code FROM tenant_backups ORDER BY id");
  }
  std::string events(std::string const& kind) const {
    return app.value("SELECT count(*) FROM activity WHERE kind = '" + kind + "'");
  }

  App app;
  Caller staff;
  support::Headers notebook;
};

void flip_a_byte(fs::path const& path) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(200);
  char const byte = char(file.get());
  file.seekp(200);
  file.put(char(byte ^ 0x40));
  REQUIRE(file.good());
}

std::string contents(fs::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}
}  // namespace

TEST_CASE("what was backed up comes back, and what was there before it is kept") {
  Scene scene;
  auto& app = scene.app;
  scene.write("Monday");
  auto const backup = scene.back_up();
  auto const listed = scene.staff.get(all);
  CHECK(listed["data.0.state"] == "verified");
  CHECK(listed["data.0.reason"] == "manual");
  CHECK(listed["data.0.size_bytes"] == std::to_string(fs::file_size(scene.file_of(backup))));
  CHECK(listed["data.0.sha256"] == crypto::hex(crypto::sha256(contents(scene.file_of(backup)))));
  CHECK(std::stoi(listed["data.0.files"]) >= 2);
  CHECK(app.value("SELECT backed_up_at IS NOT NULL FROM tenants") == "t");
  for (auto const& folder : {scene.home(), scene.file_of(backup).parent_path()})
    CHECK((fs::status(folder).permissions() & fs::perms::all) == fs::perms::owner_all);

  scene.write("Tuesday");
  auto const wrong =
      scene.staff.post(std::string{all} + "/" + backup + "/restore", {{"confirm", "globex"}});
  CHECK(wrong.status == 422);
  CHECK(wrong.wrong_fields() == "/confirm");
  CHECK(scene.restore(backup).status == 202);
  CHECK(scene.restore(backup)["code"] == "operation_running");
  app.work();
  CHECK(app.value("SELECT state FROM tenant_operations ORDER BY id DESC LIMIT 1") == "succeeded");
  CHECK(scene.reads("Monday"));
  CHECK(!scene.reads("Tuesday"));
  CHECK(app.value("SELECT state FROM tenants") == "live");

  auto const safety = scene.staff.get(all)["data.0.id"];
  CHECK(scene.staff.get(all)["data.0.reason"] == "before_restore");
  CHECK(
      app.value("SELECT result->>'safety_backup' FROM tenant_operations WHERE kind = 'restore'") ==
      safety);
  CHECK(scene.restore(safety).status == 202);
  app.work();
  CHECK(scene.reads("Tuesday"));

  CHECK(scene.files("work") == 0);
  CHECK(scene.events("restored") == "2");
  CHECK(app.rows("SELECT action FROM audit_logs WHERE action LIKE 'backup.%' ORDER BY id") ==
        Rows{"backup.requested", "backup.restore_requested", "backup.restore_requested"});
}

TEST_CASE("an archive that is damaged is refused before the tenant is touched") {
  Scene scene;
  auto& app = scene.app;
  scene.write("Monday");
  auto const backup = scene.back_up();
  auto const pid = scene.pid();
  auto const file = scene.file_of(backup);
  std::string expected = "archive_damaged";
  SUBCASE("one bit of it") { flip_a_byte(file); }
  SUBCASE("its end") { fs::resize_file(file, fs::file_size(file) / 2); }
  SUBCASE("all of it") {
    fs::remove(file);
    expected = "backup_missing";
  }
  scene.write("Tuesday");
  REQUIRE(scene.restore(backup).status == 202);
  app.work();
  CHECK(app.value(
            "SELECT state || ' ' || error_code FROM tenant_operations WHERE kind = 'restore'") ==
        "failed " + expected);
  CHECK(app.rows("SELECT state, error_code FROM tenant_backups") == Rows{"damaged|" + expected});
  CHECK(scene.pid() == pid);
  CHECK(scene.reads("Tuesday"));
  CHECK(scene.events("backup_damaged") == "1");
  CHECK(scene.restore(backup)["code"] == "backup_not_usable");
  CHECK(scene.staff.get(std::string{all} + "/" + backup + "/download")["code"] ==
        "backup_not_usable");
}

TEST_CASE("a backup is downloaded as it was made, by those who may") {
  Scene scene;
  auto& app = scene.app;
  // More than the server would like to hold, and nothing that could be compressed.
  {
    std::ofstream big{app.directory.path() / "tenants/1/attachment", std::ios::binary};
    for (int i = 0; i < 64; ++i) big << crypto::random_token(96 * 1024);
  }
  auto const backup = scene.back_up();
  auto const path = std::string{all} + "/" + backup + "/download";
  auto const reply = scene.staff.get(path);
  REQUIRE(reply.status == 200);
  CHECK(reply.header("content-type") == "application/zstd");
  CHECK(reply.body.size() > 4 * 1024 * 1024);
  auto const sum = app.value("SELECT sha256 FROM tenant_backups");
  CHECK(crypto::hex(crypto::sha256(reply.body)) == sum);
  CHECK(reply.header("x-content-sha256") == sum);
  CHECK(scene.files("work") == 0);
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'backup.downloaded'") == "1");

  CHECK(app.as(Role::auditor).get(path).status == 403);
  CHECK(app.as(Role::auditor).get(all).status == 200);
  CHECK(app.as(Role::auditor).post(all, nullptr).status == 403);
  CHECK(app.visitor().get(path).status == 401);
  CHECK(scene.staff.get("/api/tenants/ten_2/backups/" + backup + "/download").status == 404);
  app.run("UPDATE sessions SET confirmed_at = now() - interval '6 minutes'");
  CHECK(scene.staff.get(path)["code"] == "step_up_required");
  CHECK(scene.restore(backup)["code"] == "step_up_required");
  CHECK(scene.remove(backup)["code"] == "step_up_required");
}

TEST_CASE("a job that comes twice makes one backup, and one that was killed leaves nothing") {
  Scene scene;
  auto& app = scene.app;
  SUBCASE("it had ended already, only its last word was lost") {
    scene.back_up();
    app.run("UPDATE tenant_operations SET state = 'running', finished_at = NULL, result = NULL");
    app.enqueue(tenants::Operate{1, 1});
    app.work();
    CHECK(app.value("SELECT state FROM tenant_operations") == "succeeded");
    CHECK(app.rows("SELECT state FROM tenant_backups") == Rows{"verified"});
  }
  SUBCASE("it was killed while it wrote") {
    app.run(
        "INSERT INTO tenant_backups (tenant_id, reason, target, location, blueprint, requested_by) "
        "VALUES (1, 'manual', 'file', 'ten_1/half.tar.zst', 'sample', 'test')");
    app.run("UPDATE tenant_backups SET installation = installation.id FROM installation");
    auto const work =
        "work/" + crypto::hex(crypto::sha256(app.settings.data_dir)).substr(0, 12) + "/";
    for (auto const& name : {work + "bkp_1.tar.zst", std::string{"archives/ten_1/half.tar.zst"}}) {
      fs::create_directories((scene.home() / name).parent_path());
      std::ofstream{scene.home() / name} << "half";
    }
    scene.back_up();
    CHECK(app.rows("SELECT state, error_code FROM tenant_backups ORDER BY id") ==
          Rows{"failed|interrupted", "verified|"});
  }
  CHECK(scene.files("work") == 0);
  CHECK(scene.files("archives") == 1);
}

TEST_CASE("backups fall due by themselves, a few at a time") {
  Scene scene;
  auto& app = scene.app;
  auto plan = [&] {
    app.enqueue(backups::Plan{});
    app.work();
    return app.value("SELECT count(*) FROM tenant_backups");
  };
  CHECK(plan() == "0");
  app.run("UPDATE tenants SET live_at = now() - interval '25 hours'");
  CHECK(plan() == "1");
  CHECK(app.rows("SELECT reason, state FROM tenant_backups") == Rows{"scheduled|verified"});
  CHECK(plan() == "1");
  app.run("UPDATE tenants SET backed_up_at = now() - interval '25 hours'");
  CHECK(plan() == "2");

  // One that failed has an hour's pause; of many only two are begun.
  app.run("UPDATE tenants SET backed_up_at = now() - interval '25 hours'");
  app.run("UPDATE tenant_backups SET state = 'failed' WHERE id = 2");
  CHECK(plan() == "2");
  app.run(R"sql(
    INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib,
                         memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at)
    SELECT 1, 'other-' || i, 'team', 'live', 1, 64, 64, 10, 'process', 'sample',
           now() - interval '2 days' FROM generate_series(1, 5) AS i)sql");
  app.enqueue(backups::Plan{});
  app.enqueue(backups::Plan{});
  db::Connection connection{app.database.url()};
  app.run("UPDATE jobs SET run_at = now() + interval '1 hour' WHERE kind = 'backups.make'");
  app.run("DELETE FROM jobs WHERE kind = 'backups.make'");
  app.run("CREATE TABLE begun (n bigint)");
  app.run(
      "CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN NEW.run_at := now() + interval '1 hour'; RETURN NEW; END $$");
  app.run(
      "CREATE TRIGGER put_off BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.kind = 'backups.make') "
      "EXECUTE FUNCTION put_off()");
  app.work();
  CHECK(app.value("SELECT count(*) FROM jobs WHERE kind = 'backups.make' AND state = 'waiting'") ==
        "2");
}

TEST_CASE("whoever makes backups fail waits longer each time, and behind the others") {
  Scene scene;
  auto& app = scene.app;
  app.run(
      "INSERT INTO tenants (customer_id, subdomain, plan_id, state, max_users, storage_limit_mib, "
      "memory_limit_mib, cpu_limit_percent, provisioner, blueprint, live_at) "
      "SELECT 1, 'other-' || i, 'team', 'live', 1, 64, 64, 10, 'process', 'sample', "
      "now() - interval '2 days' FROM generate_series(1, 5) AS i");
  app.run("UPDATE tenants SET live_at = now() - interval '9 days'");
  auto const fails = [&](int tenant, int times, std::string const& ago) {
    app.run(
        "INSERT INTO tenant_backups (tenant_id, reason, target, location, blueprint, requested_by, "
        "state, started_at, error_code) SELECT " +
        std::to_string(tenant) + ", 'scheduled', 'file', 'x/" + std::to_string(tenant) + ago +
        "-' || i, 'sample', 'schedule', 'failed', now() - interval '" + ago +
        "' - i * interval '1 second', 'backup_failed' FROM generate_series(1, " +
        std::to_string(times) + ") AS i");
  };
  // Nothing of it is begun here.
  app.run(
      "CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN NEW.run_at := 'infinity'; RETURN NEW; END $$");
  app.run(
      "CREATE TRIGGER put_off BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.kind = 'backups.make') "
      "EXECUTE FUNCTION put_off()");
  auto const planned = [&] {
    app.run("DELETE FROM jobs WHERE kind = 'backups.make'");
    app.enqueue(backups::Plan{});
    app.work();
    return app.rows(
        "SELECT (payload->>'tenant_id')::int AS id, max_attempts FROM jobs "
        "WHERE kind = 'backups.make' ORDER BY 1");
  };
  SUBCASE("one that failed gives its place to the others") {
    app.run("UPDATE tenants SET backed_up_at = now() - interval '3 days' WHERE id > 3");
    fails(1, 1, "2 hours");
    fails(2, 1, "2 hours");
    CHECK(planned() == Rows{"3|1", "4|1"});
  }
  SUBCASE("of those that failed only one is tried at a time") {
    app.run("UPDATE tenants SET backed_up_at = now() WHERE id > 3");
    for (int tenant = 1; tenant <= 3; ++tenant) fails(tenant, 1, "2 hours");
    CHECK(planned() == Rows{"1|1"});
    app.run("UPDATE tenants SET backed_up_at = NULL WHERE id = 4");
    CHECK(planned() == Rows{"1|1", "4|1"});
  }
  SUBCASE("each failure doubles the pause, up to a day") {
    app.run("UPDATE tenants SET backed_up_at = now() WHERE id > 1");
    fails(1, 3, "3 hours");
    CHECK(planned().empty());
    app.run("UPDATE tenant_backups SET started_at = started_at - interval '90 minutes'");
    CHECK(planned() == Rows{"1|1"});
    app.run("DELETE FROM tenant_backups");
    fails(1, 12, "25 hours");
    CHECK(planned() == Rows{"1|1"});
  }
  SUBCASE("one that went well ends the row of failures") {
    app.run("UPDATE tenants SET backed_up_at = now() WHERE id > 1");
    fails(1, 9, "60 hours");
    fails(1, 1, "2 hours");
    CHECK(planned().empty());
    app.run("UPDATE tenants SET backed_up_at = now() - interval '50 hours' WHERE id = 1");
    CHECK(planned() == Rows{"1|1"});
  }
}

TEST_CASE("what a tenant may do to its own database keeps nobody from saving and restoring it") {
  Scene scene;
  auto& app = scene.app;
  auto const name = '"' + app.database.name() + "_tenant_1\"";
  scene.write("Monday");
  std::string change;
  SUBCASE("no connections") { change = "ALTER DATABASE {} ALLOW_CONNECTIONS false"; }
  SUBCASE("none left") { change = "ALTER DATABASE {} CONNECTION LIMIT 0"; }
  SUBCASE("a template") { change = "ALTER DATABASE {} IS_TEMPLATE true"; }
  SUBCASE("another comment") { change = "COMMENT ON DATABASE {} IS 'mine'"; }
  SUBCASE("not even itself") { change = "REVOKE ALL ON DATABASE {} FROM {}"; }
  SUBCASE("read only") { change = "ALTER DATABASE {} SET default_transaction_read_only = on"; }
  SUBCASE("no time") { change = "ALTER ROLE {} SET statement_timeout = 1"; }
  SUBCASE("nothing to load") { change = "ALTER ROLE {} SET local_preload_libraries = 'nowhere'"; }
  SUBCASE("another password") { change = "ALTER ROLE {} PASSWORD 'mine'"; }
  CAPTURE(change);
  for (auto at = change.find("{}"); at != std::string::npos; at = change.find("{}"))
    change.replace(at, 2, name);
  {
    // As the tenant itself.
    db::Connection own{app.database.url()};
    own.execute("SET SESSION AUTHORIZATION " + name);
    own.execute(change);
  }
  CHECK(scene.staff.post(all, nullptr).status == 202);
  app.work();
  CHECK(app.value("SELECT state FROM tenant_operations ORDER BY id DESC LIMIT 1") == "succeeded");
  auto const backup = scene.staff.get(all)["data.0.id"];
  CHECK(scene.restore(backup).status == 202);
  app.work();
  CHECK(app.value("SELECT state FROM tenant_operations ORDER BY id DESC LIMIT 1") == "succeeded");
  CHECK(app.value("SELECT count(*) FROM pg_database WHERE starts_with(datname, '" +
                  app.database.name() + "_tenant_1')") == "1");
  CHECK(app.tenant("acme").get("/healthz").status == 200);
}

TEST_CASE("rows and files agree after a sweep, and what is too old is gone") {
  Scene scene;
  auto& app = scene.app;
  std::vector<std::string> made;
  for (int i = 0; i < 4; ++i) made.push_back(scene.back_up());
  auto const old = scene.file_of(made[0]);
  app.run("UPDATE tenant_backups SET started_at = now() - interval '31 days' WHERE id = 1");
  fs::remove(scene.file_of(made[1]));
  CHECK(scene.remove(made[2]).status == 204);
  app.enqueue(backups::Sweep{});
  app.work();
  CHECK(app.rows("SELECT state FROM tenant_backups ORDER BY id") ==
        Rows{"deleted", "damaged", "deleted", "verified"});
  CHECK(!fs::exists(old));
  CHECK(scene.files("archives") == 1);
  CHECK(scene.remove(made[3])["code"] == "last_backup");

  // The newest verified one outlives everything.
  app.run("UPDATE tenant_backups SET started_at = now() - interval '3 years' WHERE id = 4");
  app.enqueue(backups::Sweep{});
  app.work();
  CHECK(app.value("SELECT state FROM tenant_backups WHERE id = 4") == "verified");
  CHECK(fs::exists(scene.file_of(made[3])));
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'backup.deleted'") == "1");
}

TEST_CASE("a place for backups that is not mounted for a while costs none of them") {
  Scene scene;
  auto& app = scene.app;
  auto const made = scene.four_of_the_schedule();
  Rows const all_verified(4, "verified|");
  scene.sweep();
  REQUIRE(scene.states() == all_verified);
  auto const away = app.directory.path() / "away";
  fs::rename(scene.home(), away);
  fs::create_directory(scene.home());

  scene.sweep();
  CHECK(scene.states() == all_verified);
  auto const path = std::string{all} + "/" + made.back();
  REQUIRE(scene.staff.post(path + "/verify", {{"restore", false}}).status == 202);
  app.work();
  CHECK(scene.states() == all_verified);
  CHECK(scene.staff.get(path + "/download")["code"] == "backup_not_usable");
  // A new one would fill the disk beneath.
  REQUIRE(scene.staff.post(all, nullptr).status == 202);
  app.work();
  CHECK(app.rows("SELECT state, error_code FROM tenant_backups ORDER BY id DESC LIMIT 1") ==
        Rows{"failed|backup_target_away"});
  CHECK(fs::is_empty(scene.home()));
  bool is_told = false;
  for (auto const& result : app.application().readiness().try_all())
    is_told |= result.name == "backup_target" && result.status == readiness::Status::failed &&
               result.setting == "backup_dir" &&
               result.detail->find(scene.home().string()) != std::string::npos;
  CHECK(is_told);
  CHECK(app.value("SELECT count(*) FROM world_findings WHERE subject = 'backup_target' AND "
                  "resolved_at IS NULL") == "1");

  fs::remove_all(scene.home());
  fs::rename(away, scene.home());
  scene.sweep();
  app.hurry();
  app.work();  // the one that was asked for meanwhile goes on
  app.run("DELETE FROM tenant_backups WHERE state = 'failed'");
  CHECK(scene.states() == Rows(5, "verified|"));
  CHECK(scene.files("archives") == 5);
  CHECK(app.value("SELECT count(*) FROM world_findings WHERE subject = 'backup_target' AND "
                  "resolved_at IS NULL") == "0");
  REQUIRE(scene.restore(made.back()).status == 202);
  app.work();
  CHECK(app.value("SELECT state FROM tenant_operations ORDER BY id DESC LIMIT 1") == "succeeded");
}

TEST_CASE("a file that was away costs no other one, and counts again when it is back and whole") {
  Scene scene;
  auto const made = scene.four_of_the_schedule();
  Rows expected(4, "verified|");
  auto const file = scene.file_of(made.back()), elsewhere = scene.app.directory.path() / "kept";
  fs::rename(file, elsewhere);
  scene.sweep();
  expected.back() = "damaged|backup_missing";
  CHECK(scene.states() == expected);
  CHECK(scene.files("archives") == 3);
  SUBCASE("whole") { expected.back() = "verified|"; }
  SUBCASE("changed") {
    flip_a_byte(elsewhere);
    expected.back() = "damaged|archive_damaged";
  }
  fs::rename(elsewhere, file);
  scene.sweep();
  CHECK(scene.states() == expected);
  CHECK(scene.files("archives") == 4);
}

TEST_CASE("backups that are lost with their place are given up when somebody says so") {
  Scene scene;
  auto& app = scene.app;
  scene.back_up();
  fs::remove_all(scene.home());
  scene.sweep();
  CHECK(scene.states() == Rows{"verified|"});
  auto const found = scene.staff.get("/api/tenants/findings");
  REQUIRE(found["data.0.subject"] == "backup_target");
  REQUIRE(
      scene.staff
          .post("/api/tenants/findings/" + found["data.0.id"] + "/resolve", {{"action", "adopt"}})
          .status == 202);
  app.work();
  scene.back_up();
  scene.sweep();
  CHECK(scene.states() == Rows{"damaged|backup_missing", "verified|"});
}

TEST_CASE("a backup is restored for a test, once a week and when somebody asks") {
  Scene scene;
  auto& app = scene.app;
  scene.write("Monday");
  auto const backup = scene.back_up();
  app.enqueue(backups::Rehearse{});
  app.work();
  auto const tested = scene.staff.get(all);
  CHECK(tested["data.0.test_result.restored"] == "true");
  CHECK(std::stoi(tested["data.0.test_result.tables"]) >= 2);
  CHECK(tested["data.0.test_result.rows"] == [&] {
    db::Connection own{db::with_database(app.database.url(), app.database.name() + "_tenant_1")};
    return std::string{PQgetvalue(
        own.execute("SELECT (SELECT count(*) FROM facts) + (SELECT count(*) FROM notes) + "
                    "(SELECT count(*) FROM owner_access) + (SELECT count(*) FROM owner_sessions)")
            .get(),
        0, 0)};
  }());
  CHECK(app.value("SELECT count(*) FROM pg_database WHERE datname LIKE '" + app.database.name() +
                  "%rehearsal'") == "0");
  CHECK(app.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE '" + app.database.name() +
                  "%rehearsal'") == "0");

  auto const first = tested["data.0.tested_at"];
  app.enqueue(backups::Rehearse{});
  app.work();
  CHECK(scene.staff.get(all)["data.0.tested_at"] == first);
  CHECK(scene.staff.post(std::string{all} + "/" + backup + "/verify", {{"restore", true}}).status ==
        202);
  app.work();
  CHECK(scene.staff.get(all)["data.0.tested_at"] != first);
  CHECK(scene.files("work") == 0);
}

TEST_CASE("a new tenant begins with the data of another") {
  Scene scene;
  auto& app = scene.app;
  scene.write("Monday");
  support::Reply made;
  SUBCASE("from a backup") {
    auto const backup = scene.back_up();
    scene.write("Tuesday");
    made = scene.staff.post(std::string{all} + "/" + backup + "/restore-into",
                            {{"subdomain", "acme-copy"}, {"company", "Acme Copy"}});
  }
  SUBCASE("as a clone") {
    made = scene.staff.post("/api/tenants/ten_1/clone", {{"subdomain", "acme-copy"}});
  }
  REQUIRE(made.status == 201);
  app.work();
  CHECK(
      app.value("SELECT state, cloned_from, restore_backup_id IS NULL FROM tenants WHERE id = 2") ==
      "live|1|t");
  CHECK(scene.reads("Monday", "acme-copy"));
  CHECK(!scene.reads("Tuesday", "acme-copy"));
  CHECK(app.value(
            "SELECT name, state FROM provisioning_steps WHERE tenant_id = 2 AND name = 'data'") ==
        "data|done");
  CHECK(app.value("SELECT state FROM tenants WHERE id = 1") == "live");
}

TEST_CASE("nothing is purged without a verified last backup") {
  Scene scene;
  auto& app = scene.app;
  auto const archives = scene.home() / "archives";
  auto break_target = [&] {
    fs::remove_all(archives);
    std::ofstream{archives} << "not a directory";
  };
  fs::create_directories(scene.home());
  break_target();
  REQUIRE(
      scene.staff.send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme", "", {}).status ==
      200);
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "archiving");
  CHECK(app.value("SELECT state FROM tenant_backups ORDER BY id LIMIT 1") == "failed");
  fs::remove(archives);
  app.hurry();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "archived");
  CHECK(app.value("SELECT reason, state FROM tenant_backups ORDER BY id DESC LIMIT 1") ==
        "before_archive|verified");

  // The archive is damaged before the end: the tenant's place still holds the data.
  auto const last = app.value("SELECT 'bkp_' || max(id) FROM tenant_backups");
  flip_a_byte(scene.file_of(last));
  REQUIRE(scene.staff.post("/api/tenants/ten_1/purge", {{"confirm", "acme"}}).status == 200);
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "purging");
  CHECK(fs::exists(app.directory.path() / "tenants/1"));
  app.hurry();
  app.work();
  CHECK(app.value("SELECT state FROM tenants") == "purged");
  CHECK(!fs::exists(app.directory.path() / "tenants/1"));
  CHECK(app.value("SELECT reason, state FROM tenant_backups ORDER BY id DESC LIMIT 1") ==
        "final|verified");
}

TEST_CASE("a disk without room fails the backup, says where, and leaves nothing") {
  if (::geteuid() != 0) {
    MESSAGE("not checked: a small disk is mounted, which only root can do");
    return;
  }
  TemporaryDirectory disk;
  auto const size = [] {
    SUBCASE("seen before") { return "size=20m"; }
    SUBCASE("seen in the middle") { return "size=64m"; }
    return "";
  }();
  if (!*size) return;
  REQUIRE(::mount("tmpfs", disk.path().c_str(), "tmpfs", 0, size) == 0);
  struct Unmount {
    fs::path path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } const unmount{disk.path()};
  {
    Scene scene{[&](config::Settings& settings) { settings.backup_dir = disk.path().string(); }};
    auto& app = scene.app;
    {
      std::ofstream big{app.directory.path() / "tenants/1/attachment", std::ios::binary};
      for (int i = 0; i < 400; ++i) big << crypto::random_token(150 * 1024);
    }
    REQUIRE(scene.staff.post(all, nullptr).status == 202);
    for (int i = 0; i < 4; ++i) {
      app.work();
      app.hurry();
    }
    CHECK(app.value("SELECT state FROM tenant_operations") == "failed");
    auto const code = app.value("SELECT error_code FROM tenant_operations");
    CHECK((code == "backup_disk_full" || code == "disk_full"));
    CHECK(app.value("SELECT error_detail FROM tenant_operations").find(disk.path().string()) !=
          std::string::npos);
    CHECK(app.value("SELECT count(*) FROM tenant_backups WHERE state <> 'failed'") == "0");
    std::size_t left = 0;
    for (auto const& entry : fs::recursive_directory_iterator{disk.path()})
      left += entry.is_regular_file() && entry.path().filename() != "mark";
    CHECK(left == 0);
    CHECK(app.tenant("acme").get("/healthz").status == 200);
  }
}
