// A tenant's life in the world: addresses, standing still, the archive and the end, and what the
// reconciler finds. With a real HAProxy, real processes and databases.
#include <doctest/doctest.h>

#include "platform/jobs/pruning.hpp"
#include "provisioning/jobs.hpp"
#include "support/app.hpp"
#include "tenants/tenants.hpp"

using support::acme;
using support::App;
using support::eventually;
using support::Role;
using Rows = std::vector<std::string>;

namespace {
App with_acme() { return App::fresh({.sandbox = true, .front_door = true}); }

template <class Work>
void change(App const& app, Work&& work) {
  db::Connection connection{app.database.url()};
  db::transact(connection, work);
}

std::string state_of(App const& app) { return app.value("SELECT state FROM tenants WHERE id = 1"); }

/// Jobs that wait for each other run until nothing is ready.
void settle(App& app) {
  for (int round = 0; round < 6; ++round) {
    app.work();
    app.hurry("tenants.%");
    app.hurry("backups.%");
  }
}
constexpr tenants::TenantId first{1};
}  // namespace

TEST_CASE("a new name answers, the old one leads there with its path, and nobody else gets it") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  change(app, [](db::Tx& tx) { tenants::change(tx, first, {.subdomain = "acme-new"}, "test"); });
  settle(app);

  CHECK(app.tenant("acme-new").get("/healthz").header("x-tenant-id") == "ten_1");
  auto const moved = app.tenant("acme").get("/notes?page=2");
  CHECK(moved.status == 308);
  CHECK(moved.header("location") ==
        "http://acme-new.localhost:" + std::to_string(app.settings.tenant_port) + "/notes?page=2");
  CHECK(app.visitor().get("/api/subdomains/acme")["available"] == "false");
  // The application itself was told.
  CHECK(app.rows("SELECT name, state FROM tenant_resources WHERE kind = 'route' ORDER BY id") ==
        Rows{"acme.localhost|gone", "acme-new.localhost|present"});

  change(app, [](db::Tx& tx) { tenants::change(tx, first, {.subdomain = "acme"}, "test"); });
  settle(app);
  CHECK(app.tenant("acme").get("/healthz").status == 200);
  CHECK(app.tenant("acme-new").get("/").status == 308);
}

TEST_CASE("during maintenance the address shows a page, and the tenant runs on") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  change(app, [](db::Tx& tx) {
    tenants::set_maintenance(tx, first, {.message = "Back at 10"}, "test");
  });
  settle(app);
  auto const page = app.tenant("acme").get("/");
  CHECK(page.status == 503);
  CHECK(page.body.find("Back at 10") != std::string::npos);
  change(app, [](db::Tx& tx) { tenants::clear_maintenance(tx, first, "test"); });
  settle(app);
  CHECK(app.tenant("acme").get("/healthz").status == 200);
}

TEST_CASE("suspended, archived with a verified backup, brought back with its data, purged") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  change(app, [](db::Tx& tx) { tenants::place_hold(tx, first, tenants::Hold::admin, "test"); });
  settle(app);
  REQUIRE(state_of(app) == "suspended");
  CHECK(app.tenant("acme").get("/").status == 503);

  change(app, [](db::Tx& tx) { tenants::archive(tx, first, "test"); });
  settle(app);
  REQUIRE(state_of(app) == "archived");
  CHECK(app.value("SELECT count(*) FROM tenant_backups WHERE state = 'verified'") == "1");

  change(app, [](db::Tx& tx) { tenants::restore_from_archive(tx, first, "test"); });
  settle(app);
  REQUIRE(state_of(app) == "live");
  CHECK(app.tenant("acme").get("/healthz").header("x-tenant-id") == "ten_1");

  change(app, [](db::Tx& tx) { tenants::request_deletion(tx, first, "test"); });
  settle(app);
  REQUIRE(state_of(app) == "archived");
  app.run("UPDATE tenants SET state_deadline = now() - interval '1 minute'");
  app.enqueue(provisioning::Watch{});
  settle(app);
  REQUIRE(state_of(app) == "purged");
  CHECK(app.value("SELECT count(*) FROM tenant_resources WHERE state <> 'gone'") == "0");
  CHECK(app.value("SELECT count(*) FROM pg_database WHERE datname LIKE '" + app.database.name() +
                  "_tenant_%'") == "0");
  CHECK(app.tenant("acme").get("/").status == 404);
  // The last backup outlives it, and the name is free.
  CHECK(app.value("SELECT count(*) FROM tenant_backups WHERE state = 'verified'") != "0");
  CHECK(app.visitor().get("/api/subdomains/acme")["available"] == "true");
}

