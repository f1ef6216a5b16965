// The embedded cluster with the real PostgreSQL: first start, second start, crashes and refusals.
#include "platform/postgres/cluster.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>
#include <thread>

#include "platform/db/db.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/postgres/programs.hpp"

namespace {
using namespace std::chrono_literals;

bool eventually(auto&& condition, std::chrono::milliseconds patience = 60s) {
  auto const end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

std::string answer(std::string const& url, std::string const& sql) {
  db::Connection connection{url};
  auto const result = connection.execute(sql);
  return PQntuples(result.get()) ? PQgetvalue(result.get(), 0, 0) : "";
}
}  // namespace

TEST_CASE("the version of a cluster decides which programs serve it") {
  std::map<int, std::filesystem::path> const two{{15, "/p/15/bin"}, {17, "/p/17/bin"}};
  CHECK(postgres::programs_for(two, {}, "/d/postgres/data") == "/p/17/bin");
  CHECK(postgres::programs_for(two, 15, "/d/postgres/data") == "/p/15/bin");
  CHECK_THROWS_WITH_AS((void)postgres::programs_for(two, 16, "/d/postgres/data"),
                       doctest::Contains("apt install postgresql-16"), std::runtime_error);
  CHECK_THROWS_WITH_AS((void)postgres::programs_for(two, 16, "/d/postgres/data"),
                       doctest::Contains("/p/17/bin/pg_upgrade"), std::runtime_error);
  CHECK_THROWS_WITH_AS((void)postgres::programs_for({}, {}, "/d"),
                       doctest::Contains("apt install postgresql"), std::runtime_error);
}

TEST_CASE("helper: a server with a database" * doctest::skip()) {
  process::Supervisor supervisor;
  postgres::Cluster cluster{{.data_dir = std::getenv("HELPER_DIRECTORY")}, supervisor};
  cluster.start();
  std::cout << "ready" << std::endl;
  ::pause();
}

TEST_CASE("the embedded cluster from its first start to a crash of everything") {
  TemporaryDirectory const directory;
  auto const data_dir = directory.path() / "d";
  postgres::ClusterSettings const settings{.data_dir = data_dir};
  // An initdb that was killed half-way is done again.
  std::filesystem::create_directories(data_dir / "postgres" / "new" / "base");
  {
    process::Supervisor supervisor;
    postgres::Cluster cluster{settings, supervisor};
    std::vector<std::string> progress;
    cluster.start([&](std::string_view text) { progress.emplace_back(text); });
    CHECK(progress.size() == 2);
    CHECK(answer(cluster.url(), "SELECT current_database()") == "onboarding");
    CHECK(answer(cluster.url(), "SHOW listen_addresses").empty());
    CHECK(answer(cluster.url(), "SHOW data_checksums") == "on");
    CHECK(answer(cluster.url(), "SHOW fsync") == "on");
    CHECK(answer(cluster.url(), "SHOW server_encoding") == "UTF8");
    CHECK(answer(cluster.url(),
                 "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> "
                 "'scram-sha-256'") == "0");
    struct stat secret {};
    REQUIRE(::stat((data_dir / "secrets" / "postgres_password").c_str(), &secret) == 0);
    CHECK((secret.st_mode & 0777) == 0600);
    if (::geteuid() == 0) {
      REQUIRE(cluster.identity());
      struct stat process {};
      auto const pid = supervisor.status("postgresql")->pid;
      REQUIRE(::stat(("/proc/" + std::to_string(pid)).c_str(), &process) == 0);
      CHECK(process.st_uid == cluster.identity()->user);
      CHECK(process.st_uid != 0);
    }
    CHECK_FALSE(cluster.restart_if_upgraded());
    answer(cluster.url(), "CREATE TABLE kept (value int)");
    answer(cluster.url(), "CREATE ROLE tenant LOGIN PASSWORD 'it''s'");
    answer(cluster.url(), "CREATE DATABASE its_own OWNER tenant");
    CHECK(answer(cluster.url("its_own", "tenant", "it's"), "SELECT 1") == "1");
    CHECK_THROWS_AS(answer(cluster.url("its_own", "tenant", "wrong"), "SELECT 1"), db::Unavailable);
    for (auto const* others : {"onboarding", "postgres"})
      CHECK_THROWS_AS(answer(cluster.url(others, "tenant", "it's"), "SELECT 1"), db::Unavailable);

    // The postmaster alone is killed: the supervisor starts it again.
    supervisor.signal("postgresql", SIGKILL);
    CHECK(eventually([&] { return supervisor.status("postgresql")->restarts > 0; }));
    CHECK(eventually([&] { return cluster.answers(); }));
    CHECK(answer(cluster.url(), "SELECT count(*) FROM kept") == "0");
  }
  {
    // The whole server is killed while it serves; the next one starts at once.
    process::Supervisor outer;
    outer.start(
        {.name = "server",
         .launch = {.executable = std::string{process::this_program},
                    .arguments = {"--test-case=helper: a server with a database", "--no-skip"},
                    .environment = {{"HELPER_DIRECTORY", data_dir.string()}}},
         .restart = process::Restart::never});
    CHECK(eventually(
        [&] { return outer.status("server")->last_output.find("ready") != std::string::npos; }));
    outer.signal("server", SIGKILL);
    process::Supervisor supervisor;
    postgres::Cluster cluster{settings, supervisor};
    cluster.start();
    CHECK(answer(cluster.url(), "SELECT count(*) FROM kept") == "0");
  }
}

TEST_CASE("the cluster is started again when a package replaced its program") {
  TemporaryDirectory const directory;
  auto const installed = postgres::installed_programs("/usr/lib/postgresql");
  REQUIRE_FALSE(installed.empty());
  auto const programs = directory.path() / std::to_string(installed.rbegin()->first) / "bin";
  files::make_directory(programs, 0755);
  auto replace = [&](std::string const& name) {
    std::filesystem::copy_file(installed.rbegin()->second / name, programs / (name + ".new"));
    std::filesystem::rename(programs / (name + ".new"), programs / name);
  };
  // PostgreSQL looks for its libraries beside the directory that it was started from.
  std::filesystem::create_directory_symlink(installed.rbegin()->second.parent_path() / "lib",
                                            programs.parent_path() / "lib");
  replace("initdb");
  replace("postgres");
  process::Supervisor supervisor;
  postgres::Cluster cluster{{.data_dir = directory.path() / "d", .installations = directory.path()},
                            supervisor};
  cluster.start();
  auto const before = supervisor.status("postgresql")->pid;
  CHECK_FALSE(cluster.restart_if_upgraded());
  replace("postgres");
  CHECK_FALSE(cluster.restart_if_upgraded());
  CHECK(cluster.restart_if_upgraded());
  CHECK_FALSE(cluster.restart_if_upgraded());
  CHECK(supervisor.status("postgresql")->pid != before);
  CHECK(cluster.answers());
}

TEST_CASE("a cluster that cannot start says what to do") {
  TemporaryDirectory const directory;
  process::Supervisor supervisor;
  auto refusal = [&](postgres::ClusterSettings const& settings) -> std::string {
    try {
      postgres::Cluster{settings, supervisor}.start();
    } catch (std::runtime_error const& error) {
      return error.what();
    }
    return "started";
  };
  CHECK(refusal({.data_dir = directory.path() / std::string(90, 'x')}).find("choose a shorter") !=
        std::string::npos);
  CHECK(refusal({.data_dir = directory.path() / "a", .installations = directory.path()})
            .find("apt install postgresql") != std::string::npos);
  auto const file = directory.path() / "file";
  files::write_atomically(file, "", 0600);
  CHECK(refusal({.data_dir = file}).find("not a directory") != std::string::npos);

  auto const other = directory.path() / "b" / "postgres" / "data";
  files::make_directory(other, 0755);
  files::write_atomically(other / "PG_VERSION", "9\n", 0644);
  if (::geteuid() == 0) {
    auto const nobody = process::find_user("nobody");
    REQUIRE(nobody);
    files::make_directory(other, 0700, files::Owner{nobody->user, nobody->group});
  }
  CHECK(refusal({.data_dir = directory.path() / "b"}).find("apt install postgresql-9") !=
        std::string::npos);

  auto const junk = directory.path() / "c" / "postgres" / "data";
  files::make_directory(junk, 0755);
  files::write_atomically(junk / "notes", "", 0644);
  CHECK(refusal({.data_dir = directory.path() / "c"}) != "started");
  if (::geteuid() != 0) return;
  auto const closed = directory.path() / "closed";
  files::make_directory(closed, 0700);
  CHECK(refusal({.data_dir = closed / "d"}).find("chmod o+x " + closed.string()) !=
        std::string::npos);
  CHECK(refusal({.data_dir = directory.path() / "e", .run_as = "root"})
            .find("must not run as root") != std::string::npos);
}
