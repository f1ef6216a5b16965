#pragma once
// The Stripe sandbox: a stateful simulator of the part of Stripe that a subscription business uses,
// driven by the official SDK and CLI, with its own checkout pages and signed webhooks. This header
// is all that others see of it.
#include <memory>
#include <string>
#include <string_view>

namespace sandbox {

/// The API version whose shapes the sandbox speaks.
inline constexpr std::string_view api_version = "2026-10-28.endive";

struct Settings {
  std::string listen = "127.0.0.1:12111";
  std::string public_url;    // where browsers reach it; empty: http:// and the bound address
  std::string database_url;  // its own schema, stripe_sandbox, is made there
  std::string secret_key = "sk_test_sandbox";
  std::string publishable_key = "pk_test_sandbox";
  std::string webhook_url;      // empty: no endpoint but those made through the API
  std::string webhook_secret;   // of that endpoint, fixed
  std::string webhook_ca_file;  // trusted for https endpoints; empty: the system's
  /// The endpoint of the settings stays as it is when another node made it: its secret tells.
  bool leaves_endpoint = false;
  std::string merchant_name = "Onboarding System";
  /// After this time a bank debit that was paid at the checkout succeeds or fails.
  int bank_debit_seconds = 5;
};

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
