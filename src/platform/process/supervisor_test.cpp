// Children that run, end, are restarted, limited and stopped, on the real kernel.
#include "platform/process/supervisor.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "platform/files/temporary_directory.hpp"
#include "platform/process/control_group.hpp"
#include "platform/process/run.hpp"

namespace {
using namespace std::chrono_literals;

bool eventually(auto&& condition, std::chrono::milliseconds patience = 15s) {
  auto const end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

process::Launch shell(std::string const& script) {
  return {.executable = "/bin/sh", .arguments = {"-c", script}};
}

bool alive(pid_t pid) { return ::kill(pid, 0) == 0; }

/// Nobody collects orphans on a machine whose init does not; a zombie counts as ended.
bool ended(pid_t pid) {
  auto const stat = files::read("/proc/" + std::to_string(pid) + "/stat");
  return !stat || stat->find(") Z ") != std::string::npos;
}
}  // namespace

TEST_CASE("a command is run to its end with its output and status") {
  auto const fine = process::run(shell("echo out; echo err >&2; exit 3"), 10s);
  CHECK(fine.output == "out\nerr\n");
  CHECK(fine.ending.text() == "exit status 3");
  CHECK(process::run(shell("kill -9 $$"), 10s).ending.text() == "killed by SIGKILL");
  CHECK_THROWS_WITH_AS((void)process::run(shell("exec sleep 100"), 100ms),
                       doctest::Contains("did not finish"), std::runtime_error);
  CHECK_THROWS_WITH_AS((void)process::run({.executable = "/no/such/program"}, 1s),
                       "cannot start /no/such/program: could not execute it: No such file or "
                       "directory",
                       std::runtime_error);
}

TEST_CASE("a child gets only its own environment, no descriptors and a session of its own") {
  ::setenv("ONBOARDING_TEST_SECRET", "do not tell", 1);
  int leak[2];
  REQUIRE(::pipe(leak) == 0);  // without O_CLOEXEC
  auto launch =
      shell("env; echo descriptors $(ls /proc/self/fd); cut -d' ' -f6 /proc/$$/stat; echo $$");
  launch.environment = {{"GIVEN", "value"}};
  auto const output = process::run(launch, 10s).output;
  ::unsetenv("ONBOARDING_TEST_SECRET");
  ::close(leak[0]);
  ::close(leak[1]);
  CHECK(output.find("SECRET") == std::string::npos);
  CHECK(output.find("GIVEN=value") != std::string::npos);
  CHECK(output.find("PATH=") != std::string::npos);
  CHECK(output.find("descriptors 0 1 2 3\n") != std::string::npos);  // 3: ls reads the directory
  std::istringstream last_lines{output.substr(output.find("descriptors 0 1 2 3\n") + 20)};
  std::string session, own_pid;
  last_lines >> session >> own_pid;
  CHECK(session == own_pid);
}

TEST_CASE("a child becomes another user with its groups, and cannot come back") {
  if (::geteuid() != 0) return;
  auto launch = shell("id -u; id -G; grep NoNewPrivs /proc/self/status");
  launch.run_as = process::find_user("nobody");
  REQUIRE(launch.run_as);
  auto const wanted = std::to_string(launch.run_as->user) + '\n' +
                      std::to_string(launch.run_as->group) + "\nNoNewPrivs:\t1\n";
  CHECK(process::run(launch, 10s).output == wanted);

  TemporaryDirectory const directory;
  auto const closed = directory.path() / "closed" / "below";
  files::make_directory(closed, 0755);
  CHECK_FALSE(process::closed_directory(closed, *launch.run_as));
  files::make_directory(closed.parent_path(), 0700);
  CHECK(process::closed_directory(closed, *launch.run_as) == closed.parent_path());
}

TEST_CASE("helper: start this program as nobody" * doctest::skip()) {
  process::Launch launch{.executable = std::string{process::this_program},
                         .arguments = {"--version"}};
  launch.run_as = process::find_user("nobody");
  std::cout << process::run(launch, 10s).output << std::flush;
}

TEST_CASE("this program can be started from a directory that the user cannot enter") {
  if (::geteuid() != 0) return;
  TemporaryDirectory const directory;
  auto const program = directory.path() / "closed" / "program";
  files::make_directory(program.parent_path(), 0700);
  std::filesystem::copy_file("/proc/self/exe", program);
  ::chmod(program.c_str(), 0755);
  process::Launch const launch{
      .executable = program,
      .arguments = {"--test-case=helper: start this program as nobody", "--no-skip"}};
  auto const output = process::run(launch, 30s).output;
  CHECK_MESSAGE(output.find("doctest version is") != std::string::npos, output);
}

TEST_CASE("a child that ends is started again, and its lines reach the log and the listener") {
  TemporaryDirectory const directory;
  std::mutex mutex;
  std::vector<std::string> lines;
  process::Supervisor supervisor;
  process::Spec spec{.name = "worker",
                     .launch = shell("echo hello; sleep 0.1; exit 7"),
                     .log_file = directory.path() / "worker.log",
                     .on_line = [&](std::string_view line) {
                       std::lock_guard const lock{mutex};
                       lines.emplace_back(line);
                     }};
  supervisor.start(spec);
  CHECK(eventually([&] { return supervisor.status("worker")->restarts >= 1; }));
  CHECK(supervisor.status("worker")->last_exit == "exit status 7");
  CHECK(eventually([&] {
    std::lock_guard const lock{mutex};
    return lines.size() >= 2 && lines[0] == "hello";
  }));
  CHECK(files::read(spec.log_file)->starts_with("hello\nhello\n"));
  supervisor.stop("worker");
  CHECK_FALSE(supervisor.status("worker"));
}

TEST_CASE("pauses between restarts have a limit, and before each start somebody may tidy up") {
  std::atomic<int> tidied = 0;
  process::Supervisor supervisor;
  supervisor.start(
      {.name = "service", .launch = shell("exit 1"), .longest_pause = 10ms, .before_restart = [&] {
         ++tidied;
       }});
  CHECK(tidied == 0);
  // With doubling pauses these would take minutes.
  CHECK(eventually([&] { return supervisor.status("service")->restarts >= 8; }));
  supervisor.stop("service");
  CHECK(tidied >= 8);
}

TEST_CASE(
    "starting is idempotent; another launch replaces; what never runs again is kept in sight") {
  process::Supervisor supervisor;
  process::Spec spec{.name = "one", .launch = shell("exec sleep 1000")};
  supervisor.start(spec);
  auto const first = supervisor.status("one")->pid;
  supervisor.start(spec);
  CHECK(supervisor.status("one")->pid == first);
  spec.launch.environment["CHANGED"] = "1";
  supervisor.start(spec);
  CHECK(supervisor.status("one")->pid != first);
  CHECK_FALSE(alive(first));

  supervisor.start({.name = "once", .launch = shell("exit 2"), .restart = process::Restart::never});
  CHECK(eventually([&] { return supervisor.status("once")->state == process::State::failed; }));
  CHECK(supervisor.list().size() == 2);
  CHECK_THROWS_AS(supervisor.start({.name = "none", .launch = {.executable = "/no/such"}}),
                  std::runtime_error);
  CHECK(supervisor.list().size() == 2);
}

TEST_CASE("a child that ignores its stop signal is killed with its whole group") {
  process::Supervisor supervisor;
  supervisor.start({.name = "deaf",
                    .launch = shell("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000"),
                    .grace = 200ms});
  std::string output;
  CHECK(eventually([&] { return !(output = supervisor.status("deaf")->last_output).empty(); }));
  auto const grandchild = std::stoi(output);
  auto const pid = supervisor.status("deaf")->pid;
  supervisor.stop("deaf");
  CHECK_FALSE(alive(pid));
  CHECK(eventually([&] { return ended(grandchild); }));
}

TEST_CASE("layers are stopped from the top, a layer at once") {
  TemporaryDirectory const directory;
  auto const log = (directory.path() / "order").string();
  auto leaving = [&](std::string const& word) {
    return shell("trap 'echo " + word + " >> " + log +
                 "; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  };
  process::Supervisor supervisor;
  supervisor.start({.name = "base", .launch = leaving("base"), .layer = 0});
  supervisor.start({.name = "a", .launch = leaving("top"), .layer = 2});
  supervisor.start({.name = "b", .launch = leaving("top"), .layer = 2});
  supervisor.start({.name = "middle", .launch = leaving("middle"), .layer = 1});
  CHECK(eventually([&] {
    for (auto const& status : supervisor.list())
      if (status.last_output != "ready\n") return false;
    return true;
  }));
  supervisor.stop_all();
  CHECK(files::read(log) == "top\ntop\nmiddle\nbase\n");
}

TEST_CASE("limits hold and the answer says by what") {
  process::Supervisor supervisor;
  supervisor.start({.name = "eater",
                    .launch = {.executable = "/usr/bin/head",
                               .arguments = {"-c", "400000000", "/dev/zero"},
                               .limits = {.memory_bytes = 64 << 20, .processes = 20}},
                    .restart = process::Restart::never});
  auto const applied = supervisor.status("eater")->applied;
  CHECK(applied.memory != process::Enforcement::none);
  CHECK(applied.processes != process::Enforcement::none);
  CHECK(applied.cpu == process::Enforcement::none);
  // tail must hold everything without a newline in memory.
  supervisor.start({.name = "hoarder",
                    .launch = {.executable = "/usr/bin/tail",
                               .arguments = {"-n", "1", "/dev/zero"},
                               .limits = {.memory_bytes = 64 << 20}},
                    .restart = process::Restart::never});
  CHECK(eventually([&] { return supervisor.status("hoarder")->state == process::State::failed; }));
  auto const status = *supervisor.status("hoarder");
  if (status.applied.memory == process::Enforcement::cgroup)
    CHECK(status.last_exit == "killed by SIGKILL (out of memory)");
}

TEST_CASE("groups of version 2 get their values, on a tree of plain files") {
  TemporaryDirectory const directory;
  auto const root = directory.path() / "root", unit = root / "unit";
  auto const child = unit / ("onboarding-" + std::to_string(::getpid())) / "shop";
  files::make_directory(child, 0755);
  for (auto const& file :
       {root / "cgroup.controllers", unit / "cgroup.subtree_control", child / "cgroup.procs",
        child / "memory.max", child / "pids.max", child / "cpu.max"})
    files::write_atomically(file, "", 0644);
  files::write_atomically(child / "memory.events", "oom 3\noom_kill 2\n", 0644);
  files::write_atomically(directory.path() / "own", "0::/unit\n", 0644);
  process::ControlGroups groups{root, directory.path() / "own"};
  // The constructor took the directory for a leftover; plain files keep it from being removed.
  auto const made =
      groups.confine("shop", {.memory_bytes = 1000, .processes = 5, .cpu_percent = 50});
  CHECK(made.applied.memory == process::Enforcement::cgroup);
  CHECK(made.applied.cpu == process::Enforcement::cgroup);
  CHECK(files::read(child / "memory.max") == "1000");
  CHECK(files::read(child / "pids.max") == "5");
  CHECK(files::read(child / "cpu.max") == "50000 100000");
  CHECK(groups.memory_kills("shop") == 2);
}

TEST_CASE("a log file stays below its limit") {
  TemporaryDirectory const directory;
  auto const file = directory.path() / "log";
  process::Output output{file, 1000, {}};
  for (int i = 0; i < 100; ++i) output.add("a line of thirty-two characters\n");
  CHECK(std::filesystem::file_size(file) <= 1000);
  CHECK(std::filesystem::file_size(file.string() + ".1") <= 1000);
  output.add(std::string(20'000, 'x'));
  CHECK(output.tail().ends_with(std::string(8192, 'x') + '\n'));
}

TEST_CASE("helper: a server with a child" * doctest::skip()) {
  process::Supervisor supervisor;
  supervisor.start({.name = "child", .launch = shell("exec sleep 1000")});
  std::cout << supervisor.status("child")->pid << std::endl;
  ::pause();
}

TEST_CASE("no child outlives a server that is killed") {
  process::Supervisor supervisor;
  supervisor.start({.name = "server",
                    .launch = {.executable = std::string{process::this_program},
                               .arguments = {"--test-case=helper: a server with a child",
                                             "--no-skip", "--no-intro"}},
                    .restart = process::Restart::never});
  std::string output;
  REQUIRE(eventually([&] {
    output = supervisor.status("server")->last_output;
    return output.find_first_of("0123456789") != std::string::npos;
  }));
  auto const child = std::stoi(output.substr(output.find_first_of("0123456789")));
  REQUIRE(alive(child));
  CHECK(supervisor.signal("server", SIGKILL));
  CHECK(eventually([&] { return ended(child); }));
}

TEST_CASE("a child writes beneath the directories that it was given, and nowhere else") {
  constexpr auto its_version = 1U;
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, its_version) < 1) return;  // no Landlock
  TemporaryDirectory const directory;
  auto const inside = directory.path() / "inside", outside = directory.path() / "outside";
  files::make_directory(inside, 0777);
  files::make_directory(outside, 0777);
  auto launch = shell(
      "echo one >inside/new && echo null >/dev/null && ls / >/dev/null && echo may; "
      "(echo two >outside/new) 2>/dev/null || echo refused; "
      "mkfifo outside/pipe 2>/dev/null || echo refused; mv inside/new outside/moved 2>/dev/null || "
      "echo refused");
  launch.directory = directory.path();
  launch.writes_below = {inside};
  CHECK(process::run(launch, 10s).output == "may\nrefused\nrefused\nrefused\n");
  CHECK(std::filesystem::is_empty(outside));
}

TEST_CASE("a socket is handed over as systemd does, and is ours while its child has ended") {
  auto const tcp = [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  {
    files::Descriptor const any{tcp()};
    socklen_t size = sizeof address;
    REQUIRE(::bind(any.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::getsockname(any.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  }
  // By its number: a port that the kernel chose is given back as soon as nobody listens.
  auto bound = std::make_shared<files::Descriptor const>(tcp());
  REQUIRE(::bind(bound->get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  auto const connects = [&] {
    files::Descriptor const visitor{tcp()};
    return ::connect(visitor.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  };
  auto const is_free = [&] {
    files::Descriptor const other{tcp()};
    int const on = 1;  // beside what former connections have left
    ::setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return ::bind(other.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  };
  CHECK_FALSE(connects());

  process::Supervisor supervisor;
  process::Spec spec{.name = "listener",
                     .launch = shell("echo pid $$ for $LISTEN_PID, $LISTEN_FDS, "
                                     "$(ls -l /proc/$$/fd/3 | grep -c socket:); exec sleep 1000")};
  spec.launch.listener = bound;
  supervisor.start(spec);
  REQUIRE(eventually([&] { return !supervisor.status("listener")->last_output.empty(); }));
  auto const status = supervisor.status("listener");
  auto const pid = std::to_string(status->pid);
  CHECK(status->last_output == "pid " + pid + " for " + pid + ", 1, 1\n");
  CHECK(connects());
  CHECK_FALSE(is_free());
  ::kill(status->pid, SIGKILL);
  CHECK(
      eventually([&] { return supervisor.status("listener")->state == process::State::backoff; }));
  CHECK_FALSE(connects());
  CHECK_FALSE(is_free());
  CHECK(
      eventually([&] { return supervisor.status("listener")->state == process::State::running; }));
  CHECK(connects());
  bound.reset();
  spec.launch.listener.reset();
  supervisor.stop("listener");
  CHECK(eventually(is_free));  // what the shell had started ends a moment later
}
