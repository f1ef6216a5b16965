// Two installations that share a place, and one whose database was set back or copied: nothing is
// touched that is not provably ours.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "backups/backups.hpp"
#include "platform/db/url.hpp"
#include "platform/mail/mail.hpp"
#include "provisioning/jobs.hpp"
#include "provisioning/user_ids.hpp"
#include "sandbox/sandbox.hpp"
#include "support/app.hpp"
#include "tenants/jobs.hpp"

using support::acme;
using support::App;
using support::Role;
using Rows = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {
void settle(App& app) {
  for (int round = 0; round < 6; ++round) {
    app.work();
    app.hurry("tenants.%");
    app.hurry("backups.%");
  }
}

void sweep(App& app) {
  app.enqueue(backups::Sweep{});
  settle(app);
}

App in(fs::path const& backups) {
  return App::fresh({.sandbox = true, .front_door = true, .settings = [&](auto& settings) {
                       settings.backup_dir = backups.string();
                     }});
}

void back_up(App& app) {
  REQUIRE(app.as(Role::owner).post("/api/tenants/ten_1/backups", nullptr).status == 202);
  app.work();
  REQUIRE(app.value("SELECT state FROM tenant_operations ORDER BY id DESC LIMIT 1") == "succeeded");
}

/// Every file and folder with its mode, its time and its length.
Rows everything(fs::path const& folder) {
  Rows found;
  for (auto const& entry : fs::recursive_directory_iterator{folder})
    found.push_back(entry.path().string() + " " +
                    std::to_string(int(entry.status().permissions())) + " " +
                    (entry.is_regular_file()
                         ? std::to_string(entry.file_size()) + " " +
                               std::to_string(entry.last_write_time().time_since_epoch().count())
                         : ""));
  std::sort(found.begin(), found.end());
  return found;
}

std::string id_of(App& app) { return app.value("SELECT id FROM installation"); }

void make_old(fs::path const& file, int days) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::days{days});
}

/// The findings that are open: kind, subject and name.
Rows open_findings(App& app) {
  return app.rows(
      "SELECT kind, subject, name FROM world_findings WHERE resolved_at IS NULL ORDER BY subject, "
      "name");
}

bool is_found(App& app, std::string const& finding) {
  auto const found = open_findings(app);
  return std::find(found.begin(), found.end(), finding) != found.end();
}

int resolve(App& app, std::string const& subject, std::string const& action) {
  auto const id = app.value(
      "SELECT 'fnd_' || id FROM world_findings WHERE resolved_at IS NULL AND "
      "subject = '" +
      subject + "'");
  auto const status = app.as(Role::owner)
                          .post("/api/tenants/findings/" + id + "/resolve", {{"action", action}})
                          .status;
  app.work();
  return status;
}

/// As if a week had gone by since the findings were shown first.
void wait_a_week(App& app) {
  app.run("UPDATE world_findings SET first_seen = first_seen - interval '8 days'");
}

std::size_t archives_in(fs::path const& folder) {
  std::size_t count = 0;
  for (auto const& entry : fs::recursive_directory_iterator{folder})
    count += entry.path().extension() == ".zst";
  return count;
}
}  // namespace

TEST_CASE("a second installation with the same backup folder changes nothing in it") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  app.sign_up_and_pay(acme());
  back_up(app);
  back_up(app);
  std::ofstream{shared.path() / "archives/accounts.ods"} << "a stranger's";
  fs::permissions(shared.path(), fs::perms(0750));
  auto const before = everything(shared.path());
  REQUIRE(archives_in(shared.path()) == 2);
  {
    auto second = in(shared.path());
    sweep(second);
    CHECK(everything(shared.path()) == before);
    CHECK(fs::status(shared.path()).permissions() == fs::perms(0750));
    // It has backups of its own there, and each of the two tells them apart.
    second.sign_up_and_pay(acme());
    back_up(second);
    sweep(second);
    sweep(app);
    CHECK(archives_in(shared.path()) == 3);
    CHECK(second.value("SELECT state FROM tenant_backups") == "verified");
    auto const user = [](App const& of) {
      struct stat found {};
      REQUIRE(::stat((of.directory.path() / "tenants/1").c_str(), &found) == 0);
      return found.st_uid;
    };
    if (::geteuid() == 0) CHECK(user(app) != user(second));
  }
  CHECK(app.rows("SELECT state FROM tenant_backups") == Rows{"verified", "verified"});
  CHECK(fs::exists(shared.path() / "archives/accounts.ods"));
}

