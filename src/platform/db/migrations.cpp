// The migration runner.
#include "platform/db/migrations.hpp"

#include "platform/log/log.hpp"

namespace db {

namespace {
constexpr auto create_table = R"sql(
  CREATE TABLE IF NOT EXISTS schema_migrations (
      version    integer PRIMARY KEY,
      name       text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
  ))sql";
}

int schema_version(Connection& connection) {
  auto const exists = connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL");
  if (PQgetvalue(exists.get(), 0, 0)[0] != 't') return 0;
  auto const newest = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations");
  return std::stoi(PQgetvalue(newest.get(), 0, 0));
}

int migrate(Connection& connection) {
  connection.execute("SELECT pg_advisory_lock(hashtext('onboarding.migrations'))");
  int applied = 0;
  try {
    connection.execute(create_table);
    int const present = schema_version(connection);
    int const newest = embedded_migrations().empty() ? 0 : embedded_migrations().back().version;
    if (present > newest)
      throw std::runtime_error{
          "the database has schema version " + std::to_string(present) +
          ", this program knows only " + std::to_string(newest) +
          ": start the newer program again, or restore a backup from before the upgrade"};
    for (auto const& migration : embedded_migrations()) {
      if (migration.version <= present) continue;
      logging::info("db", "applying migration {}", migration.name);
      connection.execute("BEGIN;\n" + std::string{migration.sql} +
                         "\n;INSERT INTO schema_migrations (version, name) VALUES (" +
                         std::to_string(migration.version) + ", '" + migration.name +
                         "');\nCOMMIT;");
      ++applied;
    }
  } catch (...) {
    try {
      connection.execute("ROLLBACK");
      connection.execute("SELECT pg_advisory_unlock(hashtext('onboarding.migrations'))");
    } catch (Unavailable const&) {
      // The first error is the one to report; a lost connection has released the lock.
    }
    throw;
  }
  connection.execute("SELECT pg_advisory_unlock(hashtext('onboarding.migrations'))");
  return applied;
}

}  // namespace db
