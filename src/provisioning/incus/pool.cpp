// Containers that are made before anybody asks, and given to a tenant as they run.
#include "provisioning/incus/driver.hpp"
#include "provisioning/incus/reading.hpp"
#include "provisioning/ledger.hpp"

namespace provisioning {

namespace {
namespace bj = boost::json;
using incus::key_of;
using incus::path_of;

std::string about(std::string const& name, std::string_view verb) {
  return "instance " + name + ": " + std::string{verb};
}

std::string text_of(tenants::TenantId id) { return std::to_string(id.value); }
}  // namespace

void IncusDriver::create_pooled(db::Connection& connection, std::int64_t pool_id,
                                tenants::Tenant const& limits) {
  auto const ours = identity(connection).id;
  auto const owner = std::to_string(pool_id);
  auto const name = "p-" + ours.substr(0, 6) + "-" + owner;
  build({.name = name,
         .blueprint = limits.blueprint,
         .image = blueprint_of(limits).image(),
         .memory_mib = limits.memory_limit_mib,
         .cpu_percent = limits.cpu_limit_percent,
         .processes = limits.process_limit,
         .storage_mib = limits.storage_limit_mib,
         .keys = {{"installation", ours}, {"pool", owner}}},
        "pool", owner);
  start_named(name);
  wait_until_it_answers(name, blueprint_of(limits));
}

void IncusDriver::claim(db::Connection& connection, std::int64_t pool_id,
                        Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const ours = identity(connection).id;
  auto const name = "p-" + ours.substr(0, 6) + "-" + std::to_string(pool_id);
  auto const there = client_.find(path_of(name), about(name, "claim"));
  if (!there || key_of(*there, "installation") != ours || key_of(*there, "provisioned") != "1")
    throw Transient{"pool_place_missing", about(name, "it is not there (any more)")};
  auto const owner = key_of(*there, "tenant");
  if (!owner.empty() && owner != text_of(tenant.id))
    throw Transient{"pool_place_taken", about(name, "another tenant has it")};
  auto const place =
      db::transact(connection, [&](db::Tx& tx) { return plan(tx, tenant.id, "instance", name); });
  if (!place || place->name != name)
    throw Transient{"pool_place_taken", about(name, "the ledger has it otherwise")};
  (void)client_.call(
      "PATCH", path_of(name),
      bj::object{{"config",
                  {{"user.onboarding.tenant", text_of(tenant.id)}, {"user.onboarding.pool", ""}}}},
      about(name, "claim"));
  db::transact(connection, [&](db::Tx& tx) { mark_present(tx, place->id); });
  remember_member(connection, tenant.id, name);
  set_limits(connection, tenant);
}

}  // namespace provisioning
