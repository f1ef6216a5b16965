// Counting places.
#include "tenants/places.hpp"

#include "platform/readiness/readiness.hpp"

namespace tenants {

namespace {
db::Query const count_places{"tenants.count_places", R"sql(
  SELECT count(*) FROM (
    SELECT 1 FROM tenants
     WHERE state NOT IN ('purged', 'rolled_back') AND provisioner = $1 LIMIT $2) AS taken
)sql"};

db::Query const count_unpaid_places{"tenants.count_unpaid_places", R"sql(
  SELECT count(*) FROM tenants
   WHERE state IN ('reserved', 'awaiting_payment') AND provisioner = $1 AND cloned_from IS NULL
)sql"};

bool has_place(db::Tx& tx, config::Settings const& settings) {
  return tx.one<std::int64_t>(count_places, name_of(settings.provisioner),
                              settings.tenant_capacity) < settings.tenant_capacity;
}
}  // namespace

Availability availability(db::Tx& tx, config::Settings const& settings) {
  if (!readiness::can_build(tx)) return Availability::paused;
  return has_place(tx, settings) && count_unpaid(tx, settings) < unpaid_places(settings)
             ? Availability::open
             : Availability::full;
}

void require_place(db::Tx& tx, config::Settings const& settings) {
  if (!has_place(tx, settings)) throw Problem{capacity_exhausted};
}

std::int64_t unpaid_places(config::Settings const& settings) {
  // Half of them; where there are hardly any, a share would be none.
  return std::max<std::int64_t>(2, settings.tenant_capacity / 2);
}

std::int64_t count_unpaid(db::Tx& tx, config::Settings const& settings) {
  return tx.one<std::int64_t>(count_unpaid_places, name_of(settings.provisioner));
}

}  // namespace tenants
