// `onboarding config`: looking at the settings, and trying what they lead to.
#include <cstdio>

#include "app/application.hpp"
#include "app/checks.hpp"
#include "app/commands/commands.hpp"
#include "app/embedded.hpp"
#include "platform/config/mistakes.hpp"

namespace app::commands {

namespace {

void print(std::string const& text) { std::fputs(text.c_str(), stdout); }

/// What `serve` would make of empty settings, as far as it can be had without starting anything.
void complete_for_looking(config::Settings& settings) {
  if (settings.public_url.empty())
    settings.public_url = "https://localhost:" + std::to_string(settings.http_port);
  while (settings.public_url.ends_with('/')) settings.public_url.pop_back();
  while (settings.stripe_api_base.ends_with('/')) settings.stripe_api_base.pop_back();
  try {
    settings.database_url = database_url(settings);
  } catch (config::Mistake const& mistake) {
    print("skipped database (database_url): " + std::string{mistake.what()} + "\n");
  }
  if (!settings.stripe_api_base.empty()) return;
  settings.stripe_api_base = "http://localhost:" + std::to_string(settings.sandbox_port);
  auto const key = std::filesystem::path{settings.data_dir} / "secrets/sandbox_secret_key";
  if (settings.stripe_secret_key.empty())
    settings.stripe_secret_key = files::read(key).value_or("");
}

struct ShowConfig {
  static constexpr auto name = "show";
  static constexpr auto help = "Print all settings, secrets hidden";
  bool with_origin = false, as_json = false;

  void flags(CLI::App& command) {
    command.add_flag("--origin", with_origin, "Also say where each value comes from");
    command.add_flag("--json", as_json, "As JSON");
  }

  int run(config::Loaded const& loaded) {
    print(config::show(loaded, with_origin, as_json));
    return 0;
  }
};

struct CheckConfig {
  static constexpr auto name = "check";
  static constexpr auto help = "Say whether the settings are valid";
  bool connect = false;

  void flags(CLI::App& command) {
    command.add_flag("--connect", connect,
                     "Also try what they lead to: PostgreSQL, Incus, Stripe, mail, DNS, backups");
  }

  int run(config::Loaded loaded) {
    require_usable(loaded);
    print("the settings are valid" + (loaded.file.empty() ? "" : " (" + loaded.file + ")") + "\n");
    if (!connect) return 0;
    auto& settings = loaded.settings;
    settings.data_dir = data_directory(settings);
    complete_for_looking(settings);
    process::Supervisor supervisor;
    Application application{settings, std::string(32, '0'), supervisor, nullptr};
    readiness::Watch watch;
    add_checks(watch, {settings, application.world().driver, application.backups(), true, true});
    int status = 0;
    for (auto const& result : watch.try_all()) {
      bool const failed = result.status == readiness::Status::failed;
      if (failed) status = 1;
      auto const setting = result.setting.empty() ? "" : " (" + result.setting + ")";
      print((failed ? "failed  " : "ok      ") + result.name + setting +
            (failed ? ": " + *result.detail + ". " + *result.advice : "") + "\n");
    }
    return status;
  }
};
}  // namespace

void add_config(CommandLine& line) {
  auto& settings = line.group("config", "Look at the settings");
  line.add<ShowConfig>(settings);
  line.add<CheckConfig>(settings);
}

}  // namespace app::commands
