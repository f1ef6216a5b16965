#pragma once
// Durable jobs: a row inserted in the caller's transaction, worked off by any node. Each runs at
// least once; every write of a job checks its fence, so a job that lost its lease changes nothing.
// A lease is short and kept alive by its node; when it lapses, that counts as a failed attempt.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <thread>

#include "platform/db/db.hpp"
#include "platform/json/read.hpp"
#include "platform/json/write.hpp"
#include "platform/realtime/hub.hpp"

namespace jobs {

using Seconds = std::chrono::seconds;

struct Options {
  std::optional<std::string> dedupe_key{};  // joins a waiting job of the same kind and key
  std::optional<Time> run_at{};             // not before; default: now
  int max_attempts = 10;
};

/// Returns the new job's id, or none when it joined a waiting one (which then runs no later than
/// this one would have).
std::optional<std::int64_t> enqueue_raw(db::Tx& tx, std::string_view kind, std::string payload,
                                        Options const& options);

/// `Args` is a described type with `static constexpr std::string_view kind`.
template <class Args>
std::optional<std::int64_t> enqueue(db::Tx& tx, Args const& args, Options const& options = {}) {
  return enqueue_raw(tx, Args::kind, json::text(args), options);
}

/// Try again later. Counts as an attempt; `after` overrides the backoff.
struct Retry : std::runtime_error {
  explicit Retry(std::string const& why, std::optional<std::chrono::milliseconds> wait = {})
      : std::runtime_error{why}, after{wait} {}
  std::optional<std::chrono::milliseconds> after;
};
/// Not yet: look again after a while without counting an attempt.
struct Snooze : std::runtime_error {
  explicit Snooze(std::chrono::milliseconds wait) : std::runtime_error{"snoozed"}, after{wait} {}
  std::chrono::milliseconds after;
};
/// Trying again cannot help: dead at once.
struct Permanent : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Another worker has taken this job over; whoever catches this stops quietly.
struct LeaseLost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Claimed {
  std::int64_t id, attempt, max_attempts, fence;
  std::string kind, payload, worker;
  std::optional<std::string> schedule{};
};

class Context {
 public:
  Context(db::Connection& connection, Claimed const& job) : connection{connection}, job{job} {}

  db::Connection& connection;
  Claimed const& job;
  bool is_last_attempt() const { return job.attempt >= job.max_attempts; }

  /// A transaction that commits only while this job still holds its lease.
  template <class Work>
  auto transact(Work&& work) {
    return db::transact(connection, [&](db::Tx& tx) {
      check_fence(tx);
      return work(tx);
    });
  }
  /// What came of it, for staff. Of a schedule's job it is the only thing that leaves a row: a
  /// round without a note is told by its schedule alone.
  void note(std::string words) { note_ = std::move(words); }
  /// Ends the job inside `tx`: its last change and its end commit together.
  void finish(db::Tx& tx);
  bool is_finished() const { return finished_; }

 private:
  void check_fence(db::Tx& tx);
  std::optional<std::string> note_;
  bool finished_ = false;
};

template <class Args>
struct Worker {
  /// Then its lease is left to lapse, its statements give up and its thread's place is filled: the
  /// job has failed once, wherever it hangs.
  Seconds timeout{60};
  /// Jobs with the same text here run one at a time, on all nodes together.
  std::function<std::string(Args const&)> serialise = nullptr;
  std::function<void(Context&, Args const&)> run;
  /// After the last attempt failed; in its own transaction.
  std::function<void(db::Tx&, Args const&, std::string const& error)> dead = nullptr;
};

/// Full jitter between half and all of 2 s · 2^(attempt−1), at most 5 minutes.
[[nodiscard]] std::chrono::milliseconds backoff(std::int64_t attempt);

class Engine {
 public:
  /// `node` names this process in the table; at its start a node takes back what it was working on
  /// when it died.
  Engine(std::string database_url, std::string node, realtime::Hub& hub, int threads = 4);
  ~Engine();
  Engine(Engine const&) = delete;
  Engine& operator=(Engine const&) = delete;