TEST_CASE("a backup that disappears needs attention until it is back") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  app.sign_up_and_pay(acme());
  back_up(app);
  auto const file =
      shared.path() / "archives" / app.value("SELECT location FROM tenant_backups WHERE id = 1");
  fs::rename(file, shared.path() / "aside");
  sweep(app);
  auto attention = [&] {
    auto const metrics = app.as(Role::owner).get("/api/dashboard/metrics");
    Rows kinds;
    for (auto const& item : metrics.json.at("attention").as_array())
      kinds.push_back(support::Reply::text(item, "kind") + " " +
                      support::Reply::text(item, "count"));
    return kinds;
  };
  auto needs = [&](std::string const& what) {
    auto const kinds = attention();
    return std::find(kinds.begin(), kinds.end(), what) != kinds.end();
  };
  CHECK(needs("backup_damaged 1"));
  fs::rename(shared.path() / "aside", file);
  app.as(Role::owner).post("/api/tenants/ten_1/backups/bkp_1/verify", {{"restore", false}});
  app.work();
  CHECK(!needs("backup_damaged 1"));
}

TEST_CASE("a file of ours without a row is shown for a week before it goes") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  app.run("UPDATE installation SET known_since = now() - interval '60 days'");
  auto const stray = shared.path() / "archives" / id_of(app) / "ten_9/stray.tar.zst";
  fs::create_directories(stray.parent_path());
  std::ofstream{stray} << "nobody's";
  auto const finding = "orphan|archive|file:" + id_of(app) + "/ten_9/stray.tar.zst";
  sweep(app);
  CHECK(is_found(app, finding));
  CHECK(fs::exists(stray));
  wait_a_week(app);
  sweep(app);
  CHECK(fs::exists(stray));  // it is young itself
  make_old(stray, 8);
  sweep(app);
  CHECK(!fs::exists(stray));
  sweep(app);
  CHECK(open_findings(app).empty());

  // Somebody may say so at once.
  fs::create_directories(stray.parent_path());
  std::ofstream{stray} << "nobody's";
  sweep(app);
  CHECK(resolve(app, "archive", "destroy") == 202);
  CHECK(!fs::exists(stray));
}

TEST_CASE("a database that was set back removes nothing that it does not remember") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  app.sign_up_and_pay(acme());
  back_up(app);
  auto const id = id_of(app);
  auto const file = shared.path() / "archives" / app.value("SELECT location FROM tenant_backups");
  make_old(file, 20);
  app.run("UPDATE installation SET known_since = now() - interval '60 days'");
  std::string state = "set back";
  SUBCASE("to another mark") {
    app.run("UPDATE installation_places SET mark = 'a', mark_before = 'b'");
  }
  SUBCASE("from a dump, in its place") { app.run("UPDATE installation SET fingerprint = 'other'"); }
  SUBCASE("with the whole machine") {
    app.run("UPDATE installation SET seen_at = now() - interval '3 days'");
  }
  app.run("UPDATE tenant_operations SET result = NULL; DELETE FROM tenant_backups");
  app.restart();
  CHECK(id_of(app) == id);
  CHECK(app.value("SELECT known_since > now() - interval '1 minute' FROM installation") == "t");
  sweep(app);
  wait_a_week(app);
  sweep(app);
  CHECK(fs::exists(file));
  CHECK(is_found(app,
                 "orphan|archive|file:" + fs::relative(file, shared.path() / "archives").string()));
  // A number that may have been given away is not given again.
  app.sign_up_and_pay(acme({{"subdomain", "globex"}, {"email", "g@globex.example"}}));
  CHECK(std::stoll(app.value("SELECT max(id) FROM tenants")) > 10'000);
  CHECK(app.tenant("globex").get("/healthz").status == 200);
}

