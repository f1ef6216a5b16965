// The life of a container: made, started, stopped, moved, taken away. The ledger holds the name
// before Incus does.
#include "provisioning/incus/driver.hpp"

#include <sstream>

#include "platform/config/mistakes.hpp"
#include "platform/crypto/crypto.hpp"
#include "provisioning/incus/limits.hpp"
#include "provisioning/incus/reading.hpp"
#include "provisioning/ledger.hpp"
#include "tenants/world.hpp"

namespace provisioning {

namespace {
namespace bj = boost::json;
using incus::is_out_of_reach;
using incus::key_of;
using incus::path_of;
using incus::status_of;
using incus::text_at;

constexpr auto clean_stop_seconds = 30;
constexpr std::int64_t mib = 1024 * 1024;

db::Query const forget_instance{"provisioning.forget_instance", R"sql(
  UPDATE tenant_resources SET state = 'gone', gone_at = now(), detail = NULL
   WHERE kind = 'instance' AND name = $1 AND state <> 'gone'
)sql"};

std::string about(std::string const& name, std::string_view verb) {
  return "instance " + name + ": " + std::string{verb};
}

std::string text_of(tenants::TenantId id) { return std::to_string(id.value); }

/// The cause; what follows it in LXC's log are consequences.
std::string first_error(std::string const& log) {
  std::istringstream lines{log};
  for (std::string line; std::getline(lines, line);)
    if (auto const at = line.find(" ERROR "); at != std::string::npos) return line.substr(at + 1);
  return "LXC gives no reason";
}

Transient out_of_reach(std::string const& name) {
  return {"incus_member_unreachable", about(name, "it lies on a machine that is down")};
}
}  // namespace

IncusDriver::IncusDriver(config::Settings const& settings, vault::Vault& vault,
                         blueprints::Catalogue const& catalogue, incus::Patience patience)
    : settings_{settings}, vault_{vault}, catalogue_{catalogue}, client_{settings, patience} {}

std::vector<readiness::Check> IncusDriver::checks() {
  auto const reach = [this] {
    // Not by only_pool(), which remembers what it once found.
    (void)client_.call("GET", "/1.0/instances?limit=1", nullptr, "list instances");
    if (!client_.find("/1.0/storage-pools/" + incus::escaped(only_pool()), "look for the pool"))
      throw readiness::Failed{
          {.code = "incus_without_pool",
           .parameters = {{"name", only_pool()}},
           .detail = "Incus has no storage pool " + only_pool(),
           .setting = "incus_storage_pool",
           .advice = "Set incus_storage_pool to one that `incus storage list` shows"}};
    if (!client_.find("/1.0/networks/" + incus::escaped(only_network()), "look for the bridge"))
      throw readiness::Failed{
          {.code = "incus_without_network",
           .parameters = {{"name", only_network()}},
           .detail = "Incus has no network " + only_network(),
           .setting = "incus_network",
           .advice = "Set incus_network to one that `incus network list` shows"}};
  };
  auto const image = [this] {
    auto const& blueprint = catalogue_.at(settings_.blueprint);
    if (client_.find("/1.0/images/aliases/" + blueprint.image(), "look for the image")) return;
    auto const command = config::command_line("image build ") + blueprint.name;
    throw readiness::Failed{{.code = "image_missing",
                             .parameters = {{"image", blueprint.image()}, {"command", command}},
                             .detail = "Incus has no image " + blueprint.image(),
                             .setting = "blueprint",
                             .advice = "Run `" + command + "`"}};
  };
  return {{.name = "incus",
           .setting = "incus_url",
           .advice = "Start Incus on this machine (`systemctl start incus`), or set incus_url to "
                     "where it listens",
           .building = true,
           .probe = reach},
          {.name = "image",
           .setting = "blueprint",
           .advice = "Make Incus answer first",
           .building = true,
           .probe = image}};
}

// ---- names -------------------------------------------------------------------------------------

installation::Identity IncusDriver::identity(db::Connection& connection) {
  // Read each time: what an installation left that is gone may have been taken over meanwhile.
  auto present = installation::ensure(connection, vault_);
  std::scoped_lock const lock{mutex_};
  return identity_ = std::move(present);
}

bool IncusDriver::owns(std::string const& id) const {
  std::scoped_lock const lock{mutex_};
  return !id.empty() && identity_.owns(id);
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
  auto const name = name_in_ledger(connection, id);
  if (!name) throw Transient{"instance_missing", id.text() + " has no instance yet"};
  (void)identity(connection);
  auto const there = find_ours(*name, "tenant", text_of(id));
  if (!there) throw Transient{"instance_missing", about(*name, "Incus has no such instance")};
  if (is_out_of_reach(*there)) throw out_of_reach(*name);
  return *name;
}

bool IncusDriver::is_ours(db::Connection& connection, bj::value const& instance,
                          tenants::TenantId id) {
  (void)identity(connection);
  return owns(key_of(instance, "installation")) && key_of(instance, "tenant") == text_of(id);
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

bj::object IncusDriver::description(ContainerPlan plan) {
  auto const missing = [&] {
    return NeedsPerson{"image_missing",
                       about(plan.name, "create") + ": Incus has no image " + plan.image +
                           ": run `" + config::command_line("image build ") + plan.blueprint + "`"};
  };
  auto const alias = client_.find("/1.0/images/aliases/" + plan.image, about(plan.name, "look"));
  if (!alias) throw missing();
  auto const fingerprint = text_at(*alias, {"target"});
  auto const image = client_.find("/1.0/images/" + fingerprint, about(plan.name, "look"));
  if (!image) throw missing();
  // Ours are not compressed: that is what the image takes of a quota.
  plan.image_mib = (incus::number_at(*image, {"size"}) + mib - 1) / mib;
  auto config = incus::limits_config(plan);
  config["boot.autostart"] = "false";
  config["user.onboarding.image_mib"] = std::to_string(plan.image_mib);
  for (auto const& [key, value] : plan.keys) config["user.onboarding." + key] = value;
  return bj::object{{"name", plan.name},
                    {"type", "container"},
                    {"profiles", bj::array{}},
                    {"source", {{"type", "image"}, {"fingerprint", fingerprint}}},
                    {"config", std::move(config)},
                    {"devices",
                     {{"root", incus::root_device(only_pool(), plan.storage_mib + plan.image_mib)},
                      {"eth0", network_card()}}}};
}

std::optional<bj::value> IncusDriver::look(std::string const& name, std::string const& what) {
  try {
    return client_.find(path_of(name), what);
  } catch (StepFailure const& failure) {
    if (failure.code != "incus_member_unreachable") throw;
  }
  // Its machine is down. The others still know that there is one.
  bj::value const known =
      client_.call("GET", "/1.0/instances?recursion=1&filter=" + incus::escaped("name eq " + name),
                   nullptr, what);
  if (!known.is_array() || known.get_array().empty()) return {};
  return known.get_array().front();
}

std::optional<bj::value> IncusDriver::find_ours(std::string const& name, std::string const& key,
                                                std::string const& owner) {
  auto found = look(name, about(name, "look"));
  if (!found || is_out_of_reach(*found)) return found;
  if (!owns(key_of(*found, "installation")) || key_of(*found, key) != owner)
    throw NeedsPerson{"name_taken", about(name,
                                          "Incus has one of this name that is not ours; "
                                          "rename it, it is left alone")};
  return found;
}

void IncusDriver::build(ContainerPlan const& plan, std::string const& key,
                        std::string const& owner) {
  if (auto const there = find_ours(plan.name, key, owner)) {
    if (is_out_of_reach(*there)) throw out_of_reach(plan.name);
    if (key_of(*there, "provisioned") == "1") return;
    // Incus lists one that it was killed over as stopped; only our mark tells it from a good one.
    if (!delete_named(plan.name)) throw out_of_reach(plan.name);
  }
  close_network();
  auto const what = about(plan.name, "create");
  auto const made = client_.ask("POST", "/1.0/instances", description(plan), what);
  if (!made.ok()) incus::Client::fail(made, what);
  (void)client_.call("PATCH", path_of(plan.name),
                     bj::object{{"config", bj::object{{"user.onboarding.provisioned", "1"}}}},
                     what);
}

void IncusDriver::create(db::Connection& connection, Instance const& instance) {
  auto const& tenant = instance.tenant;
  auto const ours = identity(connection).id;
  auto const name = "t-" + ours.substr(0, 6) + "-" + text_of(tenant.id);
  auto const place =
      db::transact(connection, [&](db::Tx& tx) { return plan(tx, tenant.id, "instance", name); });
  if (!place) throw Hopeless{"instance_taken", name + " belongs to another tenant"};
  build({.name = place->name,
         .blueprint = tenant.blueprint,
         .image = blueprint_of(tenant).image(),
         .memory_mib = tenant.memory_limit_mib,
         .cpu_percent = tenant.cpu_limit_percent,
         .processes = tenant.process_limit,
         .storage_mib = tenant.storage_limit_mib,
         .keys = {{"installation", ours}, {"tenant", text_of(tenant.id)}}},
        "tenant", text_of(tenant.id));
  db::transact(connection, [&](db::Tx& tx) { mark_present(tx, place->id); });
  remember_member(connection, tenant.id, place->name);
}

void IncusDriver::remember_member(db::Connection& connection, tenants::TenantId id,
                                  std::string const& name) {
  auto const there = look(name, about(name, "look"));
  auto const member = there ? text_at(*there, {"location"}) : std::string{};
  if (member.empty() || member == "none") return;  // no cluster
  db::transact(connection, [&](db::Tx& tx) { tenants::note_member(tx, id, member); });
}

void IncusDriver::create_database(db::Connection&, Instance const&) {}

// ---- started and stopped -----------------------------------------------------------------------

void IncusDriver::start_named(std::string const& name) {
  auto const what = about(name, "start");
  auto const there = client_.find(path_of(name), what);
  if (!there) throw Transient{"instance_missing", what + ": Incus has no such instance"};
  auto const status = status_of(*there);
  if (status == incus::running) return;
  with_room(name, [&] {
    auto answer = client_.ask("PUT", path_of(name) + "/state",
                              bj::object{{"action", status == "Frozen" ? "unfreeze" : "start"},
                                         {"timeout", clean_stop_seconds}},
                              what);
    if (answer.ok() || answer.says("already running")) return;
    // LXC's own words are in its log only, and a full pool is not among them.
    if (answer.says("forkstart"))
      answer.error += "; " + space_of_pool() + "; " + first_error(client_.start_log(name, what));
    incus::Client::fail(answer, what);
  });
}

std::string IncusDriver::space_of_pool() {
  auto const pool = only_pool();
  bj::value const space = client_.call("GET", "/1.0/storage-pools/" + pool + "/resources", nullptr,
                                       "look at the storage pool " + pool);
  return "its storage pool " + pool + " uses " +
         std::to_string(incus::number_at(space, {"space", "used"}) / mib) + " of " +
         std::to_string(incus::number_at(space, {"space", "total"}) / mib) + " MiB";
}

void IncusDriver::stop_named(std::string const& name) {
  auto const what = about(name, "stop");
  auto const ask = [&](bool force) {
    return client_.ask(
        "PUT", path_of(name) + "/state",
        bj::object{{"action", "stop"}, {"timeout", clean_stop_seconds}, {"force", force}}, what);
  };
  auto const is_done = [](incus::Answer const& answer) {
    return answer.ok() || answer.missing() || answer.says("already stopped") ||
           answer.says("is not running");
  };
  auto answer = ask(false);
  if (!is_done(answer)) answer = ask(true);  // it did not heed the signal in time, or is frozen
  if (!is_done(answer)) incus::Client::fail(answer, what);
}

void IncusDriver::start(db::Connection& connection, Instance const& instance) {
  auto const name = name_of(connection, instance.tenant.id);
  close_network();
  if (is_cut_off(name)) stop_named(name);
  give_network_card(name);
  start_named(name);
}

void IncusDriver::stop(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const name = name_in_ledger(connection, tenant.id);
  if (!name) return;
  auto const there = look(*name, about(*name, "stop"));
  // On a machine that is down nothing can be stopped, and nobody need wait for it: its addresses
  // lead nowhere, and the reconciler finds what runs when the machine is back.
  if (!there || is_out_of_reach(*there)) return;
  if (is_ours(connection, *there, tenant.id)) stop_named(*name);
}

// ---- taken away --------------------------------------------------------------------------------

bool IncusDriver::delete_named(std::string const& name) {
  auto const what = about(name, "delete");
  auto const there = look(name, what);
  if (!there) return true;
  if (is_out_of_reach(*there)) return false;
  if (status_of(*there) != "Stopped") {
    auto const stopped =
        client_.ask("PUT", path_of(name) + "/state",
                    bj::object{{"action", "stop"}, {"timeout", -1}, {"force", true}}, what);
    if (!stopped.ok() && !stopped.missing() && !stopped.says("already stopped") &&
        !stopped.says("is not running"))
      incus::Client::fail(stopped, what);
  }
  auto const gone = client_.ask("DELETE", path_of(name), nullptr, what);
  if (!gone.ok() && !gone.missing()) incus::Client::fail(gone, what);
  return true;
}

void IncusDriver::destroy(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const place = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return find(tx, tenant.id, "instance");
  }();
  if (!place) return;
  (void)identity(connection);
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
  auto const there = look(found.name, about(found.name, "look"));
  if (there) {
    if (is_out_of_reach(*there)) throw out_of_reach(found.name);
    (void)identity(connection);
    if (!owns(key_of(*there, "installation")))
      throw NeedsPerson{"name_taken", about(found.name, "it is not ours and is left alone")};
    if (!delete_named(found.name)) throw out_of_reach(found.name);
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
  if (location == member) return remember_member(connection, tenant.id, name);
  if (!client_.find("/1.0/cluster/members/" + incus::escaped(member), what))
    throw Hopeless{"no_such_machine", what + ": the cluster has no such machine"};
  bool const was_running = status_of(*there) == incus::running;
  if (was_running) stop_named(name);
  try {
    with_room(name, [&] {
      (void)client_.call("POST", path_of(name) + "?target=" + incus::escaped(member),
                         bj::object{{"name", name}, {"migration", true}}, what);
    });
  } catch (StepFailure const&) {
    if (was_running) start_named(name);  // where it was
    throw;
  }
  remember_member(connection, tenant.id, name);
  if (was_running) start_named(name);
}

}  // namespace provisioning
