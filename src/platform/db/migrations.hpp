#pragma once
// Numbered SQL files, embedded in the binary, applied in order, never edited once released.
#include "platform/db/db.hpp"

namespace db {

struct Migration {
  int version;
  std::string name;
  std::string_view sql;
};

/// The migrations built into this binary, ascending.
std::vector<Migration> const& embedded_migrations();

/// Applies what is missing, each in its own transaction with its version row, under an advisory
/// lock so that nodes starting together do not race. Throws std::runtime_error when the schema is
/// newer than this binary. Returns how many were applied.
int migrate(Connection& connection);
/// The schema's version; 0 for an empty database.
int schema_version(Connection& connection);

}  // namespace db
