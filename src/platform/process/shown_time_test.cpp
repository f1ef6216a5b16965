// Another time for children: what they see, who does not see it, and that it only goes forward.
#include "platform/process/shown_time.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "platform/files/files.hpp"
#include "platform/files/temporary_directory.hpp"
#include "platform/process/run.hpp"

namespace {
using namespace std::chrono_literals;
constexpr std::int64_t day = 86'400;

std::int64_t machine_now() { return std::int64_t(std::time(nullptr)); }

/// Of a child; the kernel's own answer comes by `date` of a child without our variables.
std::int64_t seen(std::vector<std::string> const& writes_below = {}) {
  process::Launch launch{.executable = "/bin/date", .arguments = {"+%s"}};
  launch.writes_below = writes_below;
  return std::stoll(process::run(launch, 10s).output);
}

/// The variables as a process has them that was started anew; this one sees the machine's time.
struct Variables {
  explicit Variables(std::filesystem::path const& file) {
    ::setenv("LD_PRELOAD", (file.parent_path() / "shown_time.so").c_str(), 1);
    ::setenv("SHOWN_TIME_FILE", file.c_str(), 1);
  }
  ~Variables() {
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("SHOWN_TIME_FILE");
  }
};
}  // namespace

TEST_CASE("without it nothing is shown, and nothing can be") {
  CHECK(process::time_file().empty());
  CHECK(process::variables_of_shown_time().empty());
  CHECK_THROWS_AS(process::show_time(machine_now()), std::runtime_error);
}

TEST_CASE("children see the time of a file, which only goes forward") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "ahead";
  process::prepare_shown_time(file, {});
  Variables const variables{file};
  CHECK(process::time_file() == file);
  auto const start = machine_now();
  CHECK(seen() - start < 60);
  process::show_time(start + 10 * day);
  CHECK(seen() >= start + 10 * day);
  CHECK(seen() < start + 10 * day + 60);
  process::show_time(start + 9 * day);
  CHECK(seen() >= start + 10 * day);
  process::show_time(start + 400 * day);
  CHECK(seen() >= start + 400 * day);
  CHECK(seen({directory.path().string()}) >= start + 400 * day);
  // A second start keeps it.
  process::prepare_shown_time(file, {});
  CHECK(seen() >= start + 400 * day);
}

// In a child, which is shown another time.
TEST_CASE("(child) waits until a moment" * doctest::skip()) {
  using std::chrono::system_clock, std::chrono::steady_clock;
  auto const begun = steady_clock::now();
  std::mutex mutex;
  std::unique_lock lock{mutex};
  std::condition_variable never;
  CHECK(never.wait_until(lock, system_clock::now() + 10ms) == std::cv_status::timeout);
  CHECK(never.wait_for(lock, 10ms) == std::cv_status::timeout);
  std::timed_mutex taken;
  taken.lock();
  std::thread{[&] { CHECK_FALSE(taken.try_lock_until(system_clock::now() + 10ms)); }}.join();
  taken.unlock();
  std::this_thread::sleep_until(system_clock::now() + 10ms);
  CHECK(steady_clock::now() - begun >= 40ms);
}

TEST_CASE("waits until a moment end when it comes by the time that is shown") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "ahead";
  process::prepare_shown_time(file, {});
  Variables const variables{file};
  process::show_time(machine_now() + 10 * day);
  auto const child = process::run(
      {.executable = "/proc/self/exe", .arguments = {"--no-skip", "--test-case=(child) waits*"}},
      60s);
  INFO(child.output);
  CHECK(child.ending.code == 0);
}

TEST_CASE("who is to live by a file that is not there does not live by the machine's time") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "ahead";
  process::prepare_shown_time(file, {});
  std::filesystem::remove(file);
  Variables const variables{file};
  auto const ended = process::run({.executable = "/bin/date"}, 10s);
  CHECK(ended.ending.code == 127);
  CHECK(ended.output.find(file.string()) != std::string::npos);
}

TEST_CASE("a file that says nothing is named") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "ahead";
  files::write_atomically(file, "soon\n", 0644);
  Variables const variables{file};
  CHECK_THROWS_WITH_AS(process::show_time(machine_now() + day), doctest::Contains("ahead"),
                       std::runtime_error);
}
