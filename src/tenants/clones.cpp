// Reserving the place of a clone.
#include "tenants/clones.hpp"

#include "platform/json/write.hpp"

namespace tenants {

namespace {
// The backup of the source is made first; a reservation that is left over is swept after this.
constexpr std::chrono::hours time_for_the_backup{12};

db::Query const copy_shape{"tenants.make_alike", R"sql(
  UPDATE tenants AS new
     SET cloned_from = old.id, plan_quantity = old.plan_quantity, max_users = old.max_users,
         storage_limit_mib = old.storage_limit_mib, memory_limit_mib = old.memory_limit_mib,
         cpu_limit_percent = old.cpu_limit_percent, process_limit = old.process_limit,
         blueprint = old.blueprint
    FROM tenants AS old WHERE new.id = $1 AND old.id = $2
)sql"};
}  // namespace

void make_alike(db::Tx& tx, TenantId id, TenantId source) { tx.exec(copy_shape, id, source); }

TenantId clone(db::Tx& tx, config::Settings const& settings, TenantId source_id,
               std::string_view subdomain, std::optional<std::string> const& company,
               std::string_view actor) {
  take_turn_to_reserve(tx);
  auto const source = lock(tx, source_id);
  if (source.state != State::live && source.state != State::suspended)
    throw Problem{state_conflict, "It is " + std::string{name_of(source.state)} +
                                      "; only what is live or suspended can be cloned."}
        .with("state", json::text(source.state));
  auto customer = source.customer_id;
  if (company) {
    auto const contact = customers::get(tx, customer);
    customer = customers::create(
                   tx, {*company, contact.name, contact.email, contact.country, contact.locale})
                   .id;
  }
  auto const target = reserve(tx, settings, customer, subdomain, source.plan_id, actor,
                              clock_source::now() + time_for_the_backup);
  make_alike(tx, target.id, source_id);
  request(tx, source_id, OperationKind::clone, {json::text(CloneArguments{target.id})}, actor);
  return target.id;
}

}  // namespace tenants
