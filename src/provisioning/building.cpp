// The steps of building a tenant, in order. Each looks first, acts only when something is missing,
// and looks again.
#include <thread>

#include "domains/routes.hpp"
#include "platform/http_client/http_client.hpp"
#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/verbs.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;

/// Looks again, first quickly, until `look` is true or the time is over.
template <class Look>
bool wait_until(std::chrono::milliseconds patience, Look&& look) {
  auto const end = std::chrono::steady_clock::now() + patience;
  for (auto pause = 5ms; !look(); pause = std::min(pause * 2, std::chrono::milliseconds{250})) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

constexpr auto route_patience = 10s;

db::Query const deletion_asked{"provisioning.deletion_asked",
                               "SELECT delete_requested_at IS NOT NULL FROM tenants WHERE id = $1"};
bool is_to_be_deleted(db::Connection& connection, tenants::TenantId id) {
  db::Tx tx{connection, db::Mode::autocommit};
  return tx.one<bool>(deletion_asked, id);
}

/// What create() makes: present, all of it, when the place is there.
bool is_place(Resource const& resource) {
  return resource.kind == "directory" || resource.kind == "port" || resource.kind == "instance";
}

// The tenant is queued only after its payment (or by staff), and holds its name until it is gone:
// both were true before this began, and the row is the proof.
bool was_paid(World&, db::Connection&, Instance const& instance) {
  return instance.tenant.queued_at.has_value();
}

bool is_reserved(World&, db::Connection&, Instance const& instance) {
  return !tenants::is_final(instance.tenant.state);
}

void nothing(World&, db::Connection&, Instance const&) {}

bool has_place(World& world, db::Connection& connection, Instance const& instance) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const resources = all(tx, instance.tenant.id);
  return std::any_of(resources.begin(), resources.end(), is_place) &&
         std::all_of(resources.begin(), resources.end(),
                     [](auto const& r) { return !is_place(r) || r.present; }) &&
         world.driver.state(connection, instance.tenant) != InstanceState::absent;
}

void make_place(World& world, db::Connection& connection, Instance const& instance) {
  take_place(world, connection, instance);
}

bool has_database(World& world, db::Connection& connection, Instance const& instance) {
  bool const is_known = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    auto const database = find(tx, instance.tenant.id, "database");
    return database && database->present;
  }();
  return is_known && world.driver.keeps_data(connection, instance.tenant);
}

void make_database(World& world, db::Connection& connection, Instance const& instance) {
  world.driver.create_database(connection, instance);
}

bool is_up(World& world, db::Connection& connection, Instance const& instance,
           std::string const& address) {
  auto const& blueprint = blueprint_of(world, instance.tenant);
  auto const seen = probe(blueprint.health, address, "", instance.tenant.id);
  if (seen.answers || !seen.reached || !blueprint.health.identifies) return seen.answers;
  // It cannot say whose it is before it was told: then it is enough that it listens.
  return world.settings.provisioner != config::Provisioner::process &&
         !blueprint.configure.empty() && !is_configured(world, connection, instance);
}

bool application_answers(World& world, db::Connection& connection, Instance const& instance) {
  return world.driver.state(connection, instance.tenant) == InstanceState::running &&
         is_up(world, connection, instance, world.driver.address(connection, instance.tenant));
}

void start_application(World& world, db::Connection& connection, Instance const& instance) {
  world.driver.start(connection, instance);
  wait_for_application(world, connection, instance);
}

bool has_its_data(World& world, db::Connection& connection, Instance const& instance) {
  return !world.keeper.has_data_to_restore(connection, instance.tenant);
}

void bring_data(World& world, db::Connection& connection, Instance const& instance) {
  world.keeper.restore_data(connection, instance);
  wait_for_application(world, connection, instance);
}

bool has_route(World& world, db::Connection& connection, Instance const& instance) {
  auto const routes = world.front_door->routes();
  auto const found = routes.find(host_of(world, instance.tenant));
  return found != routes.end() &&
         found->second == world.driver.address(connection, instance.tenant);
}

bool address_answers(World& world, db::Connection&, Instance const& instance) {
  return probe(blueprint_of(world, instance.tenant).health, world.front_door->probe_socket(),
               host_of(world, instance.tenant), instance.tenant.id)
      .answers;
}

void wait_for_address(World& world, db::Connection& connection, Instance const& instance) {
  if (!wait_until(route_patience, [&] { return address_answers(world, connection, instance); }))
    throw Transient{"address_silent", "the tenant's address does not answer"};
}
}  // namespace

Probe probe(blueprints::Health const& health, std::string const& address, std::string const& host,
            tenants::TenantId id) {
  http_client::Request request;
  bool const is_socket = address.starts_with('/');
  request.url = "http://" + (is_socket ? host : address) + health.path;
  if (is_socket) request.unix_socket = address;
  if (!host.empty()) request.headers.push_back("Host: " + host);
  request.connect_timeout = 500ms;
  request.timeout = 5s;
  auto const before = std::chrono::steady_clock::now();
  try {
    auto const response = http_client::send(request);
    return {true,
            response.status == health.status &&
                (!health.identifies || response.header("x-tenant-id") == id.text()),
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                  before)};
  } catch (http_client::Failure const&) {
    return {};
  }
}

void wait_for_application(World& world, db::Connection& connection, Instance const& instance) {
  auto const address = world.driver.address(connection, instance.tenant);
  auto const patience = blueprint_of(world, instance.tenant).health.start_patience;
  if (!wait_until(patience, [&] { return is_up(world, connection, instance, address); }))
    throw Transient{"application_silent",
                    "the application does not answer; " + world.driver.last_words(instance.tenant)};
}

