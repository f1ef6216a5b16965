// A file of the sandbox's in the data directory, and the start anew.
#include "app/sandbox_clock.hpp"

#include "app/privileges.hpp"
#include "app/usable.hpp"
#include "platform/files/files.hpp"
#include "platform/log/log.hpp"
#include "platform/process/shown_time.hpp"

namespace app {

namespace fs = std::filesystem;

fs::path sandbox_clock_file(config::Settings const& settings) {
  return fs::path{data_directory(settings)} / "clock/seconds_ahead";
}

void begin_sandbox_clock(config::Settings const& settings) {
  if (settings.clock == config::Clock::machine) return;
  fs::path const data{data_directory(settings)};
  if (!fs::exists(data)) files::make_directory(data, 0711);
  std::optional<files::Owner> owner;
  if (auto const sandbox = staff_of(settings).sandbox) owner = {sandbox->user, sandbox->group};
  process::prepare_shown_time(sandbox_clock_file(settings), owner);
  live_by_sandbox_clock(settings);
  logging::warning("start", "time is not the machine's: a test clock of the sandbox moves it");
}

void live_by_sandbox_clock(config::Settings const& settings) {
  if (!settings.database_url.empty()) return;
  fs::path file;
  try {
    file = sandbox_clock_file(settings);
  } catch (config::Mistake const&) {
    return;  // nowhere, so nothing lies there
  }
  if (std::error_code none; !fs::exists(file, none) || process::time_file() == file) return;
  process::start_anew_in_time_of(file);
}

}  // namespace app
