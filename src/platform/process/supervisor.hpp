#pragma once
// Keeps children running. One thread of its own launches all of them, because the kernel sends a
// child's death signal when the thread that forked it ends: so no child outlives the server, not
// even after kill -9, and none dies because a request's thread did.
#include <chrono>
#include <future>
#include <memory>

#include "platform/clock/clock.hpp"
#include "platform/process/child.hpp"
#include "platform/process/output.hpp"

namespace process {

enum class Restart { never, always };

struct Spec {
  std::string name;  // a word: letters, digits, '-', '_', '.'
  Launch launch;
  Restart restart = Restart::always;                // after 0.5 s, doubling; 60 s up start anew
  std::chrono::milliseconds longest_pause{30'000};  // between restarts: short for what all need
  int layer = 1;  // stop_all() ends higher layers first and all of a layer at once
  int stop_signal = SIGTERM;
  std::chrono::milliseconds grace{10'000};  // then SIGKILL for its whole group
  std::filesystem::path log_file;           // standard output and error; empty: none
  std::size_t log_bytes = 10 * 1024 * 1024;
  /// Called for each line on the supervisor's thread: be quick, and never call the supervisor.
  Output::OnLine on_line;
  /// Called on the same thread before each start after an end, to clear away what was left behind.
  std::function<void()> before_restart;
};

enum class State { running, backoff, exited, failed };
constexpr auto names_of(State) {
  return std::array<std::string_view, 4>{"running", "backoff", "exited", "failed"};
}

struct Status {
  std::string name;
  State state = State::exited;
  pid_t pid = 0;  // 0 unless running
  int restarts = 0;
  std::string last_exit;    // "exit status 1", "killed by SIGKILL (out of memory)"; empty: never
  std::string last_output;  // the newest lines that it printed, also while it runs
  Time since;               // of the state
  Applied applied;          // what enforces its limits
};

class Supervisor {
 public:
  Supervisor();
  /// Stops all children.
  ~Supervisor();
  Supervisor(Supervisor const&) = delete;
  Supervisor& operator=(Supervisor const&) = delete;

  /// Starts a child under its name. One that runs with the same launch is left alone; with another
  /// launch it is stopped first. Throws std::runtime_error when it cannot be started at all.
  void start(Spec spec);
  /// Returns when it has ended; fine when there is none. It is forgotten afterwards.
  void stop(std::string const& name);
  /// False when it does not run.
  bool signal(std::string const& name, int number);
  [[nodiscard]] std::optional<Status> status(std::string const& name);
  [[nodiscard]] std::vector<Status> list();
  void stop_all();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace process
