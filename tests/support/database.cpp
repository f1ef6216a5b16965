// The cluster is started on first use and ends with the program.
#include "support/database.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <stdexcept>

#include "platform/db/db.hpp"
#include "platform/db/migrations.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/postgres/cluster.hpp"

namespace support {

namespace {

struct Server {
  TemporaryDirectory directory;
  process::Supervisor supervisor;
  postgres::Cluster cluster{{.data_dir = directory.path(), .run_as = ""}, supervisor};

  Server() {
    cluster.start();
    db::Connection admin{cluster.url("onboarding")};
    db::migrate(admin);
    // No test pulls the plug: nothing is gained by waiting for the disk.
    for (auto const* setting : {"fsync", "full_page_writes", "synchronous_commit"})
      admin.execute(std::string{"ALTER SYSTEM SET "} + setting + " = off");
    admin.execute("SELECT pg_reload_conf()");
    admin.execute("ALTER DATABASE onboarding ALLOW_CONNECTIONS true IS_TEMPLATE true");
  }
};

Server& server() {
  static Server instance;
  return instance;
}

std::string next_name() {
  static std::atomic<int> count = 0;
  return "test_" + std::to_string(++count);
}

}  // namespace

Database::Database() : name_{next_name()}, url_{server().cluster.url(name_)} {
  db::Connection admin{server().cluster.url("postgres")};
  admin.execute("CREATE DATABASE " + name_ + " TEMPLATE onboarding");
}

Database::~Database() {
  try {
    db::Connection admin{server().cluster.url("postgres")};
    admin.execute("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (std::exception const&) {
    // The whole cluster goes away with the program.
  }
}

void Database::stop_cluster() { server().cluster.stop(); }
void Database::start_cluster() { server().cluster.start(); }

std::vector<std::string> rows(Database const& database, std::string const& sql) {
  db::Connection connection{database.url()};
  auto const result = connection.execute(sql);
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
