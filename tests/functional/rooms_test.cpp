// A tenant's program that does in its own directory, database and on this machine whatever its user
// may do: it neither leads us out of there nor stops what we do for others.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/db/url.hpp"
#include "platform/process/run.hpp"
#include "provisioning/jobs.hpp"
#include "provisioning/process_driver.hpp"
#include "provisioning/process_names.hpp"
#include "provisioning/provisioning.hpp"
#include "support/app.hpp"
#include "tenants/tenants.hpp"

using support::acme;
using support::App;
using support::eventually;
using Rows = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {
constexpr tenants::TenantId first{1};

/// Acme and Globex, live.
struct Scene {
  Scene() : app{App::fresh({.sandbox = true, .front_door = true})}, connection{app.database.url()} {
    app.sign_up_and_pay(acme());
    app.sign_up_and_pay(acme({{"subdomain", "globex"}, {"email", "grace@globex.example"}}));
  }
  provisioning::Driver& driver() { return app.application().world().driver; }
  provisioning::Instance instance(tenants::TenantId id = first) {
    return provisioning::load_instance(connection, id);
  }
  [[nodiscard]] fs::path room() const { return app.directory.path() / "tenants/1"; }
  pid_t pid(std::string const& name = "tenant-1") {
    auto const status = app.supervisor().status(name);
    return status ? status->pid : 0;
  }
  /// What the tenant's own program could do as well: a shell with its user, in its directory.
  process::Launch program(std::string const& script) const {
    process::Launch launch{.executable = "/bin/sh", .arguments = {"-c", script}};
    launch.directory = room();
    if (auto const owner = owner_of_room())
      launch.run_as = process::Identity{"tenant-1", owner->user, owner->group, {}};
    return launch;
  }
  std::string as_tenant(std::string const& script) const {
    auto const launch = program(script);
    auto const finished = process::run(launch, std::chrono::seconds{60});
    REQUIRE_MESSAGE(finished.ending.success(), finished.output);
    return finished.output;
  }
  /// The user that its process runs as; none when that is our own.
  std::optional<files::Owner> owner_of_room() const {
    struct stat now {};
    if (::geteuid() != 0 || ::stat(room().c_str(), &now) != 0) return {};
    return files::Owner{now.st_uid, now.st_gid};
  }
  void change(tenants::TenantId id, tenants::Changes const& changes) {
    db::transact(connection, [&](db::Tx& tx) { tenants::change(tx, id, changes, "test"); });
  }
  void measure() {
    app.run("UPDATE tenant_health SET timestamp = timestamp - interval '2 minutes'");
    app.enqueue(provisioning::Measure{});
    app.work();
  }
  std::string state(tenants::TenantId id = first) const {
    return app.value("SELECT state FROM tenants WHERE id = " + std::to_string(id.value));
  }

  App app;
  db::Connection connection;
};

std::string listing(fs::path const& archive) {
  return process::run({.executable = "/usr/bin/tar", .arguments = {"--zstd", "-tf", archive}},
                      std::chrono::seconds{60})
      .output;
}
}  // namespace

