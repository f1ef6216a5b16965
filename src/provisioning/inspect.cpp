// The reconciler: everything of ours in the world beside the rows. What does not fit is a finding,
// shown to staff until it is adopted, healed, destroyed or gone.
#include <set>

#include "domains/domain.hpp"
#include "platform/installation/installation.hpp"
#include "provisioning/verbs.hpp"
#include "tenants/jobs.hpp"

namespace provisioning {

namespace {
using tenants::State;

struct Row {
  tenants::TenantId id;
  State state;
  std::string subdomain;
  std::optional<std::string> applied_limits;
};
db::Query const list_rows{"provisioning.list_rows", R"sql(
  SELECT id, state, subdomain, applied_limits FROM tenants WHERE provisioner = $1 ORDER BY id
)sql"};
db::Query const list_ledger{"provisioning.list_ledger", R"sql(
  SELECT tenant_id FROM tenant_resources r JOIN tenants t ON t.id = tenant_id
   WHERE provisioner = $1 AND r.state = 'present' AND kind IN ('instance', 'process')
)sql"};
db::Query const list_names{"provisioning.list_names", R"sql(
  SELECT subdomain FROM tenants
   WHERE state NOT IN ('purged', 'rolled_back') AND provisioner = $1
  UNION SELECT a.subdomain FROM tenant_aliases a JOIN tenants t ON t.id = a.tenant_id
   WHERE provisioner = $1 AND expires_at > now()
)sql"};
db::Query const lock_state{"provisioning.lock_state", R"sql(
  SELECT state FROM tenants WHERE id = $1 AND provisioner = $2 FOR UPDATE
)sql"};

bool has_a_place(State state) {
  switch (state) {
    case State::live:
    case State::suspending:
    case State::suspended:
    case State::resuming:
    case State::archiving:
    case State::archived:
    case State::provisioning:
    case State::provision_failed:
    case State::purging:
    case State::queued:
      return true;
    default:
      return false;
  }
}

std::set<std::string> hosts_of_tenants(World& world, db::Connection& connection) {
  db::Tx tx{connection, db::Mode::autocommit};
  std::set<std::string> hosts;
  for (auto const& name : tx.all<std::string>(list_names, name_of(world.settings.provisioner)))
    hosts.insert(name + "." + world.settings.tenant_domain);
  for (auto const& domain : domains::all(tx)) hosts.insert(domain.domain);
  return hosts;
}

constexpr i18n::Code<"looks_like_ours", "has a name like ours, but is not; left alone">
    looks_like_ours;
constexpr i18n::Code<"belongs_to_nobody", "belongs to no tenant"> belongs_to_nobody;
constexpr i18n::Code<"runs_while_tenant_is", "runs, but its tenant is {state}">
    runs_while_tenant_is;
constexpr i18n::Code<"of_other_installation",
                     "{count} instances carry the id of this other installation; left alone">
    of_other_installation;
constexpr i18n::Code<"no_instance", "its tenant is live, but there is no instance"> no_instance;
constexpr i18n::Code<"other_limits", "has {found} instead of {wanted}"> other_limits;
constexpr i18n::Code<"leads_nowhere", "leads to nothing instead of {wanted}"> leads_nowhere;
constexpr i18n::Code<"leads_elsewhere", "leads to {found} instead of {wanted}"> leads_elsewhere;
constexpr i18n::Code<"name_of_nobody", "leads to {target}, but nobody has this name">
    name_of_nobody;

/// One look at everything.
struct Look {
  World& world;
  Findings findings;
  std::vector<Found> things{};
  std::vector<Row> rows{};
  std::map<std::int64_t, Row const*> by_id{};
  std::map<std::int64_t, Found const*> instances{};  // by tenant; filled by look_at_things()
  Routes routes{};
};

/// What is ours and belongs to nobody, runs and should not, or only looks like ours.
void look_at_things(Look& look) {
  auto& findings = look.findings;
  std::map<std::string, int> of_others;  // instances, by what they say of themselves
  for (auto const& found : look.things) {
    if (!found.stranger.empty()) {
      if (found.subject == "instance")
        ++of_others[found.stranger];
      else
        findings.add("stranger", found.subject, found.name, {}, looks_like_ours());
      continue;
    }
    if (found.pool) continue;  // the pool looks after its own
    auto const known = found.tenant ? look.by_id.find(found.tenant->value) : look.by_id.end();
    if (known == look.by_id.end()) {
      findings.add("orphan", found.subject, found.name, {}, belongs_to_nobody());
      continue;
    }
    auto const& row = *known->second;
    if (!has_a_place(row.state)) {
      findings.add("orphan", found.subject, found.name, row.id, tenants::tenant_is(row.state));
      continue;
    }
    if (found.subject != "instance") continue;
    look.instances[row.id.value] = &found;
    if ((row.state == State::suspended || row.state == State::archived) &&
        found.state == InstanceState::running)
      findings.add("drift", "state", found.name, row.id, runs_while_tenant_is(row.state));
  }
  for (auto const& [other, count] : of_others)
    findings.add("stranger", "instance", other, {}, of_other_installation(count));
}

/// Tenants whose place stands in the ledger only.
void look_for_ghosts(Look& look, std::vector<tenants::TenantId> const& placed) {
  for (auto const id : placed) {
    auto const known = look.by_id.find(id.value);
    if (known == look.by_id.end() || look.instances.contains(id.value)) continue;
    if (known->second->state == State::live)
      look.findings.add("ghost", "instance", known->second->subdomain, id, no_instance());
  }
}

/// Whether a live tenant's limits and addresses are those of its row.
void look_at_live(Look& look, db::Connection& connection, Row const& row) {
  auto const instance = load_instance(connection, row.id);
  if (instance.tenant.state != State::live) return;
  auto const there = look.instances.find(row.id.value);
  if (there != look.instances.end() && there->second->applied_limits) {
    // Nothing was changed since it was built with what its row says.
    auto const wanted = row.applied_limits.value_or(limits_text(instance.tenant));
    if (auto const& found = *there->second; *found.applied_limits != wanted)
      look.findings.add("drift", "limits", found.name, row.id,
                        other_limits(*found.applied_limits, wanted));
  }
  try {
    for (auto const& [host, value] : wanted_routes(look.world, connection, instance.tenant))
      if (auto const found = look.routes.find(host);
          found == look.routes.end() || found->second != value)
        look.findings.add("drift", "route", host, row.id,
                          found == look.routes.end() ? leads_nowhere(value)
                                                     : leads_elsewhere(found->second, value));
  } catch (StepFailure const& failure) {
    // On a machine that is down it is not lost: nobody should build a second one.
    if (there != look.instances.end() && there->second->state == InstanceState::unreachable) return;
    look.findings.add("ghost", "instance", row.subdomain, row.id, failure.message());
  }
}

bool is_nobodys(World& world, db::Connection& connection, Found const& found) {
  if (found.pool) return false;
  if (!found.tenant) return true;
  // What makes a place for it waits for us: jobs of one tenant run one at a time.
  return db::transact(connection, [&](db::Tx& tx) {
    auto const state =
        tx.maybe<State>(lock_state, *found.tenant, name_of(world.settings.provisioner));
    return !state || !has_a_place(*state);
  });
}

bool destroy(World& world, db::Connection& connection, Finding const& finding) {
  if (finding.subject == "archive")
    return world.keeper.remove_stray(connection, finding.name, finding.last_seen);
  if (finding.subject == "route") {
    if (hosts_of_tenants(world, connection).contains(finding.name)) return false;
    world.front_door->remove(finding.name);
    return true;
  }
  for (auto const& found : world.driver.list(connection)) {
    if (found.subject != finding.subject || found.name != finding.name || !found.stranger.empty())
      continue;
    if (!is_nobodys(world, connection, found)) return false;
    world.driver.destroy_stray(connection, found);
    break;
  }
  return true;  // or it has gone meanwhile
}

void adopt(World& world, db::Connection& connection, Finding const& finding,
           std::string const& actor) {
  for (auto const& found : world.driver.list(connection)) {
    if (found.name != finding.name || found.tenant != finding.tenant_id || !found.applied_limits)
      continue;
    auto const limits = read_limits(*found.applied_limits);
    if (!limits)
      throw Hopeless{"limits_incomplete",
                     finding.name + " has " + *found.applied_limits + ": a tenant needs all four"};
    db::transact(connection,
                 [&](db::Tx& tx) { tenants::change(tx, *finding.tenant_id, *limits, actor); });
    return;
  }
}

void carry_out(World& world, db::Connection& connection, Finding const& finding,
               ResolveFinding const& decision) {
  switch (decision.action) {
    case Resolution::ignore:
    case Resolution::destroy:
      return;
    case Resolution::adopt:
      if (finding.subject == "predecessor")
        return db::transact(connection, [&](db::Tx& tx) {
          installation::take_over(tx, finding.name == "before" ? "" : finding.name, decision.actor);
        });
      if (finding.subject == "backup_target")
        return world.keeper.settle_in(connection, finding.name);
      return adopt(world, connection, finding, decision.actor);
    case Resolution::heal: {
      if (finding.subject == "backup") return world.keeper.look_again(connection, finding.name);
      if (!finding.tenant_id) throw Hopeless{"nothing_to_heal", "it belongs to no tenant"};
      auto const instance = load_instance(connection, *finding.tenant_id);
      if (finding.subject == "state") return world.driver.stop(connection, instance.tenant);
      if (finding.subject == "limits") return world.driver.set_limits(connection, instance.tenant);
      if (finding.subject == "route") {
        set_routes(world, wanted_routes(world, connection, instance.tenant),
                   world.front_door->routes());
        return;
      }
      return bring_up(world, connection, instance);  // a ghost
    }
  }
}
}  // namespace

void inspect(World& world, jobs::Context& job) {
  auto& connection = job.connection;
  auto const provisioner = name_of(world.settings.provisioner);
  Look look{world, Findings{std::string{provisioner}}};
  // The world first: what is made meanwhile has its row before it, so it is never an orphan.
  look.things = world.driver.list(connection);
  std::vector<tenants::TenantId> placed;
  {
    db::Tx tx{connection, db::Mode::autocommit};
    look.rows = tx.all<Row>(list_rows, provisioner);
    placed = tx.all<tenants::TenantId>(list_ledger, provisioner);
  }
  for (auto const& row : look.rows) look.by_id[row.id.value] = &row;
  look_at_things(look);
  look_for_ghosts(look, placed);

  look.routes = world.front_door->routes();
  auto const hosts = hosts_of_tenants(world, connection);
  for (auto const& [host, value] : look.routes)
    if (!hosts.contains(host))
      look.findings.add("orphan", "route", host, {}, name_of_nobody(value));
  for (auto const& row : look.rows)
    if (row.state == State::live) look_at_live(look, connection, row);
  db::transact(connection, [&](db::Tx& tx) { look.findings.write(tx); });
}

void resolve(World& world, jobs::Context& job, ResolveFinding const& decision) {
  FindingId const id{decision.finding_id};
  auto const finding = [&] {
    db::Tx tx{job.connection, db::Mode::autocommit};
    return find_open(tx, id);
  }();
  if (!finding) return;  // it has gone by itself
  if (decision.action == Resolution::destroy && !destroy(world, job.connection, *finding))
    return job.transact([&](db::Tx& tx) {
      dismiss_finding(tx, id);
      job.finish(tx);
    });
  carry_out(world, job.connection, *finding, decision);
  job.transact([&](db::Tx& tx) {
    close_finding(tx, id, decision.action, decision.actor);
    if (finding->tenant_id)
      tenants::note(tx, *finding->tenant_id, decision.actor,
                    activity::FindingResolved{std::string{name_of(decision.action)},
                                              finding->message.text, id.text()});
    job.finish(tx);
  });
}

}  // namespace provisioning
