// Construction, start and stop, in the order that dependencies ask for.
#include "app/application.hpp"

#include <unistd.h>

#include "app/checks.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/installation/installation.hpp"
#include "platform/log/log.hpp"
#include "provisioning/incus/driver.hpp"
#include "provisioning/process_driver.hpp"
#include "tenants/numbers.hpp"

namespace app {

namespace {
/// Who works on a job. A node with tenants is the only one on its data directory and takes back at
/// its start what it was working on when it was killed; any number of workers may share one.
std::string node_name(config::Settings const& settings, bool holds_tenants) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return std::string{host} + ":" +
         (holds_tenants ? settings.data_dir : "worker:" + std::to_string(::getpid()));
}

blueprints::Catalogue catalogue_of(config::Settings const& settings) {
  blueprints::Catalogue catalogue{settings.blueprints_dir.empty()
                                      ? blueprints::default_directory()
                                      : std::filesystem::path{settings.blueprints_dir}};
  auto const& chosen = catalogue.at(settings.blueprint);
  if (settings.provisioner == config::Provisioner::process && !chosen.as_process)
    throw config::Mistake{"the blueprint \"" + settings.blueprint +
                          "\" needs containers: set provisioner to incus"};
  return catalogue;
}

std::unique_ptr<provisioning::Driver> driver_for(config::Settings const& settings,
                                                 blueprints::Catalogue const& catalogue,
                                                 process::Supervisor& supervisor,
                                                 vault::Vault& vault) {
  if (settings.provisioner == config::Provisioner::incus)
    return std::make_unique<provisioning::IncusDriver>(settings, vault, catalogue);
  return std::make_unique<provisioning::ProcessDriver>(settings, settings.database_url, supervisor,
                                                       vault);
}
}  // namespace

Application::Application(config::Settings const& settings, vault::MasterKey master_key,
                         process::Supervisor& supervisor, haproxy::FrontDoor* front_door, Role role)
    : settings_{settings},
      node_{node_name(settings, front_door != nullptr)},
      vault_{std::move(master_key)},
      api_{settings},
      groups_{settings.database_url, hub_},
      engine_{settings.database_url, node_, hub_, 4},
      directory_{settings.database_url, vault_, hub_},
      factors_{settings, vault_},
      blueprints_{catalogue_of(settings)},
      driver_{driver_for(settings, blueprints_, supervisor, vault_)},
      domains_{settings, vault_, front_door},
      world_{settings, blueprints_, *driver_, front_door},
      backups_{settings, world_, front_door != nullptr},
      events_{settings},
      signups_{settings, vault_, world_},
      dashboard_{settings, groups_} {
  bool const builds =
      front_door != nullptr ||
      (role == Role::worker && settings.provisioner != config::Provisioner::process);
  add_checks(readiness_, {settings_, *driver_, backups_, builds, front_door != nullptr});
  add_everything(*this);
}

Application::~Application() { stop(); }

void Application::require_master_key() {
  db::Connection connection{settings_.database_url};
  db::Tx tx{connection, db::Mode::autocommit};
  vault_.check(tx);
}

void Application::hold_tenants(std::function<void()> lost) {
  // Processes belong to one server; containers may be looked after by several.
  if (settings_.provisioner == config::Provisioner::process) {
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    // What a killed one has left is known by its place; before its first start there is none.
    auto const holder =
        "onboarding " +
        installation::place_of(settings_.data_dir).value_or(crypto::random_hex(8)).substr(0, 8) +
        " " + host + ":" + settings_.data_dir;
    try {
      hold_ = std::make_unique<db::Hold>(
          settings_.database_url, "provisioning.tenants", holder,
          [lost = std::move(lost)](std::string const& other) {
            logging::error("start", "{} holds the tenants of this database now: stopping", other);
            lost();
          });
    } catch (db::Hold::Taken const& taken) {
      throw std::runtime_error{std::string{taken.what()} +
                               " holds the tenants of this database: stop it first, or start this "
                               "one with --no-jobs"};
    }
  }
  db::Connection connection{settings_.database_url, "onboarding start"};
  using installation::Beginning;
  auto const beginning =
      installation::establish(connection, vault_, settings_.data_dir, [](db::Tx& tx) {
        tenants::skip_numbers(tx);
        provisioning::leave_pool(tx);
      });
  if (beginning == Beginning::fresh) driver_->label_known(connection);
  db::Tx tx{connection, db::Mode::autocommit};
  if (installation::is_copy(tx))
    logging::warning("start",
                     "this database came from another installation: mails and changes at Stripe "
                     "wait until somebody says in the console that that one is gone for good "
                     "(Tenants, Findings, Adopt)");
}

void Application::start_common() {
  require_master_key();
  log_writer_ = std::make_unique<logs::Writer>(settings_.database_url);
  listener_ = std::make_unique<realtime::Listener>(settings_.database_url, hub_);
  {
    db::Connection connection{settings_.database_url};
    db::Tx tx{connection};
    api_.sign_with(vault_.secret(tx, "cursors"));
    tx.commit();
  }
  groups_.start();
  directory_.start(identity::declared_scopes(api_));
  signups_.start();
}

void Application::start(http::ServerSettings const& server, Jobs jobs) {
  start_common();
  server_ = std::make_unique<http::Server>(server, api_.router(), hub_);
  server_->start();
  follower_ = provisioning::follow(world_, hub_);
  jobs_run_ = jobs == Jobs::run;
  if (jobs_run_) engine_.start();
}

void Application::start_worker() {
  start_common();
  jobs_run_ = true;
  engine_.start();
}

void Application::start_checks() {
  readiness_.start(settings_.database_url, node_);
  // Of the one node that holds the tenants which are processes.
  if (!hold_) return;
  session_guard_ = std::make_unique<provisioning::SessionGuard>(settings_);
  session_guard_->start();
}

bool Application::stop() {
  readiness_.ask_to_stop();
  if (session_guard_) session_guard_->ask_to_stop();
  follower_.reset();
  world_.starting.stop();
  if (server_) server_->stop();
  bool const all_ended = !jobs_run_ || engine_.stop();
  jobs_run_ = false;
  readiness_.stop();
  session_guard_.reset();
  listener_.reset();
  log_writer_.reset();
  return all_ended;
}

}  // namespace app
