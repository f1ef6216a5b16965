// The helper's side alone: whatever the program says, it does what fits and refuses the rest.
#include "platform/root/server.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/files/temporary_directory.hpp"

using process::Identity;
using process::Launch;
using process::Message;
using process::Request;

namespace {
constexpr uid_t first = 1'900'000'000;

/// A helper in a process of its own, and the program's end of its socket.
struct World {
  World() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    policy.data_dir = directory.path();
    policy.program = ::getpid();
    policy.reader = process::find_user("nobody");
    policy.sandbox = Identity{"sandbox", 1'899'990'001, 1'899'990'001, {}};
    policy.front_door = Identity{"haproxy", 1'899'990'002, 1'899'990'002, {}};
    policy.database = Identity{"postgres", 1'899'990'003, 1'899'990'003, {}};
    pid = ::fork();
    if (pid == 0) {
      ::close(ends[0]);
      root::Server{ends[1], policy, [](std::string const&) { return first; }}.run();
      ::_exit(0);
    }
    ::close(ends[1]);
    socket = ends[0];
    helper.emplace(files::Descriptor{ends[0]}, files::Descriptor{});
  }
  ~World() {
    helper.reset();
    // It ends by itself when nobody can ask any more.
    ::waitpid(pid, nullptr, 0);
  }

  void settle() {
    Message place;
    place.add("here");
    CHECK(helper->ask(Request::settle_tenants, std::move(place)).number(0, 0x7fffffff) == first);
  }
  /// What it says to a launch: "started", or its sentence.
  std::string said(Launch const& launch, std::string const& group = {}) {
    try {
      auto const started = helper->launch(launch, group);
      (void)helper->reap(started.child);
      return "started";
    } catch (std::runtime_error const& error) {
      return error.what();
    }
  }
  bool refuses(Launch const& launch, std::string const& group = {}) {
    auto const words = said(launch, group);
    INFO(words);
    return words.starts_with("the root helper refuses it: ");
  }
  bool fails(Request what, Message more) {
    try {
      (void)helper->ask(what, std::move(more));
      return false;
    } catch (std::runtime_error const&) {
      return true;
    }
  }
  Launch reading() const {
    Launch launch{.executable = "/usr/bin/tar", .arguments = {"--version"}};
    launch.run_as = policy.reader;
    return launch;
  }
  Launch tenants(std::int64_t number) const {
    Launch launch{.executable = "/usr/bin/tar", .arguments = {"--version"}};
    launch.directory = directory.path() / "tenants" / std::to_string(number);
    auto const user = first + uid_t(number);
    launch.run_as = Identity{"", user, user, {}};
    return launch;
  }

  TemporaryDirectory directory;
  root::Policy policy;
  pid_t pid = 0;
  int socket = -1;
  std::optional<process::Helper> helper;
};
}  // namespace

TEST_CASE("the root helper starts no child that is not one of its own users, and none as root") {
  World world;
  world.settle();
  auto launch = world.reading();
  launch.run_as.reset();
  CHECK(world.refuses(launch));
  launch.run_as = Identity{"root", 0, 0, {}};
  CHECK(world.refuses(launch));
  launch.run_as = Identity{"", 65534, 0, {}};
  CHECK(world.refuses(launch));
  launch.run_as = world.policy.reader;
  launch.run_as->groups.push_back(0);
  CHECK(world.refuses(launch));
  for (uid_t const user : {uid_t{1}, uid_t{1000}, first - 1, first + uid_t(rooms::Rooms::most)}) {
    auto other = world.tenants(1);
    other.run_as = Identity{"", user, user, {}};
    CHECK(world.refuses(other));
  }
}

