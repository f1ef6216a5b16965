// The steps of building a tenant, in order. Each looks first, acts only when something is missing,
// and looks again.
#include <thread>

#include "platform/http_client/http_client.hpp"
#include "platform/log/log.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/provisioning.hpp"

namespace provisioning {

namespace {
using namespace std::chrono_literals;

/// The application answers its health check: the same tenant, with its database.
bool answers(std::string const& address, std::string const& host, tenants::TenantId id) {
  http_client::Request request;
  request.url = "http://" + address + "/healthz";
  if (!host.empty()) request.headers.push_back("Host: " + host);
  request.connect_timeout = 500ms;
  request.timeout = 3s;
  try {
    auto const response = http_client::send(request);
    return response.status == 200 && response.header("x-tenant-id") == id.text();
  } catch (http_client::Failure const&) {
    return false;
  }
}

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

constexpr auto start_patience = 30s, route_patience = 10s;
}  // namespace

std::vector<Provisioning::Step> const& Provisioning::pipeline() {
  using P = Provisioning;
  static std::vector<Step> const steps{
      {"payment", &P::was_paid, &P::nothing},
      {"reservation", &P::is_reserved, &P::nothing},
      {"container", &P::has_place, &P::make_place},
      {"database", &P::has_database, &P::make_database},
      {"application", &P::application_answers, &P::start_application},
      {"route", &P::has_route, &P::open_route},
      {"health_check", &P::address_answers, &P::wait_for_address},
  };
  return steps;
}

std::vector<std::string_view> Provisioning::step_names(std::string_view) const {
  std::vector<std::string_view> names;
  for (auto const& step : pipeline()) names.push_back(step.name);
  return names;
}

std::string Provisioning::host_of(tenants::Tenant const& tenant) const {
  return tenant.subdomain + "." + settings_.tenant_domain;
}

// The tenant is queued only after its payment (or by staff), and holds its name until it is gone:
// both were true before this began, and the row is the proof.
bool Provisioning::was_paid(db::Connection&, Instance const& instance) {
  return instance.tenant.queued_at.has_value();
}
bool Provisioning::is_reserved(db::Connection&, Instance const& instance) {
  return !tenants::is_final(instance.tenant.state);
}
void Provisioning::nothing(db::Connection&, Instance const&) {}

bool Provisioning::has_place(db::Connection& connection, Instance const& instance) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const directory = find(tx, instance.tenant.id, "directory");
  auto const port = find(tx, instance.tenant.id, "port");
  return directory && directory->present && port && port->present &&
         driver_.state(connection, instance.tenant) != InstanceState::absent;
}
void Provisioning::make_place(db::Connection& connection, Instance const& instance) {
  driver_.create(connection, instance);
}

bool Provisioning::has_database(db::Connection& connection, Instance const& instance) {
  db::Tx tx{connection, db::Mode::autocommit};
  auto const database = find(tx, instance.tenant.id, "database");
  return database && database->present;
}
void Provisioning::make_database(db::Connection& connection, Instance const& instance) {
  driver_.create_database(connection, instance);
}

bool Provisioning::application_answers(db::Connection& connection, Instance const& instance) {
  return driver_.state(connection, instance.tenant) == InstanceState::running &&
         answers(driver_.address(connection, instance.tenant), "", instance.tenant.id);
}
void Provisioning::start_application(db::Connection& connection, Instance const& instance) {
  driver_.start(connection, instance);
  auto const address = driver_.address(connection, instance.tenant);
  if (!wait_until(start_patience, [&] { return answers(address, "", instance.tenant.id); }))
    throw Transient{"application_silent",
                    "the application does not answer; " + driver_.last_words(instance.tenant)};
}

bool Provisioning::has_route(db::Connection& connection, Instance const& instance) {
  auto const routes = front_door_->routes();
  auto const found = routes.find(host_of(instance.tenant));
  return found != routes.end() && found->second == driver_.address(connection, instance.tenant);
}
void Provisioning::open_route(db::Connection& connection, Instance const& instance) {
  auto const host = host_of(instance.tenant);
  auto const ledger = db::transact(
      connection, [&](db::Tx& tx) { return plan(tx, instance.tenant.id, "route", host); });
  if (!ledger) throw Hopeless{"route_taken", host + " leads to another tenant"};
  front_door_->route(host, driver_.address(connection, instance.tenant));
  db::transact(connection, [&](db::Tx& tx) { mark_present(tx, ledger->id); });
}

bool Provisioning::address_answers(db::Connection&, Instance const& instance) {
  return answers("127.0.0.1:" + std::to_string(settings_.tenant_port), host_of(instance.tenant),
                 instance.tenant.id);
}
void Provisioning::wait_for_address(db::Connection& connection, Instance const& instance) {
  if (!wait_until(route_patience, [&] { return address_answers(connection, instance); }))
    throw Transient{"address_silent", "the tenant's address does not answer"};
}

void Provisioning::build(jobs::Context& job, Instance& instance) {
  auto const id = instance.tenant.id;
  auto& connection = job.connection;
  job.transact([&](db::Tx& tx) { tenants::plan_steps(tx, id, step_names("")); });
  for (auto const& step : pipeline()) {
    if ((this->*step.check)(connection, instance)) {
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
      (this->*step.apply)(connection, instance);
      if (!(this->*step.check)(connection, instance))
        throw Transient{std::string{step.name} + "_unconfirmed",
                        "the step ran, but its result is not there"};
    } catch (Transient const& error) {
      job.transact([&](db::Tx& tx) {
        tenants::end_step(tx, id, step.name, tenants::StepState::failed, error.code);
      });
      throw;
    } catch (Hopeless const& error) {
      job.transact([&](db::Tx& tx) {
        tenants::end_step(tx, id, step.name, tenants::StepState::failed, error.code);
      });
      throw;
    }
    job.transact(
        [&](db::Tx& tx) { tenants::end_step(tx, id, step.name, tenants::StepState::done); });
  }
}

void Provisioning::watch_health(db::Connection& connection, tenants::Tenant const& tenant) {
  auto const state = driver_.state(connection, tenant);
  auto const health =
      state == InstanceState::crashing || state == InstanceState::absent ? tenants::Health::down
      : answers("127.0.0.1:" + std::to_string(settings_.tenant_port), host_of(tenant), tenant.id)
          ? tenants::Health::healthy
      : state == InstanceState::running &&
              answers(driver_.address(connection, tenant), "", tenant.id)
          ? tenants::Health::degraded  // it runs, but its address does not lead to it
          : tenants::Health::down;
  db::transact(connection, [&](db::Tx& tx) { tenants::set_health(tx, tenant.id, health); });
}

}  // namespace provisioning