TEST_CASE("a database that was brought to another place leaves the original's backups alone") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  app.sign_up_and_pay(acme());
  back_up(app);
  back_up(app);
  auto const original = id_of(app);
  app.run("UPDATE installation SET fingerprint = 'the original'");
  fs::remove(app.directory.path() / "secrets/installation");
  app.restart();
  CHECK(id_of(app) != original);
  app.run("UPDATE tenant_backups SET started_at = now() - interval '40 days' WHERE id = 1");
  auto const before = everything(shared.path());
  sweep(app);
  CHECK(everything(shared.path()) == before);
  CHECK(app.rows("SELECT state FROM tenant_backups ORDER BY id") == Rows{"verified", "verified"});
  CHECK(is_found(app, "stranger|predecessor|" + original));
  auto const owner = app.as(Role::owner);
  CHECK(owner.send("DELETE", "/api/tenants/ten_1/backups/bkp_1", "", {})["code"] ==
        "backup_of_another_installation");
  CHECK(resolve(app, "predecessor", "destroy") == 409);

  // The original is gone for good.
  CHECK(resolve(app, "predecessor", "adopt") == 202);
  sweep(app);
  CHECK(app.value("SELECT state FROM tenant_backups WHERE id = 1") == "deleted");
  CHECK(!is_found(app, "stranger|predecessor|" + original));
  CHECK(owner.post("/api/tenants/ten_1/backups/bkp_2/restore", {{"confirm", "acme"}}).status ==
        202);
  settle(app);
  CHECK(app.value("SELECT state FROM tenant_operations WHERE kind = 'restore'") == "succeeded");
}

TEST_CASE(
    "a copy writes to nobody and changes nothing at Stripe until the original is said to be gone") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  app.sign_up_and_pay(acme());
  auto const at_stripe = [&] {
    return app.stripe("GET",
                      "/v1/subscriptions/" +
                          app.value("SELECT stripe_subscription_id FROM subscriptions"))["status"];
  };
  auto const waiting = [&](std::string const& kind) {
    return app.rows("SELECT state, attempt FROM jobs WHERE kind = '" + kind +
                    "' AND state <> 'done'");
  };
  app.run("UPDATE installation SET fingerprint = 'the original'");
  fs::remove(app.directory.path() / "secrets/installation");
  app.restart();
  app.settings.smtp_url = "smtp://127.0.0.1:1";
  auto const admin = app.as(Role::admin);
  REQUIRE(admin.send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme&ends=now", "", {})
              .status == 200);
  {
    db::Connection connection{app.database.url()};
    db::transact(connection, [](db::Tx& tx) {
      constexpr mail::Template news{"news", {"News", "News\n"}, {"Novedades", "Novedades\n"}};
      mail::send(tx, news, i18n::Locale::en, "ada@acme.example", {});
    });
  }
  settle(app);
  CHECK(at_stripe() == "active");
  CHECK(waiting("tenants.end_billing") == Rows{"waiting|0"});
  CHECK(waiting("mail.deliver") == Rows{"waiting|0"});
  CHECK(admin.get("/api/dashboard/metrics").body.find("\"copy_waits\"") != std::string::npos);

  sweep(app);
  CHECK(resolve(app, "predecessor", "adopt") == 202);
  app.hurry();
  app.work();
  CHECK(at_stripe() == "canceled");
  CHECK(waiting("tenants.end_billing").empty());
  CHECK(app.value("SELECT max(attempt) FROM jobs WHERE kind = 'mail.deliver'") != "0");
  CHECK(admin.get("/api/dashboard/metrics").body.find("\"copy_waits\"") == std::string::npos);
}

TEST_CASE("a copy of the data directory is not the original") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  auto const original = id_of(app);
  auto const file = app.directory.path() / "secrets/installation";
  auto text = files::read(file).value();
  SUBCASE("moved") {
    auto const here = app.directory.path().string();
    text.replace(text.find(here), here.size(), "/gone/" + here);
    files::write_atomically(file, text, 0600);
    app.restart();
    CHECK(id_of(app) == original);
  }
  SUBCASE("named by a link") {
    auto const here = app.directory.path().string();
    auto const link = shared.path() / "link";
    fs::create_symlink(here, link);
    text.replace(text.find(here), here.size(), link.string());
    files::write_atomically(file, text, 0600);
    app.restart();
    CHECK(id_of(app) == original);
  }
  SUBCASE("on a machine that got its id later") {
    auto const at = text.find("\"machine\":\"") + 11;
    text.replace(at, text.find('"', at) - at, "");
    files::write_atomically(file, text, 0600);
    app.restart();
    CHECK(id_of(app) == original);
  }
  SUBCASE("of a place that is still there") {
    auto const here = app.directory.path().string();
    fs::copy_file(file, shared.path() / "installation");
    text.replace(text.find(here), here.size(), shared.path().string());
    files::write_atomically(file, text, 0600);
    app.restart();
    CHECK(id_of(app) != original);
  }
  SUBCASE("from another machine") {
    auto const at = text.find("\"machine\":\"") + 11;
    text.replace(at, text.find('"', at) - at, "another one");
    files::write_atomically(file, text, 0600);
    app.restart();
    CHECK(id_of(app) != original);
  }
}

