// The cluster is started on first use and ends with the program.
#include "support/database.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "platform/db/db.hpp"
#include "platform/db/migrations.hpp"
#include "platform/files/files.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/postgres/cluster.hpp"
#include "platform/process/run.hpp"

namespace support {

namespace {

struct Server {
  TemporaryDirectory directory;
  process::Supervisor supervisor;
  postgres::Cluster cluster{{.data_dir = directory.path(), .run_as = ""}, supervisor};

  /// `prepared`: where one lies that is like it, or nullptr.
  explicit Server(char const* prepared) {
    if (prepared) copy(prepared, directory.path());
    cluster.start();
    if (!prepared) prepare();
    administering.emplace(cluster.url("postgres"), "onboarding test");
  }

  void prepare() {
    db::Connection admin{cluster.url("onboarding")};
    db::migrate(admin);
    // No test pulls the plug: nothing is gained by waiting for the disk.
    for (auto const* setting :
         {"fsync", "full_page_writes", "synchronous_commit", "wal_compression"})
      admin.execute(std::string{"ALTER SYSTEM SET "} + setting + " = off");
    // Nor is a password worth its thousands of hashes in each of many sessions; tenants keep
    // theirs.
    auto const access = directory.path() / "postgres/data/pg_hba.conf";
    auto const rules = files::read(access).value();
    std::ofstream{access} << "local all onboarding trust\n" << rules;
    admin.execute("SELECT pg_reload_conf()");
    admin.execute("ALTER DATABASE onboarding ALLOW_CONNECTIONS true IS_TEMPLATE true");
  }

  /// With owners and permissions; PostgreSQL looks at them.
  static void copy(std::filesystem::path const& from, std::filesystem::path const& to) {
    auto const done = process::run({.executable = "/bin/cp",
                                    .arguments = {"-a", from.string() + "/.", to.string()},
                                    .directory = "/"},
                                   std::chrono::minutes{2});
    if (!done.ending.success())
      throw std::runtime_error{"the cluster was not copied: " + done.output};
  }

  void execute(std::string const& sql) {
    std::scoped_lock lock{mutex};
    administering->drop_if_hung_up();
    administering->execute(sql);
  }

 private:
  std::mutex mutex;
  std::optional<db::Connection> administering;
};

Server& server() {
  static Server instance{std::getenv("ONBOARDING_TEST_CLUSTER")};
  return instance;
}

std::string next_name() {
  static std::atomic<int> count = 0;
  return "test_" + std::to_string(++count);
}

}  // namespace

Database::Database()
    : name_{next_name()}, url_{server().cluster.url(name_)}, looking_{url_, "onboarding test"} {
  server().execute("CREATE DATABASE " + name_ + " TEMPLATE onboarding");
}

db::Result Database::execute(std::string const& sql) const {
  std::scoped_lock lock{mutex_};
  looking_.drop_if_hung_up();  // the cluster was away
  try {
    auto result = looking_.execute(sql);
    looking_.execute("RESET ALL");  // what one look has set is not for the next
    return result;
  } catch (std::exception const&) {
    looking_.drop();
    throw;
  }
}

void Database::transact(std::function<void(db::Tx&)> const& work) const {
  std::scoped_lock lock{mutex_};
  looking_.drop_if_hung_up();
  db::transact(looking_, work);
}

Database::~Database() {
  try {
    looking_.drop();
    server().execute("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (std::exception const&) {
    // The whole cluster goes away with the program.
  }
}

void prepare_cluster(std::filesystem::path const& place) {
  // What is no cluster is somebody's.
  if (std::filesystem::exists(place) && !std::filesystem::is_empty(place) &&
      !std::filesystem::exists(place / "postgres/data/PG_VERSION"))
    throw std::runtime_error{place.string() + " is no cluster of the tests"};
  std::filesystem::remove_all(place);
  std::filesystem::create_directories(place);
  Server made{nullptr};
  made.cluster.stop();
  Server::copy(made.directory.path(), place);
}

void Database::stop_cluster() { server().cluster.stop(); }
void Database::start_cluster() { server().cluster.start(); }

std::vector<std::string> rows(Database const& database, std::string const& sql) {
  auto const result = database.execute(sql);
  std::vector<std::string> out;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    std::string line;
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (column) line += '|';
      line += PQgetvalue(result.get(), row, column);
    }
    out.push_back(std::move(line));
  }
  return out;
}

std::string value(Database const& database, std::string const& sql) {
  auto const found = rows(database, sql);
  if (found.size() != 1) throw std::runtime_error{"expected one row from: " + sql};
  return found.front();
}

namespace {
std::int64_t most_rows(boost::json::value const& node) {
  auto const& step = node.as_object();
  auto number = [&](char const* name) {
    auto const* found = step.if_contains(name);
    return found ? found->to_number<std::int64_t>() : 0;
  };
  auto most = (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
  if (auto const* inner = step.if_contains("Plans"))
    for (auto const& one : inner->as_array()) most = std::max(most, most_rows(one));
  return most;
}
}  // namespace

std::int64_t rows_touched(Database const& database, std::string const& query_name,
                          std::string const& arguments) {
  auto const queries = db::Query::all();
  auto const query = std::find_if(queries.begin(), queries.end(), [&](db::Query const* known) {
    return known->name == query_name;
  });
  if (query == queries.end()) throw std::runtime_error{"no query is called " + query_name};
  return rows_touched_by(database, (*query)->sql, arguments, false);
}

std::int64_t rows_touched_by(Database const& database, std::string const& sql,
                             std::string const& arguments, bool planned_anew) {
  db::Connection connection{database.url()};
  connection.execute(std::string{"SET plan_cache_mode = force_"} +
                     (planned_anew ? "custom" : "generic") + "_plan");
  connection.execute("PREPARE query AS " + sql);
  auto const plan = connection.execute(
      "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) EXECUTE query" +
      (arguments.empty() ? "" : "(" + arguments + ")"));
  return most_rows(boost::json::parse(PQgetvalue(plan.get(), 0, 0)).at(0).at("Plan"));
}

}  // namespace support