TEST_CASE("what belongs to nobody is found, and goes only when somebody says so") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  auto const stray = app.database.name() + "_tenant_77";
  app.run("CREATE DATABASE \"" + stray + "\"");
  app.run("COMMENT ON DATABASE \"" + stray + "\" IS 'onboarding " +
          app.value("SELECT id FROM installation") + " ten_77'");
  app.front_door().route("nobody.localhost", "127.0.0.1:20001");
  app.enqueue(provisioning::Inspect{});
  app.work();
  CHECK(
      app.rows("SELECT kind, subject, name FROM world_findings WHERE resolved_at IS NULL ORDER BY "
               "subject") == Rows{"orphan|database|" + stray, "orphan|route|nobody.localhost"});

  auto owner = app.as(Role::owner);
  auto const list = owner.get("/api/tenants/findings");
  REQUIRE(list.json.at("data").as_array().size() == 2);
  for (auto const* id : {"data.0.id", "data.1.id"})
    CHECK(owner.post("/api/tenants/findings/" + list[id] + "/resolve", {{"action", "destroy"}})
              .status == 202);
  app.work();
  CHECK(app.value("SELECT count(*) FROM pg_database WHERE datname = '" + stray + "'") == "0");
  CHECK(app.tenant("nobody").get("/").status == 404);
  CHECK(app.value("SELECT count(*) FROM world_findings WHERE resolved_at IS NULL") == "0");
  CHECK(app.value("SELECT count(*) FROM audit_logs WHERE action = 'finding.resolved'") == "2");
  CHECK(app.tenant("acme").get("/healthz").status == 200);
}

TEST_CASE("what became somebody's after it was shown is not destroyed") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  auto owner = app.as(Role::owner);
  REQUIRE(owner.post("/api/tenants/ten_1/backups", nullptr).status == 202);
  app.work();
  auto const archive =
      "file:" + app.value("SELECT location FROM tenant_backups WHERE state = 'verified'");
  auto const place = app.database.name() + "_tenant_1";
  std::string subject, name, world = "process";
  SUBCASE("its directory") { subject = "directory", name = "1"; }
  SUBCASE("its process") { subject = "instance", name = "tenant-1"; }
  SUBCASE("its database") { subject = "database", name = place; }
  SUBCASE("its name") { subject = "route", name = "acme.localhost"; }
  SUBCASE("its backup") { subject = "archive", name = archive, world = "backups"; }
  CAPTURE(subject);
  // As it was seen while the tenant was rolled back.
  app.run(
      "INSERT INTO world_findings (kind, provisioner, subject, name, detail) VALUES "
      "('orphan', '" +
      world + "', '" + subject + "', '" + name + "', 'belongs to nobody')");
  // A row from before there were messages is told as the quotation that it is.
  auto const old = owner.get("/api/tenants/findings");
  CHECK(old["data.0.message.code"] == "recorded_text");
  CHECK(old["data.0.message.parameters.text"] == "belongs to nobody");
  auto const pid = app.supervisor().status("tenant-1")->pid;
  CHECK(owner
            .post("/api/tenants/findings/" + app.value("SELECT 'fnd_' || id FROM world_findings") +
                      "/resolve",
                  {{"action", "destroy"}})
            .status == 202);
  app.work();
  CHECK(app.tenant("acme").get("/healthz").status == 200);
  CHECK(app.supervisor().status("tenant-1")->pid == pid);
  CHECK(std::filesystem::exists(app.directory.path() / "tenants/1"));
  CHECK(std::filesystem::exists(app.directory.path() / "backups/archives" / archive.substr(5)));
  CHECK(app.value("SELECT count(*) FROM pg_database WHERE datname = '" + place + "'") == "1");
  CHECK(app.rows("SELECT resolved_by, resolution FROM world_findings") == Rows{"reconciler|"});
  CHECK(app.rows("SELECT state FROM jobs WHERE kind = 'provisioning.resolve_finding'") ==
        Rows{"done"});
}