TEST_CASE("a role and a database of a tenant's name that are not ours stay as they are") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  auto const name = app.database.name() + "_tenant_1";
  app.run("CREATE ROLE " + name + " LOGIN PASSWORD 'theirs'");
  app.run("CREATE DATABASE " + name);
  auto const secret = [&] {
    return app.value("SELECT rolpassword FROM pg_authid WHERE rolname = '" + name + "'");
  };
  auto const before = secret();
  app.sign_up_and_pay(acme());
  CHECK(app.value("SELECT failure_code FROM tenants") == "name_taken");
  app.enqueue(provisioning::Inspect{});
  app.work();
  CHECK(is_found(app, "stranger|database|" + name));
  CHECK(is_found(app, "stranger|role|" + name));
  CHECK(resolve(app, "database", "destroy") == 409);
  // Also when what was begun is undone.
  app.as(Role::owner).send("DELETE", "/api/tenants/ten_1?action=delete&confirm=acme", "", {});
  settle(app);
  CHECK(app.value("SELECT state FROM tenants") == "rolled_back");
  CHECK(secret() == before);
  CHECK(app.value("SELECT count(*) FROM pg_database WHERE datname = '" + name + "'") == "1");
  app.run("DROP DATABASE " + name);
  app.run("DROP ROLE " + name);
}

TEST_CASE("a tenant whose directory was lost is made again") {
  TemporaryDirectory shared;
  auto app = in(shared.path());
  app.sign_up_and_pay(acme());
  back_up(app);
  app.supervisor().stop("tenant-1");
  fs::remove_all(app.directory.path() / "tenants");
  bool const is_database_lost = [] {
    SUBCASE("with its database") { return true; }
    SUBCASE("alone") { return false; }
    return false;
  }();
  auto const name = app.database.name() + "_tenant_1";
  if (is_database_lost) {
    app.run("DROP DATABASE " + name + " WITH (FORCE)");
    app.run("DROP ROLE " + name);
  } else {
    db::Connection own{db::with_database(app.database.url(), name)};
    own.execute("INSERT INTO notes (text) VALUES ('newer than the backup')");
  }
  app.restart();
  for (int round = 0; round < 3; ++round) {
    app.enqueue(provisioning::Watch{});
    settle(app);
  }
  CHECK(app.value("SELECT state FROM tenants") == "live");
  CHECK(app.tenant("acme").get("/healthz").header("x-tenant-id") == "ten_1");
  if (!is_database_lost) {
    db::Connection own{db::with_database(app.database.url(), name)};
    CHECK(PQntuples(own.execute("SELECT 1 FROM notes WHERE text LIKE 'newer%'").get()) == 1);
  }
}

TEST_CASE("two servers never hold the same tenants") {
  auto app = App::fresh({.sandbox = true, .front_door = true});
  app.sign_up_and_pay(acme());
  TemporaryDirectory elsewhere;
  auto settings = app.settings;
  settings.data_dir = elsewhere.path().string();
  process::Supervisor supervisor;
  haproxy::FrontDoor front_door{haproxy::Settings{.directory = elsewhere.path() / "front_door"},
                                supervisor};
  app::Application second{settings, app.key(), supervisor, &front_door};
  try {
    second.hold_tenants([] {});
    FAIL("it was let in");
  } catch (std::runtime_error const& error) {
    std::string const words = error.what();
    CHECK(words.find(app.directory.path().string().substr(0, 20)) != std::string::npos);
    CHECK(words.find("--no-jobs") != std::string::npos);
  }
  CHECK(!fs::exists(elsewhere.path() / "secrets/installation"));
  CHECK(app.tenant("acme").get("/healthz").status == 200);
}

