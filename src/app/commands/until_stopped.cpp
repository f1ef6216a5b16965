// Signals as bytes to read instead of handlers.
#include "app/commands/until_stopped.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "platform/files/files.hpp"
#include "platform/log/log.hpp"
#include "platform/process/helper.hpp"

namespace app::commands {

UntilStopped::UntilStopped() {
  // Blocked here; children get their own sets.
  sigemptyset(&signals_);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, number);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

UntilStopped::Reason UntilStopped::wait(std::function<void()> const& now_and_then) {
  files::Descriptor const incoming{::signalfd(-1, &signals_, SFD_CLOEXEC)};
  auto const* const root = process::helper();
  while (true) {
    std::array<pollfd, 2> wait{pollfd{incoming.get(), POLLIN, 0},
                               pollfd{root ? root->handle() : -1, POLLIN, 0}};
    int const ready = ::poll(wait.data(), wait.size(), 60'000);
    if (ready > 0 && wait[1].revents) {
      logging::error("start", "the root helper has ended, and its children with it: stopping");
      return Reason::helper_gone;
    }
    if (ready == 0) {
      try {
        now_and_then();
      } catch (std::exception const& error) {
        logging::warning("start", "{}", error.what());
      }
      continue;
    }
    if (ready < 0) continue;
    signalfd_siginfo info{};
    if (::read(incoming.get(), &info, sizeof info) != sizeof info) continue;
    if (info.ssi_signo == SIGHUP) continue;  // the terminal went away; the service stays
    return Reason::asked;
  }
}

}  // namespace app::commands
