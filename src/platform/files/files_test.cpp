// Atomic replacement, directory modes and the lock of the data directory.
#include "platform/files/files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/files/foreign.hpp"
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

TEST_CASE("the lock can be held by nobody else") {
  TemporaryDirectory const directory;
  files::write_atomically(directory.path() / "lock", "", 0644);  // as it once was made
  files::DirectoryLock const lock{directory.path()};
  struct stat now {};
  REQUIRE(::stat((directory.path() / "lock").c_str(), &now) == 0);
  CHECK((now.st_mode & 07777) == 0600);
}

TEST_CASE("a foreign directory is read and written by handles that lead nowhere else") {
  TemporaryDirectory const directory;
  auto const room = directory.path() / "room";
  CHECK_FALSE(files::ForeignDirectory::open(room));
  files::make_directory(room, 0700);
  files::write_atomically(directory.path() / "secret", "ours", 0600);
  auto const place = files::ForeignDirectory::open(room);
  REQUIRE(place);

  CHECK_FALSE(place->read("value", 100));
  place->write("value", "first", 0600);
  place->write("value", "second", 0640);
  CHECK(place->read("value", 100) == "second");
  CHECK_THROWS((void)place->read("value", 3));

  std::filesystem::create_symlink(directory.path() / "secret", room / "link");
  std::filesystem::create_directory_symlink(directory.path(), room / "way");
  REQUIRE(::mkfifo((room / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_directory(room / "directory");
  for (auto const* name : {"link", "pipe", "directory"}) {
    CHECK_THROWS_WITH_AS((void)place->read(name, 100), doctest::Contains("is no regular file"),
                         std::runtime_error);
    CHECK_THROWS_WITH_AS(place->write(name, "x", 0600), doctest::Contains("is no regular file"),
                         std::runtime_error);
  }
  for (auto const* name : {"way/secret", "../secret", "/etc/passwd"}) {
    CHECK_THROWS((void)place->read(name, 100));
    CHECK_THROWS(place->write(name, "x", 0600));
  }
  CHECK(files::read(directory.path() / "secret") == "ours");

  // A link in the place of the directory itself is none.
  std::filesystem::create_directory_symlink(room, directory.path() / "other");
  CHECK_THROWS((void)files::ForeignDirectory::open(directory.path() / "other"));
  CHECK(place->disk_use(1'000'000) >= 5 * 4096);
  CHECK(place->disk_use(5000) == 5000);

  files::remove_foreign(room);
  files::remove_foreign(room);
  CHECK_FALSE(std::filesystem::exists(room));
  CHECK(files::read(directory.path() / "secret") == "ours");
}

TEST_CASE("a foreign directory is removed however deep and wide it is") {
  TemporaryDirectory const directory;
  auto const room = directory.path() / "room";
  files::make_directory(room, 0700);
  files::Descriptor at{::open(room.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  for (int depth = 0; depth < 2000; ++depth) {
    REQUIRE(::mkdirat(at.get(), "a directory in it", 0700) == 0);
    files::Descriptor const beside{::openat(at.get(), "beside", O_CREAT | O_WRONLY | O_CLOEXEC, 0)};
    at = files::Descriptor{::openat(at.get(), "a directory in it", O_RDONLY | O_DIRECTORY)};
    REQUIRE(at);
  }
  CHECK(files::ForeignDirectory::open(room)->disk_use(1'000'000'000) == 1'000'000'000);
  files::remove_foreign(room);
  CHECK_FALSE(std::filesystem::exists(room));
}
