// Atomic replacement, directory modes and the lock of the data directory.
#include "platform/files/files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/files/temporary_directory.hpp"

TEST_CASE("a file is replaced as a whole, with its mode, and nothing is left beside it") {
  TemporaryDirectory const directory;
  auto const path = directory.path() / "value";
  CHECK_FALSE(files::read(path));
  files::write_atomically(path, "first", 0600);
  files::write_atomically(path, "second", 0640);
  CHECK(files::read(path) == "second");
  struct stat now {};
  REQUIRE(::stat(path.c_str(), &now) == 0);
  CHECK((now.st_mode & 07777) == 0640);
  int entries = 0;
  for (auto const& entry : std::filesystem::directory_iterator{directory.path()}) {
    (void)entry;
    ++entries;
  }
  CHECK(entries == 1);
}

TEST_CASE("a file in the way of a directory is named") {
  TemporaryDirectory const directory;
  auto const path = directory.path() / "thing";
  files::write_atomically(path, "", 0600);
  CHECK_THROWS_WITH_AS(files::make_directory(path, 0700),
                       doctest::Contains("not a directory is in the way"), std::runtime_error);
}

TEST_CASE("a data directory has one server; its death frees it") {
  TemporaryDirectory const directory;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  auto const other = ::fork();
  if (other == 0) {
    files::DirectoryLock const lock{directory.path()};
    char const ready = 'x';
    (void)!::write(pipe_ends[1], &ready, 1);
    ::pause();
    ::_exit(0);
  }
  char ready = 0;
  REQUIRE(::read(pipe_ends[0], &ready, 1) == 1);
  auto const wanted = "another onboarding (pid " + std::to_string(other) + ") already uses";
  CHECK_THROWS_WITH_AS(files::DirectoryLock{directory.path()}, doctest::Contains(wanted.c_str()),
                       std::runtime_error);
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  CHECK_NOTHROW(files::DirectoryLock{directory.path()});
}
