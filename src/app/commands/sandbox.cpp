// `onboarding sandbox`: the Stripe sandbox on its own.
#include "sandbox/sandbox.hpp"

#include "app/commands/commands.hpp"
#include "app/privileges.hpp"

namespace app::commands {

namespace {
struct Sandbox {
  static constexpr auto name = "sandbox", help = "Run the Stripe sandbox on its own";
  sandbox::Settings settings;

  void flags(CLI::App& command) {
    command.add_option("--listen", settings.listen, "127.0.0.1:port");
    command.add_option("--public-url", settings.public_url, "Where browsers reach it");
    command
        .add_option("--database-url", settings.database_url,
                    "PostgreSQL; or ONBOARDING_DATABASE_URL")
        ->envname("ONBOARDING_DATABASE_URL");
    command.add_option("--secret-key", settings.secret_key)
        ->envname("ONBOARDING_STRIPE_SECRET_KEY");
    command.add_option("--webhook-url", settings.webhook_url, "Where events are sent");
    command.add_option("--webhook-secret", settings.webhook_secret)
        ->envname("ONBOARDING_STRIPE_WEBHOOK_SECRET");
    command.add_flag("--leave-endpoint", settings.leaves_endpoint,
                     "Leave an endpoint alone that another node of this database has made");
    command.add_option("--webhook-ca-file", settings.webhook_ca_file, "Trusted for https");
  }

  int run() {
    settings.webhook_ca_file = readable_afterwards(settings.webhook_ca_file);
    stop_being_root();
    return sandbox::run(settings);
  }
};
}  // namespace

void add_sandbox(CommandLine& line) { line.add<Sandbox>(); }

}  // namespace app::commands
