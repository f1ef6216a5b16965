// Arguments → settings → command.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <sstream>

#include "app/commands/commands.hpp"
#include "app/privileges.hpp"
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
  for (auto const& member : types::members_of<config::Settings>())
    add(std::string{member.name}, std::string{member.rules.doc});
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
  on(program.add_subcommand("worker",
                            "Work jobs off beside servers that share ONBOARDING_DATABASE_URL; "
                            "containers are built here, "
                            "tenants made of processes are left to the server that holds them"),
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
  bool connect = false;
  auto* const valid = settings->add_subcommand("check", "Say whether the settings are valid");
  valid->add_flag("--connect", connect,
                  "Also try what they lead to: PostgreSQL, Incus, Stripe, mail, DNS, backups");
  on(valid, [&](config::Loaded loaded) { return check_config(std::move(loaded), connect); });

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
  auto* const reset_factors = admin->add_subcommand(
      "reset-2fa", "Remove all second factors of somebody who lost theirs, and end all sessions");
  reset_factors->add_option("e-mail", person.email)->required();
  on(reset_factors,
     [&](config::Loaded loaded) { return reset_second_factors(std::move(loaded), person.email); });

  auto* const keys = program.add_subcommand("keys", "The keys that sign and seal");
  keys->require_subcommand(1);
  auto* const key_status =
      keys->add_subcommand("status", "Say which keys there are and what they hold");
  key_status->add_flag("--json", as_json, "As JSON");
  on(key_status, [&](config::Loaded loaded) { return show_keys(std::move(loaded), as_json); });
  KeyArguments rotation;
  auto* const rotate = keys->add_subcommand(
      "rotate",
      "Replace keys while everything runs; nobody is logged out, nothing becomes unreadable.\n\n"
      "Examples:\n"
      "  onboarding keys rotate                    # all of them\n"
      "  onboarding keys rotate signing            # new access tokens get a new key\n"
      "  onboarding keys rotate data --dry-run     # how many values would be sealed again\n"
      "  onboarding keys rotate master             # replaces secrets/master_key\n"
      "  onboarding keys rotate master --to FILE   # when the key comes from a setting or "
      "credential");
  rotate->add_option("part", rotation.part, "signing, data, master or all")
      ->check(CLI::IsMember({"signing", "data", "master", "all"}));
  rotate->add_option("--to", rotation.target, "Write the new master key here");
  rotate->add_flag("--dry-run", rotation.dry_run, "Only say what would be done");
  rotate->add_flag("--json", rotation.as_json, "As JSON");
  on(rotate, [&](config::Loaded loaded) { return rotate_keys(std::move(loaded), rotation); });

  auto* const image = program.add_subcommand("image", "Images that containers are made from");
  image->require_subcommand(1);
  ImageArguments wanted_image;
  auto* const build = image->add_subcommand(
      "build",
      "Make the golden image of a blueprint and give it to Incus.\n\n"
      "Examples:\n"
      "  onboarding image build odoo\n"
      "  onboarding image build odoo --rebuild     # also the root file system that was kept");
  build->add_option("blueprint", wanted_image.blueprint)->required();
  build->add_flag("--rebuild", wanted_image.rebuild, "Do not use what an earlier build has kept");
  build->add_flag("--if-missing", wanted_image.if_missing, "Do nothing when Incus has it already");
  build->add_flag("--json", wanted_image.as_json, "As JSON");
  on(build, [&](config::Loaded loaded) { return build_image(std::move(loaded), wanted_image); });
  auto* const images = image->add_subcommand("list", "Say which images Incus has");
  images->add_flag("--json", as_json, "As JSON");
  on(images, [&](config::Loaded loaded) { return list_images(std::move(loaded), as_json); });

  auto* const blueprint = program.add_subcommand("blueprint", "What runs inside tenants");
  blueprint->require_subcommand(1);
  std::string which_blueprint = "all";
  auto* const check = blueprint->add_subcommand("check", "Find mistakes in a blueprint's folder");
  check->add_option("folder", which_blueprint, "A folder, a name, or all");
  check->add_flag("--json", as_json, "As JSON");
  on(check, [&](config::Loaded const& loaded) {
    return check_blueprints(loaded, which_blueprint, as_json);
  });

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

  std::string reason;
  auto* const incident = program.add_subcommand(
      "incident",
      "Switches for an incident; docs/incidents.md says when to use which.\n\n"
      "Examples:\n"
      "  onboarding incident read-only on --reason 'looking into a stolen laptop'\n"
      "  onboarding incident revoke-everything --api-keys --reason 'token leak'\n"
      "  onboarding incident block-address 203.0.113.0/24 --hours 48 --reason 'password lists'\n"
      "  onboarding incident unblock-address 203.0.113.0/24");
  incident->require_subcommand(1);
  auto* const state = incident->add_subcommand("status", "Say whether read-only mode is on");
  state->add_flag("--json", as_json, "As JSON");
  on(state, [&](config::Loaded loaded) { return incident_status(std::move(loaded), as_json); });
  std::string position;
  auto* const read_only = incident->add_subcommand(
      "read-only", "Refuse writes but for log-ins and Stripe's events, or take them again");
  read_only->add_option("position", position)->required()->check(CLI::IsMember({"on", "off"}));
  read_only->add_option("--reason", reason, "Why; goes into the audit trail");
  on(read_only, [&](config::Loaded loaded) {
    return incident_read_only(std::move(loaded), position == "on", reason);
  });
  bool keys_too = false;
  auto* const revoke =
      incident->add_subcommand("revoke-everything", "End every session; everybody logs in again");
  revoke->add_flag("--api-keys", keys_too, "Revoke every API key as well");
  revoke->add_option("--reason", reason, "Why; goes into the audit trail");
  on(revoke,
     [&](config::Loaded loaded) { return incident_revoke(std::move(loaded), keys_too, reason); });
  std::string address;
  std::int64_t hours = 24;
  auto* const block = incident->add_subcommand("block-address", "Keep an address or a block out");
  block->add_option("address", address, "203.0.113.9 or 2001:db8::/32")->required();
  block->add_option("--hours", hours, "How long")->check(CLI::Range(1, 8760));
  block->add_option("--reason", reason, "Why; goes into the audit trail");
  on(block, [&](config::Loaded loaded) {
    return incident_block(std::move(loaded), address, hours, reason);
  });
  auto* const blocked =
      incident->add_subcommand("blocked-addresses", "List the addresses that are kept out");
  blocked->add_flag("--json", as_json, "As JSON");
  on(blocked, [&](config::Loaded loaded) { return incident_blocks(std::move(loaded), as_json); });
  auto* const unblock = incident->add_subcommand("unblock-address", "Let an address in again");
  unblock->add_option("address", address, "As it was blocked")->required();
  unblock->add_option("--reason", reason, "Why; goes into the audit trail");
  on(unblock,
     [&](config::Loaded loaded) { return incident_unblock(std::move(loaded), address, reason); });

  auto* const evidence = program.add_subcommand(
      "evidence",
      "What an auditor asks for, as a signed archive.\n\n"
      "Examples:\n"
      "  onboarding evidence --period 2026-Q4 --output evidence-2026-Q4.tar.gz\n"
      "  onboarding evidence --period 2026-11-01..2026-11-15 --output november.tar.gz\n"
      "  onboarding evidence verify evidence-2026-Q4.tar.gz");
  evidence->require_subcommand(0, 1);
  std::string period, output, archive, public_key;
  evidence->add_option("--period", period, "2026-Q4, 2026-11, 2026 or FROM..TO (days)");
  evidence->add_option("--output", output, "The archive to write, .tar.gz");
  evidence->add_flag("--json", as_json, "The manifest as JSON");
  on(evidence, [&, evidence](config::Loaded loaded) {
    if (!evidence->get_subcommands().empty()) return status;
    if (period.empty() || output.empty())
      throw config::Mistake{"say --period and --output, or `evidence verify FILE`"};
    return write_evidence(std::move(loaded), period, output, as_json);
  });
  auto* const check_archive =
      evidence->add_subcommand("verify", "Check an archive; needs no installation");
  check_archive->add_option("file", archive)->required();
  check_archive->add_option("--public-key", public_key, "It must be signed with this key");
  check_archive->add_flag("--json", as_json, "The manifest as JSON");
  check_archive->callback([&] { status = verify_evidence(archive, public_key, as_json); });

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
  stripe->add_flag("--leave-endpoint", simulator.leaves_endpoint,
                   "Leave an endpoint alone that another node of this database has made");
  stripe->add_option("--webhook-ca-file", simulator.webhook_ca_file, "Trusted for https");
  stripe->callback([&] {
    simulator.webhook_ca_file = app::readable_afterwards(simulator.webhook_ca_file);
    app::stop_being_root();
    status = sandbox::run(simulator);
  });

  program.add_subcommand("root-helper", "")->group("")->callback([&] {
    status = app::help_as_root();
  });

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
    std::istringstream lines{mistake.what()};
    for (std::string line; std::getline(lines, line);)
      std::fprintf(stderr, "onboarding: %s\n", line.c_str());
    return 2;
  } catch (db::Unavailable const& error) {
    std::fprintf(stderr, "onboarding: %s\n", error.what());
  } catch (std::exception const& error) {
    std::fprintf(stderr, "onboarding: %s\n", error.what());
  }
  return 1;
}