// The ledger keeps for which address the application was told who it is: a new name tells it again.
bool is_configured(World& world, db::Connection& connection, Instance const& instance) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const told = find(tx, instance.tenant.id, "configuration");
  return told && told->present && told->name == host_of(world, instance.tenant);
}

void make_configured(World& world, db::Connection& connection, Instance const& instance) {
  auto const id = instance.tenant.id;
  auto const host = host_of(world, instance.tenant);
  auto const ledger = db::transact(connection, [&](db::Tx& tx) {
    if (auto const told = find(tx, id, "configuration"); told && told->name != host)
      mark_gone(tx, told->id);
    return plan(tx, id, "configuration", host);
  });
  if (!ledger) throw Hopeless{"configuration_taken", host + " belongs to another tenant"};
  world.driver.configure(connection, instance);
  db::transact(connection, [&](db::Tx& tx) { mark_present(tx, ledger->id); });
}

void open_route(World& world, db::Connection& connection, Instance const& instance) {
  auto const id = instance.tenant.id;
  auto const host = host_of(world, instance.tenant);
  auto const ledger = db::transact(connection, [&](db::Tx& tx) {
    if (auto const known = find(tx, id, "route"); known && known->name != host)
      mark_gone(tx, known->id);
    return plan(tx, id, "route", host);
  });
  if (!ledger) throw Hopeless{"route_taken", host + " leads to another tenant"};
  auto const address = world.driver.address(connection, instance.tenant);
  world.front_door->route(host, address);
  {
    db::Tx tx{connection, db::Mode::autocommit};
    for (auto const& [domain, value] :
         domains::routes_of(tx, instance.tenant, address, world.settings))
      world.front_door->route(domain, value);
  }
  db::transact(connection, [&](db::Tx& tx) { mark_present(tx, ledger->id); });
}

std::vector<Step> const& pipeline() {
  static std::vector<Step> const steps{
      {"payment", For::all, was_paid, nothing},
      {"reservation", For::all, is_reserved, nothing},
      {"container", For::all, has_place, make_place},
      {"database", For::process, has_database, make_database},
      {"application", For::all, application_answers, start_application},
      {"data", For::with_data, has_its_data, bring_data, true},
      {"configuration", For::image, is_configured, make_configured},
      {"route", For::all, has_route, open_route, true},
      {"health_check", For::all, address_answers, wait_for_address, true},
  };
  return steps;
}

bool applies(World const& world, Step const& step, blueprints::Blueprint const& blueprint,
             bool with_data) {
  switch (step.whom) {
    case For::all:
      return true;
    case For::process:
      return world.settings.provisioner == config::Provisioner::process;
    case For::image:
      return world.settings.provisioner != config::Provisioner::process &&
             !blueprint.configure.empty();
    case For::with_data:
      return with_data;
  }
  return true;
}

std::vector<std::string_view> step_names(World const& world, std::string_view blueprint) {
  std::vector<std::string_view> names;
  for (auto const& step : pipeline())
    if (applies(world, step, world.catalogue.at(blueprint), false)) names.push_back(step.name);
  return names;
}

StepFailure present_failure() {
  try {
    throw;
  } catch (StepFailure const& failure) {
    return failure;
  } catch (db::Unavailable const&) {
    throw;  // nothing can be written down now: the job waits until the database is back
  } catch (jobs::LeaseLost const&) {
    throw;  // somebody else works on it
  } catch (ForServer const&) {
    throw;  // no failure: others go on
  } catch (db::Failure const& failure) {
    // 42501: our role may not do it. Only whoever runs the database can change that.
    if (failure.sqlstate == "42501")
      return NeedsPerson{"database_permission_missing", failure.what()};
    return {ErrorClass::unknown, "database_refused", failure.what()};
  } catch (std::exception const& error) {
    return {ErrorClass::unknown, "unexpected", error.what()};
  }
}

void build(World& world, jobs::Context& job, Instance& instance) {
  auto const id = instance.tenant.id;
  auto& connection = job.connection;
  auto const& blueprint = blueprint_of(world, instance.tenant);
  bool const with_data = world.keeper.has_data_to_restore &&
                         world.keeper.has_data_to_restore(connection, instance.tenant);
  std::vector<Step> due;
  std::vector<std::string_view> names;
  for (auto const& step : pipeline())
    if (applies(world, step, blueprint, with_data)) {
      due.push_back(step);
      names.push_back(step.name);
    }
  job.transact([&](db::Tx& tx) { tenants::plan_steps(tx, id, names); });
  for (auto const& step : due) {
    if (is_to_be_deleted(connection, id))
      throw Hopeless{"deleted", "its deletion was asked for while it was built"};
    if (step.needs_front_door) require_front_door(world, step.name);
    if (step.check(world, connection, instance)) {
      job.transact([&](db::Tx& tx) {
        for (auto const& row : tenants::steps(tx, id))
          if (row.name == step.name && row.state != tenants::StepState::done) {
            if (row.state != tenants::StepState::running) tenants::begin_step(tx, id, step.name);
            tenants::end_step(tx, id, step.name, tenants::StepState::done);
          }
      });
      continue;
    }
    job.transact([&](db::Tx& tx) { tenants::begin_step(tx, id, step.name); });
    try {
      step.apply(world, connection, instance);
      if (!step.check(world, connection, instance))
        throw Transient{"step_unconfirmed",
                        std::string{step.name} + " ran, but its result is not there"};
    } catch (...) {
      auto failure = present_failure();
      job.transact([&](db::Tx& tx) {
        tenants::end_step(tx, id, step.name, tenants::StepState::failed, failure.code);
      });
      throw failure;
    }
    job.transact(
        [&](db::Tx& tx) { tenants::end_step(tx, id, step.name, tenants::StepState::done); });
  }
}

}  // namespace provisioning
