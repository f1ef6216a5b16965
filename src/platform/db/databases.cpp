// Removing databases.
#include "platform/db/databases.hpp"

#include "platform/db/url.hpp"

namespace db {

namespace {
// -2 is what DROP DATABASE writes before it begins (since 15.4).
Query const half_removed{"db.half_removed", R"sql(
  SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND datconnlimit = -2)
)sql"};
Query const is_template{"db.is_template", R"sql(
  SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate)
)sql"};
}  // namespace

bool is_half_removed(Connection& connection, std::string const& name) {
  Tx tx{connection, Mode::autocommit};
  return tx.one<bool>(half_removed, name);
}

void drop_database(Connection& connection, std::string const& name) {
  // A template cannot be dropped, and its owner may make it one; what is half removed cannot be
  // altered.
  bool const must_be_altered = [&] {
    Tx tx{connection, Mode::autocommit};
    return tx.one<bool>(is_template, name) && !tx.one<bool>(half_removed, name);
  }();
  if (must_be_altered)
    connection.execute("ALTER DATABASE " + quoted_name(name) + " WITH IS_TEMPLATE false");
  connection.execute("DROP DATABASE IF EXISTS " + quoted_name(name) + " WITH (FORCE)");
}

}  // namespace db
