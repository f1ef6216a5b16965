// The life of a container: made, started, stopped, moved, taken away. The ledger holds the name
// before Incus does.
#include "provisioning/incus/driver.hpp"

#include "platform/crypto/crypto.hpp"
#include "provisioning/incus/limits.hpp"
#include "provisioning/incus/reading.hpp"
#include "provisioning/ledger.hpp"

namespace provisioning {

namespace {
namespace bj = boost::json;
using incus::key_of;
using incus::path_of;
using incus::status_of;
using incus::text_at;

constexpr auto clean_stop_seconds = 30;

db::Query const forget_instance{"provisioning.forget_instance", R"sql(
  UPDATE tenant_resources SET state = 'gone', gone_at = now(), detail = NULL
   WHERE kind = 'instance' AND name = $1 AND state <> 'gone'
)sql"};

std::string about(std::string const& name, std::string_view verb) {
  return "instance " + name + ": " + std::string{verb};
}

std::string text_of(tenants::TenantId id) { return std::to_string(id.value); }
}  // namespace

IncusDriver::IncusDriver(config::Settings const& settings, vault::Vault& vault,
                         blueprints::Catalogue const& catalogue, incus::Patience patience)
    : settings_{settings}, vault_{vault}, catalogue_{catalogue}, client_{settings, patience} {}

// ---- names -------------------------------------------------------------------------------------

std::string IncusDriver::installation(db::Connection& connection) {
  std::scoped_lock const lock{mutex_};
  if (installation_.empty())
    installation_ = db::transact(connection, [&](db::Tx& tx) {
      return crypto::hex(crypto::sha256(vault_.secret(tx, "installation"))).substr(0, 32);
    });
  return installation_;
}

std::optional<std::string> IncusDriver::name_in_ledger(db::Connection& connection,
                                                       tenants::TenantId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const known = find(tx, id, "instance");
  std::scoped_lock const lock{mutex_};
  if (!known) {
    names_.erase(id.value);
    return {};
  }
  names_[id.value] = known->name;
  return known->name;
}

std::string IncusDriver::name_of(db::Connection& connection, tenants::TenantId id) {
  if (auto name = name_in_ledger(connection, id)) return *name;
  throw Transient{"instance_missing", id.text() + " has no instance yet"};
}

std::string IncusDriver::only_pool() {
  if (!settings_.incus_storage_pool.empty()) return settings_.incus_storage_pool;
  std::scoped_lock const lock{mutex_};
  if (pool_.empty()) {
    auto const pools = client_.call("GET", "/1.0/storage-pools", nullptr, "look for storage pools");
    if (!pools.is_array() || pools.get_array().size() != 1)
      throw NeedsPerson{"incus_pool_unclear",
                        "Incus has not exactly one storage pool: set incus_storage_pool"};
    std::string const path{pools.get_array().front().as_string()};
    pool_ = path.substr(path.rfind('/') + 1);
  }
  return pool_;
}

std::string IncusDriver::only_network() {
  if (!settings_.incus_network.empty()) return settings_.incus_network;
  std::scoped_lock const lock{mutex_};
  if (network_.empty()) {
    auto const all = client_.call("GET", "/1.0/networks?recursion=1", nullptr, "look for bridges");
    std::vector<std::string> bridges;
    for (auto const& network : all.as_array()) {
      auto const* managed = incus::at(network, {"managed"});
      if (managed && managed->is_bool() && managed->get_bool() &&
          text_at(network, {"type"}) == "bridge")
        bridges.push_back(text_at(network, {"name"}));
    }
    if (bridges.size() != 1)
      throw NeedsPerson{"incus_network_unclear",
                        "Incus has not exactly one managed bridge: set incus_network"};
    network_ = bridges.front();
  }
  return network_;
}

blueprints::Blueprint const& IncusDriver::blueprint_of(tenants::Tenant const& tenant) const {
  try {
    return catalogue_.at(tenant.blueprint);
  } catch (std::runtime_error const& error) {
    throw NeedsPerson{"blueprint_missing", error.what()};
  }
}

// ---- made --------------------------------------------------------------------------------------

bj::object IncusDriver::description(ContainerPlan const& plan) {
  auto config = incus::limits_config(plan);
  config["boot.autostart"] = "false";
  for (auto const& [key, value] : plan.keys) config["user.onboarding." + key] = value;
  return bj::object{{"name", plan.name},
                    {"type", "container"},
                    {"profiles", bj::array{}},
                    {"source", {{"type", "image"}, {"alias", plan.image}}},
                    {"config", std::move(config)},
                    {"devices",
                     {{"root", incus::root_device(only_pool(), plan.storage_mib)},
                      {"eth0",
                       {{"type", "nic"},
                        {"name", "eth0"},
                        {"network", only_network()},
                        {"security.port_isolation", "true"}}}}}};
}

std::optional<bj::value> IncusDriver::find_ours(std::string const& name, std::string const& key,
                                                std::string const& owner) {
  auto found = client_.find(path_of(name), about(name, "look"));
  if (!found) return {};
  std::string const ours = [&] {
    std::scoped_lock const lock{mutex_};
    return installation_;
  }();
  if (key_of(*found, "installation") != ours || key_of(*found, key) != owner)
    throw NeedsPerson{"name_taken", about(name,
                                          "Incus has one of this name that is not ours; "
                                          "rename it, it is left alone")};
  return found;
}

void IncusDriver::build(ContainerPlan const& plan, std::string const& key,
                        std::string const& owner) {
  if (auto const there = find_ours(plan.name, key, owner)) {
    if (key_of(*there, "provisioned") == "1") return;
    // Incus lists one that it was killed over as stopped; only our mark tells it from a good one.
    if (!delete_named(plan.name))
      throw Transient{"incus_member_unreachable",
                      about(plan.name, "its half-made remains lie on a machine that is down")};
  }
  auto const what = about(plan.name, "create");
  auto const made = client_.ask("POST", "/1.0/instances", description(plan), what);
  if (!made.ok()) incus::Client::fail(made, what);
  (void)client_.call("PATCH", path_of(plan.name),
                     bj::object{{"config", bj::object{{"user.onboarding.provisioned", "1"}}}},
                     what);
}

void IncusDriver::create(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const ours = installation(connection);
  auto const name = "t-" + ours.substr(0, 6) + "-" + text_of(tenant.id);
  auto const place =
      db::transact(connection, [&](db::Tx& tx) { return plan(tx, tenant.id, "instance", name); });
  if (!place) throw Hopeless{"instance_taken", name + " belongs to another tenant"};
  build({.name = place->name,
         .image = blueprint_of(tenant).image(),
         .memory_mib = tenant.memory_limit_mib,
         .cpu_percent = tenant.cpu_limit_percent,
         .processes = tenant.process_limit,
         .storage_mib = tenant.storage_limit_mib,
         .keys = {{"installation", ours}, {"tenant", text_of(tenant.id)}}},
        "tenant", text_of(tenant.id));
  db::transact(connection, [&](db::Tx& tx) { mark_present(tx, place->id); });
}

void IncusDriver::create_database(db::Connection&, Instance const&) {}

// ---- started and stopped -----------------------------------------------------------------------

void IncusDriver::start_named(std::string const& name) {
  auto const what = about(name, "start");
  auto const there = client_.find(path_of(name), what);
  if (!there) throw Transient{"instance_missing", what + ": Incus has no such instance"};
  auto const status = status_of(*there);
  if (status == incus::running) return;
  auto const answer = client_.ask("PUT", path_of(name) + "/state",
                                  bj::object{{"action", status == "Frozen" ? "unfreeze" : "start"},
                                             {"timeout", clean_stop_seconds}},
                                  what);
  if (!answer.ok() && !answer.says("already running")) incus::Client::fail(answer, what);
}

void IncusDriver::stop_named(std::string const& name) {
  auto const what = about(name, "stop");
  auto const ask = [&](bool force) {
    return client_.ask(
        "PUT", path_of(name) + "/state",
        bj::object{{"action", "stop"}, {"timeout", clean_stop_seconds}, {"force", force}}, what);
  };
  auto const is_done = [](incus::Answer const& answer) {
    return answer.ok() || answer.missing() || answer.says("already stopped");
  };
  auto answer = ask(false);
  if (!is_done(answer)) answer = ask(true);  // it did not heed the signal in time, or is frozen
  if (!is_done(answer)) incus::Client::fail(answer, what);
}

void IncusDriver::start(db::Connection& connection, Instance const& instance) {
  start_named(name_of(connection, instance.tenant.id));
}

void IncusDriver::stop(db::Connection& connection, tenants::Tenant const& tenant) {
  if (auto const name = name_in_ledger(connection, tenant.id)) stop_named(*name);
}

// ---- taken away --------------------------------------------------------------------------------

bool IncusDriver::member_is_down(std::string const& member) {
  if (member.empty() || member == "none") return false;
  auto const found = client_.find("/1.0/cluster/members/" + incus::escaped(member),
                                  "look at the machine " + member);
  return found && status_of(*found) != "Online";
}

bool IncusDriver::delete_named(std::string const& name) {
  auto const what = about(name, "delete");
  auto const there = client_.find(path_of(name), what);
  if (!there) return true;
  auto const is_unreachable = [&](incus::Answer const& answer) {
    return answer.says("connection refused") || answer.says("no route to host") ||
           answer.says("offline") || answer.says("i/o timeout");
  };
  if (member_is_down(text_at(*there, {"location"}))) return false;
  if (status_of(*there) != "Stopped") {
    auto const stopped =
        client_.ask("PUT", path_of(name) + "/state",
                    bj::object{{"action", "stop"}, {"timeout", -1}, {"force", true}}, what);
    if (is_unreachable(stopped)) return false;
    if (!stopped.ok() && !stopped.missing() && !stopped.says("already stopped"))
      incus::Client::fail(stopped, what);
  }
  auto const gone = client_.ask("DELETE", path_of(name), nullptr, what);
  if (gone.ok() || gone.missing()) return true;
  if (is_unreachable(gone)) return false;
  incus::Client::fail(gone, what);
}

void IncusDriver::destroy(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const place = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return find(tx, tenant.id, "instance");
  }();
  if (!place) return;
  (void)installation(connection);
  bool gone = true;
  try {
    if (find_ours(place->name, "tenant", text_of(tenant.id))) gone = delete_named(place->name);
  } catch (StepFailure const& failure) {
    // A stranger's of that name: what was ours is not there (any more).
    if (failure.code != "name_taken") throw;
  }
  if (gone) db::transact(connection, [&](db::Tx& tx) { mark_gone(tx, place->id); });
}

