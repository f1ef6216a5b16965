// The tenants after a start of the program: shown as starting at once, started side by side behind
// open doors.
#include <algorithm>

#include "platform/log/log.hpp"
#include "provisioning/provisioning.hpp"

namespace provisioning {

namespace {
using tenants::State;

constexpr std::size_t most_starters = 16;

db::Query const tenants_with_addresses{"provisioning.tenants_with_addresses", R"sql(
  SELECT id FROM tenants
   WHERE state NOT IN ('reserved', 'awaiting_payment', 'purging', 'purged', 'rolled_back')
     AND provisioner = $1
   ORDER BY id
)sql"};
// The key of the jobs that change a tenant: none of them runs while it is started, or the other way
// round.
db::Query const take_turn{"provisioning.take_turn",
                          "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"};
db::Query const end_turn{"provisioning.end_turn",
                         "SELECT pg_advisory_unlock(hashtextextended($1, 0))"};
}  // namespace

void Provisioning::start_up(db::Connection& connection) {
  auto const ids = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    return tx.all<tenants::TenantId>(tenants_with_addresses, name_of(settings_.provisioner));
  }();
  std::vector<tenants::Tenant> all;
  for (auto const id : ids) all.push_back(load_instance(connection, id).tenant);
  {
    std::scoped_lock const lock{starting_mutex_};
    for (auto tenant = all.rbegin(); tenant != all.rend(); ++tenant)
      if (tenant->state == State::live) {
        to_start_.push_back(tenant->id.value);
        starting_.insert(tenant->id.value);
      }
  }
  Routes routes;
  for (auto const& tenant : all) routes.merge(wanted_routes(connection, tenant));
  front_door_->replace_all(routes);
}

void Provisioning::start_tenants() {
  std::scoped_lock const lock{starting_mutex_};
  auto const count = std::min(most_starters, to_start_.size());
  while (starters_.size() < count) starters_.emplace_back([this] { start_next(); });
}

void Provisioning::wait_for_tenants() {
  for (auto& starter : starters_) starter.join();
  starters_.clear();
}

void Provisioning::follow(realtime::Hub& hub) {
  if (!front_door_ || settings_.provisioner == config::Provisioner::process) return;
  follower_ = std::make_unique<Follower>(settings_.database_url, hub,
                                         [this](db::Connection& connection, tenants::TenantId id) {
                                           take_over_routes(connection, id);
                                         });
}

void Provisioning::stop() {
  follower_.reset();
  {
    std::scoped_lock const lock{starting_mutex_};
    to_start_.clear();
  }
  wait_for_tenants();
}

bool Provisioning::is_starting(tenants::TenantId id) {
  std::scoped_lock const lock{starting_mutex_};
  return starting_.contains(id.value);
}

void Provisioning::start_next() {
  db::Connection connection{settings_.database_url, "onboarding start"};
  while (true) {
    tenants::TenantId id;
    {
      std::scoped_lock const lock{starting_mutex_};
      if (to_start_.empty()) return;
      id.value = to_start_.back();
      to_start_.pop_back();
    }
    try {
      start_tenant(connection, id);
    } catch (std::exception const& error) {
      // One tenant that cannot start must not keep the others down; the watch looks after it.
      logging::error("provisioning", "{} cannot be started: {}", id.text(), error.what());
    }
    std::scoped_lock const lock{starting_mutex_};
    starting_.erase(id.value);
  }
}

void Provisioning::start_tenant(db::Connection& connection, tenants::TenantId id) {
  logging::Scope const ids{"", id.text(), ""};
  auto const turn = "tenant:" + std::to_string(id.value);
  {
    db::Tx tx{connection, db::Mode::autocommit};
    // A job works on it, and leaves it as its row says.
    if (!tx.one<bool>(take_turn, turn)) return;
  }
  auto const give_back = [&] {
    db::Tx tx{connection, db::Mode::autocommit};
    (void)tx.one<bool>(end_turn, turn);
  };
  try {
    auto const instance = load_instance(connection, id);
    if (instance.tenant.state == State::live) {
      driver_.start(connection, instance);
      {
        std::scoped_lock const lock{starting_mutex_};
        starting_.erase(id.value);
      }
      show_tenant(connection, id);
    }
  } catch (...) {
    connection.drop();  // the turn goes with its session
    throw;
  }
  give_back();
}

}  // namespace provisioning
