// The supervisor's thread: a poll loop over pidfds, output pipes and one eventfd. All state belongs
// to that thread; other threads hand it tasks and wait for the answer.
#include "platform/process/supervisor.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "platform/log/log.hpp"
#include "platform/process/launcher.hpp"

namespace process {

namespace {
using Steady = std::chrono::steady_clock;
constexpr std::chrono::milliseconds first_delay{500};
constexpr std::chrono::seconds stable_after{60};
constexpr int backlog = 1024;

struct Entry {
  Spec spec;
  Output output;
  std::optional<Child> child;
  State state = State::exited;
  Applied applied;
  int restarts = 0;
  std::string last_exit;
  Time since = clock_source::now();
  Steady::time_point started, restart_at, kill_at;
  std::chrono::milliseconds delay = first_delay;
  bool stopping = false;
  std::vector<std::promise<void>> waiting_for_end;

  explicit Entry(Spec wanted)
      : spec{std::move(wanted)}, output{spec.log_file, spec.log_bytes, spec.on_line} {}
};

/// What its connections leave behind may be bound over by others once the address is given up, but
/// the address itself never while it does not listen.
void allow_reuse(Launch const& launch, int allowed) {
  ::setsockopt(launch.listener->get(), SOL_SOCKET, SO_REUSEADDR, &allowed, sizeof allowed);
}

void open_to_visitors(Launch const& launch) {
  if (!launch.listener) return;
  if (::listen(launch.listener->get(), backlog) != 0)
    throw std::runtime_error{std::string{"cannot listen for it: "} + std::strerror(errno)};
  allow_reuse(launch, 1);
}

/// They are refused at once while nobody would answer; the address stays ours.
void close_to_visitors(Launch const& launch) {
  if (!launch.listener) return;
  allow_reuse(launch, 0);
  ::shutdown(launch.listener->get(), SHUT_RD);
}
}  // namespace

struct Supervisor::Impl {
  Impl() : wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    if (!wake) throw std::runtime_error{"cannot create an eventfd: too many open files"};
    thread = std::thread{[this] { loop(); }};
  }

  /// Runs `task` on the supervisor's thread and gives its result, or throws what it threw.
  template <class F>
  auto call(F&& task) {
    auto packaged =
        std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::forward<F>(task));
    auto result = packaged->get_future();
    {
      std::lock_guard const lock{mutex};
      tasks.push_back([packaged] { (*packaged)(); });
    }
    std::uint64_t const one = 1;
    (void)!::write(wake.get(), &one, sizeof one);
    return result.get();
  }

  void loop();
  void run_tasks();
  void drain(Entry& entry);
  void launch_entry(Entry& entry);
  void ended(Entry& entry);
  void run_timers();
  int milliseconds_to_next_timer() const;
  Entry* find(std::string const& name);
  std::future<void> begin_stop(Entry& entry);
  void forget(Entry const& entry);
  Status status_of(Entry const& entry) const;

  files::Descriptor wake;
  std::mutex mutex;  // guards tasks and finished
  std::deque<std::function<void()>> tasks;
  bool finished = false;
  Launcher launcher;
  std::vector<std::unique_ptr<Entry>> entries;  // in the order of their start
  std::thread thread;
};

void Supervisor::Impl::loop() {
  std::vector<pollfd> waiting;
  while (true) {
    waiting.assign(1, {wake.get(), POLLIN, 0});
    for (auto const& entry : entries) {
      waiting.push_back({entry->child ? entry->child->handle.get() : -1, POLLIN, 0});
      waiting.push_back({entry->child ? entry->child->output.get() : -1, POLLIN, 0});
    }
    ::poll(waiting.data(), waiting.size(), milliseconds_to_next_timer());
    // Children before tasks, which may change the list that `waiting` mirrors.
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (waiting[2 + 2 * i].revents) drain(*entries[i]);
      if (waiting[1 + 2 * i].revents) ended(*entries[i]);
    }
    std::erase_if(entries, [](auto const& entry) { return entry->stopping && !entry->child; });
    run_timers();
    run_tasks();
    std::lock_guard const lock{mutex};
    if (finished) return;
  }
}

