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
/// With `connect` everything outside is tried too; 1 when something does not work.
int check_config(config::Loaded loaded, bool connect);
int openapi(config::Loaded loaded);
int replay_events(config::Loaded loaded, std::string const& event_id, bool dead);
int verify_audit(config::Loaded loaded, bool as_json);

int incident_status(config::Loaded loaded, bool as_json);
int incident_read_only(config::Loaded loaded, bool on, std::string const& reason);
int incident_revoke(config::Loaded loaded, bool api_keys, std::string const& reason);
int incident_block(config::Loaded loaded, std::string const& address, std::int64_t hours,
                   std::string const& reason);
int incident_blocks(config::Loaded loaded, bool as_json);
int incident_unblock(config::Loaded loaded, std::string const& address, std::string const& reason);
int write_evidence(config::Loaded loaded, std::string const& period, std::string const& output,
                   bool as_json);
int verify_evidence(std::string const& archive, std::string const& public_key, bool as_json);

struct AdminArguments {
  std::string email, name = "", role = "owner";
};
int create_admin(config::Loaded loaded, AdminArguments const& arguments);
int reset_password(config::Loaded loaded, std::string const& email);
int reset_second_factors(config::Loaded loaded, std::string const& email);

struct KeyArguments {
  std::string part = "all";  // signing, data, master, all
  std::string target;        // file for a new master key that does not replace a file of ours
  bool dry_run = false, as_json = false;
};
int show_keys(config::Loaded loaded, bool as_json);
int rotate_keys(config::Loaded loaded, KeyArguments const& arguments);

struct ImageArguments {
  std::string blueprint;
  bool rebuild = false, if_missing = false, as_json = false;
};
int build_image(config::Loaded loaded, ImageArguments const& arguments);
int list_images(config::Loaded loaded, bool as_json);
/// `which` is a folder, a name, or all.
int check_blueprints(config::Loaded const& loaded, std::string const& which, bool as_json);

/// The database of a configured or running installation; a sentence as config::Mistake when the
/// private cluster is not running.
[[nodiscard]] std::string database_url(config::Settings const& settings);

}  // namespace app::commands
