// Commands that the program gives to itself: its helper that stays root, and the application of
// sample tenants. --help does not show them.
#include "app/commands/commands.hpp"
#include "app/privileges.hpp"
#include "sample/sample_app.hpp"

namespace app::commands {

namespace {
struct RootHelper {
  static constexpr auto name = "root-helper", help = "";
  int run() { return help_as_root(); }
};

struct SampleApplication {
  static constexpr auto name = "sample-app", help = "";
  std::string config;
  void flags(CLI::App& command) { command.add_option("--config", config)->required(); }
  int run() { return sample::run(config); }
};
}  // namespace

void add_children(CommandLine& line) {
  line.add<RootHelper>().group("");
  line.add<SampleApplication>().group("");
}

}  // namespace app::commands
