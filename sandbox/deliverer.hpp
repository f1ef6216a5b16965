#pragma once
// Sends events to webhook endpoints: promptly, at least once, for three days.
#include <atomic>
#include <thread>
#include <vector>

#include "sandbox/engine.hpp"
#include "sandbox/store.hpp"

namespace sandbox {

/// "t=…,v1=…[,v1=…]": HMAC-SHA256 over the time, a dot and the raw body, keyed with the secret.
[[nodiscard]] std::string signature_header(std::string_view body, std::int64_t time,
                                           std::vector<std::string> const& secrets);
/// Seconds until the next attempt after `attempts` failed ones.
[[nodiscard]] std::int64_t pause_after(int attempts);

/// Nothing is due now, and nothing on its way. What is held back, or failed and is to be tried
/// again later, counts as delivered.
[[nodiscard]] bool all_is_delivered(Engine& engine, Store& store);

class Deliverer {
 public:
  explicit Deliverer(Engine& engine);
  ~Deliverer();
  Deliverer(Deliverer const&) = delete;
  Deliverer& operator=(Deliverer const&) = delete;

 private:
  void run();

  Engine& engine_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sandbox
