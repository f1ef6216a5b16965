// Archives in a directory that only we may read. A file appears there whole, by renaming.
#include <fcntl.h>
#include <sys/stat.h>
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
  std::string_view setting() const override { return "backup_dir"; }
  std::string place() const override { return directory_.string(); }

  void store(fs::path const& file, std::string const& location) override {
    auto const path = directory_ / location;
    make_folder(path.parent_path());
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
    // When it was the last one; what others have put there keeps its place.
    for (auto folder = path.parent_path(); folder != directory_; folder = folder.parent_path())
      if (!fs::remove(folder, error) || error) break;
  }

  std::vector<Stored> list() override {
    std::vector<Stored> found;
    std::error_code error;
    fs::recursive_directory_iterator entry{directory_, error}, end;
    if (error == std::errc::no_such_file_or_directory) return found;
    for (; !error && entry != end; entry.increment(error)) {
      std::error_code gone;  // removed meanwhile, or a stranger's link that leads nowhere
      if (!entry->is_regular_file(gone) || gone) continue;
      auto const size = entry->file_size(gone);
      auto const written = entry->last_write_time(gone);
      if (gone) continue;
      found.push_back(
          {entry->path().lexically_relative(directory_).string(), std::int64_t(size),
           std::chrono::time_point_cast<Time::duration>(std::chrono::file_clock::to_sys(written))});
    }
    // Half a list would make backups look lost.
    if (error) fail("read", directory_, error);
    return found;
  }

  void write(std::string const& location, std::string const& text) override {
    auto const path = directory_ / location;
    make_folder(path.parent_path());
    try {
      files::write_atomically(path, text, 0600);
    } catch (std::runtime_error const& error) {
      throw Transient{"backup_target_failed", error.what()};
    }
  }

  bool has(std::string const& location) override {
    std::error_code error;
    bool const is_there = fs::exists(directory_ / location, error);
    if (error) fail("look at", directory_ / location, error);
    return is_there;
  }

  void probe() override {
    // The first backup makes what is missing below this.
    auto place = directory_;
    std::error_code ignored;
    while (!fs::exists(place, ignored) && place.has_relative_path()) place = place.parent_path();
    if (::access(place.c_str(), W_OK | X_OK) != 0)
      fail("write into", place, {errno, std::generic_category()});
    require_room(place, 0);
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

void make_folder(fs::path const& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return;
  if (folder.has_parent_path() && folder.parent_path() != folder) make_folder(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    fail("create the directory", folder, {errno, std::generic_category()});
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
