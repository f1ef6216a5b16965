#include "platform/db/time_zones.hpp"

namespace db {

namespace {
// `posix/` and `right/` are copies, the second with leap seconds; the others are this machine's.
// The view reads a thousand files, which most need not wait for.
Query const is_zone{"db.is_time_zone", R"sql(
  SELECT $1 = 'UTC'
      OR ($1 !~ '^(posix/|right/|localtime$|posixrules$|Factory$)'
          AND EXISTS (SELECT 1 FROM pg_timezone_names WHERE name = $1))
)sql"};
}  // namespace

bool is_time_zone(Tx& tx, std::string_view name) { return tx.one<bool>(is_zone, name); }

}  // namespace db
