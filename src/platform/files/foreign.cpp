// Reading, writing, measuring and removing by handles. The owner of the directory is an adversary:
// between two system calls every name may have become something else.
#include "platform/files/foreign.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include "platform/files/reading.hpp"

namespace files {

namespace {
constexpr std::int64_t block = 4096;
/// Descriptors that one walk holds at most.
constexpr int deepest = 128;

Descriptor open_beneath(int directory, char const* name, std::uint64_t flags, mode_t mode = 0) {
  open_how how{};
  // A FIFO without a writer opens at once this way, and a device is not waited for.
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  while (true) {
    auto const number = int(::syscall(SYS_openat2, directory, name, &how, sizeof how));
    if (number >= 0 || errno != EINTR) return Descriptor{number};
  }
}

[[noreturn]] void fail(std::string_view what, std::filesystem::path const& path, int error) {
  throw std::runtime_error{sentence(what, path, error)};
}

[[noreturn]] void refuse(std::filesystem::path const& path) {
  throw std::runtime_error{path.string() +
                           " is no regular file: its owner has put something else there"};
}

/// What lies in a directory, by name, without what it holds of itself.
struct Entries {
  explicit Entries(int directory) {
    // An open file of its own: a duplicate would share the place where reading goes on.
    auto const again = open_beneath(directory, ".", O_RDONLY | O_DIRECTORY);
    if (again) stream.reset(::fdopendir(::fcntl(again.get(), F_DUPFD_CLOEXEC, 0)));
  }
  dirent const* next() {
    while (stream) {
      auto const* entry = ::readdir(stream.get());
      if (!entry) break;
      std::string_view const name{entry->d_name};
      if (name != "." && name != "..") return entry;
    }
    return nullptr;
  }
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  std::unique_ptr<DIR, Close> stream;
};

class Counting {
 public:
  explicit Counting(std::int64_t enough) : enough_{enough} {}
  std::int64_t total() const { return std::min(total_, enough_); }

  void below(int directory, int depth) {
    if (depth > deepest) total_ = enough_;
    std::vector<std::string> directories;
    for (Entries entries{directory}; auto const* entry = entries.next();) {
      if (total_ >= enough_) return;
      struct stat now {};
      if (::fstatat(directory, entry->d_name, &now, AT_SYMLINK_NOFOLLOW) != 0) continue;
      // What has several names is counted with one of them.
      if (!S_ISDIR(now.st_mode) && now.st_nlink > 1 &&
          !seen_.emplace(now.st_dev, now.st_ino).second)
        continue;
      total_ += std::max<std::int64_t>(std::int64_t(now.st_blocks) * 512, block);
      if (S_ISDIR(now.st_mode)) directories.emplace_back(entry->d_name);
    }
    for (auto const& name : directories) {
      if (total_ >= enough_) return;
      if (auto const child = open_beneath(directory, name.c_str(), O_RDONLY | O_DIRECTORY))
        below(child.get(), depth + 1);
    }
  }

 private:
  std::int64_t enough_, total_ = 0;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

/// 0, or the error of what could not be given away.
int give_below(int directory, Owner owner, int depth) {
  if (depth > deepest) return ENAMETOOLONG;
  std::vector<std::string> names;
  for (Entries entries{directory}; auto const* entry = entries.next();)
    names.emplace_back(entry->d_name);
  int error = 0;
  for (auto const& name : names) {
    if (auto const child = open_beneath(directory, name.c_str(), O_RDONLY | O_DIRECTORY))
      if (auto const below = give_below(child.get(), owner, depth + 1)) error = below;
    if (::fchownat(directory, name.c_str(), owner.user, owner.group, AT_SYMLINK_NOFOLLOW) != 0)
      error = errno;
  }
  return error;
}

class Removing {
 public:
  explicit Removing(int top) : top_{top} {}

  /// 0, or the error of what stays.
  int run() {
    // What is nested too deep comes up to the top and is removed in the next round.
    do {
      lifted_ = false;
      error_ = 0;
      below(top_, 0);
    } while (lifted_ && error_ == 0);
    return error_;
  }

