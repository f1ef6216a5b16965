// The LISTEN connection: a thread that sleeps in poll() until PostgreSQL or the destructor speaks.
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "platform/log/log.hpp"
#include "platform/realtime/hub.hpp"

namespace realtime {

namespace {
constexpr int shortest_pause_ms = 50, longest_pause_ms = 2000;

struct NotifyDeleter {
  void operator()(PGnotify* notice) const { PQfreemem(notice); }
};
}  // namespace

Listener::Listener(std::string database_url, Hub& hub)
    : database_url_{std::move(database_url)}, hub_{hub}, wake_fd_{eventfd(0, EFD_CLOEXEC)} {
  if (wake_fd_ < 0) throw std::system_error{errno, std::generic_category(), "eventfd"};
  thread_ = std::thread{[this] { run(); }};
}

Listener::~Listener() {
  stopping_ = true;
  eventfd_write(wake_fd_, 1);
  thread_.join();
  close(wake_fd_);
}

void Listener::run() {
  pthread_setname_np(pthread_self(), "listener");
  db::Connection connection{database_url_, "onboarding listener"};
  bool was_connected = false;
  int pause_ms = shortest_pause_ms;
  // Wakes when the server has said something (`fd`), when stopping or after the timeout.
  auto const sleep = [this](int fd, int timeout_ms) {
    pollfd waits[]{{wake_fd_, POLLIN, 0}, {fd, POLLIN, 0}};
    poll(waits, fd < 0 ? 1 : 2, timeout_ms);
  };
  while (!stopping_) {
    try {
      auto* const raw = connection.raw();
      connection.execute("LISTEN onboarding");
      pause_ms = shortest_pause_ms;
      if (was_connected) {
        logging::info("realtime", "listening again");
        hub_.deliver_everything();
      }
      was_connected = true;
      while (!stopping_) {
        while (auto const notice = std::unique_ptr<PGnotify, NotifyDeleter>{PQnotifies(raw)})
          hub_.deliver(notice->extra);
        sleep(PQsocket(raw), -1);
        if (PQconsumeInput(raw) == 0) throw db::Unavailable{PQerrorMessage(raw)};
      }
    } catch (std::exception const& error) {
      if (pause_ms == shortest_pause_ms)
        logging::warning("realtime", "the listening connection was lost: {}", error.what());
      connection.drop();
      sleep(-1, pause_ms);
      pause_ms = std::min(pause_ms * 2, longest_pause_ms);
    }
  }
}

}  // namespace realtime
