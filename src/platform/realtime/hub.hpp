#pragma once
// From the database to the screens: announce(tx, topic) is delivered by PostgreSQL after the
// commit; one LISTEN connection per process passes it to everyone who joined the topic. A notice
// only says "look": what changed is in the rows.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "platform/db/db.hpp"

namespace realtime {

/// Tells all processes, after the commit, that something about `topic` changed ("signup:12").
void announce(db::Tx& tx, std::string_view topic);

class Hub {
 public:
  /// Called on the listening thread; must not block.
  using Poke = std::function<void(std::string_view topic)>;

  [[nodiscard]] int join(std::string topic, Poke poke);
  void leave(int id);
  void deliver(std::string_view topic);
  /// After the listening connection was lost nobody knows what was missed: everyone looks again.
  void deliver_everything();

 private:
  struct Subscriber {
    int id;
    Poke poke;
  };
  std::mutex mutex_;
  std::multimap<std::string, Subscriber, std::less<>> by_topic_;
  std::map<int, std::multimap<std::string, Subscriber, std::less<>>::iterator> by_id_;
  int last_id_ = 0;
};

/// The LISTEN thread. Reconnects for ever with a growing pause (at most 2 s).
class Listener {
 public:
  Listener(std::string database_url, Hub& hub);
  ~Listener();
  Listener(Listener const&) = delete;
  Listener& operator=(Listener const&) = delete;

 private:
  void run();
  std::string database_url_;
  Hub& hub_;
  int wake_fd_ = -1;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace realtime
