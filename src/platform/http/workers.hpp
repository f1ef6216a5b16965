#pragma once
// The way from the edge's thread to the worker threads and back. A job lives in the coroutine that
// waits for it, so a crossing allocates nothing: one intrusive queue there, one mailbox back.
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/http/route.hpp"

namespace http {

/// Something that has happened on another thread and is to be noticed on the edge's thread.
class Letter {
 public:
  virtual void arrived() = 0;  // on the edge's thread; may destroy the letter

 protected:
  ~Letter() = default;

 private:
  friend class Mailbox;
  Letter* next_letter_ = nullptr;
};

/// Letters of any thread for the edge's thread, in order.
class Mailbox {
 public:
  /// `wake` is called on the sender's thread when the box was empty; it must bring about deliver().
  explicit Mailbox(std::function<void()> wake) : wake_{std::move(wake)} {}
  void send(Letter& letter);
  void deliver();

 private:
  std::function<void()> wake_;
  std::atomic<Letter*> newest_ = nullptr;  // a stack without a lock, turned round by deliver()
};

/// Work for a worker thread; `arrived` follows on the edge's thread.
class Job : public Letter {
 public:
  virtual void run(Worker& worker) = 0;  // must not throw
  /// Whose it is, where a lane is shared fairly.
  std::size_t party = 0;

 protected:
  ~Job() = default;

 private:
  friend class Workers;
  Job* next_job_ = nullptr;
  std::uint64_t turn_ = 0;
};

/// The threads of all lanes, each with a connection to PostgreSQL of its own.
class Workers {
 public:
  struct Settings {
    std::string database_url;
    int standard = 1, slow = 1, password = 1, live = 1, files = 1;
    std::size_t queue_limit = 512, password_queue_limit = 64;
  };
  /// `soon` is called on the edge's thread and must bring about hand_over(), there and soon.
  Workers(Settings settings, Mailbox& mailbox, std::function<void()> soon);
  ~Workers() { stop(); }

  void start();
  /// Jobs that wait are still run; returns when all threads have ended.
  void stop();

  /// Of a party of which nobody waits yet some more are let in: a crowd of others, each of which
  /// waits behind itself, does not shut it out.
  [[nodiscard]] bool has_room(Lane lane, bool is_first_of_party = false) const;
  /// Jobs that wait for a thread; 0 for the edge lane.
  [[nodiscard]] std::size_t waiting(Lane lane) const;
  /// On the edge's thread; the caller has asked has_room(). After stop() the job comes back without
  /// having run.
  void submit(Lane lane, Job& job);
  /// Gives the workers what was submitted since the last time.
  void hand_over();

 private:
  struct List {
    Job* first = nullptr;
    Job* last = nullptr;
    void append(List other);
    /// Before those whose turn is later; each party's second job comes after all others' first.
    void insert_fairly(Job& job, std::uint64_t present_turn);
    Job* take_first();
  };
  struct Queue {
    List submitted;  // seen by the edge's thread only
    std::atomic<std::size_t> waiting = 0;

    std::mutex mutex;
    std::condition_variable changed;
    List jobs;
    bool is_fair = false;
    std::uint64_t present_turn = 0;  // of the job that was taken last
    int idle = 0;                    // threads that sleep
    bool is_waking = false;          // one of them has been called and is not up yet
    bool ended = false;
    void take_in(List more);
    bool should_wake();
  };
  void work(Lane lane, std::string const& name);
  Queue& queue(Lane lane) { return queues_[std::size_t(lane) - 1]; }
  Queue const& queue(Lane lane) const { return queues_[std::size_t(lane) - 1]; }

  Settings settings_;
  Mailbox& mailbox_;
  std::function<void()> soon_;
  bool is_soon_ = false;
  std::array<Queue, lanes_with_threads> queues_;
  std::vector<std::thread> threads_;
};

}  // namespace http
