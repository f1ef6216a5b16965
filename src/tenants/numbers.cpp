// Far ahead, so that no number is given twice.
#include "tenants/numbers.hpp"

namespace tenants {

namespace {
// More than were ever given between two backups of the database, and not twice the same.
db::Query const skip{"tenants.skip_numbers", R"sql(
  SELECT setval(pg_get_serial_sequence('tenants', 'id'),
                (SELECT coalesce(max(id), 0) FROM tenants) + 10000 + (random() * 90000)::bigint)
)sql"};
}  // namespace

void skip_numbers(db::Tx& tx) { tx.exec(skip); }

}  // namespace tenants
