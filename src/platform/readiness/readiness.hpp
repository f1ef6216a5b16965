#pragma once
// Whether what lies outside the program works: PostgreSQL's rights, Incus, Stripe, mail, disks.
// Each need is declared as a Check; one thread tries them now and then and keeps what came of it,
// so that whoever asks never waits. Rows tell the other nodes.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "platform/db/db.hpp"

namespace readiness {

struct Check {
  std::string_view name;     // texts of pages are named after it
  std::string_view setting;  // that leads there
  std::string_view advice;   // what to do when it fails
  bool building = false;     // while it fails, no tenant can be built here
  bool often = false;        // costs nothing, so it is tried again every few seconds
  /// Throws a sentence that says what does not work. Ends by itself within half a minute.
  std::function<void()> probe;
  /// Then it counts as failed until it ends.
  std::chrono::milliseconds limit{35'000};
};

/// What a probe found that knows more than its check.
struct Trouble {
  std::string code;  // pages have words for it
  std::map<std::string, std::string> parameters{};
  std::string detail;               // the same in English, for logs and the command line
  std::string setting{}, advice{};  // empty: those of the check
};
struct Failed : std::runtime_error {
  explicit Failed(Trouble trouble)
      : std::runtime_error{trouble.detail}, trouble{std::move(trouble)} {}
  Trouble trouble;
};

enum class Status { unknown, ok, failed };
constexpr auto names_of(Status) {
  return std::array<std::string_view, 3>{"unknown", "ok", "failed"};
}

struct Result {
  std::string name, setting;
  bool building;
  Status status;
  std::optional<std::string> code, detail, advice;
  RawJson parameters{"{}"};
  std::optional<Time> since, checked_at;
  static constexpr auto fields() {
    return ::fields(
        field("name", &Result::name),
        field("setting", &Result::setting, {.doc = "The setting that leads there"}),
        field("building", &Result::building, {.doc = "Without it no tenant can be built"}),
        field("status", &Result::status),
        field("code", &Result::code,
              {.doc = "What was found; the check's name where another program's words are all "
                      "that is known"}),
        field("parameters", &Result::parameters, {.doc = "What it is about, by name"}),
        field("detail", &Result::detail), field("advice", &Result::advice, {.doc = "What to do"}),
        field("since", &Result::since, {.doc = "Of the status"}),
        field("checked_at", &Result::checked_at));
  }
};

class Watch {
 public:
  Watch() = default;
  ~Watch() { stop(); }

  /// Before start().
  void add(Check check);
  /// Tries all side by side, then each again every minute; sooner what keeps tenants from being
  /// built. Each result is written as soon as it is known.
  void start(std::string database_url, std::string node);
  /// stop() returns sooner when it was asked for before: a probe under way ends by itself.
  void ask_to_stop();
  void stop();
  /// Tries all of them now, side by side, on the calling thread's time.
  std::vector<Result> try_all();
  /// What is known; never waits for a check.
  [[nodiscard]] std::vector<Result> results() const;

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Trial {
    std::thread thread;
    bool is_under_way = false, is_late = false;
    Moment begun, due;  // the next one
  };
  void run();
  void begin_due();
  void give_up_late();
  void keep(std::size_t check, Result now);
  void write(db::Connection& connection, std::set<std::size_t> const& which);

  std::vector<Check> checks_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Result> results_;
  std::vector<Trial> trials_;
  std::set<std::size_t> news_;  // not written yet
  bool stopping_ = false;
  std::condition_variable wake_;
  std::string database_url_, node_;
  std::thread thread_;
};

/// What some node reported within the last minutes and still fails, worst first.
[[nodiscard]] std::vector<Result> failures(db::Tx& tx);
/// False while every node that builds tenants says that it cannot.
[[nodiscard]] bool can_build(db::Tx& tx);

}  // namespace readiness