void Supervisor::Impl::run_tasks() {
  std::uint64_t count = 0;
  (void)!::read(wake.get(), &count, sizeof count);
  while (true) {
    std::function<void()> task;
    {
      std::lock_guard const lock{mutex};
      if (tasks.empty()) return;
      task = std::move(tasks.front());
      tasks.pop_front();
    }
    task();
  }
}

void Supervisor::Impl::drain(Entry& entry) {
  if (!entry.child || !entry.child->output) return;
  std::array<char, 16384> buffer;
  // A bounded number of rounds, so that one chatty child cannot starve the others.
  for (int round = 0; round < 16; ++round) {
    auto const got = ::read(entry.child->output.get(), buffer.data(), buffer.size());
    if (got > 0) {
      entry.output.add({buffer.data(), std::size_t(got)});
      continue;
    }
    if (got == 0) entry.child->output.reset();
    return;
  }
}

void Supervisor::Impl::launch_entry(Entry& entry) {
  open_to_visitors(entry.spec.launch);
  try {
    auto started = launcher.start(entry.spec.name, entry.spec.launch);
    entry.applied = started.applied;
    entry.child = std::move(started.child);
  } catch (...) {
    close_to_visitors(entry.spec.launch);
    throw;
  }
  entry.state = State::running;
  entry.since = clock_source::now();
  entry.started = Steady::now();
}

void Supervisor::Impl::ended(Entry& entry) {
  drain(entry);
  auto const [ending, memory_kills] = launcher.end(entry.spec.name, *entry.child);
  entry.output.finish();
  entry.child.reset();
  close_to_visitors(entry.spec.launch);
  entry.last_exit = ending.text() + (memory_kills ? " (out of memory)" : "");
  entry.since = clock_source::now();
  if (entry.stopping) {
    entry.spec.launch.listener.reset();  // whoever waits may want its address
    for (auto& waiter : entry.waiting_for_end) waiter.set_value();
    return;
  }
  if (entry.spec.restart == Restart::never) {
    entry.state = ending.success() ? State::exited : State::failed;
    return;
  }
  if (Steady::now() - entry.started >= stable_after) entry.delay = first_delay;
  entry.state = State::backoff;
  entry.restart_at = Steady::now() + entry.delay;
  logging::warning("process", "{} ended ({}); starting it again in {} ms", entry.spec.name,
                   entry.last_exit, entry.delay.count());
  entry.delay = std::min(entry.delay * 2, entry.spec.longest_pause);
}

void Supervisor::Impl::run_timers() {
  auto const now = Steady::now();
  for (auto const& entry : entries) {
    if (entry->stopping && entry->child && now >= entry->kill_at) {
      process::signal(*entry->child, SIGKILL, To::group);
      entry->kill_at = now + std::chrono::seconds{5};
    }
    if (entry->state != State::backoff || now < entry->restart_at) continue;
    ++entry->restarts;
    try {
      if (entry->spec.before_restart) entry->spec.before_restart();
      launch_entry(*entry);
    } catch (std::runtime_error const& error) {
      entry->last_exit = error.what();
      entry->restart_at = now + entry->delay;
      entry->delay = std::min(entry->delay * 2, entry->spec.longest_pause);
    }
  }
}

int Supervisor::Impl::milliseconds_to_next_timer() const {
  auto const now = Steady::now();
  std::optional<Steady::time_point> next;
  auto consider = [&](Steady::time_point time) {
    if (!next || time < *next) next = time;
  };
  for (auto const& entry : entries) {
    if (entry->stopping)
      consider(entry->kill_at);
    else if (entry->state == State::backoff)
      consider(entry->restart_at);
  }
  if (!next) return -1;
  return int(
      std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(*next - now).count()));
}

