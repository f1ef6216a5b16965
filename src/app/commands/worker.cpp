// `onboarding worker`: the job engine alone, on any machine that reaches the database.
#include <cstdio>

#include "app/commands/commands.hpp"
#include "app/commands/until_stopped.hpp"
#include "app/embedded.hpp"
#include "platform/db/migrations.hpp"

namespace app::commands {

namespace {

/// Nothing is guessed here: a worker with other answers than the servers' would do harm quietly.
void require_complete(config::Settings& settings) {
  auto require = [](std::string const& value, std::string_view name, std::string_view why) {
    if (value.empty())
      throw config::Mistake{"ONBOARDING_" + std::string{name} + " is missing: " + std::string{why}};
  };
  require(settings.database_url, "DATABASE_URL",
          "a worker shares the database of the servers; one that lies in a data directory belongs "
          "to the server that started it");
  require(settings.public_url, "PUBLIC_URL", "mails name the address that people use");
  require(
      settings.stripe_api_base, "STRIPE_API_BASE",
      "a worker asks the same Stripe as the servers (https://api.stripe.com, or their sandbox)");
  require(settings.stripe_secret_key, "STRIPE_SECRET_KEY", "it is the servers' key");
  while (settings.public_url.ends_with('/')) settings.public_url.pop_back();
  while (settings.stripe_api_base.ends_with('/')) settings.stripe_api_base.pop_back();
}

/// The servers' key; a new one would open nothing.
vault::MasterKey shared_master_key(config::Settings const& settings) {
  auto key = vault::MasterKey::of(settings);
  if (key.is_new())
    throw config::Mistake{"the key file " + key.file().string() +
                          " is missing: copy the servers' secrets/master_key there, or name "
                          "another place with ONBOARDING_DATA_DIR or ONBOARDING_MASTER_KEY_FILE"};
  return key;
}

void require_same_schema(std::string const& url) {
  db::Connection connection{url, "onboarding start"};
  int const present = db::schema_version(connection);
  int const wanted = db::embedded_migrations().back().version;
  if (present != wanted)
    throw std::runtime_error{"the database has schema version " + std::to_string(present) +
                             ", this program needs " + std::to_string(wanted) +
                             ": run the same version as the servers, and start one of them first"};
}

struct Worker {
  static constexpr auto name = "worker";
  static constexpr auto help =
      "Work jobs off beside servers that share ONBOARDING_DATABASE_URL; containers are built here, "
      "tenants made of processes are left to the server that holds them";

  int run(config::Loaded loaded) {
    UntilStopped until_stopped;
    auto& settings = loaded.settings;
    require_complete(settings);
    settings.data_dir = data_directory(settings);
    auto master_key = shared_master_key(settings);
    require_same_schema(settings.database_url);
    files::make_directory(std::filesystem::path{settings.data_dir} / "mails", 0700);
    give_up_root(settings, staff_of(settings));

    process::Supervisor supervisor;
    Application application{settings, std::move(master_key), supervisor, nullptr,
                            Application::Role::worker};
    application.start_worker();
    application.start_checks();
    std::puts(settings.provisioner == config::Provisioner::process
                  ? "The worker runs; tenants are built and watched by the server that holds them. "
                    "Stop: Ctrl-C"
                  : "The worker runs and builds tenants; their addresses are opened by a server. "
                    "Stop: Ctrl-C");
    std::fflush(stdout);
    auto const reason = until_stopped.wait([] {});
    logging::info("start", "stopping: jobs under way are finished first");
    int const status = reason == UntilStopped::Reason::asked ? 0 : 1;
    if (!application.stop()) std::_Exit(status);  // what still runs has been handed over
    return status;
  }
};
}  // namespace

void add_worker(CommandLine& line) { line.add<Worker>(); }

}  // namespace app::commands
