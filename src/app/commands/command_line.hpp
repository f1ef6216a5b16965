#pragma once
// What the command line is made of: commands declare themselves with a name, a help text, flags and
// what they do.
#include <CLI/CLI.hpp>
#include <any>
#include <list>

#include "platform/config/config.hpp"

namespace app::commands {

class CommandLine {
 public:
  CommandLine();

  /// A word that commands stand behind: `onboarding keys …`.
  CLI::App& group(char const* name, char const* help);

  /// `Command` has `name`, `help`, perhaps `flags(CLI::App&)`, and run(): with the loaded settings,
  /// which all are flags of the command then, or without them. run() returns the exit status: 0 is
  /// success, 1 a failure that was explained on standard error, 2 a wrong command line or setting.
  template <class Command>
  CLI::App& add(CLI::App& parent) {
    auto& command = kept_.emplace_back().emplace<Command>();
    auto& app = *parent.add_subcommand(Command::name, Command::help);
    if constexpr (requires { command.flags(app); }) command.flags(app);
    if constexpr (requires { command.run(); }) {
      app.callback([this, &command] { status_ = command.run(); });
    } else {
      add_settings(app);
      app.callback([this, &app, &command] {
        auto loaded = load(app);
        if (app.get_subcommands().empty()) status_ = command.run(std::move(loaded));
      });
    }
    return app;
  }
  template <class Command>
  CLI::App& add() {
    return add<Command>(program_);
  }

  /// Does what the arguments say; returns the exit status. Throws config::Mistake.
  int run(int argc, char** argv);

 private:
  void add_settings(CLI::App& command);
  config::Loaded load(CLI::App const& command);

  CLI::App program_;
  std::map<std::string, std::string> flags_;
  std::list<std::any> kept_;  // the commands, which hold the values of their flags
  int status_ = 0;
};

}  // namespace app::commands
