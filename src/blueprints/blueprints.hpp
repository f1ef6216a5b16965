#pragma once
// What runs inside a tenant: a folder with blueprint.toml and scripts. docs/blueprints.md describes
// every key; load() and lint() are the only code that reads the files.
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace blueprints {

/// How the owner gets in the first time.
enum class Access {
  link,      // the script prints a path that works once
  password,  // the script sets a password, which our own page shows once
};

struct Health {
  std::string path = "/";
  int status = 200;
  /// The application answers with X-Tenant-Id: proof that an address leads to the right tenant.
  bool identifies = false;
  std::chrono::seconds start_patience{60};
};

struct Blueprint {
  std::string name, title, description;
  std::string version;  // of the blueprint: a new one makes a new image
  std::filesystem::path folder;

  // [image]: empty scripts where the provisioner `process` brings the application itself
  std::filesystem::path root_script;     // on the build machine: makes the root file system
  std::filesystem::path prepare_script;  // in a container, once: what all tenants share
  std::vector<std::string> image_packages;

  // [application]
  int port = 8069;
  std::string version_command;  // in the container; prints the application's version
  std::string log_command;      // in the container; prints its newest lines
  Health health;

  // [scripts], in the container, run as root with TENANT_* and OWNER_* in the environment
  std::filesystem::path configure, owner_access, backup, restore, upgrade;
  Access access = Access::password;

  // [limits]: below these it does not run
  std::int64_t minimum_memory_mib = 64, minimum_storage_mib = 64;
  std::int64_t processes = 300;

  /// The driver `process` can run it (only the built-in sample).
  bool as_process = false;

  /// "odoo-1": the alias of its golden image.
  [[nodiscard]] std::string image() const { return name + "-" + version; }
};

/// What is wrong with a folder: the file, the key or line, and what to do.
struct Finding {
  std::string file, where, problem;
};

/// Throws std::runtime_error with every finding when the folder is not in order.
[[nodiscard]] Blueprint load(std::filesystem::path const& folder);
[[nodiscard]] std::vector<Finding> lint(std::filesystem::path const& folder);

/// All blueprints below a directory, by name. Throws when one is not in order.
class Catalogue {
 public:
  Catalogue() = default;
  explicit Catalogue(std::filesystem::path const& directory);
  /// Throws std::runtime_error that names those there are.
  [[nodiscard]] Blueprint const& at(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::map<std::string, Blueprint, std::less<>> blueprints_;
};

/// Where the blueprints lie: the setting, else `blueprints` beside the source tree that the program
/// was built in, else /usr/share/onboarding/blueprints.
[[nodiscard]] std::filesystem::path default_directory();

}  // namespace blueprints
