#pragma once
// What the sandbox is told at its start.
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

}  // namespace sandbox
