// A command to its end, with a deadline.
#include "platform/process/run.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>

namespace process {

Finished run(Launch const& command, std::chrono::milliseconds deadline) {
  constexpr std::size_t kept = 64 * 1024;
  auto const end = std::chrono::steady_clock::now() + deadline;
  auto const child = launch(command, confine_by_rlimits(command.limits));
  Finished finished;
  auto drain = [&] {
    std::array<char, 16384> buffer;
    while (true) {
      auto const got = ::read(child.output.get(), buffer.data(), buffer.size());
      if (got <= 0) return got == 0;
      finished.output.append(buffer.data(), std::size_t(got));
      if (finished.output.size() > kept) finished.output.erase(0, finished.output.size() - kept);
    }
  };
  bool output_ended = false;
  while (true) {
    // The end of the process counts, not the end of its output: a helper it left behind may hold
    // the pipe open.
    std::array<pollfd, 2> waiting{pollfd{child.handle.get(), POLLIN, 0},
                                  pollfd{output_ended ? -1 : child.output.get(), POLLIN, 0}};
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      signal(child, SIGKILL, To::group);
      finished.ending = reap(child);
      throw std::runtime_error{command.executable + " did not finish in " +
                               std::to_string(deadline.count() / 1000) + " s and was stopped"};
    }
    ::poll(waiting.data(), waiting.size(), int(left.count()));
    if (waiting[1].revents) output_ended = drain();
    if (waiting[0].revents) break;
  }
  drain();
  finished.ending = reap(child);
  return finished;
}

}  // namespace process
