// The variables of the library, and the file whose eight bytes it has mapped: a new time is one
// store.
#include "platform/process/shown_time.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

extern char** environ;
extern "C" char const shown_time_library_start[], shown_time_library_end[];

namespace process {

namespace {
namespace fs = std::filesystem;

constexpr auto preload = "LD_PRELOAD", file_variable = "SHOWN_TIME_FILE";
constexpr std::string_view library_name = "shown_time.so";

/// The kernel's own answer, which no library stands before.
std::int64_t machine_time() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return now.tv_sec;
}

/// The seconds that the file is ahead of the machine, for reading and writing.
class Ahead {
 public:
  explicit Ahead(fs::path const& file) {
    int const descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    std::error_code none;
    if (descriptor >= 0 && fs::file_size(file, none) == sizeof(std::int64_t))
      mapped_ =
          ::mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (descriptor >= 0) ::close(descriptor);
    if (mapped_ == MAP_FAILED)
      throw std::runtime_error{file.string() + " does not say how far the time is ahead"};
  }
  ~Ahead() { ::munmap(mapped_, sizeof(std::int64_t)); }
  Ahead(Ahead const&) = delete;
  Ahead& operator=(Ahead const&) = delete;

  std::atomic_ref<std::int64_t> seconds() {
    return std::atomic_ref{*static_cast<std::int64_t*>(mapped_)};
  }

 private:
  void* mapped_ = MAP_FAILED;
};

/// The words of this process, each ended by a zero byte.
std::vector<std::string> own_words() {
  std::vector<std::string> words;
  auto const text = files::read("/proc/self/cmdline").value_or("");
  for (std::size_t at = 0; at < text.size(); at += words.back().size() + 1)
    words.emplace_back(text.c_str() + at);
  return words;
}
}  // namespace

void prepare_shown_time(fs::path const& file, std::optional<files::Owner> owner) {
  files::make_directory(file.parent_path(), 0755);
  // Whoever has an older one mapped keeps that.
  files::write_atomically(file.parent_path() / library_name,
                          {shown_time_library_start, shown_time_library_end}, 0755);
  if (!fs::exists(file))
    files::write_atomically(file, std::string(sizeof(std::int64_t), '\0'), 0644, owner);
}

fs::path time_file() {
  auto const* const loaded = std::getenv(preload);
  auto const* const file = std::getenv(file_variable);
  if (!loaded || !file || !std::string_view{loaded}.ends_with(library_name)) return {};
  return file;
}

std::vector<std::pair<std::string, std::string>> variables_of_shown_time() {
  auto const file = time_file();
  if (file.empty()) return {};
  return {{preload, std::getenv(preload)}, {file_variable, file.string()}};
}

void start_anew_in_time_of(fs::path const& file) {
  ::setenv(preload, (file.parent_path() / library_name).c_str(), 1);
  ::setenv(file_variable, file.c_str(), 1);
  auto words = own_words();
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execve("/proc/self/exe", arguments.data(), environ);
  throw std::runtime_error{std::string{"cannot start this program anew: "} + std::strerror(errno)};
}

void show_time(std::int64_t moment) {
  auto const file = time_file();
  if (file.empty()) throw std::runtime_error{"this process sees the machine's time"};
  Ahead ahead{file};
  auto const wanted = moment - machine_time();
  if (wanted > ahead.seconds()) ahead.seconds() = wanted;
}

}  // namespace process
