// Arguments → settings → command.
#include "app/commands/command_line.hpp"

#include "app/sandbox_clock.hpp"
#include "platform/log/log.hpp"
#include "platform/types/type.hpp"

extern char** environ;

namespace app::commands {

CommandLine::CommandLine()
    : program_{
          "Onboarding System: from a public page to a paid, running tenant.\n\n"
          "Examples:\n"
          "  onboarding serve\n"
          "  onboarding serve --http-port 8443 --data-dir /srv/onboarding\n"
          "  onboarding config show --origin\n"
          "  onboarding admin reset-password owner@localhost\n"} {
  program_.set_version_flag("--version", ONBOARDING_VERSION);
  program_.require_subcommand(1);
}

CLI::App& CommandLine::group(char const* name, char const* help) {
  auto& app = *program_.add_subcommand(name, help);
  app.require_subcommand(1);
  return app;
}

int CommandLine::run(int argc, char** argv) {
  try {
    program_.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return program_.exit(error) == 0 ? 0 : 2;
  }
  return status_;
}

// What is unknown gets a suggestion from config::load.
void CommandLine::add_settings(CLI::App& command) {
  auto add = [&](std::string name, std::string doc) {
    auto spelled = name;
    std::replace(spelled.begin(), spelled.end(), '_', '-');
    command.add_option_function<std::string>(
        "--" + spelled, [this, name](std::string const& value) { flags_[name] = value; },
        std::move(doc));
  };
  add("config", "Configuration file (TOML)");
  for (auto const& member : types::members_of<config::Settings>())
    add(std::string{member.name}, std::string{member.rules.doc});
  command.allow_extras();
}

config::Loaded CommandLine::load(CLI::App const& command) {
  auto flags = flags_;
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
  live_by_sandbox_clock(loaded.settings);
  return loaded;
}

}  // namespace app::commands
