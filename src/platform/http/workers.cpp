// Lanes of worker threads. A thread takes one job at a time: jobs are not alike, and a batch would
// make quick ones wait behind a slow one. Waking a thread is the dearest part of a crossing (it
// costs more than a small handler), so one is woken at a time, and it wakes the next if there is
// still work left: short jobs are then often done by threads that were awake anyway. For the same
// reason the edge hands over once what one turn of its loop has brought together.
#include "platform/http/workers.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace http {

namespace {
constexpr std::size_t times_as_many_parties = 4;
}

void Mailbox::send(Letter& letter) {
  auto* before = newest_.load(std::memory_order_relaxed);
  do {
    letter.next_letter_ = before;
  } while (!newest_.compare_exchange_weak(before, &letter, std::memory_order_release,
                                          std::memory_order_relaxed));
  if (!before) wake_();  // the letter itself may be gone by now
}

void Mailbox::deliver() {
  auto* newest = newest_.exchange(nullptr, std::memory_order_acquire);
  Letter* oldest = nullptr;
  while (newest) oldest = std::exchange(newest, std::exchange(newest->next_letter_, oldest));
  while (oldest) std::exchange(oldest, oldest->next_letter_)->arrived();
}

Workers::Workers(Settings settings, Mailbox& mailbox, std::function<void()> soon)
    : settings_{std::move(settings)}, mailbox_{mailbox}, soon_{std::move(soon)} {}

void Workers::List::append(List other) {
  if (!other.first) return;
  (first ? last->next_job_ : first) = other.first;
  last = other.last;
}

void Workers::List::insert_fairly(Job& job, std::uint64_t present_turn) {
  job.turn_ = present_turn + 1;
  for (auto const* other = first; other; other = other->next_job_)
    if (other->party == job.party) job.turn_ = std::max(job.turn_, other->turn_ + 1);
  auto** place = &first;
  Job* before = nullptr;
  while (*place && (*place)->turn_ <= job.turn_) place = &(before = *place)->next_job_;
  job.next_job_ = std::exchange(*place, &job);
  if (!job.next_job_) last = &job;
}

Job* Workers::List::take_first() { return std::exchange(first, first->next_job_); }

void Workers::start() {
  auto start_lane = [this](Lane lane, int count, std::string const& name) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this, lane, name] { work(lane, name); });
  };
  queue(Lane::password).is_fair = true;
  start_lane(Lane::standard, settings_.standard, "standard");
  start_lane(Lane::slow, settings_.slow, "slow");
  start_lane(Lane::password, settings_.password, "password");
  start_lane(Lane::live, settings_.live, "live");
  start_lane(Lane::files, settings_.files, "files");
}

void Workers::stop() {
  for (auto& queue : queues_) {
    std::scoped_lock lock{queue.mutex};
    queue.ended = true;
    queue.changed.notify_all();
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool Workers::has_room(Lane lane, bool is_first_of_party) const {
  auto const limit =
      lane == Lane::password ? settings_.password_queue_limit : settings_.queue_limit;
  return waiting(lane) < (is_first_of_party ? times_as_many_parties * limit : limit);
}

std::size_t Workers::waiting(Lane lane) const {
  return lane == Lane::edge ? 0 : queue(lane).waiting.load(std::memory_order_relaxed);
}

void Workers::submit(Lane lane, Job& job) {
  auto& target = queue(lane);
  job.next_job_ = nullptr;
  target.submitted.append({&job, &job});
  target.waiting.fetch_add(1, std::memory_order_relaxed);
  if (!std::exchange(is_soon_, true)) soon_();
}

void Workers::hand_over() {
  is_soon_ = false;
  for (auto& target : queues_) {
    auto jobs = std::exchange(target.submitted, {});
    if (!jobs.first) continue;
    bool wake = false, ended = false;
    {
      std::scoped_lock lock{target.mutex};
      ended = target.ended;
      if (!ended) target.take_in(jobs);
      wake = target.should_wake();
    }
    if (wake) target.changed.notify_one();
    while (ended && jobs.first) mailbox_.send(*jobs.take_first());
  }
}

void Workers::Queue::take_in(List more) {
  if (!is_fair) return jobs.append(more);
  while (more.first) jobs.insert_fairly(*more.take_first(), present_turn);
}

/// Whether the caller is to wake a thread; asked with the mutex held.
bool Workers::Queue::should_wake() {
  if (idle == 0 || is_waking || !jobs.first) return false;
  is_waking = true;
  return true;
}

void Workers::work(Lane lane, std::string const& name) {
  pthread_setname_np(pthread_self(), name.c_str());
  auto& source = queue(lane);
  auto const patience = db::Patience::request();
  db::Connection connection{settings_.database_url, "onboarding", patience};
  db::Connection aside{settings_.database_url, "onboarding aside", patience};
  Worker worker{connection, aside};
  while (true) {
    Job* job = nullptr;
    bool wake_another = false;
    {
      std::unique_lock lock{source.mutex};
      while (!source.jobs.first && !source.ended) {
        ++source.idle;
        source.changed.wait(lock);
        --source.idle;
        source.is_waking = false;
      }
      if (!source.jobs.first) return;
      job = source.jobs.take_first();
      source.present_turn = job->turn_;
      source.waiting.fetch_sub(1, std::memory_order_relaxed);
      wake_another = source.should_wake();
    }
    if (wake_another) source.changed.notify_one();
    connection.drop_if_hung_up();
    aside.drop_if_hung_up();
    job->run(worker);
    mailbox_.send(*job);
  }
}

}  // namespace http