TEST_CASE("a lock that is held for good ends with its holder, and is missed when it is lost") {
  support::Database database;
  using namespace std::chrono_literals;
  std::atomic<bool> lost = false;
  db::Hold const first{database.url(), "a name", "first", [&](std::string const&) { lost = true; }};
  try {
    db::Hold const second{database.url(), "a name", "second", [](auto const&) {}, 200ms};
    FAIL("two hold it");
  } catch (db::Hold::Taken const& taken) {
    CHECK(std::string{taken.what()} == "first");
  }
  // The database was away, and somebody else was quicker.
  auto const end_first = [&] {
    (void)support::rows(database,
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                        "application_name = 'first'");
  };
  end_first();
  db::Hold const second{database.url(), "a name", "second", [](auto const&) {}};
  CHECK(support::eventually([&] { return lost.load(); }));
}

TEST_CASE("a sandbox beside another one leaves its events where they go") {
  auto app = App::fresh({.webhooks = true});
  auto const endpoint = [&] { return app.stripe("GET", "/v1/webhook_endpoints")["data.0.url"]; };
  auto const url = endpoint();
  sandbox::Settings settings;
  settings.listen = "127.0.0.1:0";
  settings.database_url = app.database.url();
  settings.webhook_url = "http://127.0.0.1:1/webhook/stripe";
  settings.webhook_secret = "whsec_another";
  {
    sandbox::Sandbox second{settings};
    second.start();
    CHECK(endpoint() == url);
    second.stop();
  }
  // Also while the other one is away, unless it takes the place of the node that holds tenants.
  app.sandbox().stop();
  settings.leaves_endpoint = true;
  sandbox::Sandbox second{settings};
  second.start();
  CHECK(app.value("SELECT count(*) FROM stripe_sandbox.objects WHERE type = 'webhook_endpoint' AND "
                  "data->>'url' = '" +
                  url + "'") == "1");
  second.stop();
}

TEST_CASE("a file of ours that others could read, and hold, is ours alone again") {
  TemporaryDirectory directory;
  std::ofstream{directory.path() / "lock"};
  fs::permissions(directory.path() / "lock", fs::perms(0644));
  files::DirectoryLock const lock{directory.path()};
  CHECK(fs::status(directory.path() / "lock").permissions() == fs::perms(0600));
}

TEST_CASE("a directory that was copied becomes its new user's, and nothing that a link leads to") {
  if (::geteuid() != 0) {
    MESSAGE("not checked: only root gives files away");
    return;
  }
  TemporaryDirectory directory;
  auto const own = directory.path() / "1", other = directory.path() / "other";
  fs::create_directories(own / "below");
  std::ofstream{own / "below/file"} << "x";
  std::ofstream{other} << "x";
  fs::create_symlink(other, own / "link");
  rooms::Rooms{directory.path(), 1'900'000'000}.give(1);
  auto const user = [](fs::path const& path) {
    struct stat found {};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found.st_uid;
  };
  for (auto const& path : {own, own / "below", own / "below/file", own / "link"})
    CHECK(user(path) == 1'900'000'001);
  CHECK(user(other) == 0);
}

TEST_CASE("no two data directories of a machine share user ids") {
  TemporaryDirectory machine;
  auto const registry = machine.path() / "user-ids";
  auto range = [&](std::string const& place) {
    fs::create_directories(machine.path() / place);
    return provisioning::first_user_of(place, machine.path() / place, registry);
  };
  std::set<uid_t> seen;
  for (int i = 0; i < provisioning::places_of_a_machine; ++i)
    seen.insert(range("place" + std::to_string(i)));
  CHECK(seen.size() == std::size_t(provisioning::places_of_a_machine));
  auto const third = range("place3");
  CHECK(range("place3") == third);
  CHECK_THROWS_AS(range("one-more"), provisioning::NeedsPerson);
  CHECK(*seen.rbegin() + provisioning::users_of_a_place < 0x7fffffff);
  // That of a directory that is gone, when there is no other.
  fs::remove_all(machine.path() / "place3");
  CHECK(range("one-more") == third);
  // And that of one that has become another place.
  fs::create_directories(machine.path() / "place4/secrets");
  files::write_atomically(machine.path() / "place4/secrets/installation",
                          R"({"installation": "", "place": "place4", "mark": "", "directory": "",
                              "machine": ""})",
                          0600);
  CHECK_THROWS_AS(range("yet-another"), provisioning::NeedsPerson);
  auto const fourth = range("place4");
  files::write_atomically(machine.path() / "place4/secrets/installation",
                          R"({"installation": "", "place": "new", "mark": "", "directory": "",
                              "machine": ""})",
                          0600);
  CHECK(range("yet-another") == fourth);
  CHECK(fs::status(registry).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}
