#pragma once
// The Stripe sandbox: a stateful simulator of the part of Stripe that a subscription business uses,
// driven by the official SDK and CLI, with its own checkout pages and signed webhooks.
#include <memory>

#include "sandbox/settings.hpp"

namespace sandbox {

/// In-process, for tests and for `run`. Starts its own threads; stop() joins them.
class Sandbox {
 public:
  explicit Sandbox(Settings settings);
  ~Sandbox();
  Sandbox(Sandbox const&) = delete;
  Sandbox& operator=(Sandbox const&) = delete;

  /// Makes its tables, takes over the settings' webhook endpoint, listens. Throws
  /// std::runtime_error with what to do (port taken), db::Unavailable without a database.
  void start();
  void stop();
  [[nodiscard]] int port() const;
  /// Where clients and browsers reach it, without a slash at the end.
  [[nodiscard]] std::string url() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// `onboarding sandbox`: serves until SIGINT or SIGTERM. Prints its address on standard output.
int run(Settings const& settings);

}  // namespace sandbox