  template <class Args>
  void add(Worker<Args> worker) {
    Erased erased;
    erased.timeout = worker.timeout;
    if (worker.serialise)
      erased.serialise = [worker](std::string const& payload) {
        return worker.serialise(json::read<Args>(payload));
      };
    erased.run = [worker](Context& context, std::string const& payload) {
      worker.run(context, json::read<Args>(payload));
    };
    if (worker.dead)
      erased.dead = [worker](db::Tx& tx, std::string const& payload, std::string const& error) {
        worker.dead(tx, json::read<Args>(payload), error);
      };
    workers_[std::string{Args::kind}] = std::move(erased);
  }
  /// Runs a job of this kind (with an empty payload) every so often, on one node at a time; the
  /// next one is due when the one before has ended. Its row goes when it has ended without a note.
  template <class Args>
  void schedule(Seconds every) {
    schedules_[std::string{Args::kind}] = every;
  }

  void start();
  /// No new jobs; those under way get `patience`. What still runs then is handed over: others may
  /// take it up at once. False when threads are left that cannot be ended: the process must go.
  bool stop(std::chrono::milliseconds patience = std::chrono::seconds{10});

  /// Works off what is ready now, on the calling thread; for tests and commands. Returns how many.
  int run_ready();
  int run_ready(db::Connection& connection);
  /// The same for one round of every schedule, whether or not it is due.
  int run_round();
  /// How often the dispatcher has looked for work.
  [[nodiscard]] std::uint64_t looks() const { return looks_; }
  /// Those of jobs that hang for good included.
  [[nodiscard]] std::size_t threads() const;
  /// How long it has neither ended a job nor looked for one with room to run it.
  [[nodiscard]] Seconds stands_still_for() const;

 private:
  struct Erased {
    Seconds timeout;
    std::function<std::string(std::string const&)> serialise;
    std::function<void(Context&, std::string const&)> run;
    std::function<void(db::Tx&, std::string const&, std::string const&)> dead;
  };
  using Moment = std::chrono::steady_clock::time_point;
  struct Running {
    std::string kind;
    Moment deadline = Moment::max();       // from when it is begun
    db::Connection* connection = nullptr;  // of its thread
    bool given_up = false, is_replaced = false;
  };
  void dispatch();
  void work();
  void heartbeat(db::Connection& connection);
  void join_ended();
  void extend_leases(db::Connection& connection);
  void take_back_lapsed(db::Connection& connection);
  void hand_over(db::Connection& connection);
  bool wait_until_idle(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds patience);
  void keep_schedules(db::Tx& tx);
  void tick_schedules(db::Connection& connection);
  std::vector<Claimed> claim(db::Connection& connection, int count);
  void execute(db::Connection& connection, Claimed const& job);
  void settle(db::Connection& connection, Claimed const& job, std::string const& error,
              std::optional<std::chrono::milliseconds> after, bool counts, bool permanent);

  std::string database_url_, node_;
  realtime::Hub& hub_;
  int thread_count_;
  std::map<std::string, Erased> workers_;
  std::map<std::string, Seconds> schedules_;

  mutable std::mutex mutex_;
  std::condition_variable wake_dispatcher_, wake_workers_, idle_changed_;
  bool stopping_ = false, poked_ = false;
  std::atomic<std::uint64_t> looks_ = 0;
  std::atomic<Moment> moved_at_ = std::chrono::steady_clock::now();
  bool was_away_ = false;  // the dispatcher's database, at its last look
  int idle_ = 0;
  std::vector<Claimed> queue_;
  std::map<std::pair<std::int64_t, std::int64_t>, Running> running_;  // by id and fence
  int subscription_ = 0;
  std::vector<std::thread> threads_;
  std::vector<std::thread::id> ended_;  // whose place another one has
  std::thread dispatcher_;
};

}  // namespace jobs
