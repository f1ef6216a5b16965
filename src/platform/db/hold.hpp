#pragma once
// A lock by name that one process of all that share a database holds as long as
// it runs.
#include <condition_variable>
#include <thread>

#include "platform/db/db.hpp"

namespace db {

class Hold {
 public:
  /// `holder` names this process for the others and is the same after a
  /// restart: what a killed one of that name has left is ended. Throws Taken
  /// when another one stays. `lost` is called, from another thread, when
  /// somebody else has it because the database was away.
  Hold(std::string const& url, std::string name, std::string const& holder,
       std::function<void(std::string const& other)> lost,
       std::chrono::milliseconds patience = std::chrono::seconds{5});
  ~Hold();
  Hold(Hold const&) = delete;
  Hold& operator=(Hold const&) = delete;

  struct Taken : std::runtime_error {
    explicit Taken(std::string const& other) : std::runtime_error{other} {}
  };

 private:
  /// Who else holds it; none when it is ours.
  std::optional<std::string> take();
  void keep();

  Connection connection_;
  std::string name_, holder_;
  std::function<void(std::string const&)> lost_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace db
