#pragma once
// Files of our own: a descriptor that closes itself, whole files read and replaced atomically, and
// the lock that keeps two servers out of one data directory.
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace files {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_{number} {}
  Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void reset();

 private:
  int number_ = -1;
};

/// The whole content; none when there is no such file. Throws std::runtime_error when it exists
/// and cannot be read.
[[nodiscard]] std::optional<std::string> read(std::filesystem::path const& path);

struct Owner {
  uid_t user;
  gid_t group;
};

/// `no` for what is made anew after a power cut: waiting for the disk takes milliseconds.
enum class Flush { yes, no };

/// Writes beside the target, flushes to the disk, renames over it: a reader (or a crash) sees the
/// old content or the new one. Without an owner root writes for whom the directory belongs to.
/// Throws std::runtime_error with what to do.
void write_atomically(std::filesystem::path const& path, std::string_view content, mode_t mode,
                      std::optional<Owner> owner = {}, Flush flush = Flush::yes);

/// Creates a directory (and its parents, 0755) and sets mode and owner, also of an existing one.
/// Throws std::runtime_error with what to do.
void make_directory(std::filesystem::path const& path, mode_t mode,
                    std::optional<Owner> owner = {});

/// "cannot write FILE: No space left on device; free some space there, then start again".
[[nodiscard]] std::string sentence(std::string_view what, std::filesystem::path const& path,
                                   int error);

/// Held by one server as long as it lives; the kernel lets go of it even after kill -9.
class DirectoryLock {
 public:
  /// Creates the directory when missing. Throws std::runtime_error: "another onboarding (pid N)
  /// already uses DIR".
  explicit DirectoryLock(std::filesystem::path const& directory);

 private:
  Descriptor file_;
};

}  // namespace files
