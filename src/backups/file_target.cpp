// Archives in a directory that only we may read. A file appears there whole, by renaming.
#include <fcntl.h>
#include <unistd.h>

#include "backups/targets.hpp"
#include "platform/files/files.hpp"

namespace backups {

namespace {
namespace fs = std::filesystem;
using provisioning::NeedsPerson;
using provisioning::Transient;

constexpr std::string_view unfinished = ".part";
constexpr std::int64_t kept_free = 16 * 1024 * 1024;  // for others that write to the same disk

[[noreturn]] void fail(std::string_view what, fs::path const& path, std::error_code error) {
  if (error == std::errc::no_space_on_device || error.value() == EDQUOT)
    throw NeedsPerson{"backup_disk_full", files::sentence(what, path, error.value())};
  throw Transient{"backup_target_failed", files::sentence(what, path, error.value())};
}

void flush(fs::path const& path) {
  files::Descriptor const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file || ::fsync(file.get()) != 0) fail("write", path, {errno, std::generic_category()});
}

class FileTarget final : public Target {
 public:
  explicit FileTarget(fs::path directory) : directory_{std::move(directory)} {}
  std::string_view name() const override { return "file"; }

  void store(fs::path const& file, std::string const& location) override {
    auto const path = directory_ / location;
    files::make_directory(directory_, 0700);
    files::make_directory(path.parent_path(), 0700);
    flush(file);
    std::error_code error;
    fs::rename(file, path, error);
    if (error == std::errc::cross_device_link)
      copy(file, path);
    else if (error)
      fail("write", path, error);
    flush(path.parent_path());
  }

  void fetch(std::string const& location, fs::path const& file) override {
    auto const path = directory_ / location;
    std::error_code error;
    fs::remove(file, error);
    fs::create_hard_link(path, file, error);
    if (!error) return;
    if (!fs::exists(path)) throw Missing{path.string() + " is not there"};
    require_room(file.parent_path(), std::int64_t(fs::file_size(path)));
    fs::copy_file(path, file, error);
    if (error) fail("read", path, error);
  }

  void remove(std::string const& location) override {
    auto const path = directory_ / location;
    std::error_code error;
    fs::remove(path, error);
    if (error && error != std::errc::no_such_file_or_directory) fail("remove", path, error);
    fs::remove(path.parent_path(), error);  // when it was the last one
  }

  std::vector<Stored> list() override {
    std::vector<Stored> found;
    if (!fs::exists(directory_)) return found;
    for (auto const& entry : fs::recursive_directory_iterator{directory_})
      if (entry.is_regular_file())
        found.push_back(
            {fs::relative(entry.path(), directory_).string(), std::int64_t(entry.file_size())});
    return found;
  }

 private:
  void copy(fs::path const& from, fs::path const& to) {
    require_room(to.parent_path(), std::int64_t(fs::file_size(from)));
    auto const part = fs::path{to.string() + std::string{unfinished}};
    std::error_code error;
    fs::copy_file(from, part, fs::copy_options::overwrite_existing, error);
    if (error) {
      std::error_code ignored;
      fs::remove(part, ignored);
      fail("write", part, error);
    }
    flush(part);
    fs::rename(part, to);
    fs::remove(from);
  }

  fs::path directory_;
};
}  // namespace

fs::path home(config::Settings const& settings) {
  return settings.backup_dir.empty() ? fs::path{settings.data_dir} / "backups"
                                     : fs::path{settings.backup_dir};
}

void require_room(fs::path const& directory, std::int64_t bytes) {
  auto const free = std::int64_t(fs::space(directory).available);
  if (free >= bytes + kept_free) return;
  constexpr std::int64_t mib = 1024 * 1024;
  throw NeedsPerson{"backup_disk_full",
                    directory.string() + " has " + std::to_string(free / mib) + " MiB free, " +
                        std::to_string((bytes + kept_free) / mib) +
                        " MiB are needed: free some space there or set backup_dir"};
}

std::unique_ptr<Target> file_target(config::Settings const& settings) {
  return std::make_unique<FileTarget>(home(settings) / "archives");
}

}  // namespace backups
