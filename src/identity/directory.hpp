#pragma once
// The snapshot of who may do what, kept in memory on each node: deciding who asks costs no round
// trip to the database. Read whole and replaced whole whenever the "identity" topic is announced,
// and now and then in any case.
#include <atomic>
#include <condition_variable>
#include <thread>
#include <unordered_map>

#include "identity/snapshot.hpp"
#include "platform/realtime/hub.hpp"

namespace identity {

class Directory {
 public:
  Directory(std::string database_url, vault::Vault& vault, realtime::Hub& hub);
  ~Directory();
  /// Reads everything once, then follows. `all_scopes`: what the endpoints declare.
  void start(http::Scopes all_scopes);
  [[nodiscard]] std::shared_ptr<Snapshot const> now() const;
  /// Reads again on the calling thread; after a commit that changed who may do what. Those who ask
  /// while somebody reads share the next reading: a locked table costs all of them one wait.
  void refresh();

  /// Tells all nodes with the commit, and makes this one know before the client hears of it.
  void changed(http::Context& context);

  /// Notes that a key was used. Written down by the directory's own thread, at most once a minute
  /// per key.
  void note_use(std::int64_t key_id, std::string const& address);

 private:
  struct Use {
    Time at{}, written_at{};
    std::string address;
    bool pending = false;
  };
  void run();
  void read();
  void write_uses();
  std::string database_url_;
  vault::Vault& vault_;
  realtime::Hub& hub_;
  http::Scopes all_scopes_;
  std::mutex reading_;                    // a slow reading must not replace a newer one
  std::atomic<std::uint64_t> asked_ = 0;  // readings asked for …
  std::uint64_t answered_ = 0;  // … and those that a reading, or its failure, has covered
  bool failed_ = false;
  db::Connection connection_;
  mutable std::mutex mutex_;
  std::shared_ptr<Snapshot const> snapshot_;
  std::condition_variable wake_;
  int subscription_ = 0;
  bool stale_ = false, stopping_ = false, uses_due_ = false;
  std::unordered_map<std::int64_t, Use> uses_;
  std::thread thread_;
};

/// Tells all nodes, with the commit of `tx`, to read the directory again.
void announce_change(db::Tx& tx);

}  // namespace identity
