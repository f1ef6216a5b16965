// Connecting within a deadline, and the question whether anybody is there.
#include "platform/db/pulse.hpp"

#include <poll.h>

#include <map>

#include "platform/db/url.hpp"
#include "platform/log/log.hpp"

namespace db {

namespace {
using Steady = std::chrono::steady_clock;
constexpr Milliseconds patience_when_asking{1300}, pause_between_questions{250};
}  // namespace

std::shared_ptr<Pulse> Pulse::of(std::string const& url) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Pulse>> known;
  std::scoped_lock lock{mutex};
  std::erase_if(known, [](auto const& entry) { return entry.second.expired(); });
  auto& slot = known[url];
  auto pulse = slot.lock();
  if (!pulse) slot = pulse = std::make_shared<Pulse>(url);
  return pulse;
}

Pulse::Answer Pulse::begin(std::string const& application_name, std::string const& options,
                           Milliseconds patience, Handle& handle, std::string& reason) {
  auto const end = Steady::now() + patience;
  // What the connection string says itself comes later and wins; our options come last.
  auto const url = with_first_host(url_, first_host_);
  char const* const keys[]{
      "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
      "dbname",          "application_name",    "options",          nullptr};
  char const* const values[]{
      "10", "5", "3", "5000", url.c_str(), application_name.c_str(), options.c_str(), nullptr};
  handle.reset(PQconnectStartParams(keys, values, 1));
  if (!handle) throw std::bad_alloc{};
  bool is_heard = false;
  if (PQstatus(handle.get()) == CONNECTION_BAD) {
    reason = PQerrorMessage(handle.get());
    return Answer::unreachable;
  }
  for (auto next = PGRES_POLLING_WRITING;;) {
    auto const left = std::chrono::ceil<Milliseconds>(end - Steady::now()).count();
    pollfd waiting{PQsocket(handle.get()), short(next == PGRES_POLLING_READING ? POLLIN : POLLOUT),
                   0};
    int const ready = left > 0 ? ::poll(&waiting, 1, int(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      reason = "it does not answer";
      ++first_host_;
      return Answer::none;
    }
    if (next == PGRES_POLLING_READING) is_heard = true;
    next = PQconnectPoll(handle.get());
    if (next == PGRES_POLLING_OK) break;
    if (next == PGRES_POLLING_FAILED) {
      reason = PQerrorMessage(handle.get());
      return is_heard ? Answer::refused : Answer::unreachable;
    }
  }
  // From here on nothing that libpq does may wait longer than we want to.
  PQsetnonblocking(handle.get(), 1);
  return Answer::connected;
}

Handle Pulse::connect(std::string const& application_name, std::string const& options,
                      Milliseconds patience, std::string& reason) {
  Handle handle;
  auto const beats_before = beats();
  auto const answer = begin(application_name, options, patience, handle, reason);
  // Where others were answered meanwhile, only this log-in is slow.
  if (answer == Answer::none && beats() == beats_before) {
    lose();
    if (std::unique_lock const turn{asking_, std::try_to_lock})
      ask_again_at_ = Steady::now() + pause_between_questions;
  }
  if (answer == Answer::connected) {
    beat();
    return handle;
  }
  while (reason.ends_with('\n')) reason.pop_back();
  return {};
}

/// Words of refusal (too many connections, starting up) are an answer, too.
bool Pulse::ask() {
  Handle handle;
  std::string reason;
  auto const answer = begin("onboarding pulse", "", patience_when_asking, handle, reason);
  if (answer == Answer::connected || answer == Answer::refused) beat();
  return answer != Answer::none;
}

bool Pulse::is_felt_since(std::uint64_t beats_then) {
  std::scoped_lock turn{asking_};
  if (beats() != beats_then) return true;
  if (is_lost()) return false;
  if (ask()) return beats() != beats_then;  // otherwise it has gone: connections tell of that
  if (beats() != beats_then) return true;
  lose();
  ask_again_at_ = Steady::now() + pause_between_questions;  // whoever asked has had their answer
  return false;
}

bool Pulse::has_come_back() {
  std::unique_lock turn{asking_, std::try_to_lock};
  if (!turn || Steady::now() < ask_again_at_) return !is_lost();
  if (!is_lost()) return true;
  if (beats() == beats_when_lost_ && !ask()) {
    ask_again_at_ = Steady::now() + pause_between_questions;
    return false;
  }
  lost_ = false;
  auto const away = std::chrono::duration_cast<std::chrono::seconds>(
      Steady::now().time_since_epoch() - Milliseconds{lost_at_.load()});
  logging::info("db", "PostgreSQL answers again, after {} s", away.count());
  return true;
}

void Pulse::lose() {
  if (lost_.exchange(true)) return;
  beats_when_lost_ = beats();
  lost_at_ = std::chrono::duration_cast<Milliseconds>(Steady::now().time_since_epoch()).count();
  logging::warning("db",
                   "PostgreSQL does not answer; until it does, requests are answered 503 at once");
}

}  // namespace db
