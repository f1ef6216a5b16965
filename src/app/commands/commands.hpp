#pragma once
// The program's commands, in the order in which --help shows them.
#include "app/commands/command_line.hpp"

namespace app::commands {

void add_serve(CommandLine& line);
void add_worker(CommandLine& line);
void add_demo(CommandLine& line);
void add_migrate(CommandLine& line);
void add_openapi(CommandLine& line);
void add_config(CommandLine& line);
void add_admin(CommandLine& line);
void add_keys(CommandLine& line);
void add_image(CommandLine& line);
void add_blueprint(CommandLine& line);
void add_events(CommandLine& line);
void add_ledger(CommandLine& line);
void add_audit(CommandLine& line);
void add_incident(CommandLine& line);
void add_evidence(CommandLine& line);
void add_sandbox(CommandLine& line);
void add_children(CommandLine& line);

/// Who did it, where somebody typed a command.
inline constexpr std::string_view actor = "command line";

/// The database of a configured or running installation; a sentence as config::Mistake when the
/// private cluster is not running.
[[nodiscard]] std::string database_url(config::Settings const& settings);

}  // namespace app::commands
