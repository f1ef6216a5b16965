// Another time for children: what they see, who does not see it, and that it only goes forward.
#include "platform/process/shown_time.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

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
    ::setenv("LD_PRELOAD", process::time_library().c_str(), 1);
    ::setenv("FAKETIME_TIMESTAMP_FILE", file.c_str(), 1);
  }
  ~Variables() {
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("FAKETIME_TIMESTAMP_FILE");
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
  process::write_machine_time(file);
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
  // Whoever may not write where the library wants to sees the machine's.
  CHECK(seen({directory.path().string()}) < start + 60);
}

TEST_CASE("a file that says nothing is named") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "ahead";
  files::write_atomically(file, "soon\n", 0644);
  Variables const variables{file};
  CHECK_THROWS_WITH_AS(process::show_time(machine_now() + day), doctest::Contains("ahead"),
                       std::runtime_error);
}