TEST_CASE("the root helper starts no other program, at no other place, with nothing beside it") {
  World world;
  CHECK(world.refuses(world.tenants(1)));  // whose ids are not settled
  world.settle();
  auto const changed = [&](Launch launch, auto const& change) {
    change(launch);
    return world.refuses(launch);
  };
  auto const tenant = world.tenants(7);
  for (auto const* program : {"/bin/sh", "tar", "/usr/bin/../bin/tar", "/usr/bin/env",
                              "/usr/lib/postgresql/15/bin/../../../../../bin/sh",
                              "/usr/lib/postgresql/15/bin/psql", "/usr/sbin/haproxy", ""})
    CHECK(changed(tenant, [&](Launch& launch) { launch.executable = program; }));
  CHECK(changed(tenant, [](Launch& launch) {
    launch.executable = process::this_program;
    launch.arguments = {"serve"};
  }));
  auto const below = world.directory.path() / "tenants";
  for (auto const& place : {below / "8", below / "7" / ".." / "8", below, world.directory.path(),
                            std::filesystem::path{"/"}, below / "7.elsewhere"}) {
    CHECK(changed(tenant, [&](Launch& launch) { launch.directory = place; }));
    CHECK(changed(tenant, [&](Launch& launch) { launch.writes_below = {place}; }));
  }
  CHECK(changed(tenant, [](Launch& launch) { launch.environment["LD_PRELOAD"] = "/tmp/x.so"; }));
  CHECK(changed(tenant, [](Launch& launch) { launch.binds_low_ports = true; }));
  CHECK(changed(tenant, [](Launch& launch) { launch.death_signal = SIGCHLD; }));
  CHECK(changed(world.reading(), [](Launch& launch) { launch.directory = "/etc"; }));
  CHECK(changed(world.reading(), [](Launch& launch) { launch.binds_low_ports = true; }));
  CHECK(changed(world.reading(), [&](Launch& launch) { launch.run_as = world.policy.sandbox; }));
  CHECK(changed(world.reading(), [&](Launch& launch) { launch.run_as = world.policy.database; }));
  for (auto const* group : {"../escape", ".hidden", "a/b", "a b"})
    CHECK(world.refuses(world.reading(), group));
}

TEST_CASE("the root helper does nothing to processes and places that are not its own") {
  World world;
  auto const about = [](std::initializer_list<std::int64_t> numbers) {
    Message message;
    for (auto const number : numbers) message.add(number);
    return message;
  };
  CHECK(world.fails(Request::make_room, about({1, 0})));
  world.settle();
  Message again;
  again.add("elsewhere");
  CHECK(world.fails(Request::settle_tenants, std::move(again)));
  CHECK(world.fails(Request::signal, about({1, SIGKILL, 0})));
  CHECK(world.fails(Request::signal, about({::getpid(), SIGKILL, 1})));
  CHECK(world.fails(Request::reap, about({::getpid()})));
  CHECK(world.fails(Request::remove_room, about({-1, 0})));
  CHECK(world.fails(Request::remove_room, about({rooms::Rooms::most, 0})));
  CHECK(world.fails(Request::remove_room, about({1, 3})));
  CHECK(world.fails(Request::make_room, about({1, 0, 0})));
  CHECK(world.fails(Request::end_processes, about({-1'900'000'000})));
  for (auto const* file : {"/etc/shadow", "", "/proc/self/environ"}) {
    Message path;
    path.add(std::string_view{file});
    CHECK(world.fails(Request::read_setting, std::move(path)));
  }
  CHECK(world.fails(Request(99), {}));
}

TEST_CASE("the root helper goes on after what makes no sense") {
  World world;
  std::string const garbage = "\x01\x02 no message at all";
  for (auto const& bytes : {garbage, std::string(8, '\xff'), std::string(100'000, 'x')})
    REQUIRE(::send(world.socket, bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
  // As much as the kernel takes, and far more.
  int const room = 1 << 20;
  ::setsockopt(world.socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  std::string large(std::size_t(200) << 20, 'x');
  CHECK(::send(world.socket, large.data(), large.size(), 0) < 0);
  (void)!::send(world.socket, large.data(), std::size_t(180) << 10, 0);
  Message text;
  text.add(std::string_view{large}.substr(0, 200 << 10));
  CHECK_THROWS(world.helper->ask(Request::settle_tenants, std::move(text)));
  // A length that lies.
  Message lying;
  lying.add(std::int64_t{1} << 60);
  CHECK(world.fails(Request::settle_tenants, std::move(lying)));
  world.settle();
}

TEST_CASE("the root helper does what fits: a child of another user, and a tenant's place") {
  if (::geteuid() != 0) return;
  World world;
  world.settle();
  auto const started = world.helper->launch(world.reading(), {});
  CHECK(world.helper->reap(started.child).ending.success());
  CHECK_THROWS(static_cast<void>(world.helper->reap(started.child)));
  auto forever = world.reading();
  forever.arguments = {"-tf", "-"};
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  files::Descriptor const from{ends[0]}, to{ends[1]};
  forever.input = from.get();
  auto const waiting = world.helper->launch(forever, "a-name");
  world.helper->signal(waiting.child, SIGKILL, true);
  CHECK(world.helper->reap(waiting.child).ending.text() == "killed by SIGKILL");

  Message place;
  place.add(std::int64_t{7});
  place.add(std::int64_t{0});
  (void)world.helper->ask(Request::make_room, std::move(place));
  struct stat now {};
  REQUIRE(::stat((world.directory.path() / "tenants/7").c_str(), &now) == 0);
  CHECK(now.st_uid == first + 7);
  CHECK((now.st_mode & 07777) == 0700);
}