TEST_CASE("a route that was changed by hand is drift, and healing puts it right") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  app.front_door().route("acme.localhost", "127.0.0.1:9");
  app.enqueue(provisioning::Inspect{});
  app.work();
  CHECK(app.rows("SELECT kind, subject, tenant_id FROM world_findings") == Rows{"drift|route|1"});
  auto const found = app.as(Role::owner).get("/api/tenants/findings");
  CHECK(found["data.0.message.code"] == "leads_elsewhere");
  CHECK(found["data.0.message.parameters.found"] == "127.0.0.1:9");
  CHECK(found["data.0.message.text"].starts_with("leads to 127.0.0.1:9 instead of "));
  auto const id = found["data.0.id"];
  app.as(Role::owner).post("/api/tenants/findings/" + id + "/resolve", {{"action", "heal"}});
  app.work();
  CHECK(app.tenant("acme").get("/healthz").status == 200);
  CHECK(app.value("SELECT resolution FROM world_findings") == "heal");
}

TEST_CASE("deleted while it is built: undone, nothing is left") {
  auto app = with_acme();
  // The first try fails at the place, so that it waits half built.
  files::make_directory(app.directory.path() / "tenants/1/app.json/full", 0755);
  app.sign_up_and_pay(acme());
  REQUIRE(state_of(app) == "provision_failed");
  std::filesystem::remove_all(app.directory.path() / "tenants/1/app.json");
  change(app, [](db::Tx& tx) { tenants::request_deletion(tx, first, "test"); });
  settle(app);
  CHECK(state_of(app) == "rolled_back");
  CHECK(app.value("SELECT count(*) FROM tenant_resources WHERE state <> 'gone'") == "0");
}

TEST_CASE("nearly full: warned once, held after the time that was given, free again with space") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  auto watch = [&] {
    app.run("UPDATE tenant_health SET timestamp = timestamp - interval '2 minutes'");
    app.enqueue(provisioning::Measure{});
    settle(app);
  };
  app.run("UPDATE tenants SET storage_limit_mib = 1");
  watch();
  CHECK(app.value("SELECT quota_deadline > now() + interval '13 days' FROM tenants") == "t");
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'storage_nearly_full'") == "1");
  watch();
  CHECK(app.value("SELECT count(*) FROM mails WHERE template = 'storage_nearly_full'") == "1");
  CHECK(state_of(app) == "live");
  app.run("UPDATE tenants SET quota_deadline = now() - interval '1 second'");
  watch();
  CHECK(state_of(app) == "suspended");
  CHECK(app.rows("SELECT reason FROM tenant_holds") == Rows{"quota"});
  change(app, [](db::Tx& tx) { tenants::change(tx, first, {.storage_limit_mib = 1000}, "test"); });
  settle(app);
  watch();
  CHECK(state_of(app) == "live");
}

TEST_CASE("a tenant's usage is kept by the minute for two days and by the hour after that") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  app.run("DELETE FROM tenant_health");
  app.run(
      "INSERT INTO tenant_health (tenant_id, cpu, ram, disk, network_in, network_out, processes, "
      "\"timestamp\") SELECT 1, i % 2 * 10, i, 5, 1, 2, 3, date_trunc('hour', now() - interval "
      "'60 hours') + i * interval '1 minute' FROM generate_series(0, 119) AS i");
  app.run(
      "INSERT INTO tenant_health (tenant_id, cpu, ram, disk, is_hour, \"timestamp\") VALUES (1, 1, "
      "1, 1, true, now() - interval '91 days'), (1, 1, 1, 1, false, now() - interval '47 hours')");
  for (int again = 0; again < 2; ++again) {
    app.enqueue(provisioning::Measure{});
    app.enqueue(jobs::Prune{});
    settle(app);
  }
  CHECK(app.rows("SELECT is_hour, cpu, ram, network_in, network_out, processes FROM tenant_health "
                 "WHERE \"timestamp\" < now() - interval '1 hour' ORDER BY \"timestamp\"") ==
        Rows{"t|5|59|60|120|3", "t|5|119|60|120|3", "f|1|1|0|0|0"});
}

TEST_CASE("a tenant whose blueprint was taken away is down; the others are looked after") {
  auto app = with_acme();
  app.sign_up_and_pay(acme());
  app.sign_up_and_pay(acme({{"subdomain", "globex"}}));
  app.run("UPDATE tenants SET blueprint = 'gone' WHERE subdomain = 'acme'");
  app.run("UPDATE tenants SET health = 'unknown'");
  app.enqueue(provisioning::Watch{});
  app.work();
  CHECK(app.rows("SELECT subdomain, health FROM tenants ORDER BY id") ==
        Rows{"acme|down", "globex|healthy"});
}
