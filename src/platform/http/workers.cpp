// Lanes of worker threads. A thread that finds work takes one job at a time: jobs are not alike,
// and a batch would make quick ones wait behind a slow one.
#include "platform/http/workers.hpp"

#include <pthread.h>

#include <utility>

namespace http {

void Mailbox::send(Letter& letter) {
  letter.next_letter_ = nullptr;
  bool was_empty = false;
  {
    std::scoped_lock lock{mutex_};
    was_empty = !first_;
    (was_empty ? first_ : last_->next_letter_) = &letter;
    last_ = &letter;
  }
  if (was_empty) wake_();
}

void Mailbox::deliver() {
  Letter* letter = nullptr;
  {
    std::scoped_lock lock{mutex_};
    letter = std::exchange(first_, nullptr);
    last_ = nullptr;
  }
  while (letter) {
    auto* const next = letter->next_letter_;
    letter->arrived();
    letter = next;
  }
}

Workers::Workers(Settings settings, Mailbox& mailbox)
    : settings_{std::move(settings)}, mailbox_{mailbox} {}

void Workers::start() {
  auto start_lane = [this](Lane lane, int count, std::string const& name) {
    for (int i = 0; i < count; ++i)
      threads_.emplace_back([this, lane, name] { work(queue(lane), name); });
  };
  start_lane(Lane::standard, settings_.standard, "standard");
  start_lane(Lane::slow, settings_.slow, "slow");
  start_lane(Lane::password, settings_.password, "password");
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

bool Workers::has_room(Lane lane) const { return waiting(lane) < settings_.queue_limit; }

std::size_t Workers::waiting(Lane lane) const {
  return lane == Lane::edge ? 0 : queue(lane).waiting.load(std::memory_order_relaxed);
}

void Workers::submit(Lane lane, Job& job) {
  auto& target = queue(lane);
  job.next_job_ = nullptr;
  {
    std::scoped_lock lock{target.mutex};
    (target.first ? target.last->next_job_ : target.first) = &job;
    target.last = &job;
    target.waiting.fetch_add(1, std::memory_order_relaxed);
  }
  target.changed.notify_one();
}

void Workers::work(Queue& source, std::string const& name) {
  pthread_setname_np(pthread_self(), name.c_str());
  db::Connection connection{settings_.database_url};
  Worker worker{connection};
  while (true) {
    Job* job = nullptr;
    {
      std::unique_lock lock{source.mutex};
      source.changed.wait(lock, [&] { return source.first || source.ended; });
      if (!source.first) return;
      job = source.first;
      source.first = job->next_job_;
      source.waiting.fetch_sub(1, std::memory_order_relaxed);
    }
    job->run(worker);
    mailbox_.send(*job);
  }
}

}  // namespace http
