#pragma once
// A real PostgreSQL for the tests: one private cluster per test program, one database per test,
// cloned from a migrated template.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "platform/db/db.hpp"

namespace support {

class Database {
 public:
  /// A fresh database with the present schema; dropped again at the end.
  Database();
  ~Database();
  Database(Database const&) = delete;
  Database& operator=(Database const&) = delete;

  [[nodiscard]] std::string const& url() const { return url_; }
  [[nodiscard]] std::string const& name() const { return name_; }
  /// Runs a statement in the one session that is kept for looking: a session for each look costs
  /// more than all that the test does.
  [[nodiscard]] db::Result execute(std::string const& sql) const;
  void transact(std::function<void(db::Tx&)> const& work) const;
  /// Stops and starts the whole cluster, as when the database goes away under load.
  static void stop_cluster();
  static void start_cluster();

 private:
  std::string name_, url_;
  mutable std::mutex mutex_;
  mutable db::Connection looking_;
};

/// Makes a cluster with the migrated template and leaves it, stopped, at `place`, in stead of what
/// was there: a test program that finds that path in ONBOARDING_TEST_CLUSTER begins with a copy.
void prepare_cluster(std::filesystem::path const& place);

/// Runs a statement and returns its rows, columns separated by '|'.
[[nodiscard]] std::vector<std::string> rows(Database const& database, std::string const& sql);
/// The only value of a query with one row and one column.
[[nodiscard]] std::string value(Database const& database, std::string const& sql);

/// The most rows that any step of a query's plan touches, those that it throws away included. The
/// plan is the one for unknown parameters; `arguments` is a list of SQL literals.
[[nodiscard]] std::int64_t rows_touched(Database const& database, std::string const& query_name,
                                        std::string const& arguments = "");
/// The same of any statement; `planned_anew`: the plan is the one for these arguments.
[[nodiscard]] std::int64_t rows_touched_by(Database const& database, std::string const& sql,
                                           std::string const& arguments, bool planned_anew);

}  // namespace support