Entry* Supervisor::Impl::find(std::string const& name) {
  for (auto const& entry : entries)
    if (entry->spec.name == name) return entry.get();
  return nullptr;
}

void Supervisor::Impl::forget(Entry const& gone) {
  std::erase_if(entries, [&](auto const& entry) { return entry.get() == &gone; });
}

std::future<void> Supervisor::Impl::begin_stop(Entry& entry) {
  std::promise<void> ended_promise;
  auto future = ended_promise.get_future();
  if (!entry.child) {
    ended_promise.set_value();
    forget(entry);
    return future;
  }
  entry.waiting_for_end.push_back(std::move(ended_promise));
  if (!entry.stopping) {
    entry.stopping = true;
    entry.kill_at = Steady::now() + entry.spec.grace;
    process::signal(*entry.child, entry.spec.stop_signal);
    // A stopped process does not act on signals until it continues.
    process::signal(*entry.child, SIGCONT);
  }
  return future;
}

Status Supervisor::Impl::status_of(Entry const& entry) const {
  return {.name = entry.spec.name,
          .state = entry.state,
          .pid = entry.child ? entry.child->pid : 0,
          .restarts = entry.restarts,
          .last_exit = entry.last_exit,
          .last_output = entry.output.tail(),
          .since = entry.since,
          .applied = entry.applied};
}

Supervisor::Supervisor() : impl_{std::make_unique<Impl>()} {}

Supervisor::~Supervisor() {
  stop_all();
  impl_->call([this] {
    std::lock_guard const lock{impl_->mutex};
    impl_->finished = true;
  });
  impl_->thread.join();
}

void Supervisor::start(Spec spec) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (spec.name.empty() || spec.name[0] == '.' ||
      spec.name.find_first_not_of(allowed) != std::string::npos)
    throw std::logic_error{"not a name for a process: " + spec.name};
  bool const differs = impl_->call([&] {
    auto const* const entry = impl_->find(spec.name);
    return entry && (entry->stopping || !(entry->spec.launch == spec.launch));
  });
  if (differs) stop(spec.name);
  impl_->call([&] {
    auto* entry = impl_->find(spec.name);
    if (entry && entry->child) return;
    if (!entry) entry = impl_->entries.emplace_back(std::make_unique<Entry>(std::move(spec))).get();
    try {
      impl_->launch_entry(*entry);
    } catch (...) {
      impl_->forget(*entry);
      throw;
    }
  });
}

void Supervisor::stop(std::string const& name) {
  auto ended = impl_->call([&] {
    auto* const entry = impl_->find(name);
    return entry ? impl_->begin_stop(*entry) : std::future<void>{};
  });
  if (ended.valid()) ended.get();
}

bool Supervisor::signal(std::string const& name, int number) {
  return impl_->call([&] {
    auto const* const entry = impl_->find(name);
    if (!entry || !entry->child) return false;
    process::signal(*entry->child, number);
    return true;
  });
}

std::optional<Status> Supervisor::status(std::string const& name) {
  return impl_->call([&]() -> std::optional<Status> {
    auto const* const entry = impl_->find(name);
    if (!entry) return {};
    return impl_->status_of(*entry);
  });
}

std::vector<Status> Supervisor::list() {
  return impl_->call([&] {
    std::vector<Status> all;
    for (auto const& entry : impl_->entries) all.push_back(impl_->status_of(*entry));
    return all;
  });
}

void Supervisor::stop_all() {
  while (true) {
    auto const ended = impl_->call([&] {
      std::vector<std::future<void>> futures;
      std::vector<Entry*> top;
      for (auto const& entry : impl_->entries) {
        if (!top.empty() && top[0]->spec.layer < entry->spec.layer) top.clear();
        if (top.empty() || top[0]->spec.layer == entry->spec.layer) top.push_back(entry.get());
      }
      for (auto* const entry : top) futures.push_back(impl_->begin_stop(*entry));
      return futures;
    });
    if (ended.empty()) return;
    for (auto const& one : ended) one.wait();
  }
}

}  // namespace process
