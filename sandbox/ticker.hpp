#pragma once
// The thread that lets time pass: for real, and for test clocks that advance.
#include <atomic>
#include <thread>

#include "platform/db/db.hpp"
#include "sandbox/engine.hpp"

namespace sandbox {

class Ticker {
 public:
  explicit Ticker(Engine& engine);
  ~Ticker();
  Ticker(Ticker const&) = delete;
  Ticker& operator=(Ticker const&) = delete;

 private:
  void run();
  bool wake_one();
  bool advance_one();
  void forget_old_keys();

  Engine& engine_;
  db::Connection connection_;
  std::int64_t keys_forgotten_at_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace sandbox