 private:
  void below(int directory, int depth) {
    std::vector<std::string> names;
    for (Entries entries{directory}; auto const* entry = entries.next();)
      names.emplace_back(entry->d_name);
    for (auto const& name : names) {
      if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR && errno != EPERM) {
        error_ = errno;
        continue;
      }
      if (depth >= deepest && lift(directory, name)) continue;
      if (auto const child = open_beneath(directory, name.c_str(), O_RDONLY | O_DIRECTORY))
        below(child.get(), depth + 1);
      if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT && !lifted_)
        error_ = errno;
    }
  }
  bool lift(int directory, std::string const& name) {
    auto const above = "lifted-" + std::to_string(++count_) + '-' + std::to_string(random_());
    if (::renameat(directory, name.c_str(), top_, above.c_str()) != 0) return false;
    return lifted_ = true;
  }

  int top_;
  bool lifted_ = false;
  int error_ = 0;
  std::uint64_t count_ = 0;
  std::random_device random_;
};
}  // namespace

std::optional<ForeignDirectory> ForeignDirectory::open(std::filesystem::path const& path) {
  Descriptor handle{
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (handle) return ForeignDirectory{path, std::move(handle)};
  if (errno == ENOENT) return {};
  fail("use the directory", path, errno == ELOOP ? ENOTDIR : errno);
}

std::optional<std::string> ForeignDirectory::read(std::string const& name, std::size_t most) const {
  auto const file = open_beneath(handle_.get(), name.c_str(), O_RDONLY);
  if (!file) {
    if (errno == ENOENT) return {};
    if (errno == ELOOP || errno == ENXIO) refuse(path_ / name);
    fail("read", path_ / name, errno);
  }
  struct stat now {};
  if (::fstat(file.get(), &now) != 0 || !S_ISREG(now.st_mode)) refuse(path_ / name);
  std::string content;
  if (int const error = read_rest(file.get(), content, most)) fail("read", path_ / name, error);
  return content;
}

void ForeignDirectory::write(std::string const& name, std::string_view content, mode_t mode,
                             std::optional<Owner> owner) const {
  struct stat now {};
  if (::fstatat(handle_.get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISREG(now.st_mode))
    refuse(path_ / name);
  auto const part = name + '.' + std::to_string(std::random_device{}());
  auto const file =
      open_beneath(handle_.get(), part.c_str(), O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
  if (!file) fail("write", path_ / name, errno);
  auto give_up = [&](int error) {
    ::unlinkat(handle_.get(), part.c_str(), 0);
    fail("write", path_ / name, error);
  };
  for (auto rest = content; !rest.empty();) {
    auto const wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote >= 0)
      rest.remove_prefix(std::size_t(wrote));
    else if (errno != EINTR)
      give_up(errno);
  }
  if (owner && ::fchown(file.get(), owner->user, owner->group) != 0) give_up(errno);
  if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0) give_up(errno);
  if (::renameat(handle_.get(), part.c_str(), handle_.get(), name.c_str()) != 0) give_up(errno);
  ::fsync(handle_.get());
}

std::int64_t ForeignDirectory::disk_use(std::int64_t enough) const {
  Counting counting{enough};
  counting.below(handle_.get(), 0);
  return counting.total();
}

void ForeignDirectory::give_to(Owner owner) const {
  auto error = give_below(handle_.get(), owner, 0);
  if (error == 0 && ::fchown(handle_.get(), owner.user, owner.group) != 0) error = errno;
  if (error) fail("give away", path_, error);
}

void ForeignDirectory::empty() const {
  if (auto const error = Removing{handle_.get()}.run()) fail("remove what lies in", path_, error);
}

void remove_foreign(std::filesystem::path const& path) {
  if (auto const directory = ForeignDirectory::open(path)) directory->empty();
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) fail("remove", path, errno);
}

}  // namespace files
