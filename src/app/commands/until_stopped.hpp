#pragma once
// Running until Ctrl-C or SIGTERM.
#include <signal.h>

#include <functional>

namespace app::commands {

class UntilStopped {
 public:
  /// Before any thread begins: the signals are then seen by wait() and by nobody else.
  UntilStopped();
  /// Returns when the program is asked to stop; calls `now_and_then` about once a minute.
  void wait(std::function<void()> const& now_and_then);

 private:
  sigset_t signals_;
};

}  // namespace app::commands
