// Arguments → settings → command.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/commands/commands.hpp"
#include "platform/db/db.hpp"
#include "sample/sample_app.hpp"
#include "sandbox/sandbox.hpp"

extern char** environ;

namespace {

/// Every setting as a flag of the command; what is unknown gets a suggestion from config::load.
void add_settings(CLI::App& command, std::map<std::string, std::string>& flags) {
  auto add = [&](std::string name, std::string doc) {
    auto spelled = name;
    std::replace(spelled.begin(), spelled.end(), '_', '-');
    command.add_option_function<std::string>(
        "--" + spelled, [&flags, name](std::string const& value) { flags[name] = value; },
        std::move(doc));
  };
  add("config", "Configuration file (TOML)");
  each_field<config::Settings>(
      [&](auto const& f) { add(std::string{f.name}, std::string{f.rules.doc}); });
  command.allow_extras();
}

config::Loaded load(CLI::App const& command, std::map<std::string, std::string> flags) {
  auto const extras = command.remaining();
  for (std::size_t i = 0; i < extras.size(); ++i) {
    auto const& extra = extras[i];
    if (!extra.starts_with("--")) throw config::Mistake{"unexpected argument " + extra};
    auto const equals = extra.find('=');
    auto name = extra.substr(2, equals - 2);
    std::replace(name.begin(), name.end(), '-', '_');
    flags.emplace(name, "");
    // What follows an unknown flag is its value.
    if (equals == std::string::npos && i + 1 < extras.size() && !extras[i + 1].starts_with("--"))
      ++i;
  }
  auto loaded = config::load(flags, environ);
  logging::configure(loaded.settings.log_format, loaded.settings.log_level);
  return loaded;
}

int run(int argc, char** argv) {
  using namespace app::commands;
  CLI::App program{
      "Onboarding System: from a public page to a paid, running tenant.\n\n"
      "Examples:\n"
      "  onboarding serve\n"
      "  onboarding serve --http-port 8443 --data-dir /srv/onboarding\n"
      "  onboarding config show --origin\n"
      "  onboarding admin reset-password owner@localhost\n"};
  program.set_version_flag("--version", ONBOARDING_VERSION);
  program.require_subcommand(1);
  std::map<std::string, std::string> flags;
  int status = 0;
  auto on = [&](CLI::App* command, auto work) {
    add_settings(*command, flags);
    command->callback([&, command, work] { status = work(load(*command, flags)); });
  };

  bool with_demo = false, purge = false, without_jobs = false;
  auto* const serving = program.add_subcommand("serve", "Run everything until Ctrl-C");
  serving->add_flag("--demo", with_demo, "Also load the demo business");
  serving->add_flag("--no-jobs", without_jobs,
                    "Answer requests only: jobs and tenants are left to other nodes");
  on(serving, [&](config::Loaded loaded) {
    return serve(std::move(loaded), with_demo ? Demo::load : Demo::leave,
                 without_jobs ? Jobs::leave : Jobs::run);
  });
  on(program.add_subcommand(
         "worker",
         "Work jobs off beside servers that share ONBOARDING_DATABASE_URL; tenants made of "
         "processes are left to the server that holds them"),
     work);
  auto* const business =
      program.add_subcommand("demo", "Load a demo business: 500 customers, 24 months");
  business->add_flag("--purge", purge, "Remove it again");
  on(business, [&](config::Loaded loaded) { return demo(std::move(loaded), purge); });
  on(program.add_subcommand("migrate", "Bring the database's schema up to date"), migrate);
  on(program.add_subcommand("openapi", "Print the API's description"), openapi);

  auto* const settings = program.add_subcommand("config", "Look at the settings");
  settings->require_subcommand(1);
  bool origin = false, as_json = false;
  auto* const show = settings->add_subcommand("show", "Print all settings, secrets hidden");
  show->add_flag("--origin", origin, "Also say where each value comes from");
  show->add_flag("--json", as_json, "As JSON");
  on(show, [&](config::Loaded const& loaded) { return show_config(loaded, origin, as_json); });
  on(settings->add_subcommand("check", "Say whether the settings are valid"), check_config);

  auto* const admin = program.add_subcommand("admin", "People who may log in");
  admin->require_subcommand(1);
  AdminArguments person;
  auto* const create =
      admin->add_subcommand("create", "Add a person; the password comes on standard input");
  create->add_option("e-mail", person.email)->required();
  create->add_option("--name", person.name);
  create->add_option("--role", person.role, "owner, admin, support, finance or auditor");
  on(create, [&](config::Loaded loaded) { return create_admin(std::move(loaded), person); });
  auto* const reset = admin->add_subcommand(
      "reset-password", "Set a password (standard input, or a new one) and end all sessions");
  reset->add_option("e-mail", person.email)->required();
  on(reset, [&](config::Loaded loaded) { return reset_password(std::move(loaded), person.email); });

  auto* const events = program.add_subcommand("events", "Stripe's events");
  events->require_subcommand(1);
  std::string event_id;
  bool dead = false;
  auto* const replay = events->add_subcommand("replay", "Work stored events off again");
  replay->add_option("id", event_id, "evt_…");
  replay->add_flag("--dead", dead, "All that were given up");
  on(replay,
     [&](config::Loaded loaded) { return replay_events(std::move(loaded), event_id, dead); });

  auto* const audit = program.add_subcommand("audit", "The audit trail");
  audit->require_subcommand(1);
  auto* const verify = audit->add_subcommand("verify", "Find any change to the audit trail");
  verify->add_flag("--json", as_json, "As JSON");
  on(verify, [&](config::Loaded loaded) { return verify_audit(std::move(loaded), as_json); });

  sandbox::Settings simulator;
  auto* const stripe = program.add_subcommand("sandbox", "Run the Stripe sandbox on its own");
  stripe->add_option("--listen", simulator.listen, "127.0.0.1:port");
  stripe->add_option("--public-url", simulator.public_url, "Where browsers reach it");
  stripe
      ->add_option("--database-url", simulator.database_url,
                   "PostgreSQL; or ONBOARDING_DATABASE_URL")
      ->envname("ONBOARDING_DATABASE_URL");
  stripe->add_option("--secret-key", simulator.secret_key)->envname("ONBOARDING_STRIPE_SECRET_KEY");
  stripe->add_option("--webhook-url", simulator.webhook_url, "Where events are sent");
  stripe->add_option("--webhook-secret", simulator.webhook_secret)
      ->envname("ONBOARDING_STRIPE_WEBHOOK_SECRET");
  stripe->add_option("--webhook-ca-file", simulator.webhook_ca_file, "Trusted for https");
  stripe->callback([&] { status = sandbox::run(simulator); });

  std::string app_config;
  auto* const sample = program.add_subcommand("sample-app", "")->group("");
  sample->add_option("--config", app_config)->required();
  sample->callback([&] { status = sample::run(app_config); });

  try {
    program.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (config::Mistake const& mistake) {
    std::fprintf(stderr, "onboarding: %s\n", mistake.what());
    return 2;
  } catch (db::Unavailable const& error) {
    std::fprintf(stderr, "onboarding: %s\n", error.what());
  } catch (std::exception const& error) {
    std::fprintf(stderr, "onboarding: %s\n", error.what());
  }
  return 1;
}
