// Commands → arguments → command; what goes wrong is said in one sentence.
#include <cstdio>
#include <sstream>

#include "app/commands/commands.hpp"

namespace {
int run(int argc, char** argv) {
  using namespace app::commands;
  CommandLine line;
  for (auto* const add : {add_serve, add_worker, add_demo, add_migrate, add_openapi, add_config,
                          add_admin, add_keys, add_image, add_blueprint, add_events, add_ledger,
                          add_audit, add_incident, add_evidence, add_sandbox, add_children})
    add(line);
  return line.run(argc, argv);
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
  } catch (std::exception const& error) {
    std::fprintf(stderr, "onboarding: %s\n", error.what());
  }
  return 1;
}
