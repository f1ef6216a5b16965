#pragma once
// The program's commands. Each returns the exit status; 0 is success, 1 a failure that was
// explained on standard error, 2 a wrong command line or setting.
#include "platform/config/config.hpp"

namespace app::commands {

enum class Demo { leave, load };
enum class Jobs { run, leave };
int serve(config::Loaded loaded, Demo demo, Jobs jobs);
/// Jobs without HTTP, beside servers that share its database.
int work(config::Loaded loaded);
int demo(config::Loaded loaded, bool purge);
int migrate(config::Loaded const& loaded);
int show_config(config::Loaded const& loaded, bool with_origin, bool as_json);
int check_config(config::Loaded const& loaded);
int openapi(config::Loaded loaded);
int replay_events(config::Loaded loaded, std::string const& event_id, bool dead);
int verify_audit(config::Loaded loaded, bool as_json);

struct AdminArguments {
  std::string email, name = "", role = "owner";
};
int create_admin(config::Loaded loaded, AdminArguments const& arguments);
int reset_password(config::Loaded loaded, std::string const& email);

/// The database of a configured or running installation; a sentence as config::Mistake when the
/// private cluster is not running.
[[nodiscard]] std::string database_url(config::Settings const& settings);

}  // namespace app::commands
