#pragma once
// Where archives lie. A location is a path below the target, made of tenant and backup; every call
// may be repeated.
#include <filesystem>
#include <memory>

#include "platform/config/config.hpp"
#include "provisioning/driver.hpp"

namespace backups {

struct Stored {
  std::string location;
  std::int64_t size;
  Time made;
};

/// Of a failure: the target is not the place that our backups were written to.
inline constexpr tenants::FailureCode target_away{"backup_target_away"};
/// The target does not hold what its row says.
struct Missing : provisioning::Hopeless {
  explicit Missing(std::string const& detail) : Hopeless{"backup_missing", detail} {}
};

class Target {
 public:
  virtual ~Target() = default;
  /// As rows name it.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The setting that leads there, and where that is, for people.
  [[nodiscard]] virtual std::string_view setting() const = 0;
  [[nodiscard]] virtual std::string place() const = 0;
  /// Takes the file over: whole or not at all. Throws NeedsPerson{"backup_disk_full"}.
  virtual void store(std::filesystem::path const& file, std::string const& location) = 0;
  /// Makes `file`; throws Missing.
  virtual void fetch(std::string const& location, std::filesystem::path const& file) = 0;
  /// Fine when there is none.
  virtual void remove(std::string const& location) = 0;
  [[nodiscard]] virtual std::vector<Stored> list() = 0;
  /// A small text of our own beside the archives.
  virtual void write(std::string const& location, std::string const& text) = 0;
  [[nodiscard]] virtual bool has(std::string const& location) = 0;
  /// Throws StepFailure when nothing could be stored now; leaves nothing behind.
  virtual void probe() = 0;
};

/// Where archives are kept: backup_dir, which others may use too, or backups in data_dir.
[[nodiscard]] std::filesystem::path home(config::Settings const& settings);
/// A folder that only we may read; one that is there already stays as it is.
void make_folder(std::filesystem::path const& folder);
/// Throws NeedsPerson{"backup_disk_full"} that names the directory when it has less room.
void require_room(std::filesystem::path const& directory, std::int64_t bytes);

[[nodiscard]] std::unique_ptr<Target> file_target(config::Settings const& settings);
/// By backup_s3_url; `settings` outlive it. Throws config::Mistake.
[[nodiscard]] std::unique_ptr<Target> s3_target(config::Settings const& settings);

}  // namespace backups
