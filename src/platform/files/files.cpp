// Whole files, written so that a crash leaves the old content or the new one.
#include "platform/files/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "platform/files/reading.hpp"

namespace files {

namespace {
std::string_view remedy(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space on that disk, then start again";
    case EROFS:
      return "that file system is read-only: mount it writable or set another data_dir";
    case EACCES:
    case EPERM:
      return "give this user the permission, or set another data_dir";
    case ENOTDIR:
    case EEXIST:
      return "something that is not a directory is in the way: move it, or set another data_dir";
    case ENAMETOOLONG:
      return "choose a shorter data_dir";
    default:
      return {};
  }
}

[[noreturn]] void fail(std::string_view what, std::filesystem::path const& path, int error) {
  throw std::runtime_error{sentence(what, path, error)};
}

/// What root makes in somebody's directory belongs to whom the directory belongs to.
std::optional<Owner> owner_beside(std::filesystem::path const& path) {
  struct stat above {};
  if (::geteuid() != 0 || ::stat(path.parent_path().c_str(), &above) != 0) return {};
  return Owner{above.st_uid, above.st_gid};
}

/// A renamed file survives a power cut only when its directory has been flushed as well.
void flush_directory(std::filesystem::path const& directory) {
  Descriptor const handle{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (handle) ::fsync(handle.get());
}
}  // namespace

void Descriptor::reset() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

std::string sentence(std::string_view what, std::filesystem::path const& path, int error) {
  std::string text =
      "cannot " + std::string{what} + ' ' + path.string() + ": " + std::strerror(error);
  if (auto const help = remedy(error); !help.empty()) text += "; " + std::string{help};
  return text;
}

int read_rest(int file, std::string& content, std::size_t most) {
  std::array<char, 16384> buffer;
  while (true) {
    auto const got = ::read(file, buffer.data(), buffer.size());
    if (got == 0) return 0;
    if (got > 0)
      content.append(buffer.data(), std::size_t(got));
    else if (errno != EINTR)
      return errno;
    if (content.size() > most) return EFBIG;
  }
}

std::optional<std::string> read(std::filesystem::path const& path) {
  Descriptor const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    fail("read", path, errno);
  }
  std::string content;
  if (int const error = read_rest(file.get(), content)) fail("read", path, error);
  return content;
}

void write_atomically(std::filesystem::path const& path, std::string_view content, mode_t mode,
                      std::optional<Owner> owner, Flush flush) {
  if (!owner) owner = owner_beside(path);
  auto const part = path.string() + ".XXXXXX";
  std::string name = part;
  Descriptor file{::mkostemp(name.data(), O_CLOEXEC)};
  if (!file) fail("write", path, errno);
  auto give_up = [&](int error) {
    ::unlink(name.c_str());
    fail("write", path, error);
  };
  for (auto rest = content; !rest.empty();) {
    auto const wrote = ::write(file.get(), rest.data(), rest.size());
    if (wrote >= 0)
      rest.remove_prefix(std::size_t(wrote));
    else if (errno != EINTR)
      give_up(errno);
  }
  if (owner && ::fchown(file.get(), owner->user, owner->group) != 0) give_up(errno);
  if (::fchmod(file.get(), mode) != 0) give_up(errno);
  if (flush == Flush::yes && ::fsync(file.get()) != 0) give_up(errno);
  if (::rename(name.c_str(), path.c_str()) != 0) give_up(errno);
  if (flush == Flush::yes) flush_directory(path.parent_path());
}

void make_directory(std::filesystem::path const& path, mode_t mode, std::optional<Owner> owner) {
  std::error_code error;
  bool const is_new = std::filesystem::create_directories(path, error);
  if (error) fail("create the directory", path, error.value());
  if (is_new && !owner) owner = owner_beside(path);
  struct stat now {};
  if (::stat(path.c_str(), &now) != 0) fail("use the directory", path, errno);
  if (!S_ISDIR(now.st_mode)) fail("use the directory", path, ENOTDIR);
  // Only what differs is changed: an ordinary user may use a directory that is right already.
  if (owner && (now.st_uid != owner->user || now.st_gid != owner->group) &&
      ::chown(path.c_str(), owner->user, owner->group) != 0)
    fail("give away the directory", path, errno);
  if ((now.st_mode & 07777) != mode && ::chmod(path.c_str(), mode) != 0)
    fail("set the permissions of", path, errno);
}

DirectoryLock::DirectoryLock(std::filesystem::path const& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) fail("create the directory", directory, error.value());
  auto const path = directory / "lock";
  file_ = Descriptor{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!file_) fail("open", path, errno);
  // Whoever may read it can hold it: earlier versions let everybody.
  if (::fchmod(file_.get(), 0600) != 0) fail("set the permissions of", path, errno);
  // A server that was killed holds on until the kernel has taken it apart.
  auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{3};
  while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
      continue;
    }
    std::array<char, 16> holder{};
    auto const got = ::pread(file_.get(), holder.data(), holder.size() - 1, 0);
    std::string pid{holder.data(), got > 0 ? std::size_t(got) : 0};
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    throw std::runtime_error{"another onboarding (pid " + (pid.empty() ? "unknown" : pid) +
                             ") already uses " + directory.string() +
                             ": stop it first, or set another data_dir"};
  }
  auto const pid = std::to_string(::getpid()) + '\n';
  if (::ftruncate(file_.get(), 0) != 0 ||
      ::pwrite(file_.get(), pid.data(), pid.size(), 0) != ssize_t(pid.size()))
    fail("write", path, errno);
}

}  // namespace files