TEST_CASE("a directory that is exchanged for a link during a backup leads nowhere") {
  if (::geteuid() != 0) return;  // tenants are our own user then
  Scene scene;
  scene.as_tenant("mkdir notes; for i in $(seq 300); do echo $i >notes/$i; done; ln -s " +
                  (scene.app.directory.path() / "secrets").string() + " elsewhere");
  // As fast as it can, the tenant makes one of the other.
  std::atomic<bool> is_over = false;
  std::thread swapping{[&] {
    auto const notes = scene.room() / "notes", link = scene.room() / "elsewhere";
    while (!is_over)
      ::syscall(SYS_renameat2, AT_FDCWD, notes.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  }};
  std::string seen;
  for (int i = 0; i < 8; ++i) {
    auto const archive = scene.app.directory.path() / ("backup" + std::to_string(i));
    try {
      scene.driver().backup(scene.connection, scene.instance(), archive);
      seen += listing(archive);
    } catch (std::exception const& error) {
      seen += error.what();
    }
  }
  is_over = true;
  swapping.join();
  CHECK_MESSAGE(seen.find("database.dump") != std::string::npos, seen.substr(0, 2000));
  CHECK(seen.find("master_key") == std::string::npos);
}

TEST_CASE("what is no regular file keeps nobody waiting, neither a backup nor a change") {
  Scene scene;
  scene.as_tenant("mkfifo pipe; rm app.json; mkfifo app.json");
  // Whatever concerns this tenant may fail, but ends.
  scene.change(first, {.max_users = 9});
  scene.change(first, {.memory_limit_mib = 700});
  scene.change(tenants::TenantId{2}, {.max_users = 9});
  scene.app.work();
  CHECK(scene.app.value("SELECT count(*) FROM jobs WHERE state = 'running'") == "0");
  CHECK(scene.app.value("SELECT limits_message->>'text' LIKE 'directory_failed: %app.json%' "
                        "AND limits_message->'parameters' = '{\"failure\": \"directory_failed\"}' "
                        "FROM tenants WHERE id = 1") == "t");
  CHECK(scene.app.value("SELECT limits_message IS NULL AND settled_version = version FROM tenants "
                        "WHERE id = 2") == "t");

  auto const archive = scene.app.directory.path() / "acme.tar.zst";
  scene.driver().backup(scene.connection, scene.instance(), archive);
  CHECK(listing(archive).find("files/pipe") != std::string::npos);
  CHECK(listing(archive).find("app.json") == std::string::npos);

  scene.as_tenant("rm app.json");
  scene.app.hurry();
  scene.app.work();
  CHECK(scene.app.value("SELECT limits_message IS NULL FROM tenants WHERE id = 1") == "t");
  CHECK(eventually([&] { return scene.app.tenant("acme").get("/healthz").status == 200; }));
}

TEST_CASE("what was backed up comes back whole, as the tenant's own, and nothing beside it stays") {
  Scene scene;
  scene.as_tenant(
      "mkdir -p deep/er; echo one >deep/er/file; ln -s deep/er link; ln deep/er/file twin; "
      "chmod 600 deep/er/file; truncate -s 300M hole; printf x >'odd\n name'");
  auto const archive = scene.app.directory.path() / "acme.tar.zst";
  scene.driver().backup(scene.connection, scene.instance(), archive);
  CHECK(fs::file_size(archive) < 5'000'000);
  struct stat kept {};
  REQUIRE(::stat(archive.c_str(), &kept) == 0);
  CHECK((kept.st_mode & 07777) == 0600);
  CHECK(kept.st_uid == ::geteuid());

  scene.as_tenant("rm -r deep; echo later >later");
  scene.driver().restore(scene.connection, scene.instance(), archive);
  CHECK(scene.as_tenant("cat link/file; stat -c %h twin; test -e later || echo gone; id -u; "
                        "stat -c %u . deep/er/file 'odd\n name' app.json | sort -u") ==
        "one\n2\ngone\n" + scene.as_tenant("id -u; id -u"));
  CHECK(fs::exists(scene.room() / "hole"));
  struct stat hole {};
  REQUIRE(::stat((scene.room() / "hole").c_str(), &hole) == 0);
  CHECK(hole.st_blocks < 2000);
  CHECK(eventually([&] { return scene.app.tenant("acme").get("/healthz").status == 200; }));
  std::size_t beside = 0;
  for (auto const& entry : fs::directory_iterator{scene.app.directory.path() / "tenants"})
    beside += entry.path().filename() != "1" && entry.path().filename() != "2";
  CHECK(beside == 0);
}

TEST_CASE("what a tenant uses is counted as the disk counts it, and never beyond its own place") {
  Scene scene;
  auto const used = [&] {
    return scene.driver().usage(scene.connection, scene.instance().tenant)->disk;
  };
  constexpr std::int64_t mib = 1024 * 1024;
  auto const before = used();
  scene.as_tenant(
      "truncate -s 400M hole; ln -s / everything; mkfifo pipe; head -c 4194304 "
      "/dev/urandom >real; ln real twin; ln real triplet");
  auto const with_files = used() - before;
  CHECK(with_files >= 4 * mib);
  CHECK(with_files < 6 * mib);
  // So does a file that has no name any more.
  auto nameless = scene.program(
      "exec 3>held; rm held; head -c 4194304 /dev/urandom >&3; echo; "
      "exec sleep 1000");
  auto const child = process::launch(nameless, {});
  char told = 0;
  CHECK(eventually([&] { return ::read(child.output.get(), &told, 1) == 1; }));
  CHECK(used() - before >= with_files + 4 * mib);
  ::kill(-child.pid, SIGKILL);
  (void)process::reap(child);
  CHECK(used() - before < with_files + 2 * mib);
  // Names without content fill a disk as well.
  scene.as_tenant("mkdir many; cd many; seq 2000 | xargs touch");
  CHECK(used() - before >= with_files + 2000 * 4096);
}

TEST_CASE("directories in directories without end can be measured and taken away") {
  Scene scene;
  // A shell would take minutes for it.
  files::Descriptor at{::open(scene.room().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  for (int depth = 0; depth < 3000; ++depth) {
    REQUIRE(::mkdirat(at.get(), "a directory in it", 0700) == 0);
    at = files::Descriptor{::openat(at.get(), "a directory in it", O_RDONLY | O_DIRECTORY)};
  }
  // Nobody nests so deep for a good reason: it counts as more than there may be.
  auto const usage = scene.driver().usage(scene.connection, scene.instance().tenant);
  REQUIRE(usage);
  CHECK(usage->disk > scene.instance().tenant.storage_limit_mib * 1024 * 1024);
  scene.driver().destroy(scene.connection, scene.instance().tenant);
  CHECK_FALSE(fs::exists(scene.room()));
}

TEST_CASE("whoever grows beyond its storage, in files or in its database, is stopped and told") {
  Scene scene;
  auto const limit = std::to_string(64);
  scene.app.run("UPDATE tenants SET storage_limit_mib = " + limit + " WHERE id = 1");
  scene.measure();
  CHECK(scene.state() == "live");
  SUBCASE("in files") { scene.as_tenant("head -c 99614720 /dev/urandom >big"); }
  SUBCASE("in its database") {
    db::Connection tenant{
        db::with_database(scene.app.database.url(), scene.app.database.name() + "_tenant_1")};
    tenant.execute(
        "CREATE TABLE big AS SELECT md5(i::text) || md5((-i)::text) AS text FROM "
        "generate_series(1, 1000000) AS i");
    REQUIRE(scene.driver().usage(scene.connection, scene.instance().tenant)->disk >
            90 * 1024 * 1024);
  }
  scene.measure();
  scene.app.hurry();
  scene.app.work();
  CHECK(scene.state() == "suspended");
  CHECK(scene.app.rows("SELECT reason FROM tenant_holds") == Rows{"quota"});
  CHECK(scene.app.value("SELECT count(*) FROM mails WHERE template = 'storage_full'") == "1");
  CHECK(scene.app.value("SELECT count(*) FROM mails WHERE template = 'storage_nearly_full'") ==
        "0");
  CHECK(scene.state(tenants::TenantId{2}) == "live");
  // More space, and it runs again.
  scene.change(first, {.storage_limit_mib = 1000});
  scene.measure();
  scene.app.hurry();
  scene.app.work();
  CHECK(scene.state() == "live");
}

TEST_CASE("a tenant has its share of the database's connections and temporary space, and no more") {
  Scene scene;
  auto const role = scene.app.database.name() + "_tenant_1";
  auto const limit = [&] {
    return scene.app.value("SELECT rolconnlimit FROM pg_roles WHERE rolname = '" + role + "'");
  };
  CHECK(limit() == "10");
  CHECK(
      scene.app.value("SELECT setconfig::text LIKE '%temp_file_limit=%' FROM pg_db_role_setting s "
                      "JOIN pg_roles r ON r.oid = setrole WHERE rolname = '" +
                      role + "'") == "t");
  // Whatever happened to it: the next start puts it right, the password too.
  scene.app.run("ALTER ROLE \"" + role + "\" CONNECTION LIMIT -1 PASSWORD 'changed by the tenant'");
  scene.driver().stop(scene.connection, scene.instance().tenant);
  scene.driver().start(scene.connection, scene.instance());
  CHECK(limit() == "10");
  CHECK(eventually([&] { return scene.app.tenant("acme").get("/healthz").status == 200; }));
}

TEST_CASE("how long saving may take goes with its size, and has an end for any") {
  using namespace std::chrono_literals;
  constexpr std::int64_t gib = 1024 * 1024 * 1024;
  using provisioning::copying_patience;
  CHECK(copying_patience(0) == 2min);
  CHECK(copying_patience(gib) > copying_patience(gib / 2));
  CHECK(copying_patience(1000 * gib) == 90min);
}

TEST_CASE("a port that another program of the same user would share is exchanged") {
  Scene scene;
  files::Descriptor const other{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int const on = 1;
  ::setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(other.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(other.get(), 8) == 0);
  REQUIRE(::getsockname(other.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  auto const taken = std::to_string(ntohs(address.sin_port));
  scene.driver().stop(scene.connection, scene.instance().tenant);
  scene.app.run("UPDATE tenant_resources SET name = '" + taken +
                "' WHERE kind = 'port' AND tenant_id = 1 AND state = 'present'");
  scene.driver().start(scene.connection, scene.instance());
  CHECK(scene.app.value("SELECT name FROM tenant_resources WHERE kind = 'port' AND tenant_id = 1 "
                        "AND state = 'present'") != taken);
  pollfd visitors{other.get(), POLLIN, 0};
  scene.app.enqueue(provisioning::Watch{});
  scene.app.work();
  CHECK(eventually([&] { return scene.app.tenant("acme").get("/healthz").status == 200; }));
  CHECK(::poll(&visitors, 1, 0) == 0);
}

TEST_CASE("what another tenant gave it in its own database keeps nobody from going") {
  Scene scene;
  auto const role = [&](int tenant) {
    return scene.app.database.name() + "_tenant_" + std::to_string(tenant);
  };
  db::Connection other{db::with_database(scene.app.database.url(), role(2))};
  other.execute("SET SESSION AUTHORIZATION \"" + role(2) + "\"; GRANT SELECT ON notes TO \"" +
                role(1) + "\"");
  other.execute("GRANT CONNECT ON DATABASE \"" + role(2) + "\" TO \"" + role(1) + "\"");
  scene.driver().destroy(scene.connection, scene.instance().tenant);
  CHECK(scene.app.value("SELECT count(*) FROM pg_roles WHERE rolname = '" + role(1) + "'") == "0");
  CHECK(scene.app.tenant("globex").get("/healthz").status == 200);
}

TEST_CASE("a database whose removal broke off hinders neither a restore nor the end of a tenant") {
  Scene scene;
  auto& app = scene.app;
  auto const name = app.database.name() + "_tenant_1";
  auto const archive = app.directory.path() / "archive";
  auto const break_off = [&](std::string const& database) {
    app.run("UPDATE pg_database SET datconnlimit = -2 WHERE datname = '" + database + "'");
  };
  auto const databases = [&] {
    return app.rows("SELECT datname FROM pg_database WHERE datname LIKE '" + name +
                    "%' ORDER BY 1");
  };
  scene.driver().backup(scene.connection, scene.instance(), archive);
  SUBCASE("of what a restore had made") {
    for (auto const* suffix : {provisioning::restoring_suffix, provisioning::replaced_suffix}) {
      app.run("CREATE DATABASE \"" + name + suffix + "\" OWNER \"" + name + "\"");
      break_off(name + suffix);
    }
  }
  SUBCASE("of its own") {
    scene.driver().stop(scene.connection, scene.instance().tenant);
    break_off(name);
    CHECK(!scene.driver().keeps_data(scene.connection, scene.instance().tenant));
  }
  scene.driver().restore(scene.connection, scene.instance(), archive);
  CHECK(databases() == Rows{name});
  CHECK(eventually([&] { return app.tenant("acme").get("/healthz").status == 200; }));

  scene.driver().stop(scene.connection, scene.instance().tenant);
  break_off(name);
  scene.driver().destroy(scene.connection, scene.instance().tenant);
  CHECK(databases().empty());
}

TEST_CASE("a tenant's database whose making broke off is closed to others in the end") {
  Scene scene;
  auto const name = scene.app.database.name() + "_tenant_1";
  scene.app.run("GRANT CONNECT ON DATABASE \"" + name + "\" TO PUBLIC");
  scene.driver().create_database(scene.connection, scene.instance());
  CHECK(scene.app.value("SELECT has_database_privilege('" + scene.app.database.name() +
                        "_tenant_2', '" + name + "', 'CONNECT')") == "f");
}

TEST_CASE("a tenant that is stopped has no process left, wherever it came from") {
  if (::geteuid() != 0) return;  // tenants are our own user then
  Scene scene;
  auto const hidden = process::launch(scene.program("exec setsid sleep 1000"), {});
  scene.driver().stop(scene.connection, scene.instance().tenant);
  CHECK(eventually([&] {
    pollfd ended{hidden.handle.get(), POLLIN, 0};
    return ::poll(&ended, 1, 0) == 1;
  }));
  ::kill(-hidden.pid, SIGKILL);
  (void)process::reap(hidden);
  // Nobody else's ended.
  CHECK(scene.pid("tenant-2") > 0);
  CHECK(scene.app.tenant("globex").get("/healthz").status == 200);
}

TEST_CASE("the port of a tenant whose process has ended belongs to nobody else") {
  if (::geteuid() != 0) return;  // tenants are our own user then
  Scene scene;
  auto const port =
      std::stoi(scene.app.value("SELECT name FROM tenant_resources WHERE kind = 'port' AND state = "
                                "'present' AND tenant_id = 1"));
  // Another tenant waits for its chance.
  auto const taken = [&] {
    auto const child = ::fork();
    if (child == 0) {
      bool got = false;
      if (::setresuid(1'999'999, 1'999'999, 1'999'999) != 0) ::_exit(2);
      for (auto const where : {INADDR_LOOPBACK, INADDR_ANY})
        for (int const option : {0, SO_REUSEADDR, SO_REUSEPORT}) {
          int const thief = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
          int const on = 1;
          if (option) ::setsockopt(thief, SOL_SOCKET, option, &on, sizeof on);
          sockaddr_in address{};
          address.sin_family = AF_INET;
          address.sin_addr.s_addr = htonl(where);
          address.sin_port = htons(std::uint16_t(port));
          got |= ::bind(thief, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                 ::listen(thief, 1) == 0;
          ::close(thief);
        }
      ::_exit(got ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  };
  CHECK_FALSE(taken());
  // It never comes up again by itself, and its address says so.
  auto const file = scene.room() / "app.json";
  fs::remove(file);
  files::write_atomically(file, "{}", 0444);
  ::kill(scene.pid(), SIGKILL);
  CHECK(eventually(
      [&] { return scene.app.supervisor().status("tenant-1")->state == process::State::backoff; }));
  CHECK_FALSE(taken());
  CHECK(scene.app.tenant("acme").get("/").status == 503);
  // Started anew with other limits, or stopped: it is kept for it.
  scene.change(first, {.memory_limit_mib = 700});
  scene.app.hurry();
  scene.app.work();
  CHECK_FALSE(taken());
  scene.driver().stop(scene.connection, scene.instance().tenant);
  CHECK_FALSE(taken());
  scene.driver().start(scene.connection, scene.instance());
  CHECK(eventually([&] { return scene.app.tenant("acme").get("/healthz").status == 200; }));
  CHECK(scene.app.value("SELECT name FROM tenant_resources WHERE kind = 'port' AND "
                        "state = 'present' AND tenant_id = 1") == std::to_string(port));
}