void IncusDriver::destroy_stray(db::Connection& connection, Found const& found) {
  if (found.subject != "instance") return;
  auto const there = client_.find(path_of(found.name), about(found.name, "look"));
  if (there) {
    if (key_of(*there, "installation") != installation(connection))
      throw NeedsPerson{"name_taken", about(found.name, "it is not ours and is left alone")};
    if (!delete_named(found.name))
      throw Transient{"incus_member_unreachable",
                      about(found.name, "it lies on a machine that is down")};
  }
  db::transact(connection, [&](db::Tx& tx) { tx.exec(forget_instance, found.name); });
}

// ---- moved -------------------------------------------------------------------------------------

void IncusDriver::move(db::Connection& connection, tenants::Tenant const& tenant,
                       std::string const& member) {
  auto const name = name_of(connection, tenant.id);
  auto const what = about(name, "move to " + member);
  auto const there = client_.find(path_of(name), what);
  if (!there) throw Transient{"instance_missing", what + ": Incus has no such instance"};
  auto const location = text_at(*there, {"location"});
  if (location == "none" || location.empty())
    throw Hopeless{"no_other_machine", what + ": this Incus is no cluster"};
  if (location == member) return;
  if (!client_.find("/1.0/cluster/members/" + incus::escaped(member), what))
    throw Hopeless{"no_such_machine", what + ": the cluster has no such machine"};
  bool const was_running = status_of(*there) == incus::running;
  if (was_running) stop_named(name);
  try {
    (void)client_.call("POST", path_of(name) + "?target=" + incus::escaped(member),
                       bj::object{{"name", name}, {"migration", true}}, what);
  } catch (StepFailure const&) {
    if (was_running) start_named(name);  // where it was
    throw;
  }
  if (was_running) start_named(name);
}

// ---- the standby pool --------------------------------------------------------------------------

void IncusDriver::create_pooled(db::Connection& connection, std::int64_t pool_id,
                                tenants::Tenant const& limits) {
  auto const ours = installation(connection);
  auto const owner = std::to_string(pool_id);
  auto const name = "p-" + ours.substr(0, 6) + "-" + owner;
  build({.name = name,
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
  auto const ours = installation(connection);
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
  set_limits(connection, tenant);
}

}  // namespace provisioning
