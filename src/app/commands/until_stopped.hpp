#pragma once
// Running until Ctrl-C or SIGTERM.
#include <signal.h>

#include <functional>

namespace app::commands {

class UntilStopped {
 public:
  /// Before any thread begins: the signals are then seen by wait() and by nobody else.
  UntilStopped();
  enum class Reason { asked, helper_gone };
  /// Returns when the program is asked to stop, or can do nothing any more because its root helper
  /// has ended; calls `now_and_then` about once a minute.
  Reason wait(std::function<void()> const& now_and_then);

 private:
  sigset_t signals_;
};

}  // namespace app::commands
