// The variables of libfaketime, and the file that it reads at every look at the clock.
#include "platform/process/shown_time.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "platform/files/files.hpp"

extern char** environ;

namespace process {

namespace {
namespace fs = std::filesystem;

constexpr auto preload = "LD_PRELOAD", file_variable = "FAKETIME_TIMESTAMP_FILE";
/// Without a cache all processes see a new time at once. What measures durations goes on as it was,
/// and files keep the times that the machine gave them.
constexpr std::array<std::pair<char const*, char const*>, 3> manners{
    {{"FAKETIME_NO_CACHE", "1"}, {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}, {"NO_FAKE_STAT", "1"}}};

/// The kernel's own answer, which no library stands before.
std::int64_t machine_time() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return now.tv_sec;
}

std::int64_t offset_in(fs::path const& file) {
  auto const text = files::read(file).value_or("");
  std::int64_t offset = 0;
  auto const* const from = text.c_str() + (text.starts_with('+') ? 1 : 0);
  if (std::from_chars(from, text.c_str() + text.size(), offset).ec != std::errc{})
    throw std::runtime_error{file.string() + " does not say how far the time is ahead"};
  return offset;
}

void write_offset(fs::path const& file, std::int64_t seconds) {
  files::write_atomically(file, "+" + std::to_string(seconds) + "\n", 0644, {}, files::Flush::no);
}

/// The words of this process, each ended by a zero byte.
std::vector<std::string> own_words() {
  std::vector<std::string> words;
  auto const text = files::read("/proc/self/cmdline").value_or("");
  for (std::size_t at = 0; at < text.size(); at += words.back().size() + 1)
    words.emplace_back(text.c_str() + at);
  return words;
}
}  // namespace

fs::path time_library() {
  std::error_code none;
  for (auto const& entry : fs::directory_iterator{"/usr/lib", none}) {
    auto const found = entry.path() / "faketime/libfaketimeMT.so.1";
    if (fs::exists(found, none)) return found;
  }
  throw std::runtime_error{
      "the setting clock is sandbox, which needs the library libfaketime: install the package "
      "faketime"};
}

fs::path time_file() {
  auto const* const loaded = std::getenv(preload);
  auto const* const file = std::getenv(file_variable);
  if (!loaded || !file || !std::strstr(loaded, "libfaketime")) return {};
  return file;
}

std::vector<std::pair<std::string, std::string>> variables_of_shown_time() {
  auto const file = time_file();
  if (file.empty()) return {};
  std::vector<std::pair<std::string, std::string>> variables{{preload, std::getenv(preload)},
                                                             {file_variable, file.string()}};
  variables.insert(variables.end(), manners.begin(), manners.end());
  return variables;
}

void start_anew_in_time_of(fs::path const& file) {
  ::setenv(preload, time_library().c_str(), 1);
  ::setenv(file_variable, file.c_str(), 1);
  for (auto const& [name, value] : manners) ::setenv(name, value, 1);
  auto words = own_words();
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execve("/proc/self/exe", arguments.data(), environ);
  throw std::runtime_error{std::string{"cannot start this program anew: "} + std::strerror(errno)};
}

void write_machine_time(fs::path const& file) { write_offset(file, 0); }

void show_time(std::int64_t moment) {
  auto const file = time_file();
  if (file.empty()) throw std::runtime_error{"this process sees the machine's time"};
  auto const present = offset_in(file);
  auto const wanted = moment - machine_time();
  if (wanted > present) write_offset(file, wanted);
}

}  // namespace process
